"""What a tenant pays beside what is lawful: reference, colour, implied price."""
