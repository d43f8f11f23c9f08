"""What all routes share: reading requests, making responses, errors, and the server itself."""
