"""Proof that silver's measured values are what was received, none of them lost: recomputed from bronze apart
from the code that refines them.
"""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.codes import CurveMeasure, IntervalStatus, RejectReason
from pipelines.periods import DAY_MINUTES
from pipelines.transforms.curves.told_intervals import SeenValues, ToldIntervals, integers, list_lengths
from pipelines.transforms.ground.local_days import DAY_SPAN

_CONFLICT = RejectReason.CONFLICTING_VALUES.value


def measured_not_as_received(bronze: pa.Table, curves: pa.Table, meter_points: pa.Table) -> int:
    """Measured intervals that differ from every received record of their meter point, channel and day; 0 is
    the only right answer.

    bronze        bronze_load_curves of the meter points, whole.
    curves        silver_day_curves made of them.
    meter_points  silver_meter_points: the multiplier in force on the day.

    A received value counts times the multiplier, and times the length of the interval where it is mean power.
    Equal means equal to the
    last bit. Where a day came more than once, any of its records may be the one that stands, interval by
    interval.
    """
    if not curves.num_rows:
        return 0
    mine, received = _keys(curves, curves), _keys(bronze, curves)
    target = _found_at(received, mine)
    scale = _scales(bronze, meter_points)
    minutes, sent_minutes = integers(curves["interval_minutes"]), integers(bronze["interval_minutes"])
    changed = 0
    for length in np.unique(minutes).tolist():
        slots = DAY_MINUTES // length
        rows = np.flatnonzero((minutes == length) & (list_lengths(curves["measured_kwh_or_kvarh"]) == slots))
        row_of = np.full(minutes.size, -1, dtype=np.int64)
        row_of[rows] = np.arange(rows.size)
        told = np.flatnonzero(
            (target >= 0) & (sent_minutes == length) & (list_lengths(bronze["values_unscaled"]) == slots)
        )
        told = told[row_of[target[told]] >= 0]
        told = told[np.argsort(row_of[target[told]], kind="stable")]
        begins = np.searchsorted(row_of[target[told]], np.arange(rows.size + 1))
        measured, measured_at = _elements(curves["measured_kwh_or_kvarh"])
        values, values_at = _elements(bronze["values_unscaled"])
        changed += _differing(
            measured, measured_at[rows], values, values_at[told], scale[told], begins, slots
        )
    return changed


def _found_at(wanted: IntArray, keys: IntArray) -> IntArray:
    """Place of each wanted key, -1 where it is not there.

    By hand and not by ``place_of``: a proof shares no look-up with what it proves.
    """
    if not keys.size:
        return np.full(wanted.size, -1, dtype=np.int64)
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
    return np.where(keys[order][place] == wanted, order[place], -1)


