"""Operations on a whole database: migrate, check, verify, back up, restore."""
