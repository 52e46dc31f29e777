"""A case written down in a file: schema, reading, problems, prices of one's own."""
