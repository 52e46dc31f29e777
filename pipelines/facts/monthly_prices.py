"""Published energy prices by month, as an operator enters them; they stand before the illustrative one
(ruling R1).
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from pipelines.codes import Confidence
from pipelines.errors import FactFileError, UsageError
from pipelines.facts.dated import NOT_RECORDED, Citation, Dated, Version
from pipelines.facts.prices import HIGHEST_PRICE, EnergyComposition, EnergyPart
from pipelines.periods import BillingMonth
from pipelines.units import Unit

Value = TypeVar("Value")
COLUMNS = ("month", "component", "price_cny_per_kwh", "document", "published_on")
CONFIDENCE = "confidence"
"""A sixth column that a file may have: how sure each price is; an empty cell leaves it to the document."""
EXAMPLE_DOCUMENT = "示例数值非公布价格 example values not published"
"""What the price file of a new home names as its document: nobody published those prices."""
# What people write where they have no document, in letters and figures alone.
_NO_DOCUMENT = frozenset(
    (
        *("none", "no", "nil", "null", "nan", "na", "unknown", "notread", "nodocument", "missing", "pending"),
        *("tbd", "tba", "tbc", "todo", "x", "xx", "xxx"),
        *("无", "無", "无文件", "无文号", "无依据", "没有", "没有文件", "不详", "未知", "不知道", "暂无"),
        *("暂缺", "缺", "空", "待定", "待补", "待补充", "待查", "待确认", "未定", "未公布", "未读"),
    )
)
# Prices are published around the month they hold in; a notice that corrects one has come some years late at
# most. A day outside is a slip.
PUBLISHED_BEFORE, PUBLISHED_AFTER = 12, 60
_PLAIN_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
COMPONENTS = tuple(part.value for part in EnergyPart)
SHAPE = (
    f"A price file has the header {','.join(COLUMNS)} and three lines a month ({', '.join(COMPONENTS)}); "
    "docs/your-own-data.md shows one."
)
"""What to do next where a price file is not one."""


@dataclass(frozen=True)
class PriceRow:
    """One line of a price file."""

    line: int
    month: BillingMonth
    component: str
    price_cny_per_kwh: Decimal
    document: str
    published_on: date
    stated: Confidence | None = None

    @property
    def confidence(self) -> Confidence:
        """How sure the price is: what the line says of it, else official where it names a document."""
        named = Confidence.OFFICIAL if _is_document(self.document) else Confidence.UNVERIFIED
        return self.stated or named

    @property
    def fields(self) -> tuple[str, ...]:
        """The line as written, without its confidence."""
        return (
            str(self.month),
            self.component,
            f"{self.price_cny_per_kwh:f}",
            self.document,
            self.published_on.isoformat(),
        )


@dataclass(frozen=True)
class MonthlyPrices:
    """The energy price before time of use with every published month, and what the published ones are made
    of. [CNY/kWh]
    """

    energy_base: Dated[Decimal]
    composition: Dated[EnergyComposition]


MonthParts = dict[BillingMonth, dict[str, PriceRow]]
NoticeParts = dict[tuple[BillingMonth, date], dict[str, PriceRow]]


def read_monthly_prices(
    energy_base: Dated[Decimal], folder: Path, name: str, corrections: str
) -> MonthlyPrices:
    """The energy price with a version for every month of the file, each the sum of its three components.
    [CNY/kWh]

    corrections  File of the same shape with what later notices set for months already published; each holds
                 from the day that it was
                 published, for those who know of it, until the next one.
    After the first month entered, a month without prices is not in force: a published series never falls back
    on the illustrative
    price. Without rows nothing changes. Raises FactFileError with the line of what is not well formed.
    """
    months = by_month(read_rows(folder / name, name), name)
    for month, following in pairwise(sorted(months)):
        if month.plus(1) != following:
            line = min(row.line for row in months[following].values())
            raise FactFileError(
                name,
                line,
                f"no price for {month.plus(1)}: a gap between {month} and {following}",
                "Add the rows of the months between.",
            )
    later = by_notice(read_rows(folder / corrections, corrections), corrections)
    first = [_version(name, month, parts) for month, parts in sorted(months.items())]
    second = [_correction(corrections, month, parts, months) for (month, _), parts in sorted(later.items())]
    compositions = sorted([*first, *second], key=lambda version: (version.effective_from, version.known_from))
    sums = [
        Version(
            each.value.total,
            each.citation,
            each.effective_from,
            each.effective_to,
            each.known_from,
            each.line,
        )
        for each in compositions
    ]
    begun = min(months, default=None)
    shipped = [
        version
        for version in energy_base.versions
        if begun is None
        or version.citation.confidence is not Confidence.ILLUSTRATIVE
        or version.effective_from <= begun.first_day
    ]
    merged = sorted(
        [*shipped, *sums],
        key=lambda version: (version.effective_from, version.effective_to is not None, version.known_from),
    )
    composition = Dated(
        "energy_composition",
        "上网电价、线损费用、系统运行费用",
        "Purchase, line loss and system operation",
        energy_base.unit,
        name,
        tuple(compositions),
    )
    return MonthlyPrices(replace(energy_base, versions=tuple(merged)), composition)


def read_rows(path: Path, name: str) -> Iterator[PriceRow]:
    """The rows of a price file, each checked by itself; none where there is no file.

    name  How errors name the file.
    """
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise FactFileError(name, line, "the file is not UTF-8", "Save it as UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, None)
    if header not in (list(COLUMNS), [*COLUMNS, CONFIDENCE]):
        raise FactFileError(
            name,
            1,
            f"the header must be {','.join(COLUMNS)}; a last column {CONFIDENCE} may follow",
            SHAPE,
        )
    has_confidence = len(header) > len(COLUMNS)
    for fields in reader:
        stated = None
        if has_confidence and len(fields) == len(header):
            *fields, text = fields
            stated = _stated(text, fields[COLUMNS.index("document")], reader.line_num, name)
        yield _row(fields, reader.line_num, name, stated)


def is_example_document(text: str) -> bool:
    """Whether a price names the document of the example file, in either language, however it is spaced."""
    zh, en = EXAMPLE_DOCUMENT.split(" ", 1)
    return any(_bare(words) in _bare(text) for words in (zh, en))


def _is_document(text: str) -> bool:
    bare = _bare(text)
    return bool(bare) and bare not in _NO_DOCUMENT and not is_example_document(text)


def _bare(text: str) -> str:
    """Letters and figures alone: dashes, strokes and dots name nothing."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _stated(text: str, document: str, line: int, name: str) -> Confidence | None:
    if not text.strip():
        return None
    if text not in set(Confidence):
        raise FactFileError(
            name, line, f"the confidence {text!r} is not known", f"Known: {', '.join(Confidence)}."
        )
    if text == Confidence.OFFICIAL and not _is_document(document):
        raise FactFileError(
            name,
            line,
            f"no price is official without its document, and the document is {document!r}",
            "Name the document, or leave the confidence empty.",
        )
    return Confidence(text)


