"""Received load curves to silver: settled, multiplied, gridded by local day, validated, estimated."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.codes import Channel, DayType, IntervalStatus
from pipelines.errors import FactNotInForceError
from pipelines.periods import EPOCH
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverDayCurves
from pipelines.transforms import curve_records, settlement
from pipelines.transforms.curve_reconciliation import Registers, Rows, read_once, reconcile, rows_in_spans
from pipelines.transforms.curve_records import CurveRecords, Element
from pipelines.transforms.deliveries import Merged, merge_deliveries
from pipelines.transforms.local_days import DAY_SPAN
from pipelines.vee.blocks import BoolArray, CurveBlock, IntArray
from pipelines.vee.checks import INTERVAL_CHECKS, run_checks
from pipelines.vee.edit import Edit, Placed, place_edits, put_values, take_back_marks
from pipelines.vee.estimation import Estimates, estimate_missing_intervals
from pipelines.vee.kernels import open_ends
from pipelines.vee.settings import VeeSettings

CURVES_SCHEMA = pa.schema([field for field in SilverDayCurves.arrow_schema() if field.name != "computed_run_id"])

PRESENT_CHAR = "1"

_ESTIMATED = np.array([status.is_estimated for status in IntervalStatus])


Outages = Mapping[str, Sequence[tuple[date, date]]]


@dataclass(frozen=True)
class CurveOutcome:
    """What became of the received curves of some meter points.

    curves      Rows of silver_day_curves without ``computed_run_id``, by meter point, channel and day; only the months asked for.
    accounts    One row per content hash over all records given: received = kept + duplicate + superseded + quarantined.
    quarantine  Rows of silver_quarantine without ``source_file`` and ``run_id``, over all records given.
    """

    curves: pa.Table
    accounts: pa.Table
    quarantine: pa.Table


def refine_curves(
    bronze: pa.Table,
    meter_points: pa.Table,
    day_types: Mapping[date, str],
    settings: VeeSettings,
    months: Collection[str],
    today: date,
    present_char: str = PRESENT_CHAR,
    registers: Registers | None = None,
    outages: Outages | None = None,
    edits: Sequence[Edit] = (),
) -> CurveOutcome:
    """Settles, validates and estimates all received curves of a set of meter points.

    bronze        Columns of bronze_load_curves (run columns may lack), the whole history of these meter points, in any order.
    meter_points  silver_meter_points, of these meter points at least.
    day_types     DayType of each local day. Days of one kind are like-days; Saturdays and Sundays count apart, and so do weekends that are
                  worked and Spring Festival. A day that the mapping does not cover is told by its weekday.
    months        ``YYYY-MM`` whose curves are wanted; the others only serve as neighbours and like-days.
    today         Local day on which this runs; later days are held back.
    present_char  The character of the sender's completeness flags that says a point came (``conf/formats.yaml``).
    registers     Energy between reads, to which the estimates of a span are scaled.
    outages       First and last local day of each outage on record, by meter point.
    edits         Verified manual edits, in the order of their approval.

    Before the first and after the last interval of a series that came, and so after now, nothing is estimated but on days that a register closes.
    A day between two received days of a series that never came is there too, with nothing measured; beyond ``like_day_limit_days`` such days are
    filled only from registers. A silence longer than ``longest_silence_days`` ends the series, and what comes after it is another: its first day is marked.
    """
    records = curve_records.read_records(bronze, meter_points, settings, today, present_char)
    settled = _settle(records)
    merged, kept, received, wanted = settled.merged, settled.kept, settled.received, set(months)
    every_kept_key = records.series[kept] * DAY_SPAN + records.day[kept]
    parts = []
    for minutes in np.unique(records.interval_minutes[kept]).tolist():
        chosen = records.interval_minutes[kept] == minutes
        parts.append(
            _refine_group(
                records,
                merged,
                kept[chosen],
                received[chosen],
                every_kept_key,
                int(minutes),
                day_types,
                settings,
                wanted,
                today,
                registers,
                outages or {},
                edits,
            )
        )
    return CurveOutcome(_joined(parts), *_accounted(records, settled, bronze))


def settle_curves(bronze: pa.Table, meter_points: pa.Table, settings: VeeSettings, today: date, present_char: str) -> tuple[pa.Table, pa.Table]:
    """Accounts and quarantine of received curves as ``refine_curves`` gives them, without the curves."""
    records = curve_records.read_records(bronze, meter_points, settings, today, present_char)
    return _accounted(records, _settle(records), bronze)


@dataclass(frozen=True)
class _Settled:
    """Which records stand.

    verdicts     (records) index into ``settlement.VERDICTS``.
    conflicting  (records) held back because others contradict them.
    merged       Days put together from several deliveries.
    kept         Records that stand; ``received`` how many came for each.
    """

    verdicts: NDArray[np.int8]
    conflicting: BoolArray
    merged: Merged
    kept: IntArray
    received: IntArray


def _settle(records: CurveRecords) -> _Settled:
    key = records.series * DAY_SPAN + records.day
    fit = np.flatnonzero(records.faults == 0)
    groups, winners, receptions = settlement.group_winners(key[fit], records.sent[fit], records.content[fit], records.line[fit])
    same = _same_as_winner(records, fit, winners[groups], receptions[groups] > 1)
    verdicts = np.full(records.count, settlement.QUARANTINED, dtype=np.int8)
    settled = settlement.settle(groups, winners, same, records.sent[fit])
    merged = merge_deliveries(records, fit, groups, winners, settled)
    verdicts[fit] = settled
    conflicting = np.zeros(records.count, dtype=np.bool_)
    conflicting[fit] = settled == settlement.QUARANTINED
    stands = settled[winners] == settlement.KEPT
    return _Settled(verdicts, conflicting, merged, fit[winners[stands]], receptions[stands])


def _accounted(records: CurveRecords, settled: _Settled, bronze: pa.Table) -> tuple[pa.Table, pa.Table]:
    accounts = settlement.count_verdicts(records.content, records.content_hashes, settled.verdicts, BronzeLoadCurves.name)
    return accounts, curve_records.quarantine(records, bronze, settled.conflicting)


def _same_as_winner(records: CurveRecords, fit: IntArray, winner_of: IntArray, contested: BoolArray) -> BoolArray:
    """Whether each fit record says what its group's winner says; only contested groups are compared."""
    same = np.ones(fit.size, dtype=np.bool_)
    at = np.flatnonzero(contested & (winner_of != np.arange(fit.size)))
    ours, theirs = fit[at], fit[winner_of[at]]
    equal = records.interval_minutes[ours] == records.interval_minutes[theirs]
    for minutes in np.unique(records.interval_minutes[ours[equal]]).tolist():
        pairs = np.flatnonzero(equal & (records.interval_minutes[ours] == minutes))
        left, right = records.matrix(ours[pairs]), records.matrix(theirs[pairs])
        values = ((left == right) | (np.isnan(left) & np.isnan(right))).all(axis=1)
        equal[pairs] = values & (records.substituted(ours[pairs]) == records.substituted(theirs[pairs])).all(axis=1)
    same[at] = equal
    return same


