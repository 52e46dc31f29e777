"""Rows as text for a screen of a given width: a table where all columns fit, else one record after another.

Nothing is cropped, no number is rounded without its mark or broken over two lines. Width is that of a
terminal: a Chinese character takes two columns, a combining one none.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

NOTHING = "—"
YES, NO = "是 yes", "否 no"
ROUNDED = "~"
"""Stands before a measure whose further digits are those of binary arithmetic; --json has them."""

_GAP = "  "
_FEN_PLACES = 2
_EXACT_DIGITS, _MEASURE_DIGITS, _DOUBLE_DIGITS = 12, 6, 15
_PROSE_WIDTH = 28
"""Columns that prose needs at least to stand in a table; narrower, it is no pleasure to read."""
_LABEL_WIDTH = 30
_CLOSING = frozenset("，。；：、！？）」』】》〉”’%‰…·,.;:!?)]}")
_OPENING = frozenset("（「『【《〈“‘([{")
_UNIT_ENDINGS = (
    ("_cny_per_kwh", "CNY/kWh"),
    ("_kwh_or_kvarh", "kWh/kvarh"),
    ("_kvarh", "kvarh"),
    ("_kwh", "kWh"),
    ("_kvar", "kvar"),
    ("_kva", "kVA"),
    ("_kw", "kW"),
    ("_cny", "CNY"),
    ("_seconds", "s"),
    ("_gb", "GB"),
    ("_m2", "m²"),
)
_UNGROUPED = re.compile(r"(^|_)(number|line|year|revision|version|position|rank)$|^#$")
"""Columns of integers that name something instead of counting it: no separators between their digits."""
_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )?\S*\bzhixiang(?: [^\s`]*[^\s`.,;:)。，；：）])+")
_GLUE = "\ue000"
# How Python holds a byte of a file name that is no UTF-8.
_FOREIGN_BYTE = re.compile("[\udc80-\udcff]")
_PLAIN_NUMBER = re.compile(r"(?<![\w.:/-])\d+\.\d+(?![\w.:-])")


def display_width(text: str) -> int:
    """Columns that a text takes on a screen.

    >>> display_width("电价 kWh"), display_width("e\\u0301")
    (8, 1)
    """
    return sum(map(_columns, text))


def head_of(name: str) -> str:
    """A column's name as a head, its unit set apart.

    >>> head_of("amount_cny"), head_of("price_cny_per_kwh"), head_of("step")
    ('amount CNY', 'price CNY/kWh', 'step')
    """
    for ending, unit in _UNIT_ENDINGS:
        if name.endswith(ending) and len(name) > len(ending):
            return f"{name.removesuffix(ending)} {unit}"
    return name


def cell_text(value: Any, name: str = "") -> str:
    """A value as a reader wants it: separators between thousands, words for booleans, lists with commas.

    name  Of its column: numbers that name something (a line, a year) stand without separators.

    >>> cell_text(Decimal("13613.860000")), cell_text(True), cell_text(None), cell_text(["1", "2"])
    ('13,613.86', '是 yes', '—', '1, 2')
    >>> cell_text(0.8578911870731443), cell_text(671.4336), cell_text(12345, "line_number")
    ('~0.857891', '671.4336', '12345')
    """
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, int):
        return str(int(value)) if _UNGROUPED.search(name) else f"{value:,}"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, Decimal):
        return _decimal_text(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_inside(part)}" for key, part in value.items()) or NOTHING
    if isinstance(value, AbstractSet):
        return ", ".join(sorted(map(_inside, value))) or NOTHING
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_inside, value)) or NOTHING
    return visible(str(value))


def with_separators(formula: str) -> str:
    """A formula whose decimal numbers are as in a table.

    >>> with_separators("13613.860000 kWh × 0.5250 CNY/kWh = 7147.28 CNY")
    '13,613.86 kWh × 0.525 CNY/kWh = 7,147.28 CNY'
    """
    return _PLAIN_NUMBER.sub(lambda found: _decimal_text(Decimal(found.group())), formula)


def visible(text: str) -> str:
    """A text whose control characters are written out, so that no value drives the terminal, and the bytes of
    a file name that are no UTF-8, which a screen may refuse.
    """
    return "".join(
        char
        if unicodedata.category(char) != "Cc"
        else " "
        if char in "\t\n\r"
        else char.encode("unicode_escape").decode()
        for char in _FOREIGN_BYTE.sub(_written_out, text)
    )


def wrapped(text: str, width: int | None, indent: str = "", *, keeps_commands: bool = False) -> list[str]:
    """Lines of a text of at most so many columns, broken between words and between Chinese characters.

    width           None: one line.
    indent          Before each line but the first.
    keeps_commands  A command is one word.
    A word that is wider than that stays whole on a line of its own: a number or a path is read and pasted
    whole.

    >>> wrapped("See the bill: zhixiang bill show A", 24, keeps_commands=True)
    ['See the bill:', 'zhixiang bill show A']
    """
    if width is None or display_width(text) <= width:
        return [text]
    if keeps_commands:
        glued = _COMMAND.sub(lambda found: found.group().replace(" ", _GLUE), text)
        return [line.replace(_GLUE, " ") for line in wrapped(glued, width, indent)]
    lines: list[str] = []
    line, used = "", 0
    for space, word in _words(text):
        wide = display_width(word)
        if line.strip() and used + len(space) + wide > width:
            lines.append(line.rstrip())
            line, used = indent + word, len(indent) + wide
        else:
            line, used = line + space + word, used + len(space) + wide
    return [*lines, line.rstrip()]


def written(
    rows: Sequence[Mapping[str, Any]], columns: Iterable[str] | None = None, *, width: int | None
) -> list[str]:
    """The lines of a table of these rows, or of one record after another where its columns do not fit.

    columns  Names to show, in order; left out: those of the first row.
    width    Of the screen; None (a file, a pipe): as wide as the content.
    """
    names = list(rows[0] if columns is None else columns)
    shown = [_column(name, rows) for name in names]
    widths = _widths(shown, width)
    return _records(shown, width) if widths is None else _table(shown, widths)


def records(record: Mapping[str, Any], *, width: int | None) -> list[str]:
    """The lines of one record: ``label: value`` each.

    width  Of the screen; None (a file, a pipe): as wide as the content.
    """
    return _records([_column(name, [record]) for name in record], width) if record else []


@dataclass(frozen=True)
class _Column:
    head: str
    cells: Sequence[str]
    is_number: bool

    @property
    def natural(self) -> int:
        """Columns of its widest cell, head included."""
        return max(display_width(self.head), *map(display_width, self.cells), 1)

    @property
    def least(self) -> int:
        """Columns without which a word or a number would break."""
        head = max(map(display_width, self.head.split()), default=1)
        cell = max((display_width(word) for cell in self.cells for _, word in _words(cell)), default=1)
        if self.is_number:
            return max(head, *map(display_width, self.cells), 1)
        prose = min(max(map(display_width, self.cells), default=1), _PROSE_WIDTH)
        return max(head, cell, prose)


def _column(name: str, rows: Sequence[Mapping[str, Any]]) -> _Column:
    values = [row.get(name) for row in rows]
    is_number = any(value is not None for value in values) and all(
        value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))
        for value in values
    )
    return _Column(head_of(name), [cell_text(value, name) for value in values], is_number)


def _widths(columns: Sequence[_Column], width: int | None) -> list[int] | None:
    """Of each column, so that the table fits; None where it cannot."""
    natural = [column.natural for column in columns]
    if width is None:
        return natural
    room = width - len(_GAP) * (len(columns) - 1)
    if sum(natural) <= room:
        return natural
    found = [column.least for column in columns]
    spare = room - sum(found)
    if spare < 0:
        return None
    # The widest prose gains most by what is left.
    for place in sorted(range(len(found)), key=lambda place: natural[place] - found[place]):
        gained = min(spare, natural[place] - found[place])
        found[place] += gained
        spare -= gained
    return found


def _table(columns: Sequence[_Column], widths: Sequence[int]) -> list[str]:
    heads = [_wrapped_head(column.head, width) for column, width in zip(columns, widths, strict=True)]
    height = max(map(len, heads))
    lines = _laid_out(columns, widths, [["" for _ in range(height - len(head))] + head for head in heads])
    lines.append(_GAP.join("─" * width for width in widths))
    for place in range(len(columns[0].cells) if columns else 0):
        cells = [wrapped(column.cells[place], width) for column, width in zip(columns, widths, strict=True)]
        lines += _laid_out(columns, widths, cells)
    return lines


def _wrapped_head(head: str, width: int) -> list[str]:
    """A head is broken between its words only, not inside a Chinese one."""
    lines = [""]
    for word in head.split():
        longer = f"{lines[-1]} {word}".strip()
        if display_width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _laid_out(columns: Sequence[_Column], widths: Sequence[int], cells: Sequence[Sequence[str]]) -> list[str]:
    lines = []
    for place in range(max(map(len, cells), default=0)):
        parts = []
        for column, width, cell in zip(columns, widths, cells, strict=True):
            text = cell[place] if place < len(cell) else ""
            blank = " " * (width - display_width(text))
            parts.append(blank + text if column.is_number else text + blank)
        lines.append(_GAP.join(parts).rstrip())
    return lines


def _records(columns: Sequence[_Column], width: int | None) -> list[str]:
    label_width = min(max(display_width(column.head) for column in columns) + 2, _LABEL_WIDTH)
    lines: list[str] = []
    for place in range(len(columns[0].cells)):
        if place:
            lines.append("")
        for column in columns:
            label = f"{column.head}: "
            label += " " * (label_width - display_width(label))
            lines += _labelled(label, column.cells[place], width)
    return lines


def _labelled(label: str, text: str, width: int | None) -> list[str]:
    """``label: value``; the value goes on below itself, or below the label where a word is too wide."""
    room = None if width is None else width - display_width(label)
    widest = max((display_width(word) for _, word in _words(text)), default=0)
    if width is None or room is None or widest <= room:
        first, *others = wrapped(text, room)
        return [label + first, *(" " * display_width(label) + line for line in others)]
    return [label.rstrip(), *(f"  {line}" for line in wrapped(text, width - 2))]


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Parts that are not broken, each with the blanks before it: a word, a number, one Chinese character
    with the marks that close or open it.
    """
    for blanks, run in re.findall(r"(\s*)(\S+)", text):
        space, part = blanks, ""
        for char in run:
            may_break = (
                part
                and (_columns(char) == 2 or _columns(part[-1]) == 2)
                and char not in _CLOSING
                and part[-1] not in _OPENING
                and _columns(char) > 0
            )
            if may_break:
                yield space, part
                space, part = "", char
            else:
                part += char
        if part:
            yield space, part


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _inside(value: Any) -> str:
    """A part of a list or a mapping; parts of its own stand in brackets."""
    has_parts = isinstance(value, Mapping | AbstractSet | list | tuple) and value
    return f"({cell_text(value)})" if has_parts else cell_text(value)


def _float_text(value: float) -> str:
    if not abs(value) < float("inf"):
        return str(value)
    exact = Decimal(repr(value))
    tidy = Decimal(f"{value:.{_DOUBLE_DIGITS - 1}e}")
    if len(tidy.normalize().as_tuple().digits) <= _EXACT_DIGITS:
        # 0.1 + 0.2 is 0.3: what differs in the last bits is no digit of the value.
        return _decimal_text(tidy.normalize())
    return ROUNDED + _decimal_text(Decimal(f"{exact:.{_MEASURE_DIGITS - 1}e}").normalize())


def _decimal_text(value: Decimal) -> str:
    """All digits; noughts at the end only as far as the fen."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        return str(value)
    text = f"{value:,f}"
    if -exponent > _FEN_PLACES:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def as_json(value: Any) -> str:
    """JSON with Chinese as it is; sets are lists in order, dates and decimals text. The bytes of a file name
    that are no UTF-8 are written out.
    """
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_plain)
    return _FOREIGN_BYTE.sub(lambda found: "\\" + _written_out(found), text)


def _written_out(found: re.Match[str]) -> str:
    return f"\\x{ord(found.group()) & 0xFF:02x}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, AbstractSet):
        return sorted(value, key=str)
    return str(value)
