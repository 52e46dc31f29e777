"""Taking an operator's file of monthly prices into ``conf/facts``: checked as a whole, then written as a
whole.
"""

from __future__ import annotations

import csv
import io
import shutil
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

from pipelines.codes import Confidence
from pipelines.errors import FactFileError
from pipelines.facts.fact_index import MONTHLY_CORRECTIONS, MONTHLY_PRICES
from pipelines.facts.facts import load_facts
from pipelines.facts.monthly_prices import (
    COLUMNS,
    CONFIDENCE,
    SHAPE,
    MonthParts,
    NoticeParts,
    PriceRow,
    by_month,
    by_notice,
    is_example_document,
    read_rows,
)
from pipelines.periods import BillingMonth


@dataclass(frozen=True)
class LoadedPrices:
    """What a load changed.

    file      File of ``conf/facts`` that was written.
    months    Months taken in, in order.
    replaced  Those of them that stood there as illustrative before.
    """

    file: str
    months: tuple[BillingMonth, ...]
    replaced: tuple[BillingMonth, ...] = ()


def load_prices(path: Path, folder: Path, corrects: bool = False) -> LoadedPrices:
    """Takes a file of monthly prices into the facts under ``folder``.

    path      CSV with the header month,component,price_cny_per_kwh,document,published_on; three rows a month.
              A last column confidence may follow; where it is missing or empty, a price is official if it
              names its document and unverified if not.
    corrects  Whether it corrects months already published: those stay, and whoever asks as of an earlier day
              still gets them; a month may be
              corrected several times, each time by a notice of another day.
    A month that stands there with illustrative prices alone, and that no notice has corrected, is replaced:
    an example gives way to what was published.
    Raises FactFileError naming file and line: a wrong header, a negative price or one that cannot be meant,
    an unknown component or confidence, an empty document or day, an official price without a document, the
    document of the example file for more than an illustrative price, a month that is there already (overlap),
    a month left out (gap), facts that would not be well formed afterwards. Nothing is written then.
    """
    plan = _planned(path, folder, corrects)
    part = (folder / plan.file).with_suffix(".part")
    part.write_text(plan.text, encoding="utf-8")
    part.replace(folder / plan.file)
    return LoadedPrices(plan.file, plan.months, plan.replaced)


def check_prices(path: Path, folder: Path, corrects: bool = False) -> None:
    """Raises as ``load_prices`` would; writes nothing."""
    _planned(path, folder, corrects)


@dataclass(frozen=True)
class _Plan:
    file: str
    text: str
    months: tuple[BillingMonth, ...]
    replaced: tuple[BillingMonth, ...] = ()


def _planned(path: Path, folder: Path, corrects: bool) -> _Plan:
    if not path.is_file():
        raise FactFileError(
            str(path),
            None,
            "the file does not exist",
            f"Name a file that is there: zhixiang facts load-prices FILE. {SHAPE}",
        )
    shown = str(path)
    rows = list(read_rows(path, shown))
    if not rows:
        raise FactFileError(shown, 2, "the file has no price", SHAPE)
    for row in rows:
        if is_example_document(row.document) and row.confidence is not Confidence.ILLUSTRATIVE:
            raise FactFileError(
                shown,
                row.line,
                f"the document is that of the example file, whose prices nobody published: {row.document!r}",
                "Name the document that published the price, or write illustrative in a column confidence.",
            )
    published = by_month(read_rows(folder / MONTHLY_PRICES, MONTHLY_PRICES), MONTHLY_PRICES)
    replaced: tuple[BillingMonth, ...] = ()
    if corrects:
        name, notices = MONTHLY_CORRECTIONS, by_notice(rows, shown)
        corrected = by_notice(read_rows(folder / name, name), name)
        _check_corrections(notices, published, corrected, shown)
        kept = list(corrected.values())
    else:
        name, new = MONTHLY_PRICES, by_month(rows, shown)
        corrections = read_rows(folder / MONTHLY_CORRECTIONS, MONTHLY_CORRECTIONS)
        corrected_months = {row.month for row in corrections}
        replaced = tuple(
            month
            for month in sorted(new)
            if _is_example(published.get(month)) and month not in corrected_months
        )
        for month in replaced:
            del published[month]
        _check_series(new, published, shown)
        kept = list(published.values())
    # A month's notices stand in the order in which they were published.
    text = _as_text([*(row for parts in kept for row in parts.values()), *rows], by_day=corrects)
    _check_whole(folder, name, text)
    return _Plan(name, text, tuple(sorted({row.month for row in rows})), replaced)


def _is_example(parts: dict[str, PriceRow] | None) -> bool:
    """Whether a month stands there and nothing of it was published."""
    return parts is not None and all(row.confidence is Confidence.ILLUSTRATIVE for row in parts.values())


def _check_series(new: MonthParts, published: MonthParts, shown: str) -> None:
    for month, parts in new.items():
        if month in published:
            stands = min(row.line for row in published[month].values())
            raise FactFileError(
                shown,
                _line(parts),
                f"{month} overlaps the price in {MONTHLY_PRICES}:{stands}",
                "Leave this month out: a file may hold the new months only. A later notice for it is loaded "
                f"as a correction: zhixiang facts load-prices {quote(shown)} --corrects",
            )
    series = sorted([*published, *new])
    for month, following in pairwise(series):
        if month.plus(1) != following:
            parts = new.get(following) or new[month]
            raise FactFileError(
                shown,
                _line(parts),
                f"no price for {month.plus(1)}: a gap between {month} and {following}",
                "Load the months in order.",
            )


def _check_corrections(new: NoticeParts, published: MonthParts, corrected: NoticeParts, shown: str) -> None:
    for (month, day), parts in new.items():
        if month not in published:
            raise FactFileError(
                shown,
                _line(parts),
                f"{month} has no published price that could be corrected",
                "Load it first, without --corrects.",
            )
        if (month, day) in corrected:
            stands = min(row.line for row in corrected[month, day].values())
            raise FactFileError(
                shown,
                _line(parts),
                f"{month} overlaps the correction in {MONTHLY_CORRECTIONS}:{stands}, published on {day}",
                "It is loaded already: leave its lines out.",
            )
        if day <= max(row.published_on for row in published[month].values()):
            raise FactFileError(
                shown,
                _line(parts),
                f"the correction of {month} was not published after what it corrects",
                "Look at published_on: it is the day of the later notice.",
            )


def _line(parts: dict[str, PriceRow]) -> int:
    return min(row.line for row in parts.values())


def _check_whole(folder: Path, name: str, text: str) -> None:
    """Reads the facts as they would be afterwards."""
    with TemporaryDirectory() as trial:
        facts = Path(shutil.copytree(folder, Path(trial) / "facts"))
        (facts / name).write_text(text, encoding="utf-8")
        load_facts(facts)


def _as_text(rows: list[PriceRow], by_day: bool) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    # A file in which no price says how sure it is stays as it always was.
    is_stated = any(row.stated for row in rows)
    writer.writerow((*COLUMNS, CONFIDENCE) if is_stated else COLUMNS)
    writer.writerows(
        (*row.fields, row.stated or "") if is_stated else row.fields
        for row in sorted(
            rows, key=lambda row: (row.month, row.published_on if by_day else date.min, row.line)
        )
    )
    return text.getvalue()