def _refine_group(
    records: CurveRecords,
    merged: Merged,
    kept: IntArray,
    receptions: IntArray,
    every_kept_key: IntArray,
    minutes: int,
    day_types: Mapping[date, str],
    settings: VeeSettings,
    months: set[str],
    today: date,
    registers: Registers | None,
    outages: Outages,
    edits: Sequence[Edit],
) -> pa.Table:
    """Silver rows of the kept records of one interval length."""
    order = np.lexsort((records.day[kept], records.series[kept]))
    kept, receptions = kept[order], receptions[order]
    series, day = records.series[kept], records.day[kept]
    silence = np.where(series[1:] == series[:-1], day[1:] - day[:-1] - 1, 0)
    first = np.flatnonzero(np.concatenate(([True], (series[1:] != series[:-1]) | (silence > settings.longest_silence_days))))
    last = np.concatenate((first[1:], [kept.size])) - 1
    spans = day[last] - day[first] + 1
    starts = np.concatenate(([0], np.cumsum(spans)))
    rows = starts[np.searchsorted(first, np.arange(kept.size), side="right") - 1] + day - np.repeat(day[first], last - first + 1)
    total = int(starts[-1])
    block_series = np.repeat(series[first], spans)
    block_day = np.arange(total) - np.repeat(starts[:-1], spans) + np.repeat(day[first], spans)

    received, marked = records.matrix(kept), records.substituted(kept)
    merged.apply(minutes, kept, received, marked)
    energy = _placed(received, rows, total, np.nan)
    substituted = _placed(marked, rows, total, False)
    channel = np.array([channel == Channel.ACTIVE_FORWARD.value for channel in records.channels], dtype=np.bool_)
    block = CurveBlock(
        energy=energy,
        interval_minutes=minutes,
        series_starts=starts,
        day_numbers=block_day,
        day_types=type_codes(block_day, day_types),
        capacity_kva=_placed(records.capacity_kva[kept], rows, total, np.nan),
        counts_use=channel[block_series % len(records.channels)],
        receptions=_placed(receptions, rows, total, 0),
        today_number=(today - EPOCH).days,
        outages=_days_in_outage(outages, records, starts, series[first], block_day),
        silent_before=_silent_before(rows, silence, total, settings) if (silence > settings.longest_silence_days).any() else None,
    )
    bits, invalid = run_checks(block, settings)
    placed = _placed_edits(edits, records, minutes, block_series * DAY_SPAN + block_day)
    take_back_marks(placed, bits, invalid)
    rows_of = Rows(records.meter_points, records.channels, block_series, block_day, lambda days: kinds_of(days, day_types))
    if registers is not None and invalid.any():
        registers = read_once(registers, rows_of.names_of(np.asarray(invalid.any(axis=1))), today)
    edges = series[first] * DAY_SPAN + day[first], series[first] * DAY_SPAN + day[last]
    barred = open_ends(block.energy, starts, *_ends_of_series(*edges, every_kept_key))
    if barred.size and registers is not None:
        barred[rows_in_spans(registers, rows_of)] = False
    estimates = estimate_missing_intervals(block, invalid, substituted, settings, barred if barred.size else None)
    if registers is not None and invalid.any():
        estimates = reconcile(estimates, invalid, rows_of, registers, minutes)
    # Two people's word comes last: neither an estimate nor a register changes what they put in place.
    estimates = put_values(placed, block, estimates)

    month = block_day.astype("datetime64[D]").astype("datetime64[M]")
    emitted = np.isin(month, np.array(sorted(months), dtype="datetime64[M]"))
    if total > kept.size:  # a day that another interval length holds is no gap of this one
        held = np.zeros(total, dtype=np.bool_)
        held[rows] = True
        emitted &= held | ~np.isin(block_series * DAY_SPAN + block_day, every_kept_key)
    return _silver_rows(records, block, np.flatnonzero(emitted), block_series, month, estimates, bits)


