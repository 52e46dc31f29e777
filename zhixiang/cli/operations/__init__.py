"""Commands that run and watch the chain."""
