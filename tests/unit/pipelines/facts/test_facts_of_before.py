"""A conf/ that was kept with results issued before a fact was known: it is read as of its time, and prices as
then; the one in force must be whole.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.codes import DemandBasis
from pipelines.facts import load_facts
from pipelines.facts.fact_index import LATER
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Segment, SupplyMonth, price_supply
from tests.steel_works import STEEL

D = Decimal
WORKS = replace(
    STEEL, is_time_of_use=False, power_factor_standard=None, demand_basis=DemandBasis.ACTUAL_DEMAND
)


def kept_before(folder: Path) -> Path:
    """The facts in force without those that came later."""
    shutil.copytree(packaged("conf") / "facts", folder)
    for path in folder.glob("*.yaml"):
        head, *facts = re.split(r"(?m)^(?=  - fact_id: )", path.read_text(encoding="utf-8"))
        stay = [fact for fact in facts if fact.split("\n", 1)[0].split(": ")[1] not in LATER]
        path.write_text("".join([head, *stay]), encoding="utf-8")
    return folder


def suspended(basis: DemandBasis) -> SupplyMonth:
    """Ten days of September without any capacity, and another demand after them."""
    parts = ((1, 10, "800", "500"), (11, 20, "0", None), (21, 30, "800", "300"))
    return SupplyMonth(
        BillingMonth(2026, 9),
        tuple(
            Segment(
                replace(WORKS, demand_basis=basis, running_capacity_kva=D(kva)),
                date(2026, 9, first),
                date(2026, 9, last),
                D(1000),
                None,
                None if kw is None else D(kw),
            )
            for first, last, kva, kw in parts
        ),
    )


@pytest.mark.parametrize("basis", [DemandBasis.CAPACITY, DemandBasis.ACTUAL_DEMAND])
def test_what_was_issued_before_is_priced_as_issued(basis: DemandBasis, tmp_path: Path) -> None:
    before, now = (
        load_facts(kept_before(tmp_path / "facts")),
        load_facts(packaged("conf") / "facts"),
    )
    month = suspended(basis)
    then = price_supply(month, before)
    assert then == price_supply(month, now, date(2026, 11, 29))
    assert then.total_cny < price_supply(month, now).total_cny
    assert price_supply(month, now, date(2026, 11, 30)) == price_supply(month, now)
    assert {row.fact_id for row in before.describe(date(2026, 9, 1)) if row.fact_id in LATER} == LATER


def test_the_packaged_facts_are_whole() -> None:
    now = load_facts(packaged("conf") / "facts")
    assert all(now.by_id[fact_id].versions for fact_id in LATER)
