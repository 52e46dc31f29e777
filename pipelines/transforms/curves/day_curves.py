"""Received load curves to silver: settled, multiplied, gridded by local day, validated, estimated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import Channel
from pipelines.periods import DAY_MINUTES, EPOCH
from pipelines.transforms.curves import curve_records
from pipelines.transforms.curves.curve_kernels import Element
from pipelines.transforms.curves.curve_reconciliation import (
    Registers,
    Rows,
    read_once,
    reconcile,
    rows_in_spans,
)
from pipelines.transforms.curves.curve_records import CurveRecords
from pipelines.transforms.curves.merge_deliveries import Merged
from pipelines.transforms.curves.settled_records import accounted, settle_records
from pipelines.transforms.curves.silver_curve_rows import joined, silver_rows
from pipelines.transforms.ground.day_types import kinds_of, type_codes
from pipelines.transforms.ground.keyed_rows import place_of
from pipelines.transforms.ground.local_days import DAY_SPAN
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.editing.edit import Edit, Placed, place_edits, put_values, take_back_marks
from pipelines.vee.estimation.estimate import estimate_missing_intervals
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.balance_checks import SCALED_FAR, caught_up
from pipelines.vee.validation.checks import run_checks
from pipelines.vee.validation.interval_kernels import open_ends
from pipelines.vee.validation.zeros import zeros_by_rule

PRESENT_CHAR = "1"
VALUES_PER_BLOCK = 1 << 20


Outages = Mapping[str, Sequence[tuple[date, date]]]


@dataclass(frozen=True)
class CurveOutcome:
    """What became of the received curves of some meter points.

    curves      Rows of silver_day_curves without ``computed_run_id``, by meter point, channel and day; only
                the months asked for.
    accounts    One row per content hash over all records given: received = kept + duplicate + superseded +
                quarantined.
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

    bronze        Columns of bronze_load_curves (run columns may lack), the whole history of these meter
                  points, in any order.
    meter_points  silver_meter_points, of these meter points at least.
    day_types     DayType of each local day. Days of one kind are like-days; Saturdays and Sundays count
                  apart, and so do weekends that are
                  worked and Spring Festival. A day that the mapping does not cover is told by its weekday.
    months        ``YYYY-MM`` whose curves are wanted; the others only serve as neighbours and like-days.
    today         Local day on which this runs; later days are held back.
    present_char  The character of the sender's completeness flags that says a point came
                  (``conf/formats.yaml``).
    registers     Energy between reads, to which the estimates of a span are scaled.
    outages       First and last local day of each outage on record, by meter point.
    edits         Verified manual edits, in the order of their approval.

    Before the first and after the last interval of a series that came, and so after now, nothing is estimated
    but on days that a register closes.
    A day between two received days of a series that never came is there too, with nothing measured; beyond
    ``gaps.limit_days`` such days are filled only from registers, in the shape of own like-days. A silence
    longer than ``gaps.longest_silence_days`` ends the series, and what comes after it is another: its first
    day is marked.
    """
    records = curve_records.read_records(bronze, meter_points, settings, today, present_char)
    settled = settle_records(records)
    merged, kept, received, wanted = settled.merged, settled.kept, settled.received, set(months)
    key = records.series * DAY_SPAN + records.day
    every_key = np.sort(key[kept])
    parts = []
    for minutes in np.unique(records.interval_minutes[kept]).tolist():
        chosen = np.flatnonzero(records.interval_minutes[kept] == minutes)
        chosen = chosen[np.argsort(key[kept[chosen]], kind="stable")]
        blocks = _blocks(records.series[kept[chosen]], DAY_MINUTES // int(minutes))
        asked = (
            registers
            if registers is None or len(blocks) == 1
            else replace(registers, energy=_asked_once(registers, records.meter_points))
        )
        refined = [
            _refine_group(
                records,
                merged,
                kept[chosen[block]],
                received[chosen[block]],
                every_key,
                int(minutes),
                day_types,
                settings,
                wanted,
                today,
                asked,
                outages or {},
                edits,
            )
            for block in blocks
        ]
        parts.append(refined[0] if len(refined) == 1 else pa.concat_tables(refined))
    return CurveOutcome(joined(parts), *accounted(records, settled, bronze))


def settle_curves(
    bronze: pa.Table, meter_points: pa.Table, settings: VeeSettings, today: date, present_char: str
) -> tuple[pa.Table, pa.Table]:
    """Accounts and quarantine of received curves as ``refine_curves`` gives them, without the curves."""
    records = curve_records.read_records(bronze, meter_points, settings, today, present_char)
    return accounted(records, settle_records(records), bronze)


def _blocks(series: IntArray, slots: int) -> list[slice]:
    """Records, ordered by series, cut into blocks of whole series: no series looks into another, and a
    block's arrays stay near the processor.
    """
    first = np.flatnonzero(np.diff(series, prepend=-1))
    block = np.cumsum(np.diff(np.append(first, series.size))) * slots // VALUES_PER_BLOCK
    begins = first[np.flatnonzero(np.diff(np.concatenate(([0], block[:-1])), prepend=-1))]
    return [slice(int(begin), int(end)) for begin, end in pairwise([*begins.tolist(), series.size])]


def _asked_once(registers: Registers, meter_points: list[str]) -> Callable[[Sequence[str]], pa.Table]:
    """Energy between reads of all the meter points, asked for when the first block needs any; each block gets
    the rows from its first to its last.
    """
    known: list[tuple[pa.Table, IntArray]] = []

    def energy(wanted: Sequence[str]) -> pa.Table:
        if not known:
            rows = registers.energy(meter_points)
            place = (
                pc.index_in(rows["meter_point_id"], pa.array(meter_points, pa.string()))
                .to_numpy()
                .astype(np.int64)
            )
            order = np.argsort(place, kind="stable")
            known.append((rows.take(pa.array(order)), place[order]))
        rows, place = known[0]
        ends = [meter_points.index(name) for name in (wanted[0], wanted[-1])]
        first, end = np.searchsorted(place, ends[0]), np.searchsorted(place, ends[1], side="right")
        return rows.slice(int(first), int(end - first))

    return energy


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
    """Silver rows of the kept records of some whole series of one interval length, ordered by series and
    day.
    """
    series, day = records.series[kept], records.day[kept]
    silence = np.where(series[1:] == series[:-1], day[1:] - day[:-1] - 1, 0)
    first = np.flatnonzero(
        np.concatenate(([True], (series[1:] != series[:-1]) | (silence > settings.gaps.longest_silence_days)))
    )
    last = np.concatenate((first[1:], [kept.size])) - 1
    spans = day[last] - day[first] + 1
    starts = np.concatenate(([0], np.cumsum(spans)))
    rows = (
        starts[np.searchsorted(first, np.arange(kept.size), side="right") - 1]
        + day
        - np.repeat(day[first], last - first + 1)
    )
    total = int(starts[-1])
    block_series = np.repeat(series[first], spans)
    block_day = np.arange(total) - np.repeat(starts[:-1], spans) + np.repeat(day[first], spans)

    received, marked, again = records.matrix(kept), records.substituted(kept), records.told_again(kept)
    disputed = records.disputed(kept)
    merged.apply(minutes, kept, received, marked, disputed)
    energy = _placed(received, rows, total, np.nan)
    substituted = _placed(marked, rows, total, False)
    channel = np.array(records.channels)[block_series % len(records.channels)]
    block = CurveBlock(
        energy=energy,
        interval_minutes=minutes,
        series_starts=starts,
        day_numbers=block_day,
        day_types=type_codes(block_day, day_types),
        capacity_kva=_placed(records.capacity_kva[kept], rows, total, np.nan),
        counts_use=channel == Channel.ACTIVE_FORWARD.value,
        multiplier=_placed(records.multiplier[kept], rows, total, np.nan),
        feeds_in=channel == Channel.ACTIVE_REVERSE.value,
        receptions=_placed(receptions, rows, total, 0),
        told_again=None if again is None else _placed(again, rows, total, False),
        disputed=_placed(disputed, rows, total, False) if disputed.any() else None,
        today_number=(today - EPOCH).days,
        outages=_days_in_outage(outages, records, starts, series[first], block_day),
        silent_before=_silent_before(rows, silence, total, settings)
        if (silence > settings.gaps.longest_silence_days).any()
        else None,
    )
    bits, invalid = run_checks(block, settings)
    if block.disputed is not None:
        invalid |= block.disputed
    placed = _placed_edits(edits, records, minutes, block_series * DAY_SPAN + block_day)
    take_back_marks(placed, bits, invalid)
    rows_of = Rows(
        records.meter_points,
        records.channels,
        block_series,
        block_day,
        lambda days: kinds_of(days, day_types),
    )
    if registers is not None and invalid.any():
        registers = read_once(registers, rows_of.names_of(np.asarray(invalid.any(axis=1))), today)
    edges = series[first] * DAY_SPAN + day[first], series[first] * DAY_SPAN + day[last]
    barred = open_ends(block.energy, starts, *_ends_of_series(*edges, every_kept_key))
    if barred.size and registers is not None:
        barred[rows_in_spans(registers, rows_of)] = False
    known, zeros = caught_up(bits), zeros_by_rule(block, settings)
    estimates = estimate_missing_intervals(
        block, invalid, substituted, settings, barred if barred.size else None, known, zeros
    )
    if registers is not None and invalid.any():
        estimates = reconcile(estimates, invalid, rows_of, registers, block, settings)
        bits |= run_checks(replace(block, scale=estimates.scale), settings, (SCALED_FAR,))[0]
    # Two people's word comes last: neither an estimate nor a register changes what they put in place.
    estimates = put_values(placed, block, estimates)

    month = block_day.astype("datetime64[D]").astype("datetime64[M]")
    emitted = np.isin(month, np.array(sorted(months), dtype="datetime64[M]"))
    if total > kept.size:  # a day that another interval length holds is no gap of this one
        held = np.zeros(total, dtype=np.bool_)
        held[rows] = True
        emitted &= held | (place_of(block_series * DAY_SPAN + block_day, every_kept_key) < 0)
    return silver_rows(records, block, np.flatnonzero(emitted), block_series, month, estimates, bits)


def _silent_before(rows: IntArray, silence: IntArray, total: int, settings: VeeSettings) -> IntArray:
    """Days of the silences that the block does not hold, at the row after each."""
    found = np.zeros(total, dtype=np.int64)
    found[rows[1:]] = np.where(silence > settings.gaps.longest_silence_days, silence, 0)
    return found


def _ends_of_series(first: IntArray, last: IntArray, every_key: IntArray) -> tuple[BoolArray, BoolArray]:
    """Whether nothing came of each series before its first and after its last day; intervals of another
    length count too.

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
    series = {
        (edit.meter_point_id, edit.channel_code): points[edit.meter_point_id] * channels
        + codes[edit.channel_code]
        for edit in mine
    }
    return place_edits(mine, minutes, keys, series, DAY_SPAN)


def _days_in_outage(
    outages: Outages, records: CurveRecords, starts: IntArray, series: IntArray, block_day: IntArray
) -> BoolArray | None:
    """Rows of the block on which an outage is on record; none where none is on record for any of its meter
    points.
    """
    found: BoolArray | None = None
    for place, number in enumerate(series.tolist() if outages else ()):
        rows = slice(int(starts[place]), int(starts[place + 1]))
        for begins, ends in outages.get(records.meter_points[number // len(records.channels)], ()):
            affected = (block_day[rows] >= (begins - EPOCH).days) & (block_day[rows] <= (ends - EPOCH).days)
            if affected.any():
                found = np.zeros(block_day.size, dtype=np.bool_) if found is None else found
                found[rows] |= affected
    return found


def _placed(values: NDArray[Element], rows: IntArray, total: int, empty: float) -> NDArray[Element]:
    """Values at their rows of a block, and ``empty`` on days that never came; no copy where every day is
    there in order.
    """
    if rows.size == total:
        return values
    placed = np.full((total, *values.shape[1:]), empty, dtype=values.dtype)
    placed[rows] = values
    return placed
