"""Rejected records of a file that follow a rule: one time of day, the highest values, one meter point, one
stretch of the file.

A share says nothing of these. One line a day is 1 % of quarter hours for ever, the values over 999 are the
month's demand, and a meter point of many may be lost whole.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import RejectReason
from pipelines.formats.contract import ReadResult, RecordFields, shown
from pipelines.settings import IngestSettings
from pipelines.tables.identifiers import trimmed

_LOOKED_AT = 100_000
"""Rejects of a file that are looked at, the first of them."""
_LEAST, _NO_CHANCE = 2, 4
"""Days on which rejects of one time of day say something where most of the file's are of that time; and
where not."""
_STRETCH = 12
"""Rejects in a row, with no more good records between them than they are, that are no chance."""
_NAMED = 5
_TOLD_BY_SHAPE = pa.array(
    [
        code.value
        for code in (RejectReason.WRONG_SPACING, RejectReason.COUNTER_READING, RejectReason.SIGNED_VALUE)
    ]
)
"""Whole stretches and series that are held back with a warning of their own."""
_TIME = (
    "(?P<clock>[0-9]{1,2}[:时][0-9]{2}(?::[0-9]{2})?(?: ?[AaPp][Mm])?)"
    "|^[0-9]{8}[ T]?(?P<digits>[0-9]{4}(?:[0-9]{2})?)$"
)
_DAY_ALONE = "^(?:[0-9]{1,4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,4}日?|[0-9]{8})$"
_NO_TIME = "a day without a time"
_THOUSANDS = re.compile("[+-]?[1-9][0-9]{0,2}(?:[,. '\u2019\u00a0\u202f][0-9]{3})+(?P<rest>[.,][0-9]+)?")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_BESIDE_NUMBERS = " \t\u00a0\"'*<>~≥≤kMWwhVAvar千瓦时度"
_SEPARATORS = ",;\t|"

_NO_FIELDS = frozenset({RejectReason.BAD_ENCODING, RejectReason.NUL_BYTE, RejectReason.TOO_FEW_FIELDS})

Words = NDArray[np.str_]


@dataclass(frozen=True)
class Systematic:
    """Rejected records that follow a rule.

    text   The rule, with the first lines.
    halts  Whether the file must not go on: whatever stood in their place would be wrong in one direction.
    apart  How many of them are of meter points of which nothing can be read while most others can: they are
           named, and say nothing about the rest of the file.
    """

    text: str
    halts: bool = False
    apart: int = 0


def systematic_rejects(answer: ReadResult, limits: IngestSettings) -> list[Systematic]:
    """The rules that the rejected records of a file follow; none where they look like chance."""
    rejects = answer.rejects
    if answer.set_apart:
        rejects = rejects.filter(pc.invert(pc.is_in(rejects["reason_code"], value_set=_TOLD_BY_SHAPE)))
    if not rejects.num_rows:
        return []
    known = answer.fields or RecordFields()
    told = _Rejected.of(rejects.slice(0, _LOOKED_AT), known)
    lost, found = _lost_points(told, answer, known)
    of_time = _times(told, ~lost, answer, known, limits)
    is_most = rejects.num_rows * 2 > answer.record_count
    stretches = [] if found or of_time or is_most else _stretches(told)
    return [*found, *of_time, *_highest(told, known), *stretches]


@dataclass(frozen=True)
class _Rejected:
    """Rejected records; a text is empty where the record does not have it.

    meter    Whose it is; empty where the name itself is at fault, or the line is no text with fields.
    numbers  Column of numbers, text and place of each record that has no number there.
    """

    lines: IntArray
    reasons: Sequence[str]
    meter: Words
    stamp: Words
    numbers: Sequence[tuple[str, str, int]]

    @classmethod
    def of(cls, rejects: pa.Table, known: RecordFields) -> _Rejected:
        raws = rejects["raw_record"].to_pylist()
        separator = _separator(raws[:_NAMED], len(known.names))
        fields = [_parsed(raw, known.names, separator) for raw in raws]
        of_number = (RejectReason.BAD_NUMBER.value, RejectReason.THOUSANDS_SEPARATOR.value)
        too_many = RejectReason.TOO_MANY_FIELDS.value
        told = [*zip(rejects["reason_code"].to_pylist(), rejects["column_name"].to_pylist(), strict=True)]
        columns = [
            name if code in of_number else known.names[-1] if code == too_many and known.names else ""
            for code, name in told
        ]
        nameless = [code in _NO_FIELDS or name == known.meter for code, name in told]
        return cls(
            rejects["line_number"].to_numpy(),
            rejects["reason"].to_pylist(),
            np.array(
                [
                    "" if without else trimmed(each.get(known.meter, ""))
                    for without, each in zip(nameless, fields, strict=True)
                ],
                dtype=np.str_,
            ),
            np.array([_stamp(each, known.stamp) for each in fields], dtype=np.str_),
            [
                (name, fields[place].get(name, ""), place)
                for place, name in enumerate(columns)
                if name in known.largest
            ],
        )

    def first(self, places: IntArray) -> str:
        """The first lines of some, and why the first of them was rejected."""
        of_line = places[np.argsort(self.lines[places], kind="stable")]
        numbers = list(dict.fromkeys(self.lines[of_line].tolist()))
        word = "lines" if len(numbers) > 1 else "line"
        return f"({word} {_listed([*map(str, numbers)])}): {self.reasons[int(of_line[0])]}"


def _stamp(fields: dict[str, str], names: Sequence[str]) -> str:
    return " ".join(fields.get(name, "") for name in names).strip()


def _separator(raws: Sequence[str], width: int) -> str:
    """What separates the fields of text, by their number."""
    return min(_SEPARATORS, key=lambda mark: sum(abs(raw.count(mark) + 1 - width) for raw in raws))


def _parsed(raw: str, names: Sequence[str], separator: str) -> dict[str, str]:
    """The fields of a record; of one with more fields than the header the last one holds the rest."""
    try:
        if not names:
            return {name: str(value) for name, value in json.loads(raw).items() if value is not None}
        found = next(csv.reader([raw], delimiter=separator), [])
    except (ValueError, csv.Error):
        return {}
    if len(found) > len(names):
        found = [*found[: len(names) - 1], ",".join(found[len(names) - 1 :])]
    return dict(zip(names, found, strict=False))


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:_NAMED]) + (", ..." if len(words) > _NAMED else "")


def _lost_points(
    told: _Rejected, answer: ReadResult, known: RecordFields
) -> tuple[BoolArray, list[Systematic]]:
    """(rejects) those of meter points of which nothing can be read, and what is to be told of these and of
    those of which most cannot.
    """
    if not known.meter:
        return np.zeros(told.lines.size, dtype=np.bool_), []
    read = _records_of_points(answer, known)
    names, place, counts = np.unique(told.meter, return_inverse=True, return_counts=True)
    others = np.array([read.get(known.prefix + name, 0.0) for name in names.tolist()])
    many = (counts >= _LEAST) & (names != "")
    whole, most = many & (others == 0), many & (others > 0) & (counts >= others)
    # Where most meter points are lost, it is the file that cannot be read.
    are_few, found = whole.sum() <= len(read), []
    for chosen, what in ((whole, "nothing can be read"), (most, "most records cannot be read")):
        if chosen.any():
            points = f"{chosen.sum()} of {len(read) + whole.sum()} meter points"
            text = f"{what} of {points}, {_listed([*map(repr, names[chosen].tolist())])} "
            apart = int(counts[chosen].sum()) if chosen is whole and are_few else 0
            found.append(Systematic(text + told.first(np.flatnonzero(chosen[place])), apart=apart))
    return whole[place], found


def _records_of_points(answer: ReadResult, known: RecordFields) -> dict[str, float]:
    """Records that could be read, by meter point: intervals where a record is one, else rows."""
    rows = answer.rows
    if not rows.num_rows:
        return {}
    weights = np.ones(rows.num_rows)
    if known.stamp:
        lists = rows["values_unscaled"].combine_chunks()
        there = np.asarray(pc.is_valid(pc.list_flatten(lists)), np.bool_)
        of_row = pc.list_parent_indices(lists).to_numpy()[there]
        weights = np.bincount(of_row, minlength=rows.num_rows) / max(1, len(known.largest))
    encoded = rows["meter_point_id"].combine_chunks().dictionary_encode()
    sums = np.bincount(encoded.indices.to_numpy(), weights=weights, minlength=len(encoded.dictionary))
    return dict(zip(encoded.dictionary.to_pylist(), sums.tolist(), strict=True))


def _times(
    told: _Rejected, chosen: BoolArray, answer: ReadResult, known: RecordFields, limits: IngestSettings
) -> list[Systematic]:
    """Times of day that are rejected on most days of a meter point."""
    times = _times_of_day(told.stamp) if known.stamp else np.zeros(0, np.str_)
    at = np.flatnonzero(chosen & (times != "")) if times.size else np.empty(0, np.int64)
    if at.size < _LEAST or not answer.rows.num_rows:
        return []
    days_of = _days_of_points(answer)
    meters, points = told.meter[at], max(1, len(days_of))
    days = np.array([told.stamp[place].replace(times[place], "", 1) for place in at.tolist()])
    once = np.unique(np.stack((meters, times[at], days)), axis=1)
    pairs, counts = np.unique(once[:2], axis=1, return_counts=True)
    most = max(days_of.values())
    every = np.array(
        [days_of.get(known.prefix + name, 0) if known.meter else most for name in pairs[0].tolist()]
    )
    of_time = np.array([np.count_nonzero(times == time) for time in pairs[1].tolist()])
    often = (counts >= _NO_CHANCE) | ((counts >= _LEAST) & (of_time * 2 >= told.lines.size))
    often &= counts >= limits.systematic_ratio * every
    if not often.any():
        return []
    total = often & (counts >= limits.systematic_days) & (counts >= limits.systematic_total_ratio * every)
    best = int(np.argmax(np.where(often, counts, 0)))
    named = set(map(tuple, pairs.T[often].tolist()))
    rejected = at[[pair in named for pair in zip(meters.tolist(), times[at].tolist(), strict=True)]]
    text = (
        f"one time of day is rejected on most days: {_listed(sorted({time for _, time in named}))} on "
        f"{counts[best]} of {max(every[best], counts[best])} days, of {np.unique(pairs[0][often]).size} of "
        f"{points} meter points "
    )
    halts = bool(total.any()) and np.unique(pairs[0][total]).size * 2 >= points
    return [Systematic(text + told.first(rejected), halts)]


def _times_of_day(stamps: Words) -> Words:
    """The time of day in the text of each stamp; empty where there is none that can be told."""
    texts = pa.array(stamps.tolist(), pa.string())
    parts = pc.extract_regex(texts, _TIME)
    clock, digits = (pc.fill_null(pc.struct_field(parts, [part]), "") for part in (0, 1))
    alone = pc.if_else(pc.match_substring_regex(texts, _DAY_ALONE), _NO_TIME, "")
    found = pc.binary_join_element_wise(clock, digits, "")
    return np.array(pc.if_else(pc.equal(found, ""), alone, found).to_pylist(), dtype=np.str_)


def _days_of_points(answer: ReadResult) -> dict[str, int]:
    """Days of which anything could be read, by meter point."""
    rows = answer.rows.select(["meter_point_id", "curve_date"])
    counted = rows.group_by("meter_point_id").aggregate([("curve_date", "count_distinct")])
    names, counts = (counted[name].to_pylist() for name in ("meter_point_id", "curve_date_count_distinct"))
    return dict(zip(names, counts, strict=True))


def _highest(told: _Rejected, known: RecordFields) -> list[Systematic]:
    """Numbers above all that could be read, as where a sender sets thousands apart from 1,000 on."""
    found = []
    for column, largest in known.largest.items():
        mine = [(_leniently(text), text, place) for name, text, place in told.numbers if name == column]
        above = [(text, place) for number, text, place in mine if number > largest]
        if not above or len(above) * 2 < sum(number == number for number, _, _ in mine):
            continue
        places = np.array([place for _, place in above])
        first = above[int(np.argmin(told.lines[places]))][0]
        apart = " with thousands set apart" if _THOUSANDS.fullmatch(first.strip(_BESIDE_NUMBERS)) else ""
        text = (
            f"the highest values of {column} are rejected: {len(above)} such as {shown(first)}{apart} lie "
            f"above all that are read, the largest of which is {largest:.10g} "
        )
        found.append(Systematic(text + told.first(places), len(above) >= _LEAST))
    return found


def _leniently(text: str) -> float:
    """The number that a text most likely tells, thousands apart or with a unit; NaN where it tells none."""
    bare = text.strip(_BESIDE_NUMBERS)
    if (apart := _THOUSANDS.fullmatch(bare)) is not None:
        rest = apart["rest"] or ""
        whole = re.sub("[^0-9+-]", "", bare.removesuffix(rest))
        return float(whole + rest.replace(",", "."))
    return float(bare) if _NUMBER.fullmatch(bare) else np.nan


def _stretches(told: _Rejected) -> list[Systematic]:
    """The longest stretch of the file of whose records most are rejected."""
    lines = np.unique(told.lines)
    if lines.size < _STRETCH:
        return []
    dense = lines[_STRETCH - 1 :] - lines[: 1 - _STRETCH] < 2 * _STRETCH
    if not dense.any():
        return []
    begins = np.flatnonzero(np.diff(dense, prepend=False, append=False))
    first, last = begins[0::2], begins[1::2] + _STRETCH - 2
    longest = int(np.argmax(last - first))
    begin, end = first[longest], last[longest]
    span = f"{end - begin + 1} of {lines[end] - lines[begin] + 1} from line {lines[begin]} to {lines[end]} "
    places = np.flatnonzero((told.lines >= lines[begin]) & (told.lines <= lines[end]))
    return [Systematic(f"most records of one stretch are rejected: {span}{told.first(places)}")]
