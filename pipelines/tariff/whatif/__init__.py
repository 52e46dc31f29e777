"""A supply under other terms, priced by the same engine."""
