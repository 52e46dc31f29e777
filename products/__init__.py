"""The products; each returns a result and the evidence for it."""
