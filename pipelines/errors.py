"""One error family. Every error says what went wrong, where, and what to do next.

The exit code of the command line is a property of the error, so that schedulers can tell refused input from a
halted gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Self

from pipelines.near_names import near_names

EXIT_CODES: Mapping[int, str] = {
    0: "Done; warnings may stand on the screen.",
    1: "Unexpected: nobody foresaw it. Please report it, with what `ZHIXIANG_DEBUG=1` shows.",
    2: "The call, the settings or the machine: nothing was done. Correct what the message names.",
    3: (
        "Input: a file was refused or could not be read now, a key, code, model or kept file does not hold "
        "to its signature or hash (of a delivery `zhixiang verify` tells so with 4), or too many records are "
        "of meter points that master data do not know. All the rest went on."
    ),
    4: "A gate halted, results differ, or a delivery is not as signed (`zhixiang verify`).",
    5: "A fact is not in force on the day that is asked for.",
    6: (
        "Our own storage: the disk is full, a limit or quota is reached, or a folder may not be written. "
        "Nothing of the file or step at hand is remembered: mend the cause and run the same command again."
    ),
    7: "Another run holds the home. Wait until it ends.",
    130: "Stopped by Ctrl-C. What was committed stays.",
}
"""Exit code of the command line -> what it means to a scheduler; docs/exit-codes.md is made of it."""


class ZhixiangError(Exception):
    """Base of every error this project raises on purpose.

    message    What happened, in one line.
    hint       What the reader can do about it, in one line; may be empty.
    exit_code  What the command line returns.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def at(self, where: str) -> Self:
        """The same error, its message led by a place such as ``case.yaml:7``."""
        placed = type(self).__new__(type(self))
        placed.__dict__.update(self.__dict__)
        placed.message = f"{where}: {self.message}"
        placed.args = (placed.message,)
        return placed


class UsageError(ZhixiangError):
    """A command or a function was called with an argument that cannot be meant."""

    exit_code = 2


class TooLittleDataError(UsageError):
    """What was received does not suffice to learn a model from; a run says so and goes on without it."""


