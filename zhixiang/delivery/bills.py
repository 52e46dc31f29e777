"""Efficiency bills and their correction sheets as pages and PDF files, and a list of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from pipelines.codes import PricingScheme
from pipelines.periods import BillingMonth
from pipelines.transforms.billing.reading_days import days_of_row
from products.efficiency_bill.bill import IssuedBill
from products.efficiency_bill.page.basis import Basis, basis_of
from products.efficiency_bill.page.bill import bill_days
from products.efficiency_bill.page.rendering import (
    BillPdf,
    CorrectionPdf,
    render_bill_html,
    render_correction_html,
)
from products.efficiency_bill.product import EFFICIENCY_BILL
from products.efficiency_bill.rows import EfficiencyBillV1Row
from products.efficiency_bill.tables import EfficiencyBillV1
from products.page_kit.file_names import file_names, suffixed
from products.page_kit.site import write_bytes
from products.page_kit.words import labels_in_words
from zhixiang.delivery.bill_checks import bills_of_sheets, why_not, why_not_sheet, with_corrected
from zhixiang.delivery.context import Delivery, may_leave, origin_of
from zhixiang.delivery.truth import labels_of
from zhixiang.pages.site import PAGES
from zhixiang.reports.correction_sheets import Sheet, sheets_of_month
from zhixiang.reports.issued import newest_with_evidence
from zhixiang.reports.kept_rules import PossibleRules, RulesOfResults
from zhixiang.reports.refused_names import BILL, refused_name

WORKERS = 2
MUCH = 20
EVIDENCE = EFFICIENCY_BILL.evidence


class Job(NamedTuple):
    """A bill to be set.

    path         Of its files, without suffix; none: they stand as they were delivered.
    is_pictured  Whether a picture of it is shown on the overview.
    base         Name of its files below ``out/``, without suffix; origin: of what they are made.
    """

    path: Path | None
    bill: IssuedBill
    rules: PossibleRules
    is_pictured: bool
    base: str
    origin: str


class SheetJob(NamedTuple):
    """A correction sheet to be set.

    path    Of its files, without suffix; none: they stand as they were delivered.
    bill    The revision that it belongs to, with the bill that it corrects.
    base    Name of its files below ``out/``, without suffix; origin: of what they are made.
    """

    path: Path | None
    sheet: Sheet
    bill: IssuedBill
    rules: PossibleRules
    base: str
    origin: str


AnyJob = TypeVar("AnyJob", Job, SheetJob)


def deliver_bills(delivery: Delivery) -> dict[str, Any]:
    """Writes ``bills/MONTH/CUSTOMER.html`` and ``.pdf`` for every bill, and pictures of two of them.

    A bill that prices alone corrected stays as it was issued; the correction goes out as
    ``CUSTOMER-correction-REVISION``, and so do those that another metering brought, beside the bill anew. A
    bill whose lines do not add up or whose evidence gives another one is not written, and ``refused`` names
    it.
    """
    jobs: list[Job] = []
    sheets: list[SheetJob] = []
    withheld = 0
    rules = RulesOfResults(delivery.store.settings.home)
    for month in delivery.months:
        leaving = [
            sheet
            for sheet in sheets_of_month(delivery.store, str(month))
            if may_leave(sheet.corrected) and may_leave(sheet.result)
        ]
        found, count = _jobs_of_month(delivery, month, leaving, rules)
        jobs += found
        sheets += _sheets_of_month(delivery, month, leaving, found, rules)
        withheld += count
    told, told_of_sheets = _write_all(jobs, sheets)
    refused = {bill_name(job): why for job, why in zip(jobs, told, strict=True) if why}
    refused |= {
        refused_name(BILL, sheet_name(job.sheet.result["customer_id"], job.sheet), _month_of(job)): why
        for job, why in zip(sheets, told_of_sheets, strict=True)
        if why
    }
    gone = [job for job, why in zip(jobs, told, strict=True) if not why]
    sheets_gone = [job for job, why in zip(sheets, told_of_sheets, strict=True) if not why]
    every_gone: list[Job | SheetJob] = [*gone, *sheets_gone]
    own_sheets: dict[tuple[str, str], list[Sheet]] = {}
    for job in sheets_gone:
        own_sheets.setdefault(_subject(job), []).append(job.sheet)
    labels = labels_of(job.bill["result"] for job in gone)
    _write_list(delivery, gone, own_sheets, labels)
    return {
        "count": len(gone),
        "corrections": len(sheets_gone),
        "withheld": withheld,
        "labels": labels,
        "refused": refused,
        "by_sum_alone": sorted({bill_name(each) for each in every_gone if each.rules.are_gone}),
        "revisions": {job.base: job.bill["result"]["revision"] for job in gone},
        "origins": {each.base: each.origin for each in every_gone},
        "href": "bills/index.html" if gone else "index.html",
        "pictures": [_picture(job) for job in gone if job.is_pictured],
    }


def _jobs_of_month(
    delivery: Delivery, month: BillingMonth, sheets: Sequence[Sheet], rules: RulesOfResults
) -> tuple[list[Job], int]:
    """The bills of a month that may leave, and how many may not."""
    settled_beside = {
        (sheet.result["customer_id"], sheet.result["revision"]) for sheet in sheets if sheet.is_by_prices
    }
    found = newest_with_evidence(delivery.store, EfficiencyBillV1, EVIDENCE, str(month), settled_beside)
    leaving = [row for row in found["results"] if may_leave(row)]
    pictured = _pictured(found["results"]) if month == delivery.last_month else set()
    names = bill_names(found["results"])
    bills = cast(
        list[IssuedBill],
        [
            {"result": row}
            | {table.name: found[table.name].get(row["customer_id"], []) for table in EVIDENCE}
            for row in leaving
        ],
    )
    jobs = []
    for bill in with_corrected(delivery.store, str(month), bills):
        row = bill["result"]
        base = f"bills/{month}/{names[row['customer_id']]}"
        is_pictured = row["customer_id"] in pictured
        files = [base + suffix for suffix in (".html", ".pdf", *([".png"] if is_pictured else []))]
        origin = origin_of(bill)
        stands = delivery.stands(month, files, (base, origin), row["revision"])
        jobs.append(
            Job(None if stands else delivery.path(base), bill, rules.of(row), is_pictured, base, origin)
        )
    return jobs, len(found["results"]) - len(leaving)


def _sheets_of_month(
    delivery: Delivery,
    month: BillingMonth,
    sheets: Sequence[Sheet],
    jobs: Sequence[Job],
    rules: RulesOfResults,
) -> list[SheetJob]:
    """The sheets of a month whose bills may leave."""
    base_of = {job.bill["result"]["customer_id"]: job.base for job in jobs}
    beside = [sheet for sheet in sheets if sheet.result["customer_id"] in base_of]
    bills = bills_of_sheets(delivery.store, str(month), beside)
    found = []
    for sheet, bill in zip(beside, bills, strict=True):
        base = sheet_name(base_of[sheet.result["customer_id"]], sheet)
        origin = origin_of(bill, sheet.corrected, sheet.rows)
        stands = delivery.stands(month, [base + suffix for suffix in (".html", ".pdf")], (base, origin))
        path = None if stands else delivery.path(base)
        found.append(SheetJob(path, sheet, bill, rules.of(bill["result"]), base, origin))
    return found


def _month_of(job: Job | SheetJob) -> str:
    return job.bill["result"]["billing_month"]


def _subject(job: Job | SheetJob) -> tuple[str, str]:
    return job.bill["result"]["customer_id"], _month_of(job)


def _write_list(
    delivery: Delivery,
    jobs: Sequence[Job],
    sheets: Mapping[tuple[str, str], Sequence[Sheet]],
    labels: Sequence[str],
) -> None:
    listed = []
    for job in jobs:
        bill, advice = job.bill["result"], job.bill["efficiency_bill_advice_v1"]
        name, month = bill["customer_id"], bill["billing_month"]
        listed.append(
            {
                "customer_id": name,
                "customer_name": bill["customer_name"],
                "pricing_scheme_code": bill["pricing_scheme_code"],
                "billing_month": month,
                "energy_kwh": bill["energy_kwh"],
                "total_cny": bill["total_cny"],
                "provenance": bill["provenance"],
                "saving": max((row["saving_cny"] for row in advice), default=0),
                "href": job.base.removeprefix("bills/"),
                "corrections": [
                    {
                        "href": sheet_name(job.base.removeprefix("bills/"), sheet),
                        "revision": sheet.result["revision"],
                        "cny": sheet.total_cny,
                    }
                    for sheet in sheets.get((name, month), [])
                ],
            }
        )
    PAGES.write_page(
        delivery.path("bills", "index.html"),
        "bills.html.j2",
        corrected=bool(sheets),
        resting_on=labels_in_words(labels),
        bills=sorted(
            listed,
            key=lambda row: (
                row["pricing_scheme_code"] != PricingScheme.TWO_PART,
                row["customer_id"],
                row["billing_month"],
            ),
        ),
    )


def _picture(job: Job) -> dict[str, Any]:
    bill, base = job.bill["result"], job.base
    return {
        "href": f"{base}.html",
        "src": f"{base}.png",
        "title_zh": f"能效账单：{bill['customer_name']}",
        "title_en": "efficiency bill",
        "labels": labels_of([bill]),
    }


def bill_name(job: Job | SheetJob) -> str:
    """The name of a bill on the command line, CUSTOMER/MONTH."""
    return refused_name(BILL, *_subject(job))


def bill_names(bills: Sequence[EfficiencyBillV1Row]) -> dict[str, str]:
    """Customer -> name of the bill's files without suffix, of all bills of a month."""
    return file_names(bill["customer_id"] for bill in bills)


