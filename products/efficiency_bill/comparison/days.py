"""Energy and temperature of customers day by day: what a baseline learns from and a bill is compared by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.arrays import BoolArray, FloatArray
from pipelines.codes import Channel
from pipelines.engine.revisions import Bucket
from pipelines.periods import EPOCH
from pipelines.storage.hashed_rows import rows_of_bucket
from pipelines.storage.scan import read_columns
from pipelines.tables.base import CUSTOMER, STRING, rows_of_table
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.rows.silver import SilverCustomersRow
from pipelines.transforms.ground.in_force import newest_rows

WEATHER = ("station_id", "weather_date", "mean_celsius")
STATIONS = ("customer_id", "valid_from_date", "weather_station_id")
DEDUCTED, ENERGY = "deducted_customer_id", "energy_kwh_or_kvarh"


@dataclass(frozen=True)
class Days:
    """Daily energy and temperature of the billed customers. (customers x days), NaN where unknown

    spread  Whether a day's energy is a share of what one later read settled; None where nobody's is.
    """

    customers: tuple[str, ...]
    days: tuple[date, ...]
    energy: FloatArray
    temperature: FloatArray
    spread: BoolArray | None = None

    @property
    def weekend(self) -> BoolArray:
        """Saturdays and Sundays."""
        return np.array([day.weekday() >= 5 for day in self.days])

    @cached_property
    def place(self) -> dict[str, int]:
        """Row of each customer."""
        return {name: row for row, name in enumerate(self.customers)}

    def until(self, last: date) -> Days:
        """The days up to one."""
        keep = np.array([day <= last for day in self.days], dtype=bool)
        return Days(
            self.customers,
            tuple(day for day in self.days if day <= last),
            self.energy[:, keep],
            self.temperature[:, keep],
            None if self.spread is None else self.spread[:, keep],
        )


def account_energy(
    files: Sequence[str], names: Collection[str] | None, bucket: Bucket | None = None
) -> pa.Table:
    """Active energy per customer and day, less what other customers' sub-meters behind it count: rows of
    ``customer_id``, ``energy_date``, ``energy_kwh_or_kvarh``, ``is_own``.

    files   Data files of gold_day_energy.
    names   The customers wanted; None: everybody whom a row names.
    bucket  That they are all of; None: nothing is known of them.
    """
    # One row gives both what one account has and what another has not.
    return pa.concat_tables([_of_account(files, account, names, bucket) for account in (CUSTOMER, DEDUCTED)])


def _of_account(
    files: Sequence[str], account: str, names: Collection[str] | None, bucket: Bucket | None
) -> pa.Table:
    columns, active = (account, "energy_date", ENERGY), ("channel_code", Channel.ACTIVE_FORWARD.value)
    if bucket is None or bucket.is_whole:
        wanted = (ds.field(active[0]) == active[1]) & ds.field(account).is_valid()
        rows = read_columns(files, GoldDayEnergy, columns, wanted)
    else:
        rows = rows_of_bucket(files, GoldDayEnergy, columns, account, bucket.number, bucket.count, active)
    if names is not None:
        rows = rows.filter(pc.is_in(rows[account], value_set=pa.array(sorted(names), STRING)))
    is_own = account == CUSTOMER
    energy = rows[ENERGY] if is_own else pc.negate(rows[ENERGY])
    told = pa.repeat(pa.scalar(is_own), rows.num_rows)
    return pa.table(
        {CUSTOMER: rows[account], "energy_date": rows["energy_date"], ENERGY: energy, "is_own": told}
    )


def arrange_days(
    rows: pa.Table, stations: pa.Table, weather: pa.Table, spread: pa.Table | None = None
) -> Days:
    """Dense arrays from long rows; several meter points of a customer add up.

    rows      customer_id, energy_date, energy_kwh_or_kvarh; with is_own a day is known only where one of the
              account's own rows has it.
    stations  customer_id, weather_station_id, valid_from_date; the newest terms count.
    weather   station_id, weather_date, mean_celsius.
    spread    What the days of missed reads get, as ``missed_reads`` gives it; its days are marked.
    """
    plain = rows.num_rows
    if spread is not None and spread.num_rows:
        rows = pa.concat_tables([rows.select(spread.schema.names), spread.cast(_long_schema(rows, spread))])
    if not rows.num_rows:
        return Days((), (), np.zeros((0, 0)), np.zeros((0, 0)))
    customers = sorted(pc.unique(rows["customer_id"]).to_pylist())
    number = rows["energy_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    first, last = int(number.min()), int(number.max())
    energy = np.full((len(customers), last - first + 1), np.nan)
    row = (
        pc.index_in(rows["customer_id"], pa.array(customers)).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    own = (
        rows["is_own"].to_numpy(zero_copy_only=False)
        if "is_own" in rows.column_names
        else np.ones(len(row), dtype=bool)
    )
    energy[row[own], number[own] - first] = 0.0
    np.add.at(energy, (row, number - first), rows["energy_kwh_or_kvarh"].to_numpy())
    marked = None
    if rows.num_rows > plain:
        marked = np.zeros(energy.shape, dtype=bool)
        marked[row[plain:], number[plain:] - first] = True
    names = sorted(pc.unique(weather["station_id"]).to_pylist())
    by_station = np.full((len(names) + 1, energy.shape[1]), np.nan)
    day = weather["weather_date"].cast(pa.int32()).to_numpy().astype(np.int64) - first
    inside = (day >= 0) & (day < energy.shape[1])
    station = (
        pc.index_in(weather["station_id"], pa.array(names, pa.string()))
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)
    )
    by_station[station[inside], day[inside]] = weather["mean_celsius"].to_numpy()[inside]
    place = {name: index for index, name in enumerate(names)}
    terms = rows_of_table(stations.select(STATIONS), SilverCustomersRow)
    of = newest_rows(terms, lambda row: row["customer_id"])
    stations_of = [of[name]["weather_station_id"] if name in of else None for name in customers]
    temperature = by_station[[place.get(name or "", len(names)) for name in stations_of]]
    days = tuple(EPOCH + timedelta(days=first + offset) for offset in range(energy.shape[1]))
    return Days(tuple(customers), days, energy, temperature, marked)


def _long_schema(rows: pa.Table, spread: pa.Table) -> pa.Schema:
    return rows.select(spread.schema.names).schema
