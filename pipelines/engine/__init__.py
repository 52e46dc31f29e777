"""How a step is described, run, gated, remembered and revised."""
