"""The lines of a long file by the shape of their series: what is told at another length, as the reading of a
counter or with a sign becomes energy of the declared intervals, or is held back and named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.codes import CurveMeasure, RejectReason
from pipelines.errors import InputRefusedError
from pipelines.formats.contract import FormatSettings, RefusalReason
from pipelines.formats.gridding import NO_TIME, LineFaults, LongRecords
from pipelines.formats.mapped.stamp_keys import StampPlace
from pipelines.formats.mapped.stamps import day_micros
from pipelines.formats.mapped.written import DAY_MICROS
from pipelines.formats.mapping import QUALITY_LETTERS, LongMapping, Reading, Sign, ValueColumn
from pipelines.formats.shape.counters import differences, looks_cumulative
from pipelines.formats.shape.ordered import Ordered, ordered
from pipelines.formats.shape.signs import looks_signed, split_signs
from pipelines.formats.shape.spacing import told_every
from pipelines.periods import EPOCH

_NAMED = 5
_NO_VALUE = QUALITY_LETTERS.index("N")


@dataclass(frozen=True)
class Shaped:
    """Lines whose values are energy or mean power of the declared interval.

    records   The lines that are left; ``values`` has one array for each value column of ``mapping``.
    mapping   The mapping, with two value columns for one that is split by its sign.
    held      Lines that are held back, by their place in the records given; at most one entry a line.
    warnings  What a reader of the file must know, by meter point.
    """

    records: LongRecords
    mapping: LongMapping
    held: tuple[LineFaults, ...]
    warnings: tuple[str, ...]


def shape_series(records: LongRecords, mapping: LongMapping, name: str, settings: FormatSettings) -> Shaped:
    """Judges every series of every value column.

    name  The file, for refusals.

    Raises InputRefusedError, bad_structure, where no part of the file has the declared interval, and where
    most lines are undeclared readings of a counter or undeclared values of either sign.
    """
    if not records.line.size:
        return Shaped(records, mapping.apart_by_sign, (), ())
    shaper = _Shaper(records, mapping, name, settings)
    for number in range(len(shaper.values)):
        shaper.column(number)
    return shaper.done()


class _Shaper:
    def __init__(
        self, records: LongRecords, mapping: LongMapping, name: str, settings: FormatSettings
    ) -> None:
        self.records, self.mapping, self.name, self.settings = records, mapping.apart_by_sign, name, settings
        self.ends = mapping.stamp.place is StampPlace.INTERVAL_END
        self.length = mapping.interval_minutes * 60_000_000
        self.stamp = records.instant + day_micros(mapping.stamp)
        channel = 0 if records.channel is None else records.channel
        self.series: IntArray = records.meter * len(records.channels) + channel
        # Apart before parts of an interval are put together: what was taken and what was given in one hour
        # are both true.
        self.values = [
            part
            for column, values in zip(mapping.values, records.values, strict=True)
            for part in _by_sign(column, values)
        ]
        self.quality = records.quality
        self.held: list[LineFaults] = []
        self.warnings: list[str] = []
        self.taken = np.zeros(records.line.size, np.bool_)
        self.unused = np.zeros(records.line.size, np.bool_)
        self.regular, self.odd = 0, list[tuple[IntArray, int]]()

    def column(self, number: int) -> None:
        """Judges the series of one value column."""
        declared, values = self.mapping.values[number], self.values[number]
        told = ~np.isnan(values)
        if self.quality is not None:
            told &= self.quality != _NO_VALUE
        if not told.any():
            return
        lines = ordered(told, self.series, self.stamp, self.records.sent, values)
        if declared.reading is Reading.INTERVAL:
            lines = self._undeclared(number, lines)
        lines = self._spaced(number, lines)
        if declared.reading is Reading.CUMULATIVE:
            self._differenced(number, lines)

    def done(self) -> Shaped:
        """What is left; raises InputRefusedError where nothing has the declared interval."""
        if self.odd and self.regular < self.settings.least_odd_steps:
            places, step = self.odd[0]
            first = int(places[0])
            reason = (
                f"values of {self._name(first)!r} come every {_span(step)}, the mapping says "
                f"{self.mapping.interval_minutes}"
            )
            raise self._refusal(reason, first, self.mapping.stamp.column)
        channels = self.records.channels
        if self.records.channel is None:
            channels = [str(each.channel.value) for each in self.mapping.values if each.channel]
        empty = self.taken | self.unused
        if empty.any():
            empty &= np.logical_and.reduce([np.isnan(each) for each in self.values])
        records = replace(self.records, values=tuple(self.values), channels=channels, quality=self.quality)
        return Shaped(
            records.taken(~empty) if empty.any() else records,
            self.mapping,
            tuple(self.held),
            tuple(dict.fromkeys(self.warnings)),
        )

    def _undeclared(self, number: int, lines: Ordered) -> Ordered:
        """The lines that are no readings of a counter and bear no sign that nobody declared; the others are
        held back.
        """
        settings = self.settings
        counters = looks_cumulative(
            lines.of_stamps(),
            self.length,
            settings.counter_least_rises,
            settings.counter_least_days,
            settings.counter_ratio,
        )[np.cumsum(lines.first) - 1]
        told = "are the readings of a counter (cumulative: they never fall); declare `reading: cumulative`"
        lines = self._apart(number, lines, counters, RejectReason.COUNTER_READING, told)
        signed = looks_signed(lines, settings.least_odd_steps, settings.signed_ratio)[lines.series]
        told = (
            "are net values, some below zero; declare `sign: split` (what is negative gets a channel of its "
            "own), or `sign: negate` where the sign is the wrong way round"
        )
        return self._apart(number, lines, signed, RejectReason.SIGNED_VALUE, told)

    def _apart(self, number: int, lines: Ordered, wrong: BoolArray, code: RejectReason, told: str) -> Ordered:
        if not wrong.any():
            return lines
        column, places = self.mapping.number_column(number), lines.place[wrong]
        if 2 * places.size > lines.place.size:
            first = int(places.min())
            raise self._refusal(f"values of {self._name(first)!r} {told}", first, column)
        self._hold(number, places, column, code, f"values of this meter point {told}")
        self._warn(places, f"{{}} of {column} {told}; they are held back")
        return lines.taken(~wrong)

    def _spaced(self, number: int, lines: Ordered) -> Ordered:
        """The lines of the declared interval. Parts of it are summed into the line that names the whole;
        others are held back.
        """
        stamps = lines.of_stamps()
        self.regular += int(np.count_nonzero(stamps.steps() == self.length))
        at_stamp = told_every(stamps, self.length, self.settings.least_odd_steps, ends=self.ends)
        if (at_stamp == self.length).all():
            return lines
        every = at_stamp[np.cumsum(lines.first) - 1]
        minutes = self.mapping.interval_minutes
        for step in np.unique(at_stamp[at_stamp != self.length]).tolist():
            mine = every == step
            self.odd.append((np.sort(lines.place[mine]), step))
            loose = mine
            told = f"{{}} come every {_span(step)}, the mapping says {minutes}"
            if self.length % step == 0:
                loose = self._joined(number, lines, mine, step)
                self._warn(lines.place[mine & ~loose], f"{told}; they are put together")
            self._hold(
                number,
                lines.place[loose],
                self.mapping.stamp.column,
                RejectReason.WRONG_SPACING,
                f"values of this meter point come every {_span(step)}, the mapping says {minutes}"
                + ("" if loose is mine else ", and not all parts of the interval came once"),
            )
            self._warn(lines.place[loose], f"{told}; they are held back")
        return lines.taken(~np.isnan(self.values[number][lines.place]))

    def _joined(self, number: int, lines: Ordered, mine: BoolArray, step: int) -> BoolArray:
        """Puts parts together where all of an interval came, and says which lines have no such company.
        (lines)
        """
        place, column = lines.place, self.mapping.values[number]
        begins = lines.stamp - (step if self.ends else 0)
        if column.reading is Reading.CUMULATIVE:
            between = mine & (lines.stamp % self.length != 0)
            self.unused[place[between]] = True
            self.values[number] = np.where(
                _marked(place[between], self.stamp.size), np.nan, self.values[number]
            )
            return np.zeros(mine.size, np.bool_)
        whole = np.floor_divide(begins, self.length)
        at = np.flatnonzero(mine)
        fresh = np.ones(at.size, np.bool_)
        fresh[1:] = (lines.series[at[1:]] != lines.series[at[:-1]]) | (whole[at[1:]] != whole[at[:-1]])
        group, first = np.cumsum(fresh) - 1, np.flatnonzero(fresh)
        fit = lines.first[at] & (begins[at] % step == 0)
        parts = self.length // step
        complete = (np.bincount(group) == parts) & (np.bincount(group, weights=fit) == parts)
        total: FloatArray = np.bincount(group, weights=lines.value[at]).astype(np.float64)
        if column.measure is CurveMeasure.MEAN_POWER:
            total = total / parts
        joined = complete[group]
        carrier = (
            place[at[first + (parts - 1 if self.ends else 0)][complete]] if complete.any() else place[:0]
        )
        amounts = self.values[number].copy()
        amounts[place[at[joined]]] = np.nan
        amounts[carrier] = total[complete]
        self.values[number] = amounts
        self.unused[place[at[joined]]] = True
        if self.quality is not None and carrier.size:
            self.quality = self.quality.copy()
            letters = np.zeros(complete.size, self.quality.dtype)
            np.maximum.at(letters, group, self.quality[place[at]])
            self.quality[carrier] = letters[complete]
        loose = mine.copy()
        loose[at[joined]] = False
        return loose

    def _differenced(self, number: int, lines: Ordered) -> None:
        """Energy in place of the readings of a counter."""
        column = self.mapping.number_column(number)
        lines = lines.taken(lines.stamp % self.length == 0)
        lines = self._undisputed(number, lines)
        stamps = lines.of_stamps()
        amounts = np.full(self.stamp.size, np.nan)
        self.unused[lines.place[np.isin(lines.place, stamps.place, invert=True)]] = True
        found = differences(stamps, self.length, ends=self.ends)
        amounts[stamps.place] = found.energy
        self.values[number] = amounts
        self._warn(
            stamps.place[found.fell],
            f"{{}} of {column} fall below the one before (reset or exchange of the counter); the energy "
            "between is estimated",
            "readings",
        )
        known = np.nansum(found.over_gap)
        self._warn(
            stamps.place[found.after_gap],
            f"{{}} of {column} come after a gap; the energy over the gaps, {known:.10g} in all, is spread by "
            "no reading, so that their intervals are estimated",
            "readings",
        )

    def _undisputed(self, number: int, lines: Ordered) -> Ordered:
        """The readings without those of one stamp that differ and carry no sender's time."""
        again = np.flatnonzero(~lines.first)
        differ = again[lines.value[again] != lines.value[again - 1]]
        if not differ.size:
            return lines
        stamp = np.cumsum(lines.first) - 1
        sent = self.records.sent[lines.of_stamps().place]
        bad = np.isin(stamp, stamp[differ]) & (sent[stamp] == NO_TIME)
        reason = (
            "other lines of the file tell another reading of this stamp, and none carries a sender's time"
        )
        self._hold(
            number,
            lines.place[bad],
            self.mapping.number_column(number),
            RejectReason.CONFLICTING_VALUES,
            reason,
        )
        return lines.taken(~bad)

    def _hold(self, number: int, places: IntArray, column: str, code: RejectReason, reason: str) -> None:
        if not places.size:
            return
        self.values[number] = np.where(_marked(places, self.stamp.size), np.nan, self.values[number])
        new = np.sort(places[~self.taken[places]])
        self.taken[places] = True
        if new.size:
            self.held.append(LineFaults(new, column, code, reason))

    def _warn(self, places: IntArray, told: str, what: str = "values") -> None:
        """One warning for all the meter points, the first of them named with how many and from when to
        when.
        """
        if not places.size:
            return
        meter = self.records.meter[places]
        named = []
        for one in np.unique(meter)[:_NAMED].tolist():
            days = self.stamp[places[meter == one]] - int(self.ends)
            first, last = (EPOCH + timedelta(days=int(day // DAY_MICROS)) for day in (days.min(), days.max()))
            named.append(f"{days.size} of {self._named(one)!r} from {first} to {last}")
        more = np.unique(meter).size - len(named)
        named += [f"of {more} more meter points"] if more else []
        self.warnings.append(f"{told.format(what)}: {', '.join(named)}")

    def _refusal(self, reason: str, place: int, column: str) -> InputRefusedError:
        return InputRefusedError(
            self.name, RefusalReason.BAD_STRUCTURE, reason, line=int(self.records.line[place]), column=column
        )

    def _name(self, place: int) -> str:
        return self.records.names[int(self.records.meter[place])]

    def _named(self, meter: int) -> str:
        return self.mapping.meter_point.prefix + self.records.names[meter]


def _by_sign(column: ValueColumn, values: FloatArray) -> tuple[FloatArray, ...]:
    """The values of a column as its sign says: one array for each of the column's parts."""
    if column.sign is Sign.SPLIT:
        return split_signs(values)
    return (-values,) if column.sign is Sign.NEGATE else (values,)


def _marked(places: IntArray, size: int) -> BoolArray:
    marked = np.zeros(size, np.bool_)
    marked[places] = True
    return marked


def _span(step: int) -> str:
    return f"{step // 60_000_000} minutes" if step % 60_000_000 == 0 else f"{step / 1_000_000:g} seconds"
