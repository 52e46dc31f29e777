"""The demo: what its inbox holds."""
