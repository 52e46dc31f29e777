"""Manual edits of load curves."""
