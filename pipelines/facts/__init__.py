"""What was in force on a day, and what was known by then: typed readers of ``conf/facts``."""

from pipelines.facts.audit import Finding, check_facts
from pipelines.facts.dated import Citation, Dated, Version
from pipelines.facts.facts import Facts, load_facts
from pipelines.facts.listing import FactRow

__all__ = ["Citation", "Dated", "FactRow", "Facts", "Finding", "Version", "check_facts", "load_facts"]
