"""Bills of a month priced together: the same to the letter as each by itself, and what cannot be priced as itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import many, price_supply, supply_of
from products.efficiency_bill.cases import Case
from products.efficiency_bill.corrections import standing_of
from products.efficiency_bill.issue import issue_bill, issue_bills
from products.efficiency_bill.job_batches import JOBS_SCHEMA, case_jobs, jobs_table
from products.efficiency_bill.kept_case import case_as_text
from products.efficiency_bill.priced_supplies import price_supplies
from products.efficiency_bill.settings import EfficiencyBillSettings
from tests.correction_cases import FACTORY, MEASURED, SETTINGS, factory_case

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
BILL_SETTINGS = SETTINGS.section(EfficiencyBillSettings)
SUPPLY = supply_of(FACTORY, MEASURED)
JULY = supply_of(FACTORY, dataclasses.replace(MEASURED, month=BillingMonth(2026, 7)))
NO_CURVE = supply_of(FACTORY, dataclasses.replace(MEASURED, energy_by_period=None))


def cases() -> list[Case]:
    """Factories of other sizes, one without a contract, one without a curve, one without an August."""
    found = []
    for number in range(12):
        split = {period: energy + number for period, energy in (MEASURED.energy_by_period or {}).items()}
        measured = dataclasses.replace(MEASURED, energy_kwh=sum(split.values(), D(0)), energy_by_period=split, lagging_kvarh=D(480 + 20 * number))
        found.append(factory_case(measured))
    found[3] = dataclasses.replace(found[3], contract=None)
    found[5] = factory_case(dataclasses.replace(MEASURED, energy_by_period=None))
    found[7] = dataclasses.replace(found[7], previous=None)
    found[9] = dataclasses.replace(found[9], previous=(FACTORY, dataclasses.replace(MEASURED, month=BillingMonth(2026, 7))))
    return [dataclasses.replace(case, terms={**case.terms, "customer_id": f"REAL-{number:04d}"}) for number, case in enumerate(found)]


def as_text(bills: Sequence[dict[str, Any]]) -> list[str]:
    """Every value of a bill but the scale of a decimal, which its column sets."""

    def plain(value: Any) -> Any:
        if isinstance(value, Decimal):
            return f"{value.normalize():f}"
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value

    return [repr(plain(bill)) for bill in bills]


def test_bills_issued_together_are_those_issued_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    every = cases()
    one_by_one = [issue_bill(case, FACTS, BILL_SETTINGS, "m", "1") for case in every]
    # July has no published price, so it is the only one that the single engine is asked for.
    asked = []
    monkeypatch.setattr(many, "price_supply", lambda supply, *rest: (asked.append(supply.month), price_supply(supply, *rest))[1])
    together = list(issue_bills(every, FACTS, BILL_SETTINGS, "m", "1"))
    assert as_text(together) == as_text(one_by_one)
    assert asked == [BillingMonth(2026, 7)]
    assert [bill["total_cny"] is None for bill in together] == [number in (3, 5) for number in range(12)]
    assert [bill["previous_total_cny"] is None for bill in together] == [number in (7, 9) for number in range(12)]
    assert len({bill["total_cny"] for bill in together}) == 11


def test_only_what_is_asked_for_and_metered_is_priced() -> None:
    supplies = [SUPPLY, None, NO_CURVE] * 4
    assert price_supplies(supplies, FACTS) == [price_supply(SUPPLY, FACTS), None, None] * 4
    assert price_supplies([], FACTS) == []


@pytest.mark.parametrize("count", [1, 10])
def test_a_price_that_is_not_published_surfaces_as_itself(count: int) -> None:
    with pytest.raises(FactNotInForceError) as refused:
        price_supplies([SUPPLY] * count + [JULY], FACTS)
    assert (refused.value.exit_code, refused.value.fact_id.startswith("transmission")) == (5, True)
    assert price_supplies([SUPPLY] * count + [JULY], FACTS, unpublished=True)[-1] is None
    wrong = supply_of(dataclasses.replace(FACTORY, power_factor_standard=D("0.95")), MEASURED)
    with pytest.raises(UsageError, match="is no power factor standard"):
        price_supplies([SUPPLY] * count + [wrong], FACTS, unpublished=True)


def test_cases_come_to_the_workers_as_they_are() -> None:
    """To the last bit, and with the revision that stands."""
    first, second = cases()[:2]
    bill = issue_bill(first, FACTS, BILL_SETTINGS, "m", "1")
    lines = [{**line, "customer_id": "REAL-0000", "billing_month": "2026-09"} for line in bill["lines"]]
    standing = standing_of(bill | {"revision": 2, "computed_run_id": "20261005T040000Z-aaaaaa"}, lines, case_as_text(first))
    jobs = jobs_table([first, second], {"REAL-0000": standing})
    assert jobs.schema == JOBS_SCHEMA
    (one, before), (other, nothing) = case_jobs(jobs.to_batches()[0])
    assert [case_as_text(case) for case in (one, other)] == [case_as_text(case) for case in (first, second)]
    assert (one.determinants, other.contract, nothing) == (first.determinants, second.contract, None)
    assert before is not None
    assert dataclasses.replace(before, lines=()) == dataclasses.replace(standing, lines=())
    assert [(line["line_number"], line["amount_cny"], line["formula"]) for line in before.lines] == [
        (line["line_number"], line["amount_cny"], line["formula"]) for line in standing.lines
    ]
