"""Speed, measured as ratios: the service against a floor, a tutorial's way and Datasette. See `__main__`."""
