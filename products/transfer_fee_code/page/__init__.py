"""Pages of the fee code: a tenant's, and a supplier's for the regulator."""
