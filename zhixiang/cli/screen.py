"""What the terminal shows: progress, tables, one-line complaints; JSON where asked for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhixiang.cli.table_writer import as_json, records, visible, wrapped, written

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from pipelines.engine.ledger import StepRecord

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def complain(message: str, hint: str = "") -> None:
    """One clear line to stderr, and what to do next."""
    say(f"zhixiang: {message}", colour="red", err=True)
    if hint:
        say(f"  -> {hint}", err=True)


def warn(message: str) -> None:
    """A warning to stderr; the exit code stays 0."""
    say(f"zhixiang: warning: {message}", colour="yellow", err=True)


def show_json(value: Any) -> None:
    """Prints JSON with Chinese as it is; lists and sets are lists."""
    typer.echo(as_json(value))


def screen_width(*, err: bool = False) -> int | None:
    """Columns of the terminal; None where the output is a file or a pipe, which has no edge.

    err  Of what goes to stderr.
    """
    stream = sys.stderr if err else sys.stdout
    return shutil.get_terminal_size().columns if stream.isatty() else None


def is_piped() -> bool:
    """Whether another program or a file takes the output, which has no edge."""
    return screen_width() is None


def say(text: str, *, colour: str | None = None, bold: bool = False, err: bool = False) -> None:
    """Prints sentences, each line of them wrapped between its words; what they hold is shown and drives no
    terminal. A command stays in one piece, so that it can be pasted.
    """
    for part in text.splitlines() or [""]:
        for line in wrapped(visible(part), screen_width(err=err), indent="  ", keeps_commands=True):
            typer.secho(line, fg=colour, bold=bold or None, err=err)


def heading(text: str, *, colour: str | None = None) -> None:
    """Prints what follows is about."""
    say(text, colour=colour, bold=True)


def show_rows(
    rows: Sequence[Mapping[str, Any]], columns: Iterable[str] | None = None, title: str = ""
) -> None:
    """Prints rows as a table, or as records one below another where the screen is too narrow for it; says so
    where there are none.

    columns  Names to show, in order; left out: those of the first row.
    """
    if not rows:
        say(f"{title + ': ' if title else ''}无 none")
        return
    if title:
        heading(title)
    for line in written(rows, columns, width=screen_width()):
        typer.echo(line)


def show_record(record: Mapping[str, Any], title: str = "") -> None:
    """Prints one record, a line for each of its values."""
    if title:
        heading(title)
    for line in records(record, width=screen_width()):
        typer.echo(line)


class StepProgress:
    """A bar over the steps of a run; a plain line per step where the output is no terminal."""

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self._quiet, self._total, self._done = quiet, total, 0
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        if sys.stderr.isatty() and not quiet:
            from rich.console import Console
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
                console=Console(stderr=True, highlight=False),
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
        self._total = max(self._total, self._done)
        text = f"{step:<24} {status:<10} {seconds:6.1f} s  {note}".rstrip()
        if self._progress is not None and self._task is not None:
            self._progress.console.print(text, highlight=False)
            self._progress.advance(self._task)
        elif not self._quiet:
            say(f"[{self._done}/{self._total}] {text}", err=True)

    def close(self) -> None:
        """Takes the bar off the screen."""
        if self._progress is not None:
            self._progress.stop()
