"""Trained models and their registry."""
