"""Many bills at once, line for line as the single engine prices them."""
