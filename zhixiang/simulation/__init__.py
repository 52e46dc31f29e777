"""A simulated city and simulated malls for demos, load tests and tests that need to know the truth. Nothing
here is real.
"""
