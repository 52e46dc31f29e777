"""What was in force on a day, and what was known by then: typed readers of ``conf/facts``."""

from pipelines.facts.audit import Finding, check_facts
from pipelines.facts.dated import Citation, Dated, Version
from pipelines.facts.facts import Facts, load_facts
from pipelines.facts.listing import FactRow
from pipelines.facts.price_files import LoadedPrices, check_prices, load_prices

__all__ = [
    "Citation",
    "Dated",
    "FactRow",
    "Facts",
    "Finding",
    "LoadedPrices",
    "Version",
    "check_facts",
    "check_prices",
    "load_facts",
    "load_prices",
]
