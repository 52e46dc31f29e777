"""Pages of the house itself: data quality, prices, the overview."""
