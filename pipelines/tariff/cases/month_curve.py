"""The curve of a month beside a case: energy of every quarter of an hour, and reactive energy where it is
known.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from pipelines.errors import FactFileError, UsageError
from pipelines.periods import DAY_MINUTES, BillingDays
from pipelines.tariff.cases.schema import PLAIN_NUMBER, PLAIN_NUMBER_SAID
from pipelines.tariff.whatif.compensation import ReactiveCurve

QUARTERS = 96
QUARTER_MINUTES = DAY_MINUTES // QUARTERS
_ACTIVE = ("interval_start", "energy_kwh")
_REACTIVE = ("lagging_kvarh", "leading_kvarh")
HEADER_SAID = f"{','.join(_ACTIVE)}, or {','.join((*_ACTIVE, *_REACTIVE))}"


@dataclass(frozen=True)
class MonthCurve:
    """Every quarter of an hour of a month or period.

    energy_kwh     Active energy. [kWh]
    lagging_kvarh  Reactive energy, leading_kvarh beside it; None where the file has none. [kvarh]
    """

    energy_kwh: list[float]
    lagging_kvarh: list[float] | None = None
    leading_kvarh: list[float] | None = None

    @property
    def reactive(self) -> ReactiveCurve | None:
        """The reactive part, for a simulation."""
        if self.lagging_kvarh is None or self.leading_kvarh is None:
            return None
        return ReactiveCurve(np.array(self.lagging_kvarh), np.array(self.leading_kvarh), QUARTER_MINUTES)


def read_curve(path: Path, month: BillingDays) -> MonthCurve:
    """The curve in a file, every quarter of an hour of a month or period; raises UsageError where there is
    none and FactFileError naming file and line of the first thing that is wrong.
    """
    columns: tuple[list[float], ...] = ([], [])
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, (header, row) in enumerate(_rows(path, file), start=2):
                columns = columns if line > 2 else tuple([] for _ in header[1:])
                expected = datetime.combine(month.first_day, datetime.min.time())
                expected += timedelta(minutes=QUARTER_MINUTES * len(columns[0]))
                if len(row) != len(header) or _stamp(path, line, row[0]) != expected:
                    raise FactFileError(
                        str(path), line, f"expected the interval that begins at {expected:%Y-%m-%d %H:%M}"
                    )
                for name, column, text in zip(header[1:], columns, row[1:], strict=True):
                    column.append(_number(path, line, name, text))
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist.", "A curve is looked for beside the case.") from None
    except UnicodeDecodeError:
        raise FactFileError(
            str(path), len(columns[0]) + 1, "the file is not UTF-8", "Save it as UTF-8."
        ) from None
    count = month.day_count * QUARTERS
    if len(columns[0]) != count:
        raise FactFileError(
            str(path),
            len(columns[0]) + 1,
            f"{month} has {count} intervals, the file has {len(columns[0])}",
        )
    return MonthCurve(*columns)


def _rows(path: Path, lines: Iterator[str]) -> Iterator[tuple[Sequence[str], list[str]]]:
    """Each row with the header of its file."""
    reader = csv.reader(lines)
    header = tuple(next(reader, ()))
    if header not in (_ACTIVE, (*_ACTIVE, *_REACTIVE)):
        raise FactFileError(str(path), 1, f"the header must be {HEADER_SAID}")
    for row in reader:
        yield header, row


def _stamp(path: Path, line: int, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise FactFileError(str(path), line, f"expected a local time, not {text!r}") from None


def _number(path: Path, line: int, name: str, text: str) -> float:
    if not PLAIN_NUMBER.fullmatch(text.strip()):
        raise FactFileError(str(path), line, f"{name}: {PLAIN_NUMBER_SAID}, not {text!r}")
    value = Decimal(text.strip())
    if value < 0:
        raise FactFileError(str(path), line, f"{name} must not be negative: {text}")
    return float(value)
