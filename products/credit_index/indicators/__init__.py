"""Indicators of a customer and month, as known on its last day: their formulas and the step behind them."""
