"""What is done to a whole database: migrate, check, verify, back up, restore."""
