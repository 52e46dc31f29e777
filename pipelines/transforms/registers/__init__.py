"""Frozen registers: reads to settled energy, and the registers of the rates."""
