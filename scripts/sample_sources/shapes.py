"""Real load shapes for simulations to build on: how energy moves from day to day and within a day."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sample_sources import buildings, steel
from sample_sources.writing import Origin, SampleFolder

_DAILY = Origin(f"{buildings.SOURCE}; {steel.SOURCE}", "MIT; CC-BY-4.0", ("real", "dates_shifted"))
_HALF_HOUR = Origin(
    "vic_elec: AEMO operational demand of Victoria 2012-2013, tsibbledata / skforecast data",
    "BSD-3-Clause",
    ("real", "derived"),
)
_HOURLY = Origin(
    "one school's hourly energy 2018, nmecr, github.com/kW-Labs/nmecr", "MIT", ("real", "derived")
)

_DAILY_SCHEMA = pa.schema(
    [
        ("shape_id", pa.string()),
        ("source", pa.string()),
        ("day_number", pa.int32()),
        ("weekday", pa.int32()),
        ("energy_kwh", pa.float64()),
    ]
)
_SLOT_SCHEMA = pa.schema(
    [
        ("shape_id", pa.string()),
        ("source", pa.string()),
        ("day_number", pa.int32()),
        ("weekday", pa.int32()),
        ("slot", pa.int32()),
        ("relative_load_ratio", pa.float64()),
    ]
)


def make(folder: Path, samples: SampleFolder) -> None:
    """Writes ``samples/shapes/``."""
    samples.parquet("shapes/daily_load_shapes.parquet", _daily(folder), _DAILY)
    samples.parquet("shapes/half_hour_load_shapes.parquet", _half_hourly(folder), _HALF_HOUR)
    samples.parquet("shapes/hourly_load_shapes.parquet", _hourly(folder), _HOURLY)


def _daily(folder: Path) -> pa.Table:
    """Energy of every whole day; weekday 0 is Monday, of the shifted date (a shift by whole weeks does not
    change it).
    """
    rows: list[tuple[str, str, int, int, float]] = []
    for building in buildings.read_source(folder):
        first = building.shifted_first_day
        rows += [
            (building.uid, "bdg1", number, (first + timedelta(days=number)).weekday(), float(kwh))
            for number, kwh in enumerate(building.energy)
        ]
    usage = steel.read_source(folder)["Usage_kWh"]
    for number in range(len(usage) // steel.POINTS):
        kwh = float(sum(usage[number * steel.POINTS : (number + 1) * steel.POINTS]))
        rows.append(
            (
                steel.CUSTOMER_ID,
                "uci_steel",
                number,
                (steel.FIRST_DAY + timedelta(days=number)).weekday(),
                kwh,
            )
        )
    return _table(rows, _DAILY_SCHEMA)


def _half_hourly(folder: Path) -> pa.Table:
    """Demand over mean demand; days of a clock change (46 or 50 half-hours) and the part of a day at the end
    are left out.
    """
    table = pq.read_table(folder / "vic_elec_halfhour.parquet").sort_by("Time")
    loads = list(zip(table["Date"].to_pylist(), table["Demand"].to_pylist(), strict=True))
    return _relative("vic_elec", "tsibbledata", loads, slots=48)


def _hourly(folder: Path) -> pa.Table:
    """Energy of an hour over the mean hour; days with an empty hour are left out."""
    with gzip.open(folder / "school_eload.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        loads = [(row["time"][:10], float(row["eload"])) for row in csv.DictReader(lines) if row["eload"]]
    return _relative("school", "nmecr", loads, slots=24)


def _relative(shape_id: str, source: str, loads: Sequence[tuple[str, float]], slots: int) -> pa.Table:
    """Whole days only; the day number counts from the first local day, the weekday is the real one."""
    mean = sum(load for _, load in loads) / len(loads)
    first = date.fromisoformat(loads[0][0])
    rows: list[tuple[str, str, int, int, int, float]] = []
    for text, of_day in groupby(loads, key=lambda entry: entry[0]):
        values = [load for _, load in of_day]
        day = datetime.fromisoformat(text).date()
        if len(values) == slots:
            rows += [
                (shape_id, source, (day - first).days, day.weekday(), slot, round(load / mean, 6))
                for slot, load in enumerate(values)
            ]
    return _table(rows, _SLOT_SCHEMA)


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays(
        [pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )
