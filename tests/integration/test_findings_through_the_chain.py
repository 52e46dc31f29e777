"""Outages on record and planted faults, from received files to what silver, gold and the counts of
sufficiency tell of them.
"""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Runner
from pipelines.facts import load_facts
from pipelines.ingest.read_files import ingest
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.findings import GoldDayFindings, SilverRegisterFindings
from pipelines.tables.silver import SilverDayCurves, SilverRegisterEnergy
from pipelines.tables.sufficiency import GoldDataSufficiency
from tests.rated_works import MONTH, STEEL, STEP_KWH, as_csv, by_rate, rows_of, true_kwh, with_gap, with_rates
from tests.step_runs import Silent
from zhixiang.chain import all_steps
from zhixiang.pages.quality_figures import month_figures

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 9, 4, tzinfo=UTC)
IN_OUTAGE, WITHOUT_REASON, DECREASED = date(2026, 9, 10), date(2026, 9, 20), date(2026, 9, 25)
RATED, HOLED, SWAPPED = date(2026, 9, 26), date(2026, 9, 28), date(2026, 9, 30)
POINTS = range(53, 73)  # 13:00 to 18:00: valley, flat and peak
ACTIVE, FORWARD = "1", "1"
EVENTS = """event_id,customer_id,event_code,started_date,ended_date,detail,provenance,sent_at
E-1,STEEL-0001,outage,2026-09-10,2026-09-10,feeder work,simulated,2026-09-11 08:00:00
E-2,STEEL-0001,complaint,2026-09-20,2026-09-20,,simulated,2026-09-21 08:00:00
"""


def without_power(row: dict[str, str]) -> dict[str, str]:
    dark = row["DATA_TYPE"] == ACTIVE and row["DATA_DATE"] in (str(IN_OUTAGE), str(WITHOUT_REASON))
    return row | {f"P{point}": "0" for point in range(1, 97)} if dark else row


def with_decrease(row: dict[str, str]) -> dict[str, str]:
    fell = row["READ_TYPE"] == FORWARD and row["DATA_DATE"] == str(DECREASED)
    return row | {"R": "0.00001"} if fell else row


def with_peak_in_valley(row: dict[str, str]) -> dict[str, str]:
    """10 kWh of the peak counted as valley; the sum of the rates is none the wiser."""
    swapped = row["READ_TYPE"] == FORWARD and row["DATA_DATE"] == str(SWAPPED)
    return (
        row
        | {"R2": str(Decimal(row["R2"]) - Decimal("0.01")), "R4": str(Decimal(row["R4"]) + Decimal("0.01"))}
        if swapped
        else row
    )


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """September of the steel works: two days without power, one of them in an outage on record, and one read
    far below the one before; then
    registers of the rates, a gap over three of them, and a day whose rates are not those of its curve."""
    store = Store(Settings(packaged("conf"), tmp_path_factory.mktemp("findings")), spark)
    inbox: Path = store.settings.home / "inbox"
    inbox.mkdir(parents=True)
    for name in (
        "customers.csv",
        "meter_points.csv",
        "E_MP_DAY_READ_2026-08.csv",
        "E_MP_POWER_CURVE_2026-08.csv",
    ):
        shutil.copyfile(STEEL / name, inbox / name)
    curves = [with_gap(without_power(row), HOLED, POINTS) for row in rows_of("POWER_CURVE")]
    reads = [with_peak_in_valley(with_decrease(row)) for row in with_rates(rows_of("DAY_READ"), RATED)]
    (inbox / f"E_MP_POWER_CURVE_{MONTH}.csv").write_text(as_csv(curves), encoding="utf-8")
    (inbox / f"E_MP_DAY_READ_{MONTH}.csv").write_text(as_csv(reads), encoding="utf-8")
    (inbox / "events.csv").write_text(EVENTS, encoding="utf-8")
    assert ingest(store, inbox, "all", NOW).accepted == 7
    ledger, registry = Ledger(store.settings.home), Registry(store.settings)
    facts = load_facts(packaged("conf") / "facts")
    runner = Runner(
        store.settings,
        facts,
        store,
        registry,
        ledger,
        Silent(),
        ledger.begin("all", NOW),
        [BillingMonth.parse(MONTH)],
        NOW,
    )
    runner.run([step for step in all_steps() if step.stage in ("silver", "gold")])
    return store


