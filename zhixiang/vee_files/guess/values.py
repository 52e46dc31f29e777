"""Whose the values of an undeclared file are, what they count and in which unit: by its columns' names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from pipelines.codes import Channel
from zhixiang.vee_files.guess.cells import Cells, Notation, is_mostly_numbers

_UNITS: Mapping[str, str] = {
    "mvarh": "Mvarh",
    "kvarh": "kvarh",
    "varh": "varh",
    "mwh": "MWh",
    "kwh": "kWh",
    "wh": "Wh",
    "mvar": "Mvar",
    "kvar": "kvar",
    "var": "var",
    "mw": "MW",
    "kw": "kW",
    "w": "W",
    "兆瓦时": "MWh",
    "千瓦时": "kWh",
    "兆瓦": "MW",
    "千瓦": "kW",
    "千乏时": "kvarh",
    "千乏": "kvar",
}
_UNIT = re.compile(
    r"(?<![a-z])(mvarh|kvarh|varh|mwh|kwh|wh|mvar|kvar|var|mw|kw|w)(?![a-z])|"
    "(兆瓦时|千瓦时|千乏时|兆瓦|千瓦|千乏)"
)
_POWER = re.compile(r"功率|负荷|^[pq]$|power|leistung|demand|puissance|potencia", re.IGNORECASE)
_REACTIVE = re.compile(r"无功|^q$|reactive|blind|k?var", re.IGNORECASE)
_LEADING = re.compile(r"超前|容性|leading|capacit", re.IGNORECASE)
_REVERSE = re.compile(
    r"反向|上网|发电|光伏|export|generat|produc|einspeis|feed|solar|\bpv\b|return|teruglever|injec|excedent",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"正向|有功|^[pq]$|用电|电量|示值|负荷|import|consum|usage|verbrauch|bezug|delivered|energ|active|conso|stand|"
    r"reading|wert|valeur|value|load",
    re.IGNORECASE,
)
_METER = re.compile(
    r"meter|户号|表号|表计|计量点|测量点|资产|局号|用户编号|\bnmi\b|\bprm\b|\bcups\b|\bean\b|\bmpan\b|"
    r"zählpunkt|zaehlpunkt|messpunkt|point|serial|device|\bid\b|标识",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(
    r"price|cost|amount|tarif|temp|费|价|金额|电压|电流|^[ui][abc]?$|voltage|current|倍率|ratio|factor|因数|duration|"
    r"ersatz|quality|status|flag|质量|状态|序号|€|\bno\b",
    re.IGNORECASE,
)
_MOST_VALUES = 8


@dataclass(frozen=True)
class Meter:
    """Whose the values are, as ``meter_point`` of a mapping; a doubt where nothing tells."""

    keys: dict[str, str]
    unsure: str = ""


@dataclass(frozen=True)
class Value:
    """A column of numbers: unit and channel, and what of it is to be decided."""

    column: str
    unit: str
    channel: str
    unsure: str = ""


def find_meter(cells: Cells, taken: Sequence[str], stem: str) -> Meter:
    """The column of meter points by its name, else one name for the whole file.

    stem  Of the file's name.
    """
    for name in cells.names:
        if name not in taken and _METER.search(name) and unit_in(name) is None and cells.texts(name):
            return Meter({"column": name})
    constant = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:40] or "METER"
    doubt = "no column is named like a meter; the whole file counts as one meter point of this name"
    return Meter({"constant": constant}, doubt)


def find_values(
    cells: Cells, notation: Notation, taken: Sequence[str], told_unit: str | None
) -> tuple[list[Value], list[str]]:
    """The columns of values, and those that were left out.

    told_unit  Unit that the file tells elsewhere.
    """
    numeric = [
        name
        for name in cells.names
        if name not in taken
        and is_mostly_numbers(cells.columns[name], notation)
        and not _NO_VALUE.search(name)
    ]
    clear = [name for name in numeric if unit_in(name) or _REVERSE.search(name) or _FORWARD.search(name)]
    varied = [name for name in numeric if len(pc.unique(cells.columns[name])) > 2]
    values: list[Value] = []
    for name in clear or varied[:1]:
        value = describe(name, told_unit)
        if value.channel not in {each.channel for each in values} and len(values) < _MOST_VALUES:
            values.append(value)
    kept = {value.column for value in values}
    return values, [name for name in numeric if name not in kept]


def describe(name: str, told_unit: str | None) -> Value:
    """What a column counts, by its name.

    >>> describe("反向有功(kWh)", None)
    Value(column='反向有功(kWh)', unit='kWh', channel='active_reverse', unsure='')
    """
    unit, doubts = unit_in(name) or told_unit, []
    if unit is None:
        unit = "kW" if _POWER.search(name) else "kWh"
        if _REACTIVE.search(name):
            unit = "kvar" if _POWER.search(name) else "kvarh"
        doubts.append(f"unit: no unit is written; {unit} is assumed")
    elif unit_in(name) is None:
        doubts.append(f"unit: {unit}, as a cell elsewhere in the file says")
    reverse = bool(_REVERSE.search(name))
    if "var" in unit.lower():
        channel = Channel.REACTIVE_LEADING if reverse or _LEADING.search(name) else Channel.REACTIVE_LAGGING
    else:
        channel = Channel.ACTIVE_REVERSE if reverse else Channel.ACTIVE_FORWARD
        if not reverse and not _FORWARD.search(name):
            doubts.append("channel: nothing tells what is counted; active_forward is assumed")
    return Value(name, unit, channel.value, "; ".join(doubts))


def unit_in(text: str) -> str | None:
    """The unit that a name tells.

    >>> unit_in("Verbrauch (kWh)"), unit_in("stand_kwh"), unit_in("weekday")
    ('kWh', 'kWh', None)
    """
    found = _UNIT.search(text.lower())
    return _UNITS[found[0]] if found else None


def unit_of_cells(cells: Cells) -> str | None:
    """A unit that stands alone in a cell above the names, or in all cells of a column."""
    above = {cell.lower() for row in cells.before for cell in row}
    columns = [pc.unique(cells.columns[name].slice(0, 1000)).to_pylist() for name in cells.names]
    alone = above | {str(texts[0]).lower() for texts in columns if len(texts) == 1}
    return next((unit for word, unit in _UNITS.items() if word in alone), None)
