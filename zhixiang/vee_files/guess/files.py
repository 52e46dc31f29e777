"""A mapping proposed for files that are of no known format, and tried with the mapping's own reader."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from pipelines.codes import CurveMeasure
from pipelines.errors import InputRefusedError, UsageError
from pipelines.formats import FormatSettings, LongForm, LongMapping, ReadResult, detect, unpack
from pipelines.formats.contract import RefusalReason
from pipelines.formats.documents.kinds import is_workbook
from pipelines.formats.mapped.stamp_keys import StampPlace
from pipelines.formats.mapped.wide_days import TIMES, looks_wide, time_of
from pipelines.ingest.inbox import shown_path
from pipelines.periods import DAY_MINUTES
from pipelines.settings import IngestSettings
from zhixiang.vee_files.guess.cells import (
    NOTHING,
    Cells,
    Notation,
    is_mostly_numbers,
    notation_of,
    read_cells,
)
from zhixiang.vee_files.guess.proposal import Guess
from zhixiang.vee_files.guess.stamps import find_days, find_stamps, interval_of, place_of
from zhixiang.vee_files.guess.values import Value, describe, find_meter, find_values, unit_of_cells

ROWS_SHOWN = 10
_NUMBERED = re.compile(r"(\D*?)(\d{1,3})")
_CUMULATIVE, _SPLIT = "reading: cumulative", "sign: split"


def guess_files(paths: Sequence[Path], limits: IngestSettings, formats: FormatSettings) -> Guess:
    """The mapping of the first file that is of no known format, tried on the others of them too.

    Raises as ``guess_mapping`` does; UsageError where all files are of known formats.
    """
    known: list[str] = []
    guess: Guess | None = None
    others: list[str] = []
    for path in paths:
        name = shown_path(path.name)
        content = unpack(name, path.read_bytes(), limits)
        if (found := _known(name, content)) is not None:
            known.append(f"{name} is of the known format {found}")
        elif guess is None:
            guess = guess_mapping(path, limits, formats)
        else:
            others.append(_also(guess, path, content, formats))
    if guess is None:
        told = known[0] if known else "There is no file"
        raise UsageError(f"{told} and needs no mapping.", "Run zhixiang vee on it without --guess.")
    guess.remarks += [f"{each}, which needs no mapping" for each in known] + others
    return guess


def _also(guess: Guess, path: Path, content: bytes, formats: FormatSettings) -> str:
    """What becomes of a further file under the mapping, whose patterns then name it too."""
    pattern = _pattern(path)
    try:
        answer = LongForm(LongMapping.model_validate(guess.keys)).read(content, path.name, formats)
    except (InputRefusedError, ValidationError) as error:
        return f"{shown_path(path.name)} cannot be read under it: {' '.join(str(error).split())[:200]}"
    if pattern not in guess.keys["files"]:
        guess.keys["files"].append(pattern)
    days, held = answer.rows.num_rows, answer.rejects.num_rows
    return f"{shown_path(path.name)} is read too: {days} days, {held} lines held back"


def _pattern(path: Path) -> str:
    """The name of a file with its numbers open, for those of other months."""
    return re.sub(r"\d+", "*", path.name)


def guess_mapping(path: Path, limits: IngestSettings, formats: FormatSettings) -> Guess:
    """The mapping of a file, tried on it.

    Raises UsageError where no stamps or no values are found; InputRefusedError where it is no table.
    """
    name = shown_path(path.name)
    content = unpack(name, path.read_bytes(), limits)
    cells = read_cells(content, name, formats)
    unsure: dict[str, str] = {}
    remarks: list[str] = []
    make = _wide if looks_wide(cells.names) else _long
    parts = make(cells, path.stem, name, unsure, remarks)
    ident = re.sub(r"[^a-z0-9_]+", "_", path.stem.lower()).strip("_")
    keys: dict[str, Any] = {
        "id": ident if re.match("[a-z]", ident) else f"file_{ident}".rstrip("_"),
        "files": [_pattern(path)],
    }
    if cells.is_text:
        keys |= _written_as(cells, parts.pop("notation"))
        if cells.header_line > 1:
            remarks.append(f"the names stand in line {cells.header_line}; lines before it are passed over")
    else:
        parts.pop("notation")
    guess = Guess(name, keys | parts, unsure, remarks)
    _try(guess, content, formats)
    return guess


def _known(name: str, content: bytes) -> str | None:
    """The known format that a file is of with all its columns, if any."""
    try:
        found = detect(name, content)
        return found.id if found.sniff(name, content, share=1.0) else None
    except InputRefusedError as refusal:
        workbook = refusal.reason_code == RefusalReason.WRONG_KIND and is_workbook(content)
        if refusal.reason_code in (RefusalReason.EMPTY_FILE, RefusalReason.WRONG_KIND) and not workbook:
            raise
        return None


def _long(cells: Cells, stem: str, name: str, unsure: dict[str, str], remarks: list[str]) -> dict[str, Any]:
    stamps = find_stamps(cells)
    if stamps is None:
        raise UsageError(
            f"No column of {name} holds stamps that are known.",
            "docs/formats/mapping.md lists how stamps are declared; its columns are "
            f"{', '.join(cells.names[:12])}.",
        )
    meter = find_meter(cells, stamps.columns, stem)
    taken = [*stamps.columns, *meter.keys.values()]
    notation = _notation(cells, taken)
    values, left = find_values(cells, notation, taken, unit_of_cells(cells))
    if not values:
        raise UsageError(
            f"No column of {name} holds values of intervals.",
            "docs/formats/mapping.md says how to declare them; its columns are "
            f"{', '.join(cells.names[:12])}.",
        )
    meters = np.zeros(stamps.walls.size, np.int64)
    if "column" in meter.keys:
        encoded = cells.columns[meter.keys["column"]].combine_chunks().dictionary_encode()
        meters = np.asarray(pc.fill_null(encoded.indices, -1), np.int64)
    interval = interval_of(stamps.walls, meters)
    if interval is None:
        interval = 15
        unsure["interval_minutes"] = "stamps do not stand in steps that divide the day"
    place, doubt = place_of(stamps, interval)
    unsure |= {f"stamp.{key}": told for key, told in stamps.unsure.items()}
    unsure |= {"stamp.place": doubt} if doubt else {}
    _told(values, notation, meter.unsure, unsure)
    used = {*taken, *(value.column for value in values)}
    unused = [each for each in cells.names if each not in used]
    if unused:
        told = "numbers among them may be further channels" if left else "no numbers of intervals"
        remarks.append(f"columns that are not used ({told}): {', '.join(unused[:8])}")
    return {
        "notation": notation,
        "interval_minutes": interval,
        "meter_point": meter.keys,
        "stamp": stamps.keys | {"place": place.value},
        "values": [
            {"column": value.column, "unit": value.unit, "channel": value.channel} for value in values
        ],
    }


def _wide(cells: Cells, stem: str, name: str, unsure: dict[str, str], remarks: list[str]) -> dict[str, Any]:
    times = {
        each: time for each in cells.names if (time := time_of(each, StampPlace.INTERVAL_END)) is not None
    }
    numbered: dict[str, list[tuple[int, str]]] = {}
    for each in cells.names:
        if each not in times and (match := _NUMBERED.fullmatch(each)):
            numbered.setdefault(match[1], []).append((int(match[2]), each))
    if len(times) >= 12:
        columns, of_day = TIMES, list(times)
        # 00:00 behind the others is the end of its day.
        place = StampPlace.INTERVAL_START if next(iter(times.values())) == 0 else StampPlace.INTERVAL_END
        step = sorted(times.values())
        interval = step[1] - step[0]
    else:
        span = max(map(sorted, numbered.values()), key=len)
        of_day = [each for _, each in span]
        columns, place = f"{of_day[0]}..{of_day[-1]}", StampPlace.INTERVAL_END
        interval = DAY_MINUTES // len(of_day)
    rest = Cells(
        tuple(each for each in cells.names if each not in of_day),
        cells.columns,
        cells.header_line,
        cells.before,
        cells.encoding,
        cells.separator,
        cells.is_text,
    )
    days = find_days(rest)
    if days is None:
        raise UsageError(
            f"No column of {name} holds the day of its rows.",
            f"docs/formats/mapping.md, wide files; its other columns are {', '.join(rest.names[:12])}.",
        )
    day, written_as = days
    meter = find_meter(rest, [day], stem)
    notation = _notation(cells, [each for each in cells.names if each not in of_day])
    value = describe(stem, unit_of_cells(rest))
    _told([Value("", value.unit, value.channel, value.unsure)], notation, meter.unsure, unsure)
    unsure["stamp.zone"] = "days carry no zone; the file does not tell which clock they follow"
    unused = [each for each in rest.names if each not in (day, *meter.keys.values())]
    if unused:
        remarks.append(f"columns that are not used: {', '.join(unused[:8])}")
    return {
        "notation": notation,
        "interval_minutes": interval,
        "meter_point": meter.keys,
        "wide": {"date": day, "columns": columns},
        "stamp": {"place": place.value, "zone": "+08:00"} | ({"format": written_as} if written_as else {}),
        "values": [{"unit": value.unit, "channel": value.channel}],
    }


def _notation(cells: Cells, without: list[str]) -> Notation:
    """How the numbers of the columns that hold any are written."""
    if not cells.is_text:
        return Notation()
    told = []
    for name in cells.names:
        if name not in without:
            texts = [text for text in pc.unique(cells.columns[name]).to_pylist() if text]
            said = [text for text in texts if text.lower() not in NOTHING]
            if said and is_mostly_numbers(cells.columns[name], notation_of(texts, cells.separator)):
                told += texts
    return notation_of(told, cells.separator)


def _told(values: list[Value], notation: Notation, meter: str, unsure: dict[str, str]) -> None:
    unsure |= {f"values.{value.column}".rstrip("."): value.unsure for value in values if value.unsure}
    unsure |= {"decimal": notation.unsure[0]} if notation.unsure else {}
    unsure |= {"meter_point": meter} if meter else {}


def _written_as(cells: Cells, notation: Notation) -> dict[str, Any]:
    told = {
        "encoding": cells.encoding if cells.encoding != "utf-8" else "",
        "separator": {",": "", "\t": "tab"}.get(cells.separator, cells.separator),
        "decimal": notation.decimal if notation.decimal != "." else "",
        "thousands": notation.thousands,
        "nothing": list(notation.nothing),
    }
    return {key: value for key, value in told.items() if value}


def _try(guess: Guess, content: bytes, formats: FormatSettings) -> None:
    """Reads the file under the mapping; where its reader says that values are readings or net values, they
    are declared so.
    """
    for _ in range(2 * len(guess.keys["values"]) + 1):
        try:
            mapping = LongMapping.model_validate(guess.keys)
            answer = LongForm(mapping).read(content, guess.file, formats)
        except ValidationError as error:
            guess.refusal = error.errors()[0]["msg"]
            return
        except InputRefusedError as refusal:
            said, column = refusal.reason, refusal.column
            guess.refusal = f"{refusal.reason_code}: {refusal.reason}"
        else:
            said, column = " ".join(answer.warnings), None
            guess.refusal = ""
            if not _declare(guess, said, column):
                _show(guess, answer, mapping)
                return
            continue
        if not _declare(guess, said, column):
            return


def _declare(guess: Guess, said: str, column: str | None) -> bool:
    """Whether a value was declared as its reader asks."""
    for word, key, value in (
        (_CUMULATIVE, "reading", "cumulative"),
        (_SPLIT, "sign", "split"),
    ):
        if word not in said:
            continue
        for each in guess.keys["values"]:
            if key not in each and (column in (None, each.get("column")) or len(guess.keys["values"]) == 1):
                each[key] = value
                told = "never fall" if key == "reading" else "have both signs"
                shown = f"values.{each.get('column', '')}".rstrip(".")
                guess.unsure[f"{shown} {key}"] = f"the values {told}; is {word} what they are?"
                return True
    return False


def _show(guess: Guess, answer: ReadResult, mapping: LongMapping) -> None:
    rows = answer.rows
    guess.days, guess.held = rows.num_rows, answer.rejects.num_rows
    guess.remarks += answer.warnings
    if guess.held:
        line, reason = (answer.rejects[name][0].as_py() for name in ("line_number", "reason"))
        guess.remarks.append(f"{guess.held} lines are held back; the first is line {line}: {reason}")
    if not guess.days:
        guess.refusal = "no line can be read under this mapping"
    values = pc.list_flatten(rows["values_unscaled"])
    places = pc.list_parent_indices(rows["values_unscaled"])
    for measure, hours in (
        (CurveMeasure.ENERGY, 1.0),
        (CurveMeasure.MEAN_POWER, mapping.interval_minutes / 60),
    ):
        mine = pc.equal(rows["measure_code"], measure.value)
        sums = pa.table(
            {"value": values, "channel": rows["channel_code"].take(places), "mine": mine.take(places)}
        )
        for row in sums.filter(sums["mine"]).group_by("channel").aggregate([("value", "sum")]).to_pylist():
            total = guess.energy.get(row["channel"], 0.0) + (row["value_sum"] or 0.0) * hours
            guess.energy[row["channel"]] = round(total, 6)
    for day in rows.slice(0, ROWS_SHOWN).to_pylist():
        minutes = day["interval_minutes"]
        for slot, value in enumerate(day["values_unscaled"]):
            if value is not None and len(guess.rows) < ROWS_SHOWN:
                begin = datetime.combine(day["curve_date"], datetime.min.time()) + timedelta(
                    minutes=slot * minutes
                )
                unit = "kW" if day["measure_code"] == CurveMeasure.MEAN_POWER else "kWh"
                unit = unit.replace("W", "var") if day["channel_code"].startswith("reactive") else unit
                guess.rows.append(
                    {
                        "meter": day["meter_point_id"],
                        "channel": day["channel_code"],
                        "begin": f"{begin:%Y-%m-%d %H:%M}",
                        "end": f"{begin + timedelta(minutes=minutes):%H:%M}",
                        "value": float(f"{value:.12g}"),
                        "unit": unit,
                    }
                )
