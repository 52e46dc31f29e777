"""Efficiency bills and their correction sheets as pages and PDF files, and a list of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from pipelines.codes import PricingScheme
from pipelines.periods import BillingMonth
from products.efficiency_bill.bill import IssuedBill
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
from zhixiang.delivery.bill_checks import KeptRules, RulesOfRuns, why_not, why_not_sheet, with_corrected
from zhixiang.delivery.context import Delivery, may_leave, origin_of
from zhixiang.delivery.truth import labels_in_words, labels_of
from zhixiang.pages.site import PAGES
from zhixiang.reports.correction_sheets import Sheet, sheets_of_month
from zhixiang.reports.issued import newest_with_evidence

WORKERS = 2
EVIDENCE = EFFICIENCY_BILL.evidence
SheetJob = tuple[Path, Sheet]


class Job(NamedTuple):
    """A bill to be set.

    path         Of its files, without suffix; none: they stand as they were delivered.
    is_pictured  Whether a picture of it is shown on the overview.
    base         Name of its files below ``out/``, without suffix; origin: of what they are made.
    """

    path: Path | None
    bill: IssuedBill
    rules: KeptRules
    is_pictured: bool
    base: str
    origin: str


def deliver_bills(delivery: Delivery) -> dict[str, Any]:
    """Writes ``bills/MONTH/CUSTOMER.html`` and ``.pdf`` for every bill, and pictures of two of them.

    A bill that prices alone corrected stays as it was issued; the correction goes out as
    ``CUSTOMER-correction-REVISION``, and so do those that another metering brought, beside the bill anew. A
    bill whose lines do not add up or whose evidence gives another one is not written, and ``refused`` names
    it.
    """
    jobs: list[Job] = []
    own_sheets: dict[tuple[str, str], list[Sheet]] = {}
    refused: dict[str, str] = {}
    withheld = 0
    for month in delivery.months:
        sheets = []
        for sheet in sheets_of_month(delivery.store, str(month)):
            if not may_leave(sheet.corrected) or not may_leave(sheet.result):
                continue
            if why := why_not_sheet(sheet):
                refused[f"{sheet_name(sheet.result['customer_id'], sheet)}/{month}"] = why
                continue
            sheets.append(sheet)
            own_sheets.setdefault((sheet.result["customer_id"], str(month)), []).append(sheet)
        found, count = _jobs_of_month(delivery, month, sheets)
        jobs += found
        withheld += count
    base_of = {(job.bill["result"]["customer_id"], _month_of(job)): job.base for job in jobs}
    sheets_out = [
        (delivery.path(sheet_name(base_of[subject], sheet)), sheet)
        for subject, own in own_sheets.items()
        if subject in base_of
        for sheet in own
    ]
    to_set = [job for job in jobs if job.path]
    reasons = _write_all(to_set, [job for job in sheets_out if _is_new(delivery, job)])
    refused |= {bill_name(job): why for job, why in zip(to_set, reasons, strict=True) if why}
    gone = [job for job in jobs if bill_name(job) not in refused]
    labels = labels_of(job.bill["result"] for job in gone)
    _write_list(delivery, gone, own_sheets, labels)
    return {
        "count": len(gone),
        "corrections": len(sheets_out),
        "withheld": withheld,
        "labels": labels,
        "refused": refused,
        "revisions": {job.base: job.bill["result"]["revision"] for job in gone},
        "origins": {job.base: job.origin for job in gone},
        "href": "bills/index.html" if gone else "index.html",
        "pictures": [_picture(job) for job in gone if job.is_pictured],
    }


def _jobs_of_month(delivery: Delivery, month: BillingMonth, sheets: Sequence[Sheet]) -> tuple[list[Job], int]:
    """The bills of a month that may leave, and how many may not."""
    settled_beside = {
        (sheet.result["customer_id"], sheet.result["revision"]) for sheet in sheets if sheet.is_by_prices
    }
    found = newest_with_evidence(delivery.store, EfficiencyBillV1, EVIDENCE, str(month), settled_beside)
    leaving = [row for row in found["results"] if may_leave(row)]
    pictured = _pictured(found["results"]) if month == delivery.last_month else set()
    names = bill_names(found["results"])
    rules = RulesOfRuns(delivery.store.settings.home)
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


def _is_new(delivery: Delivery, job: SheetJob) -> bool:
    """Whether a sheet has to be written: those of months that are not asked for stand as they are."""
    base, _sheet = job
    files = [f"bills/{base.parent.name}/{base.name}{suffix}" for suffix in (".html", ".pdf")]
    return not delivery.stands(BillingMonth.parse(base.parent.name), files)


def _month_of(job: Job) -> str:
    return job.bill["result"]["billing_month"]


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


def bill_name(job: Job) -> str:
    """The name of a bill on the command line, CUSTOMER/MONTH."""
    return f"{job.bill['result']['customer_id']}/{job.bill['result']['billing_month']}"


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


def _write_all(jobs: Sequence[Job], sheets: Sequence[SheetJob]) -> list[str | None]:
    """Two processes, because setting type is work for a core; started fresh, since the parent holds
    threads. Returns of each bill why it was not written.
    """
    if len(jobs) + len(sheets) < 20:
        for sheet in sheets:
            write_sheet(sheet)
        return [write_one(job) for job in jobs]
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        told = list(pool.map(write_one, jobs, chunksize=max(1, len(jobs) // (WORKERS * 4))))
        list(pool.map(write_sheet, sheets, chunksize=max(1, len(sheets) // (WORKERS * 4))))
    return told


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
    days, base = bill_days(bill), job.path
    write_bytes(suffixed(base, "html"), render_bill_html(bill, lines, advice, days).encode())
    write_bytes(suffixed(base, "pdf"), _typesetter().render(bill, lines, advice, days))
    if job.is_pictured:
        write_bytes(suffixed(base, "png"), _typesetter().picture(bill, lines, advice, days))
    return None


def write_sheet(job: SheetJob) -> None:
    """One correction sheet as HTML and PDF."""
    base, sheet = job
    write_bytes(
        suffixed(base, "html"),
        render_correction_html(sheet.result, sheet.corrected, sheet.rows).encode(),
    )
    write_bytes(
        suffixed(base, "pdf"),
        _sheet_typesetter().render(sheet.result, sheet.corrected, sheet.rows),
    )
