"""Stamps as they are written: texts, numbers and typed columns as clock times, whole columns at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, IntArray
from pipelines.formats.mapped.stamp_keys import SERIAL_NOTATIONS, SerialNotation

DAY_MICROS = 86_400_000_000
NO_OFFSET = np.iinfo(np.int64).min
_NAIVE, _UTC = pa.timestamp("us"), pa.timestamp("us", tz="UTC")
_MICROS = {"H": 3_600_000_000, "M": 60_000_000, "S": 1_000_000}
_LONGEST_HOURS = 25
_EXCEL_EPOCH_DAYS = 25_569
_LARGEST = {SerialNotation.EPOCH_S: 1e11, SerialNotation.EPOCH_MS: 1e14, SerialNotation.EXCEL_DAY: 1e6}
_ZONE = r"(?P<z>[Zz]|[+-]\d{2}(?::?\d{2})?)"
_ISO = (
    r"(?P<Y>\d{4})-?(?P<m>\d{2})-?(?P<d>\d{2})"
    r"(?:(?:[T ]|  )(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)? ?" + _ZONE + "?)?"
)
_DIRECTIVES = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "d": r"\d{1,2}",
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "M": r"\d{1,2}",
    "S": r"\d{1,2}",
    "f": r"\d{1,6}",
    "p": r"[AaPp][Mm]",
}
_OF_THE_CLOCK = re.compile(r"%[HIMSfpzX]")
_RANGE = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?\s*(?:[-~–—/至到]|to)\s*(?:\d[\d/.-]*[ T])?\d{1,2}:\d{2}")
_SECONDS, _MILLIS = re.compile(r"1\d{9}(?:\.\d+)?"), re.compile(r"1\d{12}")
_SERIAL = re.compile(r"[34]\d{4}(?:[.,]\d+)?")


@dataclass(frozen=True)
class Written:
    """Stamps as their sender wrote them.

    wall    Time that the clock shows; of hour 24 or 25 that of the next day. [us since 1970-01-01]
    offset  What the stamp says of its distance from UTC, NO_OFFSET where it says nothing. [us]
    over    Written with the hour 24 or 25, under the day before that of ``wall``.
    dated   A day without a time.
    good    Whether it is a stamp.
    """

    wall: IntArray
    offset: IntArray
    over: BoolArray
    dated: BoolArray
    good: BoolArray

    def taken(self, places: IntArray) -> Written:
        """Some of the stamps; a place below 0 is no stamp."""
        return Written(
            self.wall[places],
            self.offset[places],
            self.over[places],
            self.dated[places],
            self.good[places] & (places >= 0),
        )


def written(column: pa.ChunkedArray, notation: str) -> Written:
    """A column of stamps as written; nulls are not good. Raises ValueError where its type holds no stamps."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_timestamp(kind):
        aware = column.type.tz is not None
        micros = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
        return _plain(micros.cast(_UTC if aware else _NAIVE), offset=0 if aware else NO_OFFSET)
    if pa.types.is_date(kind):
        return _plain(column.cast(_NAIVE), dated=True)
    if notation in SERIAL_NOTATIONS:
        return _serial(column, SerialNotation(notation))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return _of_texts(column, notation)
    if pa.types.is_integer(kind) and len(column):
        largest = pc.max(pc.abs(column)).as_py() or 0
        if notation or largest < 10**8:
            return _of_texts(column.cast(pa.string()), notation)
        near = "epoch_ms" if largest > 10**11 else "epoch_s"
        raise ValueError(
            f"holds numbers such as {largest}, no dates; seconds since 1970? Declare format: {near}"
        )
    raise ValueError(
        f"is {column.type}, expected stamps; a number of days or seconds needs a format: excel_day, epoch_s"
    )


def _plain(column: pa.ChunkedArray, offset: int = NO_OFFSET, dated: bool = False) -> Written:
    size = len(column)
    return Written(
        np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(), np.int64),
        np.full(size, offset),
        np.zeros(size, np.bool_),
        np.full(size, dated),
        np.asarray(column.is_valid().to_numpy(), np.bool_),
    )


def _serial(column: pa.ChunkedArray, notation: SerialNotation) -> Written:
    """Numbers since a day: seconds and milliseconds are of UTC, days of a spreadsheet of the local clock and
    rounded to the second, for a quarter of an hour is no binary fraction.
    """
    if not pa.types.is_floating(column.type) and not pa.types.is_integer(column.type):
        texts = pc.replace_substring(pc.utf8_trim_whitespace(column.cast(pa.string())), ",", ".")
        shaped = pc.match_substring_regex(texts, r"^\d{1,15}(\.\d{0,20})?$")
        column = pc.if_else(shaped, texts, pa.scalar(None, pa.string())).cast(pa.float64())
    numbers = np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), np.float64)
    good = np.isfinite(numbers) & (numbers >= 0) & (numbers <= _LARGEST[notation])
    numbers = np.where(good, numbers, 0.0)
    if notation is SerialNotation.EXCEL_DAY:
        wall = (np.round(numbers * 86_400).astype(np.int64) - _EXCEL_EPOCH_DAYS * 86_400) * 1_000_000
    else:
        wall = np.round(numbers * (1e6 if notation is SerialNotation.EPOCH_S else 1e3)).astype(np.int64)
    offset = NO_OFFSET if notation is SerialNotation.EXCEL_DAY else 0
    nothing = np.zeros(numbers.size, np.bool_)
    return Written(wall, np.full(numbers.size, offset), nothing, nothing, good)


