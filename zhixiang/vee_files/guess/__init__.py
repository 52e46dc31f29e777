"""A mapping proposed for files of no known format."""
