"""Which priced months may leave the house as bills."""

from __future__ import annotations

from pipelines.errors import UsageError
from pipelines.tariff.lines import PricedMonth


def require_issuable(priced: PricedMonth, is_demo: bool) -> None:
    """Refuses to issue or sign a bill that rests on an illustrative price (示意电价), outside the demo (ruling R1)."""
    if priced.is_illustrative and not is_demo:
        raise UsageError(
            f"The bill of {priced.month} rests on an illustrative price (示意电价); it can be shown, not issued or signed.",
            "Load the published prices of the month with `zhixiang facts load-prices FILE`.",
        )
