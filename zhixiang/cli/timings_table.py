"""The table of ``run --timings`` and ``ledger --run``: 80 columns, whatever the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from zhixiang.cli.screen import heading
from zhixiang.cli.table_writer import display_width
from zhixiang.reports.run_timings import PHASE_WORDS, TOTAL

_PART, _NUMBER = 24, 6
_SUM = ("合计", "sum")
_NOTHING = "·"
_LEAST, _WHOLE = 0.05, 999.95


def show_timings(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints ``timing_rows`` in tenths of seconds; what rounds to nothing is a dot."""
    heading("秒数去向 where the seconds went, by the clock")
    for line in timing_lines(rows):
        typer.echo(line)


def timing_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The lines of that table, each at most 80 columns wide."""
    heads = [*PHASE_WORDS.values(), _SUM]
    names = [*PHASE_WORDS, "seconds"]
    widths = [max(_NUMBER, display_width(en) + 1) for _, en in heads]
    lines = [
        part + "".join(map(_right, words, widths))
        for part, words in zip((_left("部分"), _left("part")), zip(*heads, strict=True), strict=True)
    ]
    rule = "─" * (_PART + sum(widths))
    for row in rows:
        lines += [rule] if row["part"] in (rows[0]["part"], TOTAL) else []
        cells = [_seconds(row[name]) for name in names]
        lines.append(_left(row["part"]) + "".join(map(_right, cells, widths)))
    return lines


def _seconds(value: float) -> str:
    """Tenths, from a thousand on whole ones: a column holds five figures."""
    if value < _LEAST:
        return _NOTHING
    return f"{value:.1f}" if value < _WHOLE else f"{value:.0f}"


def _left(text: str) -> str:
    """A part's name; one that is too long ends with a mark."""
    shown = text if display_width(text) <= _PART else text[: _PART - 1] + "…"
    return shown + " " * (_PART - display_width(shown))


def _right(text: str, width: int) -> str:
    return " " * (width - display_width(text)) + text
