"""Pages of the credit index: the portfolio and one enterprise."""
