"""From gold to bills: what is gathered, what is missing, what cannot be priced."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import FactNotInForceError
from pipelines.periods import BillingMonth
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverCustomers
from pipelines.tariff.whatif.changed_supplies import under
from products.efficiency_bill.case.text import case_as_text, case_from_text
from products.efficiency_bill.comparison.baseline import Baseline
from products.efficiency_bill.comparison.days import Days, arrange_days
from products.efficiency_bill.issue import issue_bill
from products.efficiency_bill.page.bill import bill_days
from products.efficiency_bill.page.rendering import render_bill_html
from products.efficiency_bill.page.words import missing_input
from tests.correction_cases import check_cases
from tests.unit.products.efficiency_bill.case.gold_rows import (
    BUILDING,
    FACTS,
    LIMITS,
    REGISTERS,
    SEPTEMBER,
    SETTINGS,
    billed,
    gather,
    gathered,
    september_days,
    table,
)

WORKS = BUILDING | {
    "customer_id": "STEEL-A",
    "customer_class_code": "large_industry",
    "pricing_scheme_code": "two_part",
    "is_time_of_use": True,
    "contract_capacity_kva": 800.0,
    "running_capacity_kva": 800.0,
    "demand_basis_code": "contract_demand",
    "contract_demand_kw": 600.0,
    "power_factor_standard_ratio": 0.9,
    "floor_area_m2": None,
}
CURVE = REGISTERS | {
    "customer_id": "STEEL-A",
    "sharp_kwh": Decimal(0),
    "peak_kwh": Decimal("9000.00"),
    "flat_kwh": Decimal("14000.00"),
    "valley_kwh": Decimal("7000.00"),
    "deep_valley_kwh": Decimal(0),
    "max_demand_kw": 500.0,
    "max_demand_date": date(2026, 9, 9),
    "lagging_kvarh": Decimal("9000.00"),
    "leading_kvarh": Decimal("100.00"),
    "missing_inputs": [],
}


def flat_baseline(kind: str = "flat", base: float = 1000.0) -> Baseline:
    return Baseline(kind, base, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 5.0, 200, 0.1, 0.1)


def test_a_building_is_billed_and_says_what_it_lacks() -> None:
    bill = billed(BUILDING, REGISTERS)
    assert bill["missing_inputs"] == ["curve", "reactive_registers", "baseline", "advice"]
    assert [line["amount_cny"] for line in bill["lines"]] == [
        Decimal("15750.00"),
        Decimal("6342.00"),
        Decimal("877.16"),
    ]
    assert bill["total_cny"] == Decimal("22969.16")
    assert (
        bill["max_demand_kw"],
        bill["power_factor_ratio"],
        bill["adjustment_ratio"],
        bill["baseline_kwh"],
    ) == (None, None, None, None)
    assert (bill["is_illustrative"], bill["intensity_kwh_per_m2"], bill["peer_count"]) == (True, 30.0, 1)
    assert bill["emission_kg_co2"] == pytest.approx(30000 * float(bill["emission_factor_kg_co2_per_kwh"]))


def test_a_works_without_its_curve_is_not_priced_rather_than_priced_otherwise() -> None:
    bill = billed(WORKS, REGISTERS | {"customer_id": "STEEL-A"})
    assert (bill["total_cny"], bill["lines"], bill["advice"], bill["lowest_confidence_code"]) == (
        None,
        [],
        [],
        None,
    )
    assert {"curve", "price"} <= set(bill["missing_inputs"])
    assert "advice" not in bill["missing_inputs"]


@pytest.mark.parametrize(
    "column",
    [
        "customer_class_code",
        "voltage_level_code",
        "demand_basis_code",
        "running_capacity_kva",
        "contract_demand_kw",
    ],
)
def test_an_incomplete_contract_is_not_priced(column: str) -> None:
    bill = billed(WORKS | {column: None}, CURVE)
    assert bill["total_cny"] is None
    assert {"contract", "price"} <= set(bill["missing_inputs"])


def test_what_few_contracts_agree_stands_in_a_kept_case_only_where_it_is_agreed() -> None:
    """A case made before the terms were known reads as one made since; a bill is not issued anew because of
    it.
    """
    case = gathered(WORKS, CURVE)
    assert case.supply is not None
    text = case_as_text(case)
    assert "keeps_single_part" not in text
    assert "is_ev_charging" not in text
    assert case_from_text(text) == case_from_text(case_as_text(case_from_text(text)))
    other = replace(case, supply=under(case.supply, keeps_single_part=True, is_ev_charging=True))
    again = case_from_text(case_as_text(other)).supply
    assert again == other.supply != case.supply


def test_what_a_contract_agrees_beside_the_rules_reaches_the_bill() -> None:
    assert "two_part_not_open" not in billed(WORKS, CURVE)["missing_inputs"]
    small = billed(WORKS | {"contract_capacity_kva": 100.0, "running_capacity_kva": 100.0}, CURVE)
    assert "two_part_not_open" in small["missing_inputs"]
    assert missing_input("two_part_not_open").zh.startswith("按规定这一容量")


def test_a_works_on_actual_demand_needs_no_contract_demand() -> None:
    assert (
        billed(WORKS | {"demand_basis_code": "actual_demand", "contract_demand_kw": None}, CURVE)["total_cny"]
        is not None
    )


def test_meter_points_of_a_customer_are_billed_together() -> None:
    bill = billed(WORKS, CURVE, CURVE | {"meter_point_id": "MP-B", "max_demand_kw": 20.0})
    assert bill["meter_point_ids"] == ["MP-A", "MP-B"]
    assert bill["energy_kwh"] == Decimal("60000.00")
    assert (bill["max_demand_kw"], bill["max_demand_date"]) == (520.0, None)
    assert gathered(WORKS, CURVE, CURVE | {"meter_point_id": "MP-B"}).recent_demand_kw == ()


@pytest.mark.parametrize(("ratio", "is_above"), [(0.10, False), (0.1001, True)])
def test_the_share_estimated_is_judged_at_its_limit(ratio: float, is_above: bool) -> None:
    bill = billed(WORKS, CURVE | {"estimated_ratio": ratio})
    assert bill["estimated_ratio"] == pytest.approx(ratio)
    assert bill["is_estimated_above_limit"] is is_above


@pytest.mark.parametrize(("ratio", "is_advised"), [(0.10, True), (0.101, False)])
def test_nothing_is_advised_on_what_was_estimated(ratio: float, is_advised: bool) -> None:
    """30,000 kWh against a band that ends at 29,647; above the limit no saving is told of it."""
    bill = billed(BUILDING, REGISTERS | {"estimated_ratio": ratio}, baseline=flat_baseline(base=980.0))
    assert bill["baseline_verdict_code"] == "above"
    assert ([row["advice_id"] for row in bill["advice"]] == ["EB-A05", "EB-A09"]) is is_advised
    assert bool(bill["advice"]) is is_advised
    assert ("advice" in bill["missing_inputs"]) is True
    shown = render_bill_html(
        bill | {"revision": 1, "supersedes_revision": None, "content_digest": ""}, bill["lines"], [], []
    )
    assert ("因此不给省钱建议" in shown) is not is_advised


def test_the_share_estimated_of_several_meter_points_weighs_their_energy() -> None:
    small = CURVE | {
        "meter_point_id": "MP-B",
        "estimated_ratio": 1.0,
        "energy_kwh": Decimal("10000.00"),
        "flat_kwh": Decimal(0),
        "peak_kwh": Decimal(0),
        "valley_kwh": Decimal("10000.00"),
    }
    assert billed(WORKS, CURVE, small)["estimated_ratio"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("energy", "verdict"),
    [("29753.30", "within"), ("29753.20", "below"), ("30246.70", "within"), ("30246.80", "above")],
)
def test_the_verdict_at_both_edges_of_the_band(energy: str, verdict: str) -> None:
    """Half width of the month: 1.6448536 x 5 kWh/d x 30 d = 246.728 kWh."""
    bill = billed(
        BUILDING,
        REGISTERS | {"energy_kwh": Decimal(energy)},
        days=september_days("BDG-A", daily_kwh=float(energy) / 30),
        baseline=flat_baseline(),
    )
    assert (bill["baseline_low_kwh"], bill["baseline_high_kwh"]) == (
        pytest.approx(29753.272, abs=0.001),
        pytest.approx(30246.728, abs=0.001),
    )
    assert bill["baseline_verdict_code"] == verdict


@pytest.mark.parametrize(
    ("energy", "verdict"), [("29999.99", "below"), ("30000.00", "within"), ("30000.01", "above")]
)
def test_the_edges_themselves_belong_to_the_band(energy: str, verdict: str) -> None:
    """A band without width has both edges at the expectation, 30 d x 1000 kWh/d."""
    exact = replace(flat_baseline(), month_sigma_kwh=0.0)
    days = september_days("BDG-A", daily_kwh=float(energy) / 30)
    bill = billed(BUILDING, REGISTERS | {"energy_kwh": Decimal(energy)}, days=days, baseline=exact)
    assert bill["baseline_verdict_code"] == verdict


def test_the_bill_keeps_its_days_with_their_band() -> None:
    days = september_days("BDG-A")
    days.energy[0, 4] = np.nan
    bill = billed(BUILDING, REGISTERS, days=days, baseline=flat_baseline())
    points = bill_days(bill)
    assert [point.day for point in points] == list(SEPTEMBER.days)
    assert (points[4].energy_kwh, points[4].expected_kwh) == (None, 1000.0)
    assert [points[5].low_kwh, points[5].high_kwh] == pytest.approx(
        [1000 - 16.4485, 1000 + 16.4485], abs=1e-3
    )
    assert bill["baseline_kwh"] == pytest.approx(29000)


def test_a_day_whose_weather_is_not_known_leaves_the_month_without_a_verdict() -> None:
    days = september_days("BDG-A")
    days.temperature[0, 7] = np.nan
    bill = billed(BUILDING, REGISTERS, days=days, baseline=flat_baseline("cooling"))
    assert bill["baseline_verdict_code"] is None
    assert {"weather", "baseline"} <= set(bill["missing_inputs"])
    assert (
        billed(BUILDING, REGISTERS, days=days, baseline=flat_baseline("day_type"))["baseline_verdict_code"]
        == "within"
    )


def test_a_baseline_without_weather_says_so() -> None:
    assert "weather" in billed(BUILDING, REGISTERS, baseline=flat_baseline("day_type"))["missing_inputs"]
    assert "weather" not in billed(BUILDING, REGISTERS, baseline=flat_baseline("cooling"))["missing_inputs"]


def test_last_month_is_priced_where_prices_are_published() -> None:
    august = REGISTERS | {"billing_month": "2026-08", "energy_kwh": Decimal("20000.00")}
    bill = billed(BUILDING, REGISTERS, august)
    assert (bill["previous_energy_kwh"], bill["previous_total_cny"]) == (
        Decimal("20000.00"),
        Decimal("15312.78"),
    )
    days = Days(("BDG-A",), BillingMonth.parse("2026-08").days, np.full((1, 31), 1.0), np.full((1, 31), 1.0))
    july = REGISTERS | {"billing_month": "2026-07"}
    (case,) = gather(
        table(SilverCustomers, BUILDING),
        table(GoldBillingDeterminants, august, july),
        days,
        {},
        BillingMonth.parse("2026-08"),
        SETTINGS,
        LIMITS,
    )
    of_august = issue_bill(case, FACTS, SETTINGS, "m", "1")
    assert (of_august["previous_energy_kwh"], of_august["previous_total_cny"]) == (Decimal("30000.00"), None)


def test_a_month_before_the_prices_is_refused_with_the_fact() -> None:
    july = BillingMonth.parse("2026-07")
    days = Days(("BDG-A",), july.days, np.full((1, 31), 1.0), np.full((1, 31), 1.0))
    cases = gather(
        table(SilverCustomers, BUILDING),
        table(GoldBillingDeterminants, REGISTERS | {"billing_month": "2026-07"}),
        days,
        {},
        july,
        SETTINGS,
        LIMITS,
    )
    with pytest.raises(FactNotInForceError) as refused:
        check_cases(cases)
    assert refused.value.fact_id.startswith("transmission")
    assert refused.value.exit_code == 5


def test_terms_of_the_month_count_and_last_month_has_its_own() -> None:
    before = BUILDING | {
        "valid_from_date": date(2026, 1, 1),
        "valid_to_date": date(2026, 8, 31),
        "voltage_level_code": "below_1kv",
    }
    after = BUILDING | {"valid_from_date": date(2026, 9, 1)}
    later = BUILDING | {"valid_from_date": date(2026, 10, 1), "customer_name": "not yet"}
    august = REGISTERS | {"billing_month": "2026-08"}
    (case,) = gather(
        table(SilverCustomers, before, after, later),
        table(GoldBillingDeterminants, REGISTERS, august),
        september_days("BDG-A"),
        {},
        SEPTEMBER,
        SETTINGS,
        LIMITS,
    )
    assert case.terms["customer_name"] == "A"
    bill = issue_bill(case, FACTS, SETTINGS, "m", "1")
    below_1kv, at_10kv = Decimal("0.2412") * 30000, Decimal("0.2114") * 30000
    assert bill["previous_total_cny"] - bill["total_cny"] == below_1kv - at_10kv


@pytest.mark.parametrize(
    ("first", "voltage"), [(date(2026, 9, 30), "below_1kv"), (date(2026, 10, 1), "1_to_20kv")]
)
def test_terms_count_from_the_last_day_of_the_month(first: date, voltage: str) -> None:
    later = BUILDING | {"valid_from_date": first, "voltage_level_code": "below_1kv"}
    (case,) = gather(
        table(SilverCustomers, BUILDING, later),
        table(GoldBillingDeterminants, REGISTERS),
        september_days("BDG-A"),
        {},
        SEPTEMBER,
        SETTINGS,
        LIMITS,
    )
    assert case.terms["voltage_level_code"] == voltage


def test_customers_without_metering_in_the_month_get_no_bill() -> None:
    assert (
        gather(
            table(SilverCustomers, BUILDING),
            table(GoldBillingDeterminants),
            september_days("BDG-A"),
            {},
            SEPTEMBER,
            SETTINGS,
            LIMITS,
        )
        == []
    )


def test_days_are_arranged_by_customer_and_day() -> None:
    first = date(2026, 9, 1)
    rows = pa.table(
        {
            "customer_id": ["B", "A", "B", "B"],
            "energy_date": [first, first + timedelta(days=2), first + timedelta(days=1), first],
            "energy_kwh_or_kvarh": [1.0, 5.0, 2.0, 10.0],
        }
    )
    stations = pa.table(
        {
            "customer_id": ["B", "A", "B"],
            "valid_from_date": [first, first, first - timedelta(days=9)],
            "weather_station_id": pa.array(["W", None, "V"]),
        }
    )
    weather = pa.table(
        {
            "station_id": ["W", "W"],
            "weather_date": [first, first - timedelta(days=9)],
            "mean_celsius": [20.0, 1.0],
        }
    )
    days = arrange_days(rows, stations, weather)
    assert days.customers == ("A", "B")
    np.testing.assert_array_equal(days.energy, [[np.nan, np.nan, 5.0], [11.0, 2.0, np.nan]])
    np.testing.assert_array_equal(days.temperature, [[np.nan] * 3, [20.0, np.nan, np.nan]])
    assert days.until(first).days == (first,)


def test_a_sub_meter_that_was_not_read_whole_is_named_on_the_bill_of_its_main_meter() -> None:
    tenant = REGISTERS | {
        "meter_point_id": "MP-T",
        "customer_id": "T",
        "parent_meter_point_id": "MP-A",
        "energy_kwh": Decimal("900.00"),
    }
    rows = table(
        GoldBillingDeterminants,
        REGISTERS,
        tenant | {"metered_days": 29, "missing_inputs": ["curve", "reactive_registers", "missing_days"]},
    )
    terms = table(SilverCustomers, BUILDING, BUILDING | {"customer_id": "T"})
    case = gather(terms, rows, september_days("BDG-A"), {}, SEPTEMBER, SETTINGS, LIMITS)[0]
    bill = issue_bill(case, FACTS, SETTINGS, "m", "1")
    assert bill["missing_inputs"] == ["curve", "reactive_registers", "sub_meter_days", "baseline", "advice"]
    assert (bill["energy_kwh"], missing_input("sub_meter_days").en[:11]) == (
        Decimal("29100.00"),
        "A sub-meter",
    )