class UnknownNameError(UsageError):
    """A name that stands in no list; suggests near ones, and never tells the others of the list.

    kind       What it should have named.
    known      The list. It may hold customers: only names near the one asked for leave it.
    where      What shows the list to those who may see it, as one sentence; may be empty.
    is_public  The list is one of our own (stages, classes): its nearest names are told however far they are.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], where: str = "", *, is_public: bool = False
    ) -> None:
        self.kind, self.name = kind, name
        self.near = near_names(name, known, however_far=is_public)
        meant = f"Did you mean {' or '.join(map(repr, self.near))}?" if self.near else ""
        hint = f"{meant} {where}".strip() or f"Nothing that is known comes near {name!r}."
        super().__init__(f"No {kind} named {name!r}.", hint)


class SettingsError(ZhixiangError):
    """A file in conf/ lacks a key, has one too many, or has a value of the wrong kind."""

    exit_code = 2


class FactFileError(ZhixiangError):
    """A file in conf/facts/ is not well formed: no source, an overlap, an unknown component, a negative
    price.
    """

    exit_code = 2

    def __init__(self, path: str, line: int | None, message: str, hint: str = "") -> None:
        self.path, self.line = path, line
        where = f"{path}:{line}" if line else path
        super().__init__(f"{where}: {message}", hint)


class MachineError(ZhixiangError):
    """The machine lacks something: Java, jars, memory, disk, a font."""

    exit_code = 2


class StorageError(ZhixiangError):
    """A write of our own failed: disk full, quota, limit of file sizes, read-only or forbidden folder. It is
    no fault of what was received: nothing of it is remembered, and the next run does it all.
    """

    exit_code = 6


class InputRefusedError(ZhixiangError):
    """A received file cannot be read as a whole (truncated, bombed, wrong header, empty)."""

    exit_code = 3

    def __init__(
        self, path: str, reason_code: str, reason: str, line: int | None = None, column: str | None = None
    ) -> None:
        self.path, self.reason_code, self.reason, self.line, self.column = (
            path,
            reason_code,
            reason,
            line,
            column,
        )
        where = path + (f":{line}" if line else "") + (f" column {column}" if column else "")
        super().__init__(f"{where}: {reason}")


class GateHaltedError(ZhixiangError):
    """A quality gate found what must not go on."""

    exit_code = 4

    def __init__(self, table: str, failures: Iterable[str]) -> None:
        self.table, self.failures = table, list(failures)
        super().__init__(
            f"The gate of {table} halted the run: {'; '.join(self.failures)}.",
            "Nothing was written; correct the input or the check's settings and run again.",
        )


class DisagreementError(ZhixiangError):
    """A result and its recomputation, or a document and ours, do not agree. Nothing was written by the
    comparison, nothing was halted.
    """

    exit_code = 4


class FactNotInForceError(ZhixiangError):
    """No version of a fact covers the day that is asked for; nothing is extrapolated."""

    exit_code = 5

    def __init__(self, fact_id: str, on: date, covers: str, path: str = "", line: int | None = None) -> None:
        self.fact_id, self.on, self.covers, self.path, self.line = fact_id, on, covers, path, line
        where = f"{path}:{line}" if line else path or "its file"
        super().__init__(
            f"No {fact_id} in force on {on.isoformat()}; {where} covers {covers}.",
            "Add the notice that holds on that day, with its document, to the file.",
        )


class FactNotForContractError(FactNotInForceError):
    """A fact has no value for what a contract asks of it, whatever the day: a class, a level or a period that
    it does not list.
    """


class SchemaMismatchError(ZhixiangError):
    """A frame does not have the columns that its table declares."""

    def __init__(
        self, table: str, missing: Iterable[str] = (), surplus: Iterable[str] = (), wrong: Iterable[str] = ()
    ) -> None:
        self.table, self.missing, self.surplus, self.wrong = (
            table,
            sorted(missing),
            sorted(surplus),
            sorted(wrong),
        )
        parts = [
            f"{label}: {', '.join(names)}"
            for label, names in (
                ("missing", self.missing),
                ("not declared", self.surplus),
                ("wrong type", self.wrong),
            )
            if names
        ]
        super().__init__(f"Columns of {table} differ from its declaration ({'; '.join(parts)}).")


class OutsideFolderError(ZhixiangError):
    """A file would be written outside the folder that it belongs to; nothing was written."""

    exit_code = 2

    def __init__(self, folder: object, parts: Iterable[str]) -> None:
        super().__init__(
            f"{'/'.join(parts)!r} would be written outside {folder}.",
            "If a folder there is a link, remove the link, then run: zhixiang run --from deliver",
        )


class TamperedError(ZhixiangError):
    """A signature or a hash does not hold; the content was not parsed."""

    exit_code = 3


class LostKeyError(ZhixiangError):
    """A home once made a key or a secret that it has no more; a new one is never made silently."""

    exit_code = 2


class DamagedPartError(ZhixiangError):
    """A part of the home (a table, the run ledger, the model registry) is lost or cannot be read.

    part  Its name as ``zhixiang repair`` takes it.
    """

    exit_code = 2

    def __init__(self, part: str, message: str, hint: str) -> None:
        self.part = part
        super().__init__(message, hint)


class ConcurrentWriteError(ZhixiangError):
    """Another process is writing; two writers never share a table."""

    exit_code = 7


def error_kinds(kind: type[ZhixiangError] = ZhixiangError) -> list[type[ZhixiangError]]:
    """Every member of the family below a kind that is declared here, in the order of their names."""
    below = {found for child in kind.__subclasses__() for found in (child, *error_kinds(child))}
    declared = (found for found in below if found.__module__ == __name__)
    return sorted(declared, key=lambda found: found.__name__)