def sheet_name(bill_name: str, sheet: Sheet) -> str:
    """The name of a correction sheet's files without suffix, beside those of its bill."""
    return f"{bill_name}-correction-{sheet.result['revision']}"


def _pictured(bills: Sequence[EfficiencyBillV1Row]) -> set[str]:
    """One bill of each kind for the overview: two-part with a curve, single-part without."""
    found: dict[str | None, str] = {}
    for bill in bills:
        found.setdefault(bill["pricing_scheme_code"], bill["customer_id"])
    return set(found.values())


def _write_all(jobs: Sequence[Job], sheets: Sequence[SheetJob]) -> tuple[list[str | None], list[str | None]]:
    """Returns of each bill, then of each sheet, why it was not written; no sheet goes out beside a bill that
    does not. Two processes, because setting type is work for a core; started fresh, since the parent holds
    threads.
    """
    paths = [*(job.path for job in jobs), *(job.path for job in sheets)]
    is_much = sum(path is not None for path in paths) >= MUCH
    started = (
        ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"))
        if is_much
        else nullcontext()
    )
    with started as pool:
        told = _written_by(pool, write_one, jobs)
        refused = {_subject(job) for job, why in zip(jobs, told, strict=True) if why}
        beside = [job for job in sheets if _subject(job) not in refused]
        reasons = iter(_written_by(pool, write_sheet, beside))
    alone = "账单未交付 its bill was not delivered"
    return told, [
        next(reasons) if _subject(job) not in refused else alone if job.path else None for job in sheets
    ]