def _silent_before(rows: IntArray, silence: IntArray, total: int, settings: VeeSettings) -> IntArray:
    """Days of the silences that the block does not hold, at the row after each."""
    found = np.zeros(total, dtype=np.int64)
    found[rows[1:]] = np.where(silence > settings.longest_silence_days, silence, 0)
    return found


def _ends_of_series(first: IntArray, last: IntArray, every_key: IntArray) -> tuple[BoolArray, BoolArray]:
    """Whether nothing came of each series before its first and after its last day; intervals of another length count too.

    first, last  (series) packed series and day of both ends.
    every_key    Packed series and day of all that was received.
    """
    of_series = every_key // DAY_SPAN
    size = int(of_series.max()) + 1
    earliest, latest = np.full(size, np.iinfo(np.int64).max), np.full(size, -1)
    np.minimum.at(earliest, of_series, every_key)
    np.maximum.at(latest, of_series, every_key)
    return earliest[first // DAY_SPAN] == first, latest[last // DAY_SPAN] == last


def _placed_edits(edits: Sequence[Edit], records: CurveRecords, minutes: int, keys: IntArray) -> Placed:
    if not edits:
        return ()
    channels = len(records.channels)
    points = {name: place for place, name in enumerate(records.meter_points)}
    codes = {name: place for place, name in enumerate(records.channels)}
    mine = [edit for edit in edits if edit.meter_point_id in points and edit.channel_code in codes]
    series = {(edit.meter_point_id, edit.channel_code): points[edit.meter_point_id] * channels + codes[edit.channel_code] for edit in mine}
    return place_edits(mine, minutes, keys, series, DAY_SPAN)


def _days_in_outage(outages: Outages, records: CurveRecords, starts: IntArray, series: IntArray, block_day: IntArray) -> BoolArray | None:
    """Rows of the block on which an outage is on record; none where none is on record for any of its meter points."""
    found: BoolArray | None = None
    for place, number in enumerate(series.tolist() if outages else ()):
        rows = slice(int(starts[place]), int(starts[place + 1]))
        for begins, ends in outages.get(records.meter_points[number // len(records.channels)], ()):
            touched = (block_day[rows] >= (begins - EPOCH).days) & (block_day[rows] <= (ends - EPOCH).days)
            if touched.any():
                found = np.zeros(block_day.size, dtype=np.bool_) if found is None else found
                found[rows] |= touched
    return found


def _placed(values: NDArray[Element], rows: IntArray, total: int, empty: float) -> NDArray[Element]:
    """Values at their rows of a block, and ``empty`` on days that never came; no copy where every day is there in order."""
    if rows.size == total:
        return values
    placed = np.full((total, *values.shape[1:]), empty, dtype=values.dtype)
    placed[rows] = values
    return placed


def type_codes(day_numbers: IntArray, day_types: Mapping[date, str]) -> IntArray:
    """A code per kind of day; days of one kind are like-days."""
    days, place = np.unique(day_numbers, return_inverse=True)
    names = kinds_of(days, day_types)
    codes = {name: code for code, name in enumerate(sorted(set(names)))}
    return np.array([codes[name] for name in names], dtype=np.int64)[place]


def kinds_of(day_numbers: IntArray, day_types: Mapping[date, str]) -> list[str]:
    """Name of the kind of each day; one look-up per distinct day."""
    days, place = np.unique(day_numbers, return_inverse=True)
    names = [_type_name(EPOCH + timedelta(days=int(number)), day_types) for number in days]
    return [names[index] for index in place.tolist()]


def _type_name(day: date, day_types: Mapping[date, str]) -> str:
    # A misdated record must not halt the others, and an estimate that misses a holiday is still marked as an estimate.
    try:
        name = str(day_types[day])
    except (KeyError, FactNotInForceError):
        name = DayType.WEEKEND if day.weekday() >= 5 else DayType.WORKING_DAY
    return f"{name}_{day.weekday()}" if name == DayType.WEEKEND else name


def _silver_rows(
    records: CurveRecords,
    block: CurveBlock,
    rows: IntArray,
    series: IntArray,
    month: NDArray[np.datetime64],
    estimates: Estimates,
    bits: IntArray,
) -> pa.Table:
    final, status = estimates.final, estimates.status
    channels = len(records.channels)
    measured = status[rows] == IntervalStatus.MEASURED
    missing = status[rows] == IntervalStatus.MISSING
    months, month_place = np.unique(month[rows], return_inverse=True)
    return pa.table(
        [
            pa.array(records.meter_points, pa.string()).take(pa.array(series[rows] // channels)),
            pa.array(records.channels, pa.string()).take(pa.array(series[rows] % channels)),
            pa.array(block.day_numbers[rows].astype(np.int32)).cast(pa.date32()),
            pa.array(np.full(rows.size, block.interval_minutes, dtype=np.int32)),
            _lists(block.energy[rows], nan_is_null=True),
            _lists(final[rows], nan_is_null=True),
            _lists(status[rows]),
            *_band_lists(estimates, rows),
            _lists(bits[rows]),
            _failed_ids(bits[rows]),
            pa.array(measured.sum(axis=1).astype(np.int32)),
            pa.array(_ESTIMATED[status[rows]].sum(axis=1).astype(np.int32)),
            pa.array(missing.sum(axis=1).astype(np.int32)),
            pa.array(months.astype(str).tolist(), pa.string()).take(pa.array(month_place)),
        ],
        names=CURVES_SCHEMA.names,
    ).cast(CURVES_SCHEMA)


def _lists(values: NDArray[np.generic], nan_is_null: bool = False) -> pa.Array:
    """(rows x slots) as a list column."""
    rows, slots = values.shape
    offsets = pa.array(np.arange(0, rows * slots + 1, slots, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(values).reshape(-1), from_pandas=nan_is_null))


def _band_lists(estimates: Estimates, rows: IntArray) -> tuple[pa.Array, pa.Array]:
    """Low and high end of the expected-error band; null for days without one, and within a day for intervals without one."""
    slots = estimates.final.shape[1]
    known = ~np.isnan(estimates.margin)
    places, margin = estimates.places[known], estimates.margin[known]
    days, day = np.unique(places // slots, return_inverse=True)
    value = estimates.final.reshape(-1)[places]
    has = np.isin(rows, days)
    offsets = pa.array(np.concatenate(([0], np.cumsum(has) * slots)).astype(np.int32))
    ends = []
    for end in (np.maximum(value - margin, 0.0), value + margin):
        band = np.full((days.size, slots), np.nan)
        band[day, places % slots] = end
        chosen = band[np.searchsorted(days, rows[has])]
        ends.append(pa.ListArray.from_arrays(offsets, pa.array(chosen.reshape(-1), from_pandas=True), mask=pa.array(~has)))
    return ends[0], ends[1]


def _failed_ids(bits: IntArray) -> pa.Array:
    """Ids of the checks that any interval of a day failed, in catalogue order."""
    of_day = np.bitwise_or.reduce(bits, axis=1)
    failed = (of_day[:, None] >> np.array([check.bit for check in INTERVAL_CHECKS])) & 1 == 1
    offsets = pa.array(np.concatenate(([0], np.cumsum(failed.sum(axis=1)))).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array([check.id for check in INTERVAL_CHECKS]).take(pa.array(np.nonzero(failed)[1])))


def _joined(parts: list[pa.Table]) -> pa.Table:
    if not parts:
        return CURVES_SCHEMA.empty_table()
    if len(parts) == 1:
        return parts[0]
    joined = pa.concat_tables(parts)
    return joined.sort_by([(name, "ascending") for name in SilverDayCurves.key()]).combine_chunks()
