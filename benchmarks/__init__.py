"""Yardsticks: the project's own chain beside other engines. Nothing in the packages imports this."""
