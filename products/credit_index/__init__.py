"""Electricity credit index (电力信用指数): indicators, labels, training, scoring, reasons, early warning,
delivery to banks.
"""
