"""The pages for people, and the assets that they load. Nothing comes from another host."""
