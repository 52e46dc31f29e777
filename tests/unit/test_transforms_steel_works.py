"""The real steel works, from received curves and registers to the billing determinants of September 2026."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.codes import CustomerClass, DayType
from pipelines.settings import packaged
from pipelines.tables.bronze import BronzeLoadCurves, BronzeRegisterReads
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.curve_days import PeriodBook, summarise_days
from pipelines.transforms.curves import refine_curves
from pipelines.transforms.determinants import determine
from pipelines.transforms.energy import day_energy
from pipelines.transforms.month_totals import MONTH_TOTALS_SCHEMA, month_totals
from pipelines.transforms.registers import ENERGY_SCHEMA, derive_reads
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8")))
FIRST_DAY = date(2018, 1, 1) + timedelta(weeks=418)
TODAY = date(2026, 11, 1)
MONTHS = [f"2026-{month:02d}" for month in range(1, 11)]
CHANNELS = {
    "active_forward": "Usage_kWh",
    "reactive_lagging": "Lagging_Current_Reactive.Power_kVarh",
    "reactive_leading": "Leading_Current_Reactive_Power_kVarh",
}
DAY_TYPES = {
    FIRST_DAY + timedelta(days=offset): DayType.WEEKEND if (FIRST_DAY + timedelta(days=offset)).weekday() > 4 else DayType.WORKING_DAY
    for offset in range(400)
}


def steel_energy() -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """(days x 96) energy by channel, whole days only. [kWh or kvarh]"""
    folders = [os.environ.get("ZHIXIANG_REFERENCE_DATA"), str(packaged("samples") / "steel"), str(packaged("samples"))]
    found = [Path(folder) / "steel_15min.parquet" for folder in folders if folder and (Path(folder) / "steel_15min.parquet").is_file()]
    if not found:
        pytest.skip("steel_15min.parquet is neither in ZHIXIANG_REFERENCE_DATA nor in samples/")
    columns = pq.read_table(found[0], columns=["seq", *CHANNELS.values()]).sort_by("seq")
    days = columns.num_rows // 96
    return {channel: columns[name].to_numpy()[: days * 96].reshape(days, 96) for channel, name in CHANNELS.items()}


def day_of(offset: int) -> date:
    return FIRST_DAY + timedelta(days=offset)


@pytest.fixture(scope="module")
def tables() -> tuple[pa.Table, pa.Table, pa.Table]:
    """Curves as silver rows, register energy as silver rows, and what the register reads were held back for."""
    curves, reads = [], []
    for channel, energy in steel_energy().items():
        for offset, row in enumerate(energy):
            curves.append(
                dict.fromkeys(BronzeLoadCurves.columns())
                | {
                    "content_hash": "c",
                    "line_number": len(curves) + 2,
                    "meter_point_id": "MP-STEEL-0001",
                    "channel_code": channel,
                    "curve_date": day_of(offset),
                    "interval_minutes": 15,
                    "measure_code": "mean_power",
                    "values_unscaled": (row * 4 / 1000).tolist(),
                    "present_flags": "1" * 96,
                    "curve_month": f"{day_of(offset):%Y-%m}",
                }
            )
        counter = Decimal(0)
        for offset in range(-1, len(energy)):
            if offset >= 0:
                counter += sum((Decimal(repr(float(value))) for value in energy[offset]), Decimal(0)) / 1000
            reads.append(
                dict.fromkeys(BronzeRegisterReads.columns())
                | {
                    "content_hash": "r",
                    "line_number": len(reads) + 2,
                    "meter_point_id": "MP-STEEL-0001",
                    "channel_code": channel,
                    "read_date": day_of(offset),
                    "register_unscaled": counter,
                    "read_month": f"{day_of(offset):%Y-%m}",
                }
            )
    meters = pa.Table.from_pylist(
        [
            dict.fromkeys(SilverMeterPoints.columns())
            | {
                "meter_point_id": "MP-STEEL-0001",
                "valid_from_date": FIRST_DAY,
                "customer_id": "STEEL-0001",
                "meter_id": "M-STEEL-0001",
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
    outcome = refine_curves(pa.Table.from_pylist(curves, BronzeLoadCurves.arrow_schema()), meters, DAY_TYPES, SETTINGS, MONTHS, TODAY)
    derived = derive_reads(pa.Table.from_pylist(reads, BronzeRegisterReads.arrow_schema()), meters, SETTINGS)
    assert outcome.quarantine.num_rows == 0
    assert derived["reason_code"].null_count == derived.num_rows
    return outcome.curves, derived.select(ENERGY_SCHEMA.names), derived


def periods(days: Sequence[date], customer_class: CustomerClass) -> np.ndarray[Any, np.dtype[np.int8]]:
    """Autumn as from 2026-07-01: peak 16-23, flat 7-11, 14-16 and 23-24, valley else (indices into TouPeriod)."""
    hours = np.arange(96) // 4
    row = np.full(96, 3, dtype=np.int8)
    row[((hours >= 7) & (hours < 11)) | ((hours >= 14) & (hours < 16)) | (hours == 23)] = 2
    row[(hours >= 16) & (hours < 23)] = 1
    return np.tile(row, (len(days), 1))


def september(curves: pa.Table, energy: pa.Table) -> dict[str, Any]:
    totals = month_totals(summarise_days(curves, PeriodBook(periods)), energy)
    assert totals.schema == MONTH_TOTALS_SCHEMA
    (row,) = (row for row in totals.to_pylist() if row["billing_month"] == "2026-09")
    return determine(row | {"customer_id": "STEEL-0001", "customer_class_code": "large_industry", "is_time_of_use": True})


def test_september_is_what_the_meter_settled(tables: tuple[pa.Table, pa.Table, pa.Table]) -> None:
    curves, energy, _ = tables
    row = september(curves, energy)
    assert row["energy_kwh"] == Decimal("60916.39")
    assert row["max_demand_kw"] == 505.0
    assert row["power_factor_ratio"] == Decimal("0.81")
    assert row["lagging_kvarh"] == Decimal("34985.37")
    assert row["leading_kvarh"] == Decimal("8885.74")
    assert row["resolution_kwh"] == Decimal("0.01")
    assert (row["metered_days"], row["month_days"], row["missing_inputs"], row["estimated_ratio"]) == (30, 30, [], 0.0)


def test_the_periods_sum_to_the_energy_and_follow_the_curve(tables: tuple[pa.Table, pa.Table, pa.Table]) -> None:
    curves, energy, _ = tables
    row = september(curves, energy)
    parts = [row[f"{name}_kwh"] for name in ("sharp", "peak", "flat", "valley", "deep_valley")]
    assert sum(parts) == row["energy_kwh"]
    first = (date(2026, 9, 1) - FIRST_DAY).days
    month = steel_energy()["active_forward"][first : first + 30]
    hours = np.arange(96) // 4
    peak = month[:, (hours >= 16) & (hours < 23)].sum()
    assert float(row["peak_kwh"]) == pytest.approx(peak, abs=0.01)
    assert (parts[0], parts[4]) == (0, 0)
    assert all(part == part.quantize(Decimal("0.01")) for part in parts)


def test_the_highest_quarter_hour_is_where_it_was_measured(tables: tuple[pa.Table, pa.Table, pa.Table]) -> None:
    row = september(*tables[:2])
    first = (date(2026, 9, 1) - FIRST_DAY).days
    month = steel_energy()["active_forward"][first : first + 30]
    day, slot = divmod(int(month.argmax()), 96)
    assert (row["max_demand_date"], row["max_demand_slot"]) == (date(2026, 9, 1) + timedelta(days=day), slot)


def test_clean_days_are_not_flagged_as_spikes(tables: tuple[pa.Table, pa.Table, pa.Table]) -> None:
    curves, _, _ = tables
    assert curves.num_rows == 3 * 273
    flagged = sum("VEE-V06" in failed for failed in curves["failed_checks"].to_pylist())
    assert flagged <= curves.num_rows // 100


def test_day_energy_is_the_registers_and_agrees_with_the_curve(tables: tuple[pa.Table, pa.Table, pa.Table]) -> None:
    curves, energy, _ = tables
    days = day_energy(summarise_days(curves, None), energy)
    assert days.num_rows == 3 * 273
    assert set(days["basis_code"].to_pylist()) == {"register"}
    np.testing.assert_allclose(days["energy_kwh_or_kvarh"].to_numpy(), days["curve_kwh_or_kvarh"].to_numpy(), atol=1e-6)
