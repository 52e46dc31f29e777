"""A month that is no whole one, or an empty one, beside the whole months of its peers: no rank, no praise, no
question to the record.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverCustomers
from products.efficiency_bill.comparison.baseline import Baseline
from products.efficiency_bill.issue import issue_bill
from products.efficiency_bill.page.bill import bill_days
from products.efficiency_bill.page.rendering import render_bill_html
from tests.unit.products.efficiency_bill.case.gold_rows import (
    BUILDING,
    FACTS,
    LIMITS,
    REGISTERS,
    SEPTEMBER,
    SETTINGS,
    gather,
    september_days,
    table,
)

NAMES = tuple(f"BDG-{place:02d}" for place in range(20))
EXPECTED = Baseline("flat", 1000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 5.0, 200, 0.1, 0.1)


def bill_of(first_day: int, daily_kwh: float) -> dict[str, Any]:
    """The bill of an office whose supply begins on a day, among nineteen offices of a whole month."""
    days = september_days(*NAMES)
    energies = 1000.0 + 20.0 * np.arange(len(NAMES))
    days.energy[:] = energies[:, None]
    days.energy[0], days.energy[0, : first_day - 1] = daily_kwh, np.nan
    sums = [Decimal(repr(float(np.nansum(row)))) for row in days.energy]
    rows = [
        REGISTERS | {"customer_id": name, "meter_point_id": f"MP-{name}", "energy_kwh": energy}
        for name, energy in zip(NAMES, sums, strict=True)
    ]
    rows[0]["metered_days"] = 31 - first_day
    cases = gather(
        table(SilverCustomers, *(BUILDING | {"customer_id": name} for name in NAMES)),
        table(GoldBillingDeterminants, *rows),
        days,
        dict.fromkeys(NAMES, EXPECTED),
        SEPTEMBER,
        SETTINGS,
        LIMITS,
    )
    bills = [issue_bill(case, FACTS, SETTINGS, "m", "1") for case in cases]
    assert all(bill["peer_percentile_pct"] is not None for bill in bills[1:]), "the others are ranked"
    return dict(bills[0])


def said(bill: dict[str, Any]) -> str:
    shown: Any = {"revision": 1, "content_digest": "0" * 64, "provenance": "real", **bill}
    return str(render_bill_html(shown, bill["lines"], bill["advice"], bill_days(shown)))


def test_a_whole_month_that_needs_least_is_praised() -> None:
    assert bill_of(1, 900.0)["praise_codes"] == ["below_baseline", "among_lowest_peers"]


@pytest.mark.parametrize("first_day", [2, 16, 30])
def test_a_supply_that_began_inside_the_month_is_not_the_least_of_whole_ones(first_day: int) -> None:
    """Half a month's energy made 1,500 kWh a day the least of twenty, praised or asked for its area."""
    bill = bill_of(first_day, 1500.0)
    assert (bill["peer_percentile_pct"], bill["praise_codes"], bill["record_question_code"]) == (
        None,
        [],
        None,
    )
    assert bill["peers_hidden_code"] == "part_of_month"
    assert "不是每天都有电量，不与整月的同行比较" in said(bill)
    assert bill["baseline_verdict_code"] == "above", "its days are held against what is expected of them"


def test_nothing_used_is_nothing_saved() -> None:
    """A place that stands empty, or a meter that stands still."""
    bill = bill_of(1, 0.0)
    assert (bill["peer_percentile_pct"], bill["praise_codes"], bill["record_question_code"]) == (
        None,
        [],
        None,
    )
    assert bill["advice"] == []
    page = said(bill)
    assert "本月没有用电，不作比较" in page
    assert "做得好" not in page
