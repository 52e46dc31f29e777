"""When the values of an undeclared file were: the column or columns of stamps, their notation, the end of the
interval that they name, the zone, and the interval.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.formats.mapped.stamp_keys import StampPlace
from pipelines.formats.mapped.written import DAY_MICROS, NO_OFFSET, Written, written
from pipelines.periods import DAY_MINUTES, LOCAL_OFFSET
from zhixiang.vee_files.guess.cells import Cells

_MINUTE = 60_000_000
_GOOD_SHARE, _SAMPLE = 0.95, 5_000
_DAYS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%Y年%m月%d日",
)
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M:%S %p", "%I:%M %p", "%H时%M分")
_WHOLE = (
    *(f"{day} {time}" for day in _DAYS for time in _TIMES),
    "%Y%m%d%H%M",
    "%Y%m%d%H%M%S",
    "%Y年%m月%d日%H时%M分",
    "%d.%m.%YT%H:%M",
)
_BEGINS = re.compile(r"start|begin|from|\bvon\b|debut|inicio|开始|起", re.IGNORECASE)
_ENDS = re.compile(r"end|until|\bbis\b|fin\b|结束|止", re.IGNORECASE)
_SENT = re.compile(r"sent|send|insert|updat|creat|receiv|export|发送|入库|写入|更新|创建", re.IGNORECASE)
_TEXT_OF_TIME = re.compile(r"\d{1,2}(:|时)\d{2}.*")


@dataclass(frozen=True)
class Stamps:
    """The stamps of a file.

    keys    As ``stamp`` of a mapping.
    walls   Clock time of each line; -1 where there is none. [us]
    unsure  What is to be decided, by key.
    """

    keys: dict[str, str]
    walls: IntArray
    columns: tuple[str, ...]
    zone_is_told: bool
    unsure: dict[str, str] = field(default_factory=dict)


def find_stamps(cells: Cells) -> Stamps | None:
    """The stamps of a long file; none where no column holds any."""
    found = [(name, notation) for name in cells.names if (notation := _notation(cells, name)) is not None]
    whole = [(name, notation) for name, notation in found if not _is_dated(cells, name, notation)]
    if whole:
        name, notation = min(whole, key=lambda each: _preference(each[0]))
        return _stamps(cells, {"column": name}, notation, _texts(cells, name))
    for name, _ in found:
        for time in cells.names:
            if time != name and _holds_times(cells, time):
                joined = pc.binary_join_element_wise(_texts(cells, name), _texts(cells, time), " ")
                notations = _fitting(joined, _WHOLE)
                if notations:
                    keys = {"date": name, "time": time}
                    return _stamps(cells, keys, _best(joined, notations), joined)
    if not found:
        return None
    name, notation = found[0]
    return _stamps(cells, {"column": name}, notation, _texts(cells, name))


def find_days(cells: Cells) -> tuple[str, str] | None:
    """The column of days of a wide file, with its notation."""
    for name in cells.names:
        texts = _texts(cells, name) if cells.is_text else cells.columns[name]
        if _fits(texts, ""):
            return name, ""
        notations = _fitting(texts, _DAYS)
        if notations:
            return name, notations[0]
    return None


def interval_of(walls: IntArray, meters: IntArray) -> int | None:
    """The commonest distance of two stamps of one meter point, where it divides the day. [minutes]"""
    order = np.lexsort((walls, meters))
    steps = np.diff(walls[order])
    steps = steps[(np.diff(meters[order]) == 0) & (steps > 0)]
    if not steps.size:
        return None
    lengths, often = np.unique(steps, return_counts=True)
    minutes = round(int(lengths[np.argmax(often)]) / _MINUTE)
    return minutes if minutes and DAY_MINUTES % minutes == 0 else None


def place_of(stamps: Stamps, interval_minutes: int) -> tuple[StampPlace, str]:
    """Which end of their interval stamps name, and a doubt where nothing tells."""
    column = " ".join(stamps.columns)
    if _ENDS.search(column):
        return StampPlace.INTERVAL_END, ""
    if _BEGINS.search(column):
        return StampPlace.INTERVAL_START, ""
    walls, length = stamps.walls[stamps.walls >= 0], interval_minutes * _MINUTE
    if (walls % length != 0).mean() > 0.5:
        return StampPlace.INTERVAL_END, ""  # ends written as the last second, 00:14:59
    if length == DAY_MICROS:
        return StampPlace.INTERVAL_START, ""  # a day's name is that of its begin
    for shift in (0, LOCAL_OFFSET // timedelta(microseconds=1)):  # stamps of UTC, days of the local clock
        first, last = ((int(end) + shift) % DAY_MICROS for end in (walls.min(), walls.max()))
        if first == length and last == 0:
            return StampPlace.INTERVAL_END, ""
        if first == 0 and last == DAY_MICROS - length:
            return StampPlace.INTERVAL_START, ""
    return StampPlace.INTERVAL_START, "whether a stamp names the begin or the end of its interval: place"


def _texts(cells: Cells, name: str) -> pa.ChunkedArray:
    return cells.columns[name].cast(pa.string())


def _notation(cells: Cells, name: str) -> str | None:
    column = cells.columns[name]
    if not cells.is_text and not pa.types.is_string(column.type):
        if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
            return ""
        if not pa.types.is_integer(column.type):
            return None
    texts = _texts(cells, name)
    if len(pc.unique(texts)) < 2 and len(texts) > 1:
        return None
    for pattern, notation in ((r"^1\d{9}$", "epoch_s"), (r"^1\d{12}$", "epoch_ms")):
        if pc.all(pc.match_substring_regex(texts, pattern)).as_py():
            return notation
    if pc.all(pc.match_substring_regex(texts, r"^[34]\d{4}([.,]\d+)?$")).as_py():
        return "excel_day"
    if _fits(texts, "") and not _all_dated(texts, ""):
        return ""
    notations = _fitting(texts, _WHOLE)
    if notations:
        return _best(texts, notations)
    if _fits(texts, ""):
        return ""
    days = _fitting(texts, _DAYS)
    return _best(texts, days) if days else None


def _sampled(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return texts.filter(pc.not_equal(texts, "")).slice(0, _SAMPLE)


def _fits(texts: pa.ChunkedArray, notation: str) -> bool:
    if not pa.types.is_string(texts.type):
        return bool(pa.types.is_timestamp(texts.type) or pa.types.is_date(texts.type))
    sample = _sampled(texts)
    return bool(len(sample)) and bool(written(sample, notation).good.mean() >= _GOOD_SHARE)


def _all_dated(texts: pa.ChunkedArray, notation: str) -> bool:
    return bool(written(_sampled(texts), notation).dated.all())


def _fitting(texts: pa.ChunkedArray, notations: tuple[str, ...]) -> list[str]:
    sample = _sampled(texts).slice(0, 200)
    near = [each for each in notations if len(sample) and written(sample, each).good.mean() >= _GOOD_SHARE]
    timed = [each for each in near if ("%H" not in each and "%I" not in each) or not _all_dated(texts, each)]
    return [each for each in timed if _fits(texts, each)]


def _best(texts: pa.ChunkedArray, notations: list[str]) -> str:
    """Of several notations that fit, such as day before month and month before day, the one under which
    stamps go on in the most even steps.
    """

    def evenness(notation: str) -> float:
        steps = np.diff(_walls(written(_sampled(texts), notation)))
        return float(np.unique(steps, return_counts=True)[1].max() / steps.size) if steps.size else 0.0

    return max(notations, key=evenness)


def _is_dated(cells: Cells, name: str, notation: str) -> bool:
    column = cells.columns[name]
    if pa.types.is_date(column.type):
        return True
    if notation in ("epoch_s", "epoch_ms", "excel_day") or not pa.types.is_string(column.type):
        return False
    return _all_dated(column, notation)


def _holds_times(cells: Cells, name: str) -> bool:
    texts = cells.texts(name)[:200] if cells.is_text else []
    return bool(texts) and all(_TEXT_OF_TIME.fullmatch(text) for text in texts)


def _preference(name: str) -> int:
    return 2 if _SENT.search(name) else 1 if _ENDS.search(name) else 0


def _walls(stamps: Written) -> IntArray:
    return np.asarray(np.where(stamps.good, stamps.wall, -1), np.int64)


def _stamps(cells: Cells, columns: dict[str, str], notation: str, texts: pa.ChunkedArray) -> Stamps:
    serial = notation in ("epoch_s", "epoch_ms", "excel_day")
    name = columns.get("column", "")
    typed = bool(name) and not pa.types.is_string(cells.columns[name].type)
    read = written(cells.columns[name] if typed else texts, notation)
    unsure = dict(_ambiguous(texts, notation)) if not serial and not typed else {}
    offsets = np.unique(read.offset[read.good])
    told = [int(each) for each in offsets if each != NO_OFFSET]
    zone, zone_is_told = "+08:00", False
    if len(told) == 1 and told[0] and not serial:
        zone, zone_is_told = _offset_text(told[0]), True
    elif len(told) > 1:
        zone, zone_is_told = _offset_text(min(told)), True
        unsure["zone"] = "stamps carry two offsets: days are cut at the smaller one all the year"
    elif told:
        walls = _walls(read)
        first = int(walls[walls >= 0].min()) % DAY_MICROS
        unsure["zone"] = f"stamps are of UTC (the first at {_clock(first)}); which offset do the days follow?"
    else:
        unsure["zone"] = "stamps carry no zone; the file does not tell which clock they follow"
    keys = columns | {"zone": zone} | ({"format": notation} if notation else {})
    return Stamps(keys, _walls(read), tuple(columns.values()), zone_is_told, unsure)


def _ambiguous(texts: pa.ChunkedArray, notation: str) -> Iterator[tuple[str, str]]:
    other = re.sub("%[dm]", lambda each: "%m" if each[0] == "%d" else "%d", notation)
    if notation and other != notation and other in (*_WHOLE, *_DAYS) and _fits(texts, other):
        yield "format", f"the day may stand before the month or after it: {notation} or {other}"


def _offset_text(micros: int) -> str:
    minutes = abs(micros) // _MINUTE
    return f"{'-' if micros < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _clock(micros: int) -> str:
    return f"{micros // _MINUTE // 60:02d}:{micros // _MINUTE % 60:02d}"
