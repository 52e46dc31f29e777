"""Efficiency bill (能效账单): why it is what it is, what to compare it with, what to do about it."""
