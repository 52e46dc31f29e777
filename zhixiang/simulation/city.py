"""A simulated city: enterprises whose load follows real shapes, and whose bills are paid as their hidden
health allows.

Nothing here is measured. The files have the form in which a utility delivers; every name and provenance says
*simulated*.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from pipelines.arrays import IntArray
from pipelines.errors import UsageError
from pipelines.file_modes import DELIVERED_FILE, make_folder
from pipelines.periods import BillingMonth
from zhixiang.simulation.city_health import simulate_health, simulate_payments
from zhixiang.simulation.city_load import real_shapes, simulate_metering
from zhixiang.simulation.city_records import (
    customer_rows,
    event_rows,
    meter_point_rows,
    payment_rows,
    simulate_capacity,
    write_declared,
)
from zhixiang.simulation.city_shape import City

READ_HEADER = "ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME"


def simulate_city(samples: Path, seed: int, enterprises: int, months: int, last_month: BillingMonth) -> City:
    """A city from a seed; the same arguments give the same city."""
    span = tuple(last_month.plus(offset - months + 1) for offset in range(months))
    days = tuple(day for month in span for day in month.days)
    health = simulate_health(_rng(seed, "health"), enterprises, months)
    metering = simulate_metering(_rng(seed, "load"), real_shapes(samples), health, span, days)
    payments = simulate_payments(_rng(seed, "payments"), health, metering.month_kwh(span, days), span)
    ids = [f"SIM-CITY-{index + 1:05d}" for index in range(enterprises)]
    return City(ids, span, days, health, metering, payments)


def write_city(
    folder: Path,
    samples: Path,
    seed: int,
    enterprises: int = 3000,
    months: int = 24,
    last_month: BillingMonth = BillingMonth(2026, 9),  # noqa: B008  # frozen
    truth: Path | None = None,
) -> list[Path]:
    """Writes what a utility would deliver of the city, and returns the files.

    folder   For the received files; made if it is missing.
    samples  Folder with ``shapes/daily_load_shapes.parquet``.
    truth    Folder for ``city_truth.parquet`` (hidden health and default per enterprise and month), never the
             folder of the received files.
    Same arguments, same bytes. Raises UsageError for a city without an enterprise or a month, and for a truth
    that would lie among the
    received files.
    """
    if enterprises < 1 or months < 1:
        raise UsageError(
            f"A city of {enterprises} enterprises over {months} months holds nothing.",
            "Ask for at least one of each.",
        )
    if truth is not None and truth.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"{truth} lies among the received files.", "Give a folder outside the inbox for the truth."
        )
    city = simulate_city(samples, seed, enterprises, months, last_month)
    folder.mkdir(parents=True, exist_ok=True)
    rng = _rng(seed, "records")
    capacity = simulate_capacity(city, rng)
    written = [
        write_declared(folder / "simulated_city_customers.csv", customer_rows(city, capacity, rng)),
        write_declared(folder / "simulated_city_meter_points.csv", meter_point_rows(city, capacity)),
        write_declared(folder / "simulated_city_payments.csv", payment_rows(city)),
        write_declared(folder / "simulated_city_events.csv", event_rows(city, rng)),
        *_write_reads(folder, city),
    ]
    if truth is not None:
        make_folder(truth)
        pq.write_table(_truth(city), truth / "city_truth.parquet")
        (truth / "city_truth.parquet").chmod(DELIVERED_FILE)
    return written


def _rng(seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng([seed, *purpose.encode()])


def _write_reads(folder: Path, city: City) -> list[Path]:
    """Frozen registers, one file per month; the first file begins with the read that closes the day
    before.
    """
    written = []
    closing = [city.days[0] - timedelta(days=1), *city.days]
    month_of_read = np.array([(day.year * 12 + day.month - 1) for day in closing])
    first = city.months[0].year * 12 + city.months[0].month - 1
    month_of_read[0] = first
    points = pa.array([f"MP-{customer}" for customer in city.customer_ids], pa.string())
    for index, month in enumerate(city.months):
        columns = np.flatnonzero(month_of_read == first + index)
        where = np.argwhere(city.metering.is_read[:, columns])
        enterprise, day = where[:, 0], columns[where[:, 1]]
        hundredths = city.metering.register_hundredths[enterprise, day]
        dates = pa.array([closing[column] for column in columns], pa.date32()).take(pa.array(where[:, 1]))
        stamps = dates.cast(pa.timestamp("s"))
        count = len(where)
        empty = pa.array([""] * count, pa.string())
        rows = pa.table(
            {
                "ID": points.take(pa.array(enterprise)),
                "READ_TYPE": pa.array(["1"] * count),
                "DATA_DATE": dates,
                "COLL_TIME": pa.compute.add(stamps, pa.scalar(timedelta(hours=24), pa.duration("s"))),
                "R": _decimal_text(hundredths),
                **dict.fromkeys(("R1", "R2", "R3", "R4"), empty),
                "STATUS": pa.array(["0"] * count),
                "INSERT_TIME": pa.compute.add(stamps, pa.scalar(timedelta(hours=26), pa.duration("s"))),
            }
        )
        path = folder / f"E_MP_DAY_READ_simulated_city_{month}.csv"
        with path.open("wb") as handle:
            handle.write(READ_HEADER.encode() + b"\n")
            pc_csv.write_csv(rows, handle, pc_csv.WriteOptions(include_header=False, quoting_style="none"))
        written.append(path)
    return written


def _decimal_text(hundredths: IntArray) -> pa.Array:
    """Hundredths as text with two decimals, without a detour through floats."""
    whole = pa.array(hundredths // 100).cast(pa.string())
    cents = pa.compute.utf8_lpad(pa.array(hundredths % 100).cast(pa.string()), 2, "0")
    return pa.compute.binary_join_element_wise(whole, cents, ".")


def _truth(city: City) -> pa.Table:
    count = len(city.months)
    return pa.table(
        {
            "customer_id": pa.array(np.repeat(city.customer_ids, count)),
            "billing_month": pa.array([str(month) for month in city.months] * len(city.customer_ids)),
            "hidden_health": pa.array(city.health.level.ravel()),
            "is_default": pa.array(city.payments.is_default.ravel()),
        }
    )
