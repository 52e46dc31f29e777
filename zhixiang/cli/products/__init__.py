"""Commands on results: bills, scores, codes, prices, explanations."""
