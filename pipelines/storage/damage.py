"""What is wrong with a table's log or files, in words, and the command that heals it."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.errors import DamagedPartError
from pipelines.tables.base import Layer, Table
from pipelines.tables.bronze import BronzeFiles, Received

_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\b.*\.parquet")
_CHECKSUM = re.compile(r"\.?(\d{20})\.(?:json\.|crc\.)?crc")


def log_fault(path: str) -> str:
    """What is wrong with the commits of a table on a local disk; empty where nothing is, or where no table
    stands.

    path  Folder of the table. delta-rs reads on where a commit is empty or an early one is gone, and takes
          the rest for the whole.
    """
    folder = Path(path, "_delta_log")
    if not folder.is_dir():
        return ""
    names = {entry.name: entry for entry in folder.iterdir()}
    commits = _numbers(_COMMIT, names)
    checkpoint = max(_numbers(_CHECKPOINT, names), default=-1)
    told = max(_numbers(_CHECKSUM, names), default=-1)
    last = max([checkpoint, told, *commits])
    missing = [number for number in range(checkpoint + 1, last + 1) if number not in commits]
    if missing:
        return f"commit {missing[0]} of its log is missing"
    empty = [number for number in sorted(commits) if not names[f"{number:020}.json"].stat().st_size]
    return f"commit {empty[0]} of its log is empty" if empty else ""


def _numbers(pattern: re.Pattern[str], names: dict[str, Path]) -> set[int]:
    return {int(match[1]) for name in names if (match := pattern.fullmatch(name))}


def damaged_table(table: type[Table], fault: str) -> DamagedPartError:
    """The error that names a table, what is wrong with it, what that means, and what to do."""
    return DamagedPartError(
        table.name, f"The table {table.name} is damaged: {fault}. {meaning_of(table)}", remedy_of(table)
    )


def can_be_rebuilt(table: type[Table]) -> bool:
    """Whether a table follows from what was received: all but issued results and edits made by hand."""
    return table is BronzeFiles or issubclass(table, Received) or table.layer in (Layer.SILVER, Layer.GOLD)


def is_received(table: type[Table]) -> bool:
    """Whether the rows of a table are those of received files."""
    return issubclass(table, Received)


def meaning_of(table: type[Table]) -> str:
    """What it means that a table is lost or damaged."""
    if table is BronzeFiles:
        return "It tells which received files were read already; their rows stand in the other bronze tables."
    if is_received(table):
        return "Its rows are those of received files, which still lie in the inbox."
    if table.layer in (Layer.SILVER, Layer.GOLD):
        return "It is computed from what was received; nothing issued is lost with it."
    if table.layer is Layer.BRONZE:
        return "It holds what people approved by hand; nothing else tells it."
    return (
        "It holds issued results or their evidence, which no computation may put in place of what was issued."
    )


def remedy_of(table: type[Table]) -> str:
    """What to do, in one line."""
    command = f"`zhixiang repair {table.name} --yes`"
    if table is BronzeFiles:
        return f"{command} makes it again from the inbox and those tables."
    if is_received(table):
        return f"{command} reads the files again."
    if table.layer in (Layer.SILVER, Layer.GOLD):
        return f"{command} deletes it; the next `zhixiang run` computes it anew."
    return (
        f"Restore tables/{table.name} from a backup, with the tables beside it of the same day; no command "
        "makes it again."
    )


def first_line(error: BaseException) -> str:
    """The beginning of an error's text, on one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
