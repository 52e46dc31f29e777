"""A simulated city's billing month, from determinants to bills, lines, advice, scores and codes in Delta:
what it costs at several numbers of customers, and what the later doubling costs against the earlier.

    python -m benchmarks.city_month [--customers 25000 50000 100000] [--repeats 3] [--json] [--out DIR]

Silver and gold of the city are written and the models trained before the clock starts; then the chain's own
steps run from ``gold-supplies`` on, one after another, in a process of their own.
"""
