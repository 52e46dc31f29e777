"""Days that one later read settled together: their energy is spread over them, so that each day is compared
with what is expected of a day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.codes import Channel
from pipelines.storage.scan import read_columns
from pipelines.tables.base import CUSTOMER, DATE, POINT, STRING
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverRegisterEnergy
from pipelines.transforms.ground.local_days import DAY_SPAN, day_numbers
from products.efficiency_bill.comparison.days import DEDUCTED, ENERGY

SPREAD_SCHEMA = pa.schema(
    [(CUSTOMER, STRING), ("energy_date", DATE), (ENERGY, pa.float64()), ("is_own", pa.bool_())]
)


def spread_rows(
    day_files: Sequence[str], register_files: Sequence[str], names: Collection[str] | None
) -> pa.Table:
    """What each day of a missed read gets and the day of the read gives up: rows as ``account_energy`` has
    them, to be added to those; none where every day was read.

    day_files       Data files of gold_day_energy; register_files: of silver_register_energy.
    names           The customers wanted; None: everybody.
    """
    rows = _spread(tuple(day_files), tuple(register_files))
    if names is None or not rows.num_rows:
        return rows
    return rows.filter(pc.is_in(rows[CUSTOMER], value_set=pa.array(sorted(names), STRING)))


@lru_cache(maxsize=4)
def _spread(day_files: tuple[str, ...], register_files: tuple[str, ...]) -> pa.Table:
    """Of everybody: data files never change under their names, and hardly a row is read where none was
    missed.
    """
    active = ds.field("channel_code") == Channel.ACTIVE_FORWARD.value
    spans = read_columns(
        register_files,
        SilverRegisterEnergy,
        (POINT, "energy_date", "span_days"),
        active & (ds.field("span_days") > 1),
        use_threads=False,
    )
    if not spans.num_rows:
        return SPREAD_SCHEMA.empty_table()
    points = pc.unique(spans[POINT].combine_chunks())
    columns = (POINT, "energy_date", ENERGY, CUSTOMER, DEDUCTED)
    wanted = active & ds.field(POINT).isin(points)
    days = read_columns(day_files, GoldDayEnergy, columns, wanted, use_threads=False)
    return spread_over_spans(days, spans)


def spread_over_spans(days: pa.Table, spans: pa.Table) -> pa.Table:
    """The rows that turn the energy of a read after missed ones into even shares of its days.

    days   meter_point_id, energy_date, energy_kwh_or_kvarh, customer_id, deducted_customer_id.
    spans  meter_point_id, energy_date, span_days above 1: reads that closed several days.
    A span whose days have rows of their own was split where it was settled and stays so.
    """
    points = pc.unique(pa.chunked_array([*days[POINT].chunks, *spans[POINT].chunks], STRING))
    keys = _keys(days, points)
    ends, length = _keys(spans, points), spans["span_days"].to_numpy().astype(np.int64)
    is_whole = ~np.isin(ends - 1, keys) & np.isin(ends, keys)
    ends, length = ends[is_whole], length[is_whole]
    order = np.argsort(keys, kind="stable")
    at = order[np.searchsorted(keys, ends, sorter=order)]
    back = np.concatenate([np.arange(span) for span in length]) if length.size else length
    row = np.repeat(at, length)
    energy = days[ENERGY].to_numpy()[row]
    share = energy / np.repeat(length, length) - np.where(back == 0, energy, 0.0)
    dates = pa.array((day_numbers(days["energy_date"])[row] - back).astype(np.int32)).cast(DATE)
    parts = []
    for account in (CUSTOMER, DEDUCTED):
        is_own = account == CUSTOMER
        found = pa.table(
            [
                days[account].take(pa.array(row)),
                dates,
                pa.array(share if is_own else -share),
                pa.repeat(pa.scalar(is_own), len(row)),
            ],
            schema=SPREAD_SCHEMA,
        )
        parts.append(found.filter(pc.is_valid(found[CUSTOMER])))
    return pa.concat_tables(parts)


def _keys(rows: pa.Table, points: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    place = pc.index_in(rows[POINT].cast(STRING), value_set=points).to_numpy().astype(np.int64)
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = place * DAY_SPAN + day_numbers(rows["energy_date"])
    return found