def received_not_in_silver(
    bronze: pa.Table, curves: pa.Table, quarantine: pa.Table, present_char: str
) -> int:
    """Received values that silver shows as never measured, or whose day it does not have; 0 is the only right
    answer.

    bronze        bronze_load_curves of the meter points, whole.
    curves        silver_day_curves made of them, all months.
    quarantine    What was held back, by content hash and line: a record with a fault of its own is accounted
                  for there, one that others contradict in the intervals of which that is true.
    present_char  The character of the sender's completeness flags that says a point came.

    Of several records for one day the newest decides the length of the intervals: the larger time of the
    sender, then the larger content hash, then the larger line. Those of that length all count; no later one
    takes a value away. A value is contradicted where no record that tells the interval has a sender's time
    and two tell different values; where nobody has a time and lengths differ, all are.
    """
    faulty = _listed(bronze, quarantine.filter(pc.not_equal(quarantine["reason_code"], _CONFLICT)))
    fit = np.flatnonzero(~faulty)
    if not fit.size:
        return 0
    rows = bronze.take(pa.array(fit)) if fit.size < bronze.num_rows else bronze
    contradicted = _listed(rows, quarantine.filter(pc.equal(quarantine["reason_code"], _CONFLICT)))
    key, silver_key = _keys(rows, rows), _keys(curves, rows)
    minutes, silver_minutes = integers(rows["interval_minutes"]), integers(curves["interval_minutes"])
    order = _oldest_first(rows, key)
    timed = np.asarray(pc.is_valid(rows["sent_at_utc"]).to_numpy(), np.bool_)
    last = np.concatenate((key[order[1:]] != key[order[:-1]], [True]))
    day_of = np.cumsum(np.concatenate(([False], last[:-1])))
    newest = order[np.flatnonzero(last)[day_of]]
    is_odd = np.bincount(day_of, weights=minutes[order] != minutes[newest])[day_of] > 0
    is_open = is_odd & ~timed[newest]
    lost_whole = order[is_open & ~contradicted[order]]
    order = order[~is_open & (minutes[order] == minutes[newest])]
    told = ToldIntervals.of(rows, present_char)
    lost = int(told.values_of(lost_whole).sum())
    scale = _to_energy(rows)
    for length in np.unique(minutes[order]).tolist():
        slots = DAY_MINUTES // length
        mine = order[minutes[order] == length]
        of_length = silver_minutes == length
        measured = (
            curves["measured_kwh_or_kvarh"]
            if of_length.all()
            else curves["measured_kwh_or_kvarh"].filter(pa.array(of_length))
        )
        ends = _ends(key[mine])
        begins = np.concatenate(([0], ends[:-1] + 1))
        place = _found_at(key[mine][ends], silver_key[of_length])
        # A day that silver does not have is at place -1: all of it is open.
        open_slots = np.concatenate((_empty(measured, slots), np.ones((1, slots), np.bool_)))[place]
        day, slot = np.nonzero(open_slots)
        seen = SeenValues.of(day.size)
        for turn in range(int((ends - begins).max()) + 1):
            more = np.flatnonzero(
                (begins[day] + turn <= ends[day])
                & told.whole(mine[np.minimum(begins[day] + turn, mine.size - 1)], slots)
            )
            record = mine[begins[day[more]] + turn]
            value, has, differs = told.at(record, slot[more])
            seen.differs[more] |= differs
            more, record, value = more[has], record[has], value[has] * scale[record[has]]
            seen.timed[more] |= timed[record]
            seen.unlisted[more] |= ~contradicted[record]
            seen.low[more] = np.minimum(seen.low[more], value)
            seen.high[more] = np.maximum(seen.high[more], value)
        lost += seen.lost()
    return lost


def measured_not_final(curves: pa.Table) -> int:
    """Measured intervals whose final value is another, or none; 0 is the only right answer. A list of the
    wrong length counts its whole table.
    """
    measured, final, status = (
        pc.list_flatten(curves[name])
        for name in ("measured_kwh_or_kvarh", "final_kwh_or_kvarh", "interval_status_codes")
    )
    if not len(measured) == len(final) == len(status):
        return int(curves.num_rows)
    kept = pc.equal(status, int(IntervalStatus.MEASURED))
    same = pc.fill_null(pc.equal(measured, final), False)
    return int(pc.sum(pc.and_(kept, pc.invert(same))).as_py() or 0)


def _to_energy(rows: pa.Table) -> FloatArray:
    """(records) from a received value to energy before the multiplier."""
    is_power = np.asarray(pc.fill_null(pc.equal(rows["measure_code"], CurveMeasure.MEAN_POWER.value), False))
    return np.where(is_power, integers(rows["interval_minutes"]) / 60.0, 1.0)


def _listed(bronze: pa.Table, quarantine: pa.Table) -> BoolArray:
    """Records that are in a quarantine, by content hash and line."""
    held = np.zeros(bronze.num_rows, dtype=np.bool_)
    files = pc.unique(quarantine["content_hash"])
    if not len(files):
        return held
    lines = pc.unique(quarantine["line_number"])
    asked, known = (
        (_places(rows["content_hash"], files), _places(rows["line_number"], lines))
        for rows in (bronze, quarantine)
    )
    packed = np.where((asked[0] >= 0) & (asked[1] >= 0), asked[0] * len(lines) + asked[1], -1)
    return np.asarray(np.isin(packed, known[0] * len(lines) + known[1]), np.bool_)


def _oldest_first(rows: pa.Table, key: IntArray) -> IntArray:
    """The records by key, those of one key in the order in which each stands over the ones before."""
    order = np.argsort(key, kind="stable")
    contested = np.zeros(key.size, dtype=np.bool_)
    again = key[order[1:]] == key[order[:-1]]
    contested[1:] |= again
    contested[:-1] |= again
    places = np.flatnonzero(contested)
    if places.size:
        rivals = order[places]
        some = rows.select(["sent_at_utc", "content_hash", "line_number"]).take(pa.array(rivals))
        sent = integers(pc.fill_null(some["sent_at_utc"].cast(pa.int64()), np.iinfo(np.int64).min))
        content = integers(pc.rank(some["content_hash"].combine_chunks(), tiebreaker="dense"))
        order[places] = rivals[np.lexsort((integers(some["line_number"]), content, sent, key[rivals]))]
    return order


