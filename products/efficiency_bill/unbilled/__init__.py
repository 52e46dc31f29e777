"""Who receives a bill of a month, and who has none, with why and what to do next."""