def _row(fields: Sequence[str], line: int, name: str, stated: Confidence | None) -> PriceRow:
    if len(fields) != len(COLUMNS) or not all(field.strip() for field in fields):
        empty = [column for column, field in zip(COLUMNS, fields, strict=False) if not field.strip()]
        said = f"; empty: {', '.join(empty)}" if empty else f", {len(fields)} found"
        raise FactFileError(
            name,
            line,
            f"{len(COLUMNS)} fields expected, none empty{said}",
            "Every price needs its document and day.",
        )
    month_text, component, price_text, document, published = fields
    if component not in COMPONENTS:
        raise FactFileError(
            name, line, f"{component!r} is no known component", f"Known: {', '.join(COMPONENTS)}."
        )
    month = _plain(BillingMonth.parse, month_text, "month", "YYYY-MM, such as 2026-09", name, line)
    price = _plain(_plain_decimal, price_text, "price_cny_per_kwh", "a decimal, such as 0.4188", name, line)
    day = _plain(_plain_day, published, "published_on", "a day YYYY-MM-DD, such as 2026-08-28", name, line)
    if price < 0:
        raise FactFileError(
            name, line, f"a price must not be negative: {price_text}", "Write the price as published."
        )
    if price > HIGHEST_PRICE[Unit.CNY_PER_KWH]:
        said = (
            f"a price of {price_text} CNY/kWh cannot be meant; the highest allowed is "
            f"{HIGHEST_PRICE[Unit.CNY_PER_KWH]}"
        )
        raise FactFileError(name, line, said, "Is it written in CNY/MWh or in fen?")
    if not document.isprintable():
        raise FactFileError(
            name,
            line,
            f"the document has a character that cannot be printed: {document!r}",
            "Write its name anew.",
        )
    if not month.plus(-PUBLISHED_BEFORE).first_day <= day <= month.plus(PUBLISHED_AFTER).last_day:
        raise FactFileError(
            name,
            line,
            f"a price of {month} cannot have been published on {day}",
            "Look at the month and at the day.",
        )
    return PriceRow(line, month, component, price, document, day, stated)


