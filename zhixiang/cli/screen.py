"""What the terminal shows: progress, tables, one-line complaints; JSON where asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from pipelines.engine.ledger import StepRecord

# A file or a pipe has no edge at which a table would have to be folded.
PLAIN_WIDTH = 200
FEN_PLACES = 2

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def console(*, stderr: bool = False) -> Console:
    """A rich console; plain text where the output is no terminal."""
    from rich.console import Console

    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr, highlight=False, soft_wrap=not is_terminal, width=None if is_terminal else PLAIN_WIDTH
    )


def complain(message: str, hint: str = "") -> None:
    """One clear line to stderr, and what to do next."""
    typer.secho(f"zhixiang: {message}", err=True, fg="red")
    if hint:
        typer.secho(f"  -> {hint}", err=True)


def warn(message: str) -> None:
    """A warning to stderr; the exit code stays 0."""
    typer.secho(f"zhixiang: warning: {message}", err=True, fg="yellow")


def plain(value: Any) -> Any:
    """Dates and decimals as text, for JSON."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def show_json(value: Any) -> None:
    """Prints JSON with Chinese as it is."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=plain))


def show_rows(
    rows: Sequence[Mapping[str, Any]], columns: Iterable[str] | None = None, title: str = ""
) -> None:
    """Prints rows as a table; says so where there are none."""
    from rich.table import Table

    if not rows:
        typer.echo(f"{title + ': ' if title else ''}nothing yet")
        return
    names = list(columns or rows[0])
    table = Table(title=title or None, show_edge=False, pad_edge=False)
    for name in names:
        is_number = all(isinstance(row.get(name), int | float | Decimal | None) for row in rows)
        table.add_column(
            name, overflow="fold", justify="right" if is_number else "left", min_width=min(len(name), 12)
        )
    for row in rows:
        table.add_row(*["" if row.get(name) is None else _cell(row[name]) for name in names])
    console().print(table)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, Decimal):
        trimmed = f"{value:,f}"
        exponent = value.as_tuple().exponent
        finer_than_fen = isinstance(exponent, int) and -exponent > FEN_PLACES
        return trimmed.rstrip("0").rstrip(".") if "." in trimmed and finer_than_fen else trimmed
    if isinstance(value, dict) and all(isinstance(part, int) for part in value.values()):
        return ", ".join(f"{name} {part:,}" for name, part in value.items())
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=plain)
    return str(plain(value))


class StepProgress:
    """A bar over the steps of a run; a plain line per step where the output is no terminal."""

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self._quiet, self._total, self._done = quiet, total, 0
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        if sys.stderr.isatty() and not quiet:
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                SpinnerColumn,
                TextColumn,
                TimeElapsedColumn,
            )

            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=console(stderr=True),
            )
            self._progress.start()
            self._task = self._progress.add_task("starting", total=total)

    def begin(self, step: str) -> None:
        """Shows what is being done."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=step)
        self._current = step

    def end(self, record: StepRecord) -> None:
        """Shows what was done, in how long, with how many rows, out of how many meter points or months
        where not all are computed, and why nothing was.
        """
        computed = (
            [f"computed {record.reuse_key.coverage}"]
            if record.reuse_key is not None and record.reuse_key.coverage is not None
            else []
        )
        rows = [f"{name} {count:,}" for name, count in record.rows_written.items() if count]
        note = [record.gates["note"]] if "note" in record.gates else []
        self.line(record.step, record.status, record.seconds, ", ".join([*computed, *rows, *note]))

    def line(self, step: str, status: str, seconds: float, note: str = "") -> None:
        """One finished piece of work."""
        self._done += 1
        text = f"{step:<24} {status:<10} {seconds:6.1f} s  {note}".rstrip()
        if self._progress is not None and self._task is not None:
            self._progress.console.print(text, highlight=False)
            self._progress.advance(self._task)
        elif not self._quiet:
            typer.echo(f"[{self._done}/{self._total}] {text}", err=True)

    def close(self) -> None:
        """Takes the bar off the screen."""
        if self._progress is not None:
            self._progress.stop()
