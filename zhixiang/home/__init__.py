"""A home: how it begins, its own settings, its inbox."""