def _of_texts(column: pa.ChunkedArray, notation: str) -> Written:
    if not notation and not pa.types.is_dictionary(column.type):
        try:
            return _plain(column.cast(_NAIVE), dated=_all_short(column))
        except pa.ArrowException:
            pass
    encoded = column.combine_chunks()
    encoded = encoded if pa.types.is_dictionary(encoded.type) else encoded.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.array([], pa.string()).dictionary_encode()
    distinct = _of_distinct(encoded.dictionary.cast(pa.string()), notation)
    if not len(encoded.dictionary):
        distinct = _of_distinct(pa.array([""]), "")
    return distinct.taken(np.asarray(pc.fill_null(encoded.indices.cast(pa.int64()), -1), np.int64))


def _all_short(column: pa.ChunkedArray) -> bool:
    """Whether no text is long enough for a time of day."""
    return bool(len(column)) and (pc.max(pc.binary_length(column)).as_py() or 0) <= len("2026-03-01")


def _of_distinct(texts: pa.Array, notation: str) -> Written:
    trimmed = pc.utf8_trim_whitespace(texts)
    pattern = _pattern(notation) if notation else _ISO
    found = _by_pattern(trimmed, pattern) if pattern else _none(len(texts))
    day_alone = _day_part(notation) if notation else ""
    if day_alone and (pattern := _pattern(day_alone)) and not found.good.all():
        found = _merged(found, _by_pattern(trimmed, pattern))
    for place in np.flatnonzero(~found.good).tolist():
        _take_one(found, place, trimmed[place].as_py() or "", notation, day_alone)
    return found


def _none(size: int) -> Written:
    nothing = np.zeros(size, np.bool_)
    return Written(
        np.zeros(size, np.int64), np.full(size, NO_OFFSET), nothing.copy(), nothing.copy(), nothing.copy()
    )


def _merged(first: Written, second: Written) -> Written:
    """The second where the first is no stamp."""
    keep = first.good
    return Written(
        np.where(keep, first.wall, second.wall),
        np.where(keep, first.offset, second.offset),
        np.where(keep, first.over, second.over),
        np.where(keep, first.dated, second.dated),
        keep | second.good,
    )


def _by_pattern(texts: pa.Array, pattern: str) -> Written:
    parts = pc.extract_regex(texts, f"^(?:{pattern})$")
    good = np.asarray(parts.is_valid(), np.bool_)
    names = {field.name for field in parts.type}

    def number(name: str, otherwise: str = "0") -> np.ndarray:
        if name not in names:
            return np.full(len(texts), int(otherwise), np.int64)
        digits = pc.struct_field(parts, name)
        filled = pc.if_else(pc.fill_null(pc.equal(digits, ""), True), otherwise, digits)
        return np.array(filled.cast(pa.int64()), dtype=np.int64)

    year = number("Y", "1970") if "Y" in names else number("y")
    if "Y" not in names:
        year = year + np.where(year < 69, 2000, 1900)
    month, day = number("m", "1"), number("d", "1")
    hour, minute, second = number("H"), number("M"), number("S")
    if "p" in names:
        half = number("I", "12")
        good &= (half >= 1) & (half <= 12)
        afternoon = pc.equal(pc.utf8_lower(pc.fill_null(pc.struct_field(parts, "p"), "")), "pm")
        hour = half % 12 + 12 * np.asarray(afternoon, np.bool_)
    good &= (month >= 1) & (month <= 12) & (year >= 1) & (minute < 60) & (second < 60)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(good, day - 1, 0)
    good &= (days.astype("datetime64[M]") == months) & (day >= 1)
    micros = hour * _MICROS["H"] + minute * _MICROS["M"] + second * _MICROS["S"] + _fraction(parts, names)
    good &= micros <= _LONGEST_HOURS * _MICROS["H"]
    clock = [name for name in ("H", "I") if name in names]
    dated = np.ones(len(texts), np.bool_)
    for name in clock:
        dated &= np.asarray(pc.equal(pc.fill_null(pc.struct_field(parts, name), ""), ""), np.bool_)
    return Written(
        days.astype(np.int64) * DAY_MICROS + micros,
        _offsets(parts, names),
        micros >= DAY_MICROS,
        dated & good,
        good,
    )