def _plain(read: Callable[[str], Value], text: str, column: str, shape: str, name: str, line: int) -> Value:
    """One field of a line; raises FactFileError that names its column and what stands there."""
    try:
        return read(text)
    except (UsageError, ValueError):
        hint = f"Correct {column} of that line, without blanks, units or separators."
        raise FactFileError(name, line, f"{column} must be {shape}; it is {text!r}", hint) from None


def _plain_decimal(text: str) -> Decimal:
    """A number without exponent, as the other facts write theirs."""
    if not _PLAIN_DECIMAL.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)


def _plain_day(text: str) -> date:
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(text)
    return day


def by_month(rows: Iterable[PriceRow], name: str) -> MonthParts:
    """The rows by month and component; raises FactFileError where one stands twice or a month lacks one."""
    months: MonthParts = {}
    for row in rows:
        _add(row, months.setdefault(row.month, {}), name)
    for month, parts in months.items():
        _require_whole(parts, str(month), name)
    return months


def by_notice(rows: Iterable[PriceRow], name: str) -> NoticeParts:
    """Corrections by month and day of publication, each with its components; raises as ``by_month``: a notice
    comes whole, on one day.
    """
    notices: NoticeParts = {}
    for row in rows:
        _add(row, notices.setdefault((row.month, row.published_on), {}), name)
    for (month, day), parts in notices.items():
        _require_whole(parts, f"{month} as published on {day}", name)
    return notices


def _add(row: PriceRow, parts: dict[str, PriceRow], name: str) -> None:
    if row.component in parts:
        raise FactFileError(
            name, row.line, f"{row.component} of {row.month} stands twice", "Leave one of both lines out."
        )
    parts[row.component] = row


def _require_whole(parts: dict[str, PriceRow], what: str, name: str) -> None:
    missing = [component for component in COMPONENTS if component not in parts]
    if missing:
        raise FactFileError(
            name,
            min(row.line for row in parts.values()),
            f"{what} lacks {', '.join(missing)}",
            "Add a line of each; a month has three.",
        )


def _correction(
    name: str, month: BillingMonth, parts: dict[str, PriceRow], first: MonthParts
) -> Version[EnergyComposition]:
    version = _version(name, month, parts)
    if month not in first:
        raise FactFileError(name, version.line, f"{month} has no published price that could be corrected")
    if version.known_from <= max(row.published_on for row in first[month].values()):
        raise FactFileError(
            name, version.line, f"the correction of {month} was not published after what it corrects"
        )
    return version


def _version(name: str, month: BillingMonth, parts: dict[str, PriceRow]) -> Version[EnergyComposition]:
    documents = "; ".join(sorted({row.document for row in parts.values()}))
    # In the order of the codes, from sure to unsure: the sum is as sure as its least sure part.
    confidence = max((row.confidence for row in parts.values()), key=list(Confidence).index)
    text = " + ".join(f"{component} {parts[component].price_cny_per_kwh:f}" for component in COMPONENTS)
    return Version(
        value=EnergyComposition(*(parts[component].price_cny_per_kwh for component in COMPONENTS)),
        citation=Citation(
            documents, "monthly price table", "grid company", name, NOT_RECORDED, confidence, text
        ),
        effective_from=month.first_day,
        effective_to=month.last_day,
        known_from=max(row.published_on for row in parts.values()),
        line=min(row.line for row in parts.values()),
    )
