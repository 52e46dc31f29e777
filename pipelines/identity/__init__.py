"""Who signs: keys of the home and people known to it."""