def _fraction(parts: pa.Array, names: set[str]) -> IntArray:
    if "f" not in names:
        return np.zeros(len(parts), np.int64)
    digits = pc.utf8_slice_codeunits(
        pc.utf8_rpad(pc.fill_null(pc.struct_field(parts, "f"), ""), 6, "0"), 0, 6
    )
    return np.asarray(digits.cast(pa.int64()), np.int64)


def _offsets(parts: pa.Array, names: set[str]) -> IntArray:
    if "z" not in names:
        return np.full(len(parts), NO_OFFSET)
    texts = pc.fill_null(pc.struct_field(parts, "z"), "").dictionary_encode()
    known: IntArray = np.array([_offset(text) for text in texts.dictionary.to_pylist()], np.int64)
    place: IntArray = np.asarray(texts.indices, np.int64)
    return known[place]


def _offset(text: str) -> int:
    if not text:
        return NO_OFFSET
    digits = text[1:].replace(":", "")
    if not digits:
        return 0
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return (-minutes if text[0] == "-" else minutes) * _MICROS["M"]


def _pattern(notation: str) -> str:
    """A strptime notation as a pattern with a group for each part; empty where it holds directives that only
    strptime knows, such as names of months.

    Between digits that nothing parts, a number has all its digits.
    """
    tokens = re.findall(r"%.|\s+|[^%\s]", notation, flags=re.DOTALL)
    parts = list[str]()
    seen = set[str]()
    for place, token in enumerate(tokens):
        letter = token[1:] if token[0] == "%" else ""
        if not letter:
            parts.append(r"\s+" if token.isspace() else re.escape(token))
        elif letter == "%":
            parts.append("%")
        elif letter in seen:
            return ""
        elif letter == "z":
            parts.append(_ZONE)
        elif letter in _DIRECTIVES:
            beside = [tokens[near] for near in (place - 1, place + 1) if 0 <= near < len(tokens)]
            digits = _DIRECTIVES[letter]
            if any(near[0] == "%" and near != "%p" for near in beside):
                digits = digits.replace("{1,2}", "{2}")
            parts.append(f"(?P<{letter}>{digits})")
        else:
            return ""
        seen.add(letter)
    has = seen & {"Y", "y"}, "m" in seen, "d" in seen
    halves = ("I" in seen) == ("p" in seen) and not ("I" in seen and "H" in seen)
    return "".join(parts) if len(has[0]) == 1 and has[1] and has[2] and halves else ""


def _day_part(notation: str) -> str:
    """The notation up to its first directive of the clock, where that tells a day; else empty."""
    clock = _OF_THE_CLOCK.search(notation)
    day = notation[: clock.start()].rstrip(" T,;") if clock else ""
    return day if re.search(r"%[dj]", day) else ""


def _take_one(found: Written, place: int, text: str, notation: str, day_alone: str) -> None:
    """Enters a stamp that only Python's own readers know."""
    for shift, changed in ((0, text), (1, re.sub(r"(?<!\d)24:00(?=:00|\D|$)", "00:00", text))):
        if shift and changed == text:
            break
        moment = _parsed(changed, notation)
        dated = False
        if moment is None and day_alone and not shift:
            moment, dated = _parsed(changed, day_alone), True
        if moment is None:
            continue
        span = moment.utcoffset()
        wall = moment.replace(tzinfo=None) - datetime(1970, 1, 1)  # noqa: DTZ001 - clock times on both sides
        found.wall[place] = wall // timedelta(microseconds=1) + shift * DAY_MICROS
        found.offset[place] = NO_OFFSET if span is None else span // timedelta(microseconds=1)
        found.over[place], found.dated[place], found.good[place] = bool(shift), dated, True
        return


def _parsed(text: str, notation: str) -> datetime | None:
    try:
        return datetime.strptime(text, notation) if notation else datetime.fromisoformat(text)  # noqa: DTZ007
    except (ValueError, OverflowError):
        return None


def are_ranges(stamps: Written, minutes: int) -> bool:
    """Whether what was taken for an offset is the end of an interval, as in ``00:00-00:15``: then it grows
    with the time, and no clock's offset does.
    """
    some = stamps.good & (stamps.offset != NO_OFFSET)
    walls, ends = stamps.wall[some] % DAY_MICROS, -stamps.offset[some]
    return (
        np.unique(ends).size > 1
        and bool(((ends - walls) % DAY_MICROS == minutes * _MICROS["M"]).all())
        and bool(some.sum() == stamps.good.sum())
    )


def why_no_stamp(text: str) -> str:
    """What a text that is no stamp looks like, and what to declare for it; empty where it is like nothing."""
    if _RANGE.search(text):
        return "a range of two times: a stamp is one, so have begin and end sent in columns of their own"
    if _MILLIS.fullmatch(text):
        return "milliseconds since 1970: declare format: epoch_ms"
    if _SECONDS.fullmatch(text):
        return "seconds since 1970: declare format: epoch_s"
    if _SERIAL.fullmatch(text):
        return "a day number of a spreadsheet: declare format: excel_day"
    return ""
