"""A factory that is read on the 25th beside one that is read at the month's end: received files to gold, to
the lines of the bill, its page, its evidence, and a read that comes late.

What both bills must hold is summed here from the received points by day and hour, and priced from supplies
that are put together here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.codes import (
    CustomerClass,
    DemandBasis,
    PricingScheme,
    TouPeriod,
    TouSchedule,
    VoltageLevel,
)
from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Runner
from pipelines.facts import Facts, load_facts
from pipelines.ingest.read_files import ingest
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth, BillingPeriod
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverQuarantine
from pipelines.tariff import Contract, Segment, SupplyMonth, joined_at_prices, price_supply
from products.efficiency_bill.issue import rows_of_lines
from products.efficiency_bill.page.bill import bill_days, bill_page
from products.efficiency_bill.replay import replay
from tests.step_runs import Silent
from zhixiang.chain import all_steps
from zhixiang.reports.explain import explain
from zhixiang.reports.issued_bills import issued_bill
from zhixiang.reports.traces import traces_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

D = Decimal
NOW = datetime(2026, 11, 9, 4, tzinfo=UTC)
SEPTEMBER, OCTOBER = BillingMonth(2026, 9), BillingMonth(2026, 10)
PERIOD = BillingPeriod(SEPTEMBER, date(2026, 8, 26), date(2026, 9, 25))
FIRST, LAST = date(2026, 7, 31), SEPTEMBER.last_day
SENT = "2026-10-02 08:00:00"
POINTS = ("MP-EARLY", "MP-LAST")
OTHERS = tuple(f"MP-OTHER-{number}" for number in range(4))
"""Of one more customer, so that a late read reaches few of the meter points."""
CUSTOMERS = f"""customer_id,valid_from_date,customer_name,city,industry_code,peer_group,customer_class_code,\
pricing_scheme_code,voltage_level_code,contract_capacity_kva,running_capacity_kva,demand_basis_code,\
contract_demand_kw,power_factor_standard_ratio,is_time_of_use,floor_area_m2,weather_station_id,opened_date,\
closed_date,provenance,sent_at,reading_day
WORKS-25,2026-01-01,works,,,,large_industry,two_part,1_to_20kv,800,800,actual_demand,,0.90,true,,,,,simulated,{SENT},25
WORKS-30,2026-01-01,works,,,,large_industry,two_part,1_to_20kv,800,800,actual_demand,,0.90,true,,,,,simulated,{SENT},
OTHERS,2026-01-01,works,,,,large_industry,two_part,1_to_20kv,800,800,capacity,,,false,,,,,simulated,{SENT},
WORKS-32,2026-01-01,works,,,,large_industry,two_part,1_to_20kv,800,800,capacity,,,true,,,,,simulated,{SENT},32
"""
METER_POINTS = f"""meter_point_id,valid_from_date,customer_id,meter_id,multiplier_ratio,register_digits,\
register_decimals,start_register_unscaled,previous_end_register_unscaled,capacity_kva,provenance,sent_at
MP-EARLY,2026-01-01,WORKS-25,A,1,8,2,0,,800,simulated,{SENT}
MP-LAST,2026-01-01,WORKS-30,B,1,8,2,0,,800,simulated,{SENT}
""" + "".join(f"{name},2026-01-01,OTHERS,{name},1,8,2,0,,800,simulated,{SENT}\n" for name in OTHERS)
WORKS = Contract(
    CustomerClass.LARGE_INDUSTRY,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    True,
    D("800.0"),
    D("800.0"),
    DemandBasis.ACTUAL_DEMAND,
    power_factor_standard=D("0.9"),
)


def powers(day: date) -> list[int]:
    """Mean power of the quarter hours of a day. [kW]"""
    return [80 + slot % 8 + day.day + 3 * (day.month == 8) for slot in range(96)]


def energy_of(day: date) -> Decimal:
    return D(sum(powers(day))) / 4


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=place) for place in range((last - first).days + 1)]


def read_lines(point: str) -> Iterator[str]:
    """Frozen registers; each day lags by half of its energy, and nothing leads."""
    registers = {1: D("1000.00"), 2: D("1000.00"), 6: D("0.00")}
    for day in days_between(FIRST, LAST):
        if day > FIRST:
            registers[1] += energy_of(day)
            registers[2] += D(1200)
        after = day + timedelta(days=1)
        for kind, register in registers.items():
            yield f"{point},{kind},{day},{after} 00:00:00,{register},,,,,,{SENT}"


READ_HEADER = "ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME"


def receive(inbox: Path) -> None:
    inbox.mkdir(parents=True)
    (inbox / "customers.csv").write_text(CUSTOMERS, encoding="utf-8")
    (inbox / "meter_points.csv").write_text(METER_POINTS, encoding="utf-8")
    reads = [line for point in (*POINTS, *OTHERS) for line in read_lines(point)]
    (inbox / "E_MP_DAY_READ_2026-09.csv").write_text("\n".join([READ_HEADER, *reads, ""]), encoding="utf-8")
    curves = [
        f"{point},{day},1,1,{'1' * 96},{','.join(map(str, powers(day)))},{SENT}"
        for point in POINTS
        for day in days_between(FIRST + timedelta(days=1), LAST)
    ]
    names = ",".join(f"P{number}" for number in range(1, 97))
    header = f"ID,DATA_DATE,DATA_TYPE,DATA_POINT_FLAG,DATA_WHOLE_FLAG,{names},INSERT_TIME"
    (inbox / "E_MP_POWER_CURVE_2026-09.csv").write_text("\n".join([header, *curves, ""]), encoding="utf-8")


def run(store: Store, now: datetime) -> dict[str, str]:
    """Silver, gold and bills of September: step -> what it computed."""
    ledger = Ledger(store.settings.home)
    run_id = ledger.begin("run", now)
    facts, registry = load_facts(packaged("conf") / "facts"), Registry(store.settings)
    runner = Runner(store.settings, facts, store, registry, ledger, Silent(), run_id, [SEPTEMBER], now)
    runner.run([step for step in all_steps() if step.stage in ("silver", "gold")])
    runner.run([step for step in all_steps() if step.name == "efficiency-bill"])
    return {row["step"]: row["computed"] for row in ledger.steps(run_id)}


@pytest.fixture(scope="module")
def facts() -> Facts:
    return load_facts(packaged("conf") / "facts")


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(Settings(packaged("conf"), tmp_path_factory.mktemp("periods")), spark)
    receive(store.settings.home / "inbox")
    assert ingest(store, store.settings.home / "inbox", "all", NOW).accepted == 4
    run(store, NOW)
    return store


def hours_of(facts: Facts, days: list[date]) -> np.ndarray[Any, Any]:
    schedule = TouSchedule.of(CustomerClass.LARGE_INDUSTRY.value, is_ev_charging=None)
    assert schedule is not None
    return facts.time_of_use.slot_matrix(days, schedule)


def segment(facts: Facts, first: date, last: date) -> Segment:
    days = days_between(first, last)
    energy = np.array([powers(day) for day in days]) / 4
    hours = hours_of(facts, days)
    split = {period: D(str(energy[hours == place].sum())) for place, period in enumerate(TouPeriod)}
    total = sum((energy_of(day) for day in days), D(0))
    return Segment(WORKS, first, last, total, split, D(max(max(powers(day)) for day in days)))


def supply(facts: Facts, *edges: date, period: BillingPeriod | None) -> SupplyMonth:
    """Parts that begin on each edge but the last one, which is the day after the bill's last."""
    segments = tuple(segment(facts, first, after - timedelta(days=1)) for first, after in pairwise(edges))
    days = (edges[-1] - edges[0]).days
    return SupplyMonth(SEPTEMBER, segments, D(1200 * days), D(0), period=period)


