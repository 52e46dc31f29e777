"""Which priced months may leave the house as bills."""

from __future__ import annotations

from pipelines.errors import UsageError
from pipelines.tariff.lines import PricedMonth


def is_issuable(is_illustrative: bool, is_demo: bool) -> bool:
    """Whether a bill may be issued and signed: one that rests on an illustrative price (示意电价, ruling R1)
    in the demo alone.
    """
    return is_demo or not is_illustrative


def require_issuable(priced: PricedMonth, is_demo: bool) -> None:
    """Refuses to issue or sign a bill that rests on an illustrative price (示意电价), outside the demo
    (ruling R1).
    """
    if not is_issuable(priced.is_illustrative, is_demo):
        raise UsageError(
            (
                f"The bill of {priced.month} rests on an illustrative price (示意电价); it can be shown, not "
                "issued or signed."
            ),
            "Load the published prices of the month with `zhixiang facts load-prices FILE`.",
        )