def test_only_the_zero_run_that_an_outage_on_record_explains_is_told_as_one(store: Store) -> None:
    rows = store.arrow(SilverDayCurves, ["channel_code", "curve_date", "failed_checks"]).to_pylist()
    told = {
        row["curve_date"]: sorted({"VEE-V04", "VEE-V12"} & set(row["failed_checks"]))
        for row in rows
        if row["channel_code"] == "active_forward"
    }
    assert {day: checks for day, checks in told.items() if checks} == {
        IN_OUTAGE: ["VEE-V12"],
        WITHOUT_REASON: ["VEE-V04"],
    }


def test_findings_tell_the_day_the_value_and_the_limit(store: Store) -> None:
    on_registers = store.arrow(SilverRegisterFindings).to_pylist()
    assert [(row["check_id"], row["finding_date"], row["limit_text"]) for row in on_registers] == [
        ("VEE-V19", DECREASED, None)
    ]
    on_days = {
        (row["check_id"], row["finding_date"]): row
        for row in store.arrow(GoldDayFindings).to_pylist()
        if row["finding_month"] == MONTH
    }
    unequal = sorted(day for check, day in on_days if check == "VEE-V29")
    assert unequal == [IN_OUTAGE, WITHOUT_REASON], "the registers ran on, the curve did not"
    assert [day for check, day in on_days if check == "VEE-V34"] == [SWAPPED]
    finding = on_days["VEE-V29", IN_OUTAGE]
    assert finding["judged_kwh_or_kvarh"] > 1000
    assert finding["limit_text"] == "interval_sum.tolerance_kwh=0.001, interval_sum.tolerance_steps=1"


def test_what_was_found_is_counted_and_shown(store: Store) -> None:
    found = [
        row["check_id"]
        for table in (SilverRegisterFindings, GoldDayFindings)
        for row in store.arrow(table).to_pylist()
        if row["finding_month"] == MONTH
    ]
    row = next(row for row in store.arrow(GoldDataSufficiency).to_pylist() if row["data_month"] == MONTH)
    assert row["failed_warn_checks"] >= found.count("VEE-V29") + 1, "and the zero run"
    shown = {row["id"]: row["days"] for row in month_figures(store, MONTH)["checks"]}
    assert {check: shown[check] for check in ("VEE-V04", "VEE-V12", *set(found))} == {
        "VEE-V04": 1,
        "VEE-V12": 1,
        **{check: found.count(check) for check in set(found)},
    }


def test_each_rate_of_a_gap_takes_what_its_register_counted(store: Store) -> None:
    reads = store.arrow(
        SilverRegisterEnergy, ["channel_code", "energy_date", "rate_energy_kwh_or_kvarh"]
    ).to_pylist()
    rates = {
        row["energy_date"]: row["rate_energy_kwh_or_kvarh"]
        for row in reads
        if row["channel_code"] == "active_forward"
    }
    assert {day.day for day, told in rates.items() if told is not None} == {27, 28, 29, 30}
    true = true_kwh(HOLED)
    assert [float(rate) for rate in rates[HOLED]] == pytest.approx(by_rate(true), abs=3.01 * STEP_KWH)
    curves = store.arrow(
        SilverDayCurves, ["channel_code", "curve_date", "measured_kwh_or_kvarh", "final_kwh_or_kvarh"]
    ).to_pylist()
    day = next(
        row for row in curves if row["channel_code"] == "active_forward" and row["curve_date"] == HOLED
    )
    assert by_rate(day["final_kwh_or_kvarh"]) == pytest.approx(
        [float(rate) for rate in rates[HOLED]], abs=1.01 * STEP_KWH
    )
    empty = [slot for slot, value in enumerate(day["measured_kwh_or_kvarh"]) if value is None]
    assert empty == [point - 1 for point in POINTS]
    assert [value for slot, value in enumerate(day["final_kwh_or_kvarh"]) if slot not in empty] == [
        value for value in day["measured_kwh_or_kvarh"] if value is not None
    ]
