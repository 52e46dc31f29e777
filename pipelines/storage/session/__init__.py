"""The Spark session: what it needs on a machine, how it starts, and that it starts only when asked for."""
