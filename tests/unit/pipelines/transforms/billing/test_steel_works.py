"""The real steel works, from received curves and registers to the billing determinants of September 2026."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from pipelines.codes import CustomerClass, DayType
from pipelines.settings import packaged
from pipelines.tables.bronze import BronzeLoadCurves, BronzeRegisterReads
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.billing.determinants import determine
from pipelines.transforms.billing.month_totals import MONTH_TOTALS_SCHEMA, month_totals
from pipelines.transforms.curves.day_curves import refine_curves
from pipelines.transforms.days.curve_days import summarise_days
from pipelines.transforms.days.day_energy import day_energy
from pipelines.transforms.ground.slot_periods import PeriodsOfDays
from pipelines.transforms.registers.register_energy import ENERGY_SCHEMA, derive_reads
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
FIRST_DAY = date(2018, 1, 1) + timedelta(weeks=418)  # 2026-01-05
TODAY = date(2026, 11, 1)
MONTHS = [f"2026-{month:02d}" for month in range(1, 11)]
CURVE_CHANNELS = {"1": "active_forward", "5": "reactive_lagging", "9": "reactive_leading"}
READ_CHANNELS = {"1": "active_forward", "2": "reactive_lagging", "6": "reactive_leading"}
DAY_TYPES = {
    FIRST_DAY + timedelta(days=offset): DayType.WEEKEND
    if (FIRST_DAY + timedelta(days=offset)).weekday() > 4
    else DayType.WORKING_DAY
    for offset in range(400)
}


def received(kind: str) -> list[dict[str, str]]:
    """All rows of the received files of one kind."""
    rows: list[dict[str, str]] = []
    for path in sorted((packaged("samples") / "steel").glob(f"{kind}_*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            rows += csv.DictReader(lines)
    return rows


def bronze_curves() -> pa.Table:
    rows = [
        dict.fromkeys(BronzeLoadCurves.columns())
        | {
            "content_hash": "c",
            "line_number": number + 2,
            "meter_point_id": row["ID"],
            "channel_code": CURVE_CHANNELS[row["DATA_TYPE"]],
            "curve_date": date.fromisoformat(row["DATA_DATE"]),
            "interval_minutes": 15,
            "measure_code": "mean_power",
            "values_unscaled": [
                float(row[f"P{point}"]) if row[f"P{point}"] else None for point in range(1, 97)
            ],
            "present_flags": row["DATA_WHOLE_FLAG"],
            "curve_month": row["DATA_DATE"][:7],
        }
        for number, row in enumerate(received("E_MP_POWER_CURVE"))
    ]
    return pa.Table.from_pylist(rows, BronzeLoadCurves.arrow_schema())


def bronze_reads() -> pa.Table:
    rows = [
        dict.fromkeys(BronzeRegisterReads.columns())
        | {
            "content_hash": "r",
            "line_number": number + 2,
            "meter_point_id": row["ID"],
            "channel_code": READ_CHANNELS[row["READ_TYPE"]],
            "read_date": date.fromisoformat(row["DATA_DATE"]),
            "register_unscaled": Decimal(row["R"]),
            "read_month": row["DATA_DATE"][:7],
        }
        for number, row in enumerate(received("E_MP_DAY_READ"))
    ]
    return pa.Table.from_pylist(rows, BronzeRegisterReads.arrow_schema())


def september_kwh() -> np.ndarray[Any, np.dtype[np.float64]]:
    """(30 x 96) active energy straight from the received text."""
    rows = [
        row
        for row in received("E_MP_POWER_CURVE")
        if row["DATA_TYPE"] == "1" and row["DATA_DATE"].startswith("2026-09")
    ]
    return np.array(
        [
            [float(row[f"P{point}"]) * 1000 / 4 for point in range(1, 97)]
            for row in sorted(rows, key=lambda row: row["DATA_DATE"])
        ]
    )


@pytest.fixture(scope="module")
def tables() -> tuple[pa.Table, pa.Table]:
    """Curves and register energy as silver rows."""
    meters = pa.Table.from_pylist(
        [
            dict.fromkeys(SilverMeterPoints.columns())
            | {
                "meter_point_id": "MP-STEEL-0001",
                "valid_from_date": date(2026, 1, 5),
                "customer_id": "STEEL-0001",
                "meter_id": "METER-STEEL-0001",
                "multiplier_ratio": 1000.0,
                "register_digits": 6,
                "register_decimals": 5,
                "capacity_kva": 800.0,
                "provenance": "real+dates_shifted+derived+assumed",
                "computed_run_id": "test",
            }
        ],
        SilverMeterPoints.arrow_schema(),
    )
    outcome = refine_curves(bronze_curves(), meters, DAY_TYPES, SETTINGS, MONTHS, TODAY)
    derived = derive_reads(bronze_reads(), meters, SETTINGS)
    assert outcome.quarantine.num_rows == 0
    assert derived["reason_code"].null_count == derived.num_rows
    return outcome.curves, derived.select(ENERGY_SCHEMA.names)


def periods(days: Sequence[date], customer_class: CustomerClass) -> np.ndarray[Any, np.dtype[np.int8]]:
    """Autumn as from 2026-07-01: peak 16-23, flat 7-11, 14-16 and 23-24, valley else (indices into
    TouPeriod).
    """
    hours = np.arange(96) // 4
    row = np.full(96, 3, dtype=np.int8)
    row[((hours >= 7) & (hours < 11)) | ((hours >= 14) & (hours < 16)) | (hours == 23)] = 2
    row[(hours >= 16) & (hours < 23)] = 1
    return np.tile(row, (len(days), 1))


def september(curves: pa.Table, energy: pa.Table) -> dict[str, Any]:
    totals = month_totals(summarise_days(curves, PeriodsOfDays(periods)), energy)
    assert totals.schema == MONTH_TOTALS_SCHEMA
    (row,) = (row for row in totals.to_pylist() if row["billing_month"] == "2026-09")
    return determine(
        row | {"customer_id": "STEEL-0001", "customer_class_code": "large_industry", "is_time_of_use": True}
    )


def test_september_is_what_the_meter_settled(tables: tuple[pa.Table, pa.Table]) -> None:
    curves, energy = tables
    row = september(curves, energy)
    assert row["energy_kwh"] == Decimal("60916.39")
    assert row["max_demand_kw"] == 505.0
    assert row["power_factor_ratio"] == Decimal("0.81")
    assert row["lagging_kvarh"] == Decimal("34985.37")
    assert row["leading_kvarh"] == Decimal("8885.74")
    assert row["resolution_kwh"] == Decimal("0.01")
    assert (row["metered_days"], row["month_days"], row["missing_inputs"], row["estimated_ratio"]) == (
        30,
        30,
        [],
        0.0,
    )


def test_the_periods_sum_to_the_energy_and_follow_the_curve(tables: tuple[pa.Table, pa.Table]) -> None:
    curves, energy = tables
    row = september(curves, energy)
    parts = [row[f"{name}_kwh"] for name in ("sharp", "peak", "flat", "valley", "deep_valley")]
    assert sum(parts) == row["energy_kwh"]
    month = september_kwh()
    hours = np.arange(96) // 4
    peak = month[:, (hours >= 16) & (hours < 23)].sum()
    assert float(row["peak_kwh"]) == pytest.approx(peak, abs=0.01)
    assert (parts[0], parts[4]) == (0, 0)
    assert all(part == part.quantize(Decimal("0.01")) for part in parts)


def test_the_highest_quarter_hour_is_where_it_was_measured(tables: tuple[pa.Table, pa.Table]) -> None:
    row = september(*tables)
    month = september_kwh()
    day, slot = divmod(int(month.argmax()), 96)
    assert (row["max_demand_date"], row["max_demand_slot"]) == (date(2026, 9, 1) + timedelta(days=day), slot)


def test_clean_days_are_not_flagged_as_spikes(tables: tuple[pa.Table, pa.Table]) -> None:
    curves, _ = tables
    assert curves.num_rows == 3 * 274
    flagged = sum("VEE-V06" in failed for failed in curves["failed_checks"].to_pylist())
    assert flagged <= curves.num_rows // 100


def test_day_energy_is_the_registers_and_agrees_with_the_curve(tables: tuple[pa.Table, pa.Table]) -> None:
    curves, energy = tables
    days = day_energy(summarise_days(curves, None), energy)
    # The last day: curve until 18:00, no register yet. What the evening would have been nobody knows, so the
    # day has no energy.
    last = curves.filter(pc.equal(curves["curve_date"], date(2026, 10, 5))).to_pylist()
    assert [
        (row["measured_intervals"], row["estimated_intervals"], row["missing_intervals"]) for row in last
    ] == [(72, 0, 24)] * 3
    assert set(days["basis_code"].to_pylist()) == {"register"}
    whole = days.filter(pc.equal(days["basis_code"], "register"))
    assert whole.num_rows == 3 * 273
    np.testing.assert_allclose(
        whole["energy_kwh_or_kvarh"].to_numpy(), whole["curve_kwh_or_kvarh"].to_numpy(), atol=1e-6
    )
