"""Pure functions from declared tables to declared tables; no session, path, clock, log or cache."""
