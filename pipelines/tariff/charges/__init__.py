"""Each charge of a bill: energy, catalogue prices, households, basic charge, power factor."""
