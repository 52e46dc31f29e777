"""The version of a fact that holds a whole billing month."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TypeVar

from pipelines.codes import VoltageLevel
from pipelines.errors import UsageError
from pipelines.facts import Dated, Version
from pipelines.facts.prices import PriceByVoltage, price_at_level
from pipelines.periods import BillingMonth

T = TypeVar("T")


def version_of_month(dated: Dated[T], month: BillingMonth, known: date | None) -> Version[T]:
    """The version whose value holds on every day of the month.

    Raises FactNotInForceError where a day is not covered, and UsageError where the value changes inside the month: a month is
    priced whole, because its energy is settled whole.
    """
    first = dated.version_on(month.first_day, known)
    for day in month.days[1:]:
        version = dated.version_on(day, known)
        if version.value != first.value:
            raise UsageError(
                f"{dated.fact_id} changes on {day.isoformat()}, inside {month}; a month is priced whole.",
                "Give the new version the first day of a month, or bill the parts as months of their own.",
            )
    return first


def price_of_month(
    dated: Dated[PriceByVoltage], level: VoltageLevel, month: BillingMonth, known: date | None
) -> tuple[Decimal, Version[PriceByVoltage]]:
    """The price of one voltage level in a month, and the version that sets it."""
    version = version_of_month(dated, month, known)
    return price_at_level(dated, version.value, level, month.first_day), version
