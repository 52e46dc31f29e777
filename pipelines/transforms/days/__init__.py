"""Energy of local days, from registers and curves."""
