"""What the keys of a mapping say about a long file: how its numbers, stamps and days are written."""
