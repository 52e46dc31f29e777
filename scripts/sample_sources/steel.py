"""The steel works: 15-minute energy of one real plant as curves of mean power and as frozen registers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.tables.bronze import BronzeCustomers, BronzeMeterPoints
from sample_sources.received import (
    DAY_READ_COLUMNS,
    POWER_CURVE_COLUMNS,
    day_read_row,
    declared_header,
    declared_row,
)
from sample_sources.writing import Origin, SampleFolder

FIRST_SOURCE_DAY = date(2018, 1, 1)
SHIFT_WEEKS = 418
FIRST_DAY = FIRST_SOURCE_DAY + timedelta(weeks=SHIFT_WEEKS)
CUSTOMER_ID, METER_POINT_ID = "STEEL-0001", "MP-STEEL-0001"
MULTIPLIER = 1000
POINTS = 96

SOURCE = "Steel Industry Energy Consumption, UCI Machine Learning Repository, doi:10.24432/C52G8C"
LICENCE = "CC-BY-4.0"
_READS = Origin(SOURCE, LICENCE, ("real", "dates_shifted", "derived"))
_TERMS = Origin(SOURCE, LICENCE, ("real", "dates_shifted", "derived", "assumed"))
_PROVENANCE = "+".join(_TERMS.provenance)

# (column of the source, DATA_TYPE of the curve, READ_TYPE of the register)
_CHANNELS = (
    ("Usage_kWh", "1", "1"),
    ("Lagging_Current_Reactive.Power_kVarh", "5", "2"),
    ("Leading_Current_Reactive_Power_kVarh", "9", "6"),
)


def read_source(folder: Path) -> dict[str, list[Decimal]]:
    """Energy of every interval in true order, by source column. [kWh or kvarh]

    The source's stamps are interval ends and its 00:00 row carries the date of the day that it closes, so a
    sort by stamp
    would be wrong; ``seq`` is the order, and slot = seq % 96.
    """
    table = pq.read_table(folder / "steel_15min.parquet").sort_by("seq")
    if table["seq"].to_pylist() != list(range(table.num_rows)):
        raise ValueError("the source's seq is not 0, 1, 2, ...")
    return {
        column: [Decimal(repr(value)) for value in table[column].to_pylist()] for column, _, _ in _CHANNELS
    }


def make(folder: Path, samples: SampleFolder) -> None:
    """Writes ``samples/steel/``."""
    energy = read_source(folder)
    for month, rows in groupby(_curve_rows(energy), key=lambda row: row[1][:7]):
        samples.csv(
            f"steel/E_MP_POWER_CURVE_{month}.csv", POWER_CURVE_COLUMNS, rows, _READS, "e_mp_power_curve_csv"
        )
    for month, rows in groupby(_register_rows(energy), key=lambda row: row[2][:7]):
        samples.csv(f"steel/E_MP_DAY_READ_{month}.csv", DAY_READ_COLUMNS, rows, _READS, "e_mp_day_read_csv")
    _make_terms(samples)


def _curve_rows(energy: dict[str, list[Decimal]]) -> Iterator[list[str]]:
    count = len(energy["Usage_kWh"])
    for first in range(0, count, POINTS):
        day = FIRST_DAY + timedelta(days=first // POINTS)
        for column, data_type, _ in _CHANNELS:
            values = energy[column][first : first + POINTS]
            points = [str(_scaled(value * 4)) for value in values]
            empty = POINTS - len(points)
            flags = "1" * len(points) + "0" * empty
            sent = (
                f"{day.isoformat()} {len(points) // 4:02d}:10:00"
                if empty
                else f"{(day + timedelta(days=1)).isoformat()} 01:10:00"
            )
            yield [METER_POINT_ID, day.isoformat(), data_type, "1", flags, *points, *([""] * empty), sent]


def _register_rows(energy: dict[str, list[Decimal]]) -> Iterator[list[str]]:
    """Registers cumulated from zero; the first closes the day before the first energy, a day that is not
    whole has none.
    """
    registers = {column: Decimal(0) for column, _, _ in _CHANNELS}
    before = FIRST_DAY - timedelta(days=1)
    for column, _, read_type in _CHANNELS:
        yield day_read_row(METER_POINT_ID, read_type, before, _scaled(registers[column]))
    for number in range(len(energy["Usage_kWh"]) // POINTS):
        day = FIRST_DAY + timedelta(days=number)
        for column, _, read_type in _CHANNELS:
            registers[column] += sum(energy[column][number * POINTS : (number + 1) * POINTS])
            yield day_read_row(METER_POINT_ID, read_type, day, _scaled(registers[column]))


def _scaled(value: Decimal) -> Decimal:
    """A value before the multiplier, exact to five decimals; a value that does not fit is an error, never
    rounded.
    """
    scaled = (value / MULTIPLIER).quantize(Decimal("0.00001"))
    if scaled * MULTIPLIER != value:
        raise ValueError(f"{value} has more decimals than the register shows")
    return scaled


def _make_terms(samples: SampleFolder) -> None:
    first = FIRST_DAY - timedelta(days=1)
    sent = f"{first.isoformat()} 08:00:00"
    customer = {
        "customer_id": CUSTOMER_ID,
        "valid_from_date": first.isoformat(),
        "customer_name": "示例钢铁厂（真实用电，日期平移）",
        "industry_code": "31",
        "peer_group": "Steel works",
        "customer_class_code": "large_industry",
        "pricing_scheme_code": "two_part",
        "voltage_level_code": "1_to_20kv",
        "contract_capacity_kva": "800",
        "running_capacity_kva": "800",
        "demand_basis_code": "contract_demand",
        "contract_demand_kw": "600",
        "power_factor_standard_ratio": "0.90",
        "is_time_of_use": "true",
        "provenance": _PROVENANCE,
        "sent_at": sent,
    }
    meter_point = {
        "meter_point_id": METER_POINT_ID,
        "valid_from_date": first.isoformat(),
        "customer_id": CUSTOMER_ID,
        "meter_id": "METER-STEEL-0001",
        "multiplier_ratio": str(MULTIPLIER),
        "register_digits": "6",
        "register_decimals": "5",
        "start_register_unscaled": "0.00000",
        "capacity_kva": "800",
        "provenance": _PROVENANCE,
        "sent_at": sent,
    }
    samples.csv(
        "steel/customers.csv",
        declared_header(BronzeCustomers),
        [declared_row(BronzeCustomers, customer)],
        _TERMS,
        "declared_customers_csv",
    )
    samples.csv(
        "steel/meter_points.csv",
        declared_header(BronzeMeterPoints),
        [declared_row(BronzeMeterPoints, meter_point)],
        _TERMS,
        "declared_meter_points_csv",
    )
