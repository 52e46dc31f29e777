"""Published energy prices by month, as an operator enters them; they stand before the illustrative one (ruling R1)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pipelines.codes import Confidence
from pipelines.errors import FactFileError, UsageError
from pipelines.facts.dated import NOT_RECORDED, Citation, Dated, Version
from pipelines.periods import BillingMonth

_COLUMNS = ["month", "component", "price_cny_per_kwh", "document", "published_on"]
COMPONENTS = ("purchase", "line_loss", "system_operation")
_Row = tuple[int, Decimal, str, date]


def with_monthly_prices(energy_base: Dated[Decimal], folder: Path, name: str) -> Dated[Decimal]:
    """The energy price with a version for every month of the file, each the sum of its three components. [CNY/kWh]

    After the first month entered, a month without prices is not in force: a published series never falls back on the illustrative
    price. Without rows nothing changes. Raises FactFileError with the line of what is not well formed.
    """
    months: dict[BillingMonth, dict[str, _Row]] = {}
    for line, month, component, row in _rows(folder / name, name):
        parts = months.setdefault(month, {})
        if component in parts:
            raise FactFileError(name, line, f"{component} of {month} stands twice")
        parts[component] = row
    versions = [_version(name, month, parts) for month, parts in sorted(months.items())]
    merged = sorted([*energy_base.versions, *versions], key=lambda version: (version.effective_from, version.effective_to is not None))
    return replace(energy_base, versions=tuple(merged))


def _rows(path: Path, name: str) -> Iterator[tuple[int, BillingMonth, str, _Row]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        if next(reader, None) != _COLUMNS:
            raise FactFileError(name, 1, f"the header must be {','.join(_COLUMNS)}")
        for fields in reader:
            line = reader.line_num
            if len(fields) != len(_COLUMNS) or not all(fields):
                raise FactFileError(name, line, f"{len(_COLUMNS)} fields expected, none empty")
            month_text, component, price_text, document, published = fields
            if component not in COMPONENTS:
                raise FactFileError(name, line, f"{component!r} is no known component", f"Known: {', '.join(COMPONENTS)}.")
            try:
                month, price, day = BillingMonth.parse(month_text), Decimal(price_text), date.fromisoformat(published)
            except (UsageError, InvalidOperation, ValueError):
                raise FactFileError(name, line, "month must be YYYY-MM, the price a decimal, published_on a day YYYY-MM-DD") from None
            if not price.is_finite() or price < 0:
                raise FactFileError(name, line, f"a price must not be negative: {price_text}")
            yield line, month, component, (line, price, document, day)


def _version(name: str, month: BillingMonth, parts: dict[str, _Row]) -> Version[Decimal]:
    first_line = min(row[0] for row in parts.values())
    missing = [component for component in COMPONENTS if component not in parts]
    if missing:
        raise FactFileError(name, first_line, f"{month} lacks {', '.join(missing)}")
    documents = "; ".join(sorted({row[2] for row in parts.values()}))
    text = " + ".join(f"{component} {parts[component][1]:f}" for component in COMPONENTS)
    return Version(
        value=sum((row[1] for row in parts.values()), Decimal(0)),
        citation=Citation(documents, "monthly price table", "grid company", name, NOT_RECORDED, Confidence.OFFICIAL, text),
        effective_from=month.first_day,
        effective_to=month.last_day,
        known_from=max(row[3] for row in parts.values()),
        line=first_line,
    )
