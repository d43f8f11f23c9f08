"""HTTP: questions in, bytes out."""
