"""The steps of the pipelines: bronze to silver, silver to gold."""
