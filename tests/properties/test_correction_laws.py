"""Laws of correction sheets: in whatever order notices come, the sheets lead from the first bill to the one
that all of them give at once.
"""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.facts import Facts, load_facts
from products.efficiency_bill.replay import replay
from tests.correction_cases import (
    MEASURED,
    SEPTEMBER,
    SETTINGS,
    SPLIT,
    Issued,
    factory_case,
    facts_folder,
    funds_notice,
    run,
)

SHEET = "efficiency_bill_corrections_v1"
FIRST_NOTICE = date(2026, 10, 6)
PRICES = st.decimals(Decimal("0.0001"), Decimal("1.5"), places=4)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Facts]:
    folder: Path = facts_folder(tmp_path_factory.mktemp("published"))
    return {"facts": load_facts(folder)}


def energy_notice(facts: Facts, cny_per_kwh: Decimal, document: str, known_from: date) -> Facts:
    """Another energy price before time of use for September, known later."""
    standing = facts.energy_base.version_on(SEPTEMBER.first_day)
    late = dataclasses.replace(
        standing,
        value=cny_per_kwh,
        citation=dataclasses.replace(standing.citation, document=document),
        known_from=known_from,
    )
    versions = sorted(
        [*facts.energy_base.versions, late],
        key=lambda each: (each.effective_from, each.effective_to is not None, each.known_from),
    )
    return dataclasses.replace(
        facts, energy_base=dataclasses.replace(facts.energy_base, versions=tuple(versions))
    )


@settings(max_examples=60, deadline=None)
@given(
    notices=st.lists(st.tuples(st.booleans(), PRICES), min_size=1, max_size=4),
    kwh=st.decimals(Decimal(0), Decimal(90_000), places=2),
    kvarh=st.decimals(Decimal(0), Decimal(60_000), places=2),
)
def test_sheets_telescope_and_nothing_is_settled_twice(
    published: dict[str, Facts], notices: list[tuple[bool, Decimal]], kwh: Decimal, kvarh: Decimal
) -> None:
    split = dict(zip(SPLIT, (kwh, kwh), strict=True))
    case = factory_case(
        dataclasses.replace(MEASURED, energy_kwh=2 * kwh, energy_by_period=split, lagging_kvarh=kvarh)
    )
    first = run(case, published["facts"], "20261005T040000Z-aaaaaa")
    assert first is not None
    facts, newest, settled = published["facts"], first, Decimal(0)
    for number, (is_energy, price) in enumerate(notices):
        day = FIRST_NOTICE + timedelta(days=number)
        change = (
            energy_notice
            if is_energy
            else lambda *given: funds_notice(given[0], str(given[1]), given[2], given[3])
        )
        facts = change(facts, price, f"notice {number}", day)
        found = run(case, facts, f"{day:%Y%m%d}T040000Z-bbbbbb", newest)
        if found is None:
            continue
        difference = sum((row["difference_cny"] for row in found[SHEET]), Decimal(0))
        assert difference == found["result"]["total_cny"] - newest["result"]["total_cny"]
        assert all(
            row["cause_code"] == "prices" and row["corrected_revision"] == newest["result"]["revision"]
            for row in found[SHEET]
        )
        assert replay({**found, "corrected": newest}, SETTINGS, facts) == ()
        assert run(case, facts, "20261201T040000Z-cccccc", found) is None
        newest, settled = found, settled + difference
    assert settled == newest["result"]["total_cny"] - first["result"]["total_cny"]
    at_once = run(case, facts, "20261201T040000Z-dddddd")
    assert at_once is not None
    assert _charged(newest) == _charged(at_once)


def _charged(issued: Issued) -> list[tuple[object, ...]]:
    return [
        tuple(line[name] for name in ("component_code", "period_code", "quantity", "amount_cny"))
        for line in issued["efficiency_bill_lines_v1"]
    ]