def _written_by(
    pool: ProcessPoolExecutor | None, write: Callable[[AnyJob], str | None], jobs: Sequence[AnyJob]
) -> list[str | None]:
    """Why each was not written; none where it was, or stands as it was delivered."""
    to_set = [job for job in jobs if job.path]
    size = max(1, len(to_set) // (WORKERS * 4))
    made = iter(pool.map(write, to_set, chunksize=size) if pool else map(write, to_set))
    return [next(made) if job.path else None for job in jobs]


@lru_cache(maxsize=1)
def _typesetter() -> BillPdf:
    return BillPdf()


@lru_cache(maxsize=1)
def _sheet_typesetter() -> CorrectionPdf:
    return CorrectionPdf()


def write_one(job: Job) -> str | None:
    """One bill as HTML, PDF and, where asked for, a picture; or why it does not leave the house."""
    why = why_not(job.bill, job.rules)
    if why or job.path is None:
        return why
    bill, lines, advice = (
        job.bill["result"],
        job.bill["efficiency_bill_lines_v1"],
        job.bill["efficiency_bill_advice_v1"],
    )
    days, base, basis = bill_days(bill), job.path, _basis(job)
    write_bytes(suffixed(base, "html"), render_bill_html(bill, lines, advice, days, basis).encode())
    write_bytes(suffixed(base, "pdf"), _typesetter().render(bill, lines, advice, days, basis))
    if job.is_pictured:
        write_bytes(suffixed(base, "png"), _typesetter().picture(bill, lines, advice, days, basis))
    return None


def _basis(job: Job) -> Basis:
    """What the bill's facts are cited by; nothing where the rules that it was issued by are gone."""
    if job.rules.are_gone:
        return {}
    (_, facts), _how = job.rules.chosen(job.bill)
    return basis_of(job.bill["efficiency_bill_lines_v1"], facts, days_of_row(job.bill["result"]))


def write_sheet(job: SheetJob) -> str | None:
    """One correction sheet as HTML and PDF; or why it does not leave the house: its lines, or its revision's
    evidence, give another one.
    """
    base, sheet = job.path, job.sheet
    why = why_not_sheet(sheet) or why_not(job.bill, job.rules)
    if why or base is None:
        return why
    write_bytes(
        suffixed(base, "html"),
        render_correction_html(sheet.result, sheet.corrected, sheet.rows).encode(),
    )
    write_bytes(
        suffixed(base, "pdf"),
        _sheet_typesetter().render(sheet.result, sheet.corrected, sheet.rows),
    )
    return None