def comparable(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            line["component_code"],
            line["period_code"],
            line["quantity"],
            line["unit_price"],
            line["amount_cny"],
            line["first_date"],
            line["last_date"],
        )
        for line in lines
    ]


def test_a_day_that_no_month_has_is_held_back(store: Store) -> None:
    rows = store.arrow(SilverQuarantine, ["line_number", "column_name", "reason_code"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [(5, "reading_day", "out_of_range")]


def test_energies_are_those_of_the_period(store: Store) -> None:
    rows = store.arrow(GoldBillingDeterminants).to_pylist()
    settled = {(row["meter_point_id"], row["billing_month"]): row for row in rows}
    early = settled["MP-EARLY", "2026-09"]
    assert early["energy_kwh"] == sum(energy_of(day) for day in PERIOD.days)
    assert (early["period_first_date"], early["period_last_date"]) == (PERIOD.first_day, PERIOD.last_day)
    assert (early["metered_days"], early["month_days"]) == (31, 31)
    assert "missing_days" not in early["missing_inputs"]
    assert early["max_demand_date"] == date(2026, 8, 31)
    last = settled["MP-LAST", "2026-09"]
    assert last["energy_kwh"] == sum(energy_of(day) for day in SEPTEMBER.days)
    assert (last["period_first_date"], last["month_days"]) == (None, 30)
    # What was read after the 25th is October's, and August's period began before the first read.
    assert settled["MP-EARLY", "2026-10"]["energy_kwh"] == sum(
        energy_of(date(2026, 9, day)) for day in range(26, 31)
    )
    assert "missing_days" in settled["MP-EARLY", "2026-10"]["missing_inputs"]


def test_each_bill_is_the_price_of_its_own_days(store: Store, facts: Facts) -> None:
    october = date(2026, 10, 1)
    expected = {
        "WORKS-25": supply(
            facts, PERIOD.first_day, SEPTEMBER.first_day, PERIOD.last_day + timedelta(days=1), period=PERIOD
        ),
        "WORKS-30": supply(facts, SEPTEMBER.first_day, october, period=None),
    }
    for customer, month in expected.items():
        bill = issued_bill(store, customer, "2026-09", 1)
        priced = price_supply(joined_at_prices(month, facts), facts)
        assert bill["result"]["total_cny"] == priced.total_cny
        assert comparable(bill["efficiency_bill_lines_v1"]) == comparable(rows_of_lines(priced))  # type: ignore[arg-type]
        assert replay(bill, store.settings, facts) == ()


def test_the_page_shows_the_days_of_the_period(store: Store) -> None:
    bill = issued_bill(store, "WORKS-25", "2026-09", 1)
    row = bill["result"]
    assert [(each.day, each.energy_kwh) for each in bill_days(row)] == [
        (day, pytest.approx(float(energy_of(day)))) for day in PERIOD.days
    ]
    page = bill_page(row, bill["efficiency_bill_lines_v1"], bill["efficiency_bill_advice_v1"], bill_days(row))
    assert {"zh": "电费周期", "en": "period", "value": "2026-08-26 — 2026-09-25"} in page["terms"]
    (kept,) = bill["efficiency_bill_inputs_v1"]
    assert '"period_first_date":"2026-08-26"' in kept["case_inputs"]
    plain = issued_bill(store, "WORKS-30", "2026-09", 1)
    assert plain["result"]["period_first_date"] is None
    assert '"period' not in plain["efficiency_bill_inputs_v1"][0]["case_inputs"].replace('"periods', "")


def test_every_line_leads_back_to_the_days_of_the_period(store: Store, facts: Facts) -> None:
    bill = issued_bill(store, "WORKS-25", "2026-09", 1)
    traces = traces_of(store, [bill["result"]])
    ways = [explain(traces, facts, bill, line["line_number"]) for line in bill["efficiency_bill_lines_v1"]]
    days = {row["energy_date"] for way in ways for row in way["days"]}
    assert days == set(PERIOD.days)
    for way in ways:
        line = way["line"]
        if line["period_code"] is not None and way["intervals"]:
            assert sum(row["final_kwh"] for row in way["intervals"]) == pytest.approx(float(line["quantity"]))


def test_a_late_read_of_august_reaches_the_bill_of_september(store: Store) -> None:
    inbox = store.settings.home / "inbox"
    lines = (inbox / "E_MP_DAY_READ_2026-09.csv").read_text(encoding="utf-8").splitlines()
    (read,) = [line for line in lines if line.startswith("MP-EARLY,1,2026-08-25,")]
    values = read.split(",")
    # The register at the end of the 25th: what it adds to that day it takes from the first of the period.
    values[4], values[-1] = str(D(values[4]) + 10), "2026-10-20 08:00:00"
    (inbox / "late.csv").write_text("\n".join([READ_HEADER, ",".join(values), ""]), encoding="utf-8")
    assert ingest(store, inbox, "late", NOW + timedelta(minutes=1)).accepted == 1
    computed = run(store, NOW + timedelta(minutes=2))
    assert computed["gold-determinants"] == "1 of 6 meter points"
    before, after = (issued_bill(store, "WORKS-25", "2026-09", number)["result"] for number in (1, 2))
    assert before["energy_kwh"] - after["energy_kwh"] == 10
    assert issued_bill(store, "WORKS-30", "2026-09")["result"]["revision"] == 1