def _ends(key: IntArray) -> IntArray:
    """Place of the last of each run of equal keys."""
    return np.flatnonzero(np.concatenate((key[1:] != key[:-1], [True])))


def _empty(column: pa.ChunkedArray, slots: int) -> BoolArray:
    """(days x slots) whether no value stands there; a list of another length holds none that could be
    found.
    """
    whole = list_lengths(column) == slots
    empty = np.ones((len(column), slots), dtype=np.bool_)
    values = pc.list_flatten(column if whole.all() else column.filter(pa.array(whole)))
    empty[whole] = pc.is_null(values, nan_is_null=True).to_numpy().reshape(-1, slots)
    return empty


def _keys(rows: pa.Table, curves: pa.Table) -> IntArray:
    """Meter point, channel and day of each row as one number, counted by the names in ``curves``; -1 where
    they do not occur there.
    """
    point, channel = (
        _places(rows[name], pc.unique(curves[name])) for name in ("meter_point_id", "channel_code")
    )
    count = len(pc.unique(curves["channel_code"]))
    packed = (point * count + channel) * DAY_SPAN + integers(rows["curve_date"].cast(pa.int32()))
    return np.where((point >= 0) & (channel >= 0), packed, -1)


def _places(column: pa.ChunkedArray, names: pa.Array) -> IntArray:
    return integers(pc.fill_null(pc.index_in(column, value_set=names), -1))


def _matrix(column: pa.ChunkedArray, rows: IntArray, slots: int) -> FloatArray:
    """(rows x slots), NaN where a value is empty; each of the rows has so many."""
    chosen = (
        column if rows.size == len(column) and (np.diff(rows) == 1).all() else column.take(pa.array(rows))
    )
    return np.asarray(pc.list_flatten(chosen).to_numpy(), dtype=np.float64).reshape(rows.size, slots)


def _elements(column: pa.ChunkedArray) -> tuple[FloatArray, IntArray]:
    """All values of a list column one after the other, NaN where one is empty, and where each row begins."""
    lengths = np.maximum(list_lengths(column), 0)
    return np.asarray(pc.list_flatten(column).to_numpy(), dtype=np.float64), np.cumsum(lengths) - lengths


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _differing(
    measured: FloatArray,
    rows: IntArray,
    values: FloatArray,
    records: IntArray,
    scale: FloatArray,
    begins: IntArray,
    slots: int,
) -> int:
    """Measured intervals that no record of their day tells.

    rows            Where each day begins in ``measured``.
    records, scale  Where each record begins in ``values``, and from value to energy; by day.
    begins          (days + 1) first record of each day.
    """
    differing = 0
    for day in range(rows.size):
        for slot in range(slots):
            energy = measured[rows[day] + slot]
            told = np.isnan(energy)
            for record in range(begins[day], begins[day + 1]):
                told |= energy == values[records[record] + slot] * scale[record]
            differing += not told
    return differing


def _scales(bronze: pa.Table, meter_points: pa.Table) -> FloatArray:
    """From a received value to energy; NaN where no meter counts on the day.

    The meter in force is found by pandas and not by ``places_in_force``: a proof shares no look-up with what
    it proves.
    """
    asked = pd.DataFrame(
        {
            "point": bronze["meter_point_id"].to_pandas(),
            "day": integers(bronze["curve_date"].cast(pa.int32())),
            "row": np.arange(bronze.num_rows),
        }
    )
    known = pd.DataFrame(
        {
            "point": meter_points["meter_point_id"].to_pandas(),
            "day": integers(meter_points["valid_from_date"].cast(pa.int32())),
            "last": integers(pc.fill_null(meter_points["valid_to_date"].cast(pa.int32()), DAY_SPAN)),
            "multiplier": meter_points["multiplier_ratio"].cast(pa.float64()).to_numpy(),
        }
    )
    found = pd.merge_asof(
        asked.sort_values("day"), known.sort_values("day"), on="day", by="point"
    ).sort_values("row")
    multiplier = np.where(found["day"] <= found["last"], found["multiplier"], np.nan)
    is_power = np.asarray(
        pc.fill_null(pc.equal(bronze["measure_code"], CurveMeasure.MEAN_POWER.value), False).to_numpy()
    )
    hours = np.where(is_power, integers(bronze["interval_minutes"]) / 60.0, 1.0)
    return np.asarray(multiplier * hours, dtype=np.float64)
