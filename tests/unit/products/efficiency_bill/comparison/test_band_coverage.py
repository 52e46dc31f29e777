"""How often bands held in months really billed: measured when the model is trained, told to MLflow, and below
its limit no month is judged.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverCustomers
from products.efficiency_bill.case.gathered_grounds import KnownOfMonth
from products.efficiency_bill.case.text import case_as_text, case_from_text
from products.efficiency_bill.comparison.baseline import Baseline
from products.efficiency_bill.comparison.days import Days
from products.efficiency_bill.issue import issue_bill
from products.efficiency_bill.served_model import (
    COEFFICIENTS,
    COVERAGE,
    Baselines,
    coverage_of,
    write_coefficients,
    write_coverage,
)
from products.efficiency_bill.training import billed_coverage, coverage_metrics
from tests.unit.products.efficiency_bill.case.gold_rows import (
    BUILDING,
    FACTS,
    LIMITS,
    REGISTERS,
    SEPTEMBER,
    SETTINGS,
    gather,
    gathered,
    september_days,
    table,
)

LAST = date(2026, 7, 31)


def baseline(base: float = 100.0) -> Baseline:
    return Baseline("flat", base, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 5.0, 200, 0.1, 0.1)


def test_the_months_that_are_billed_are_counted_and_no_day_before_them() -> None:
    """Band of a month: 1.6448536 x 5 kWh/d. A lies in it in August, B never, C has no day of September."""
    days = tuple(date(2026, 7, 1) + timedelta(days=offset) for offset in range(92))
    energy = np.array([[100.0] * 92, [109.0] * 92, [100.0] * 92])
    energy[0, 62:] = 108.3
    energy[2, 62:] = np.nan
    known = Days(("A", "B", "C"), days, energy, np.full(energy.shape, 20.0))
    fitted = dict.fromkeys("ABC", baseline())
    found = billed_coverage(known, fitted, LAST, SETTINGS)
    assert found == {"2026-08": (2, 3), "2026-09": (0, 2)}
    partly = billed_coverage(known.until(date(2026, 9, 29)), fitted, LAST - timedelta(days=1), SETTINGS)
    assert partly == {"2026-08": (2, 3)}, "neither the end of July nor a September without its last day"
    assert coverage_metrics(found) == {
        "billed_2026_08_band_coverage": 2 / 3,
        "billed_2026_08_customers": 3.0,
        "billed_2026_09_band_coverage": 0.0,
        "billed_2026_09_customers": 2.0,
        "billed_month_band_coverage": 2 / 5,
        "billed_month_customers": 5.0,
    }


@pytest.mark.parametrize(
    ("month", "least", "expected"),
    [
        ("2026-08", 30, 0.75),
        ("2026-09", 30, 0.5),
        ("2026-10", 30, 50 / 80),
        ("2026-08", 41, None),
        ("2026-10", 81, None),
    ],
)
def test_a_month_has_its_own_share_and_an_unmeasured_one_that_of_all(
    month: str, least: int, expected: float | None
) -> None:
    assert coverage_of({"2026-08": (30, 40), "2026-09": (20, 40)}, month, least) == expected
    assert coverage_of({}, month, least) is None


def test_the_model_carries_what_was_measured_and_a_former_one_tells_nothing() -> None:
    files = {COEFFICIENTS: write_coefficients({"A": baseline()})}
    assert Baselines(files).coverage == {}
    measured = {"2026-09": (20, 40), "2026-08": (30, 40)}
    assert Baselines(files | {COVERAGE: write_coverage(measured)}).coverage == measured


@pytest.mark.parametrize(("coverage", "verdict"), [(0.80, "within"), (0.799, None), (None, "within")])
def test_a_month_is_not_judged_by_bands_that_did_not_hold(
    coverage: float | None, verdict: str | None
) -> None:
    case = gathered(BUILDING, REGISTERS, baseline=replace(baseline(1000.0)))
    assert case.grounds is not None
    told = replace(case, grounds=replace(case.grounds, band_coverage=coverage))
    bill = issue_bill(told, FACTS, SETTINGS, "m", "1")
    assert bill["baseline_verdict_code"] == verdict
    assert bill["band_coverage_ratio"] == coverage
    assert bill["baseline_kwh"] == pytest.approx(30000.0)
    again = case_from_text(case_as_text(told))
    assert issue_bill(again, FACTS, SETTINGS, "m", "1") == bill


def test_what_is_known_of_the_month_reaches_the_case() -> None:
    (case,) = gather(
        table(SilverCustomers, BUILDING),
        table(GoldBillingDeterminants, REGISTERS),
        september_days("BDG-A"),
        {"BDG-A": baseline(1000.0)},
        SEPTEMBER,
        SETTINGS,
        LIMITS,
        None,
        None,
        KnownOfMonth(band_coverage=0.7),
    )
    assert case.grounds is not None
    assert case.grounds.band_coverage == 0.7
    bill = issue_bill(case, FACTS, SETTINGS, "m", "1")
    assert (bill["baseline_verdict_code"], bill["band_coverage_ratio"]) == (None, 0.7)
    assert (SETTINGS.least_band_coverage, SETTINGS.least_coverage_customers) == (0.80, 30)
