"""Ways in: one reader a format, all through `pipeline`."""
