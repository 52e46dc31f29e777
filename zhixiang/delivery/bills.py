"""Efficiency bills and their correction sheets as pages and PDF files, and a list of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipelines.codes import PricingScheme
from products.efficiency_bill.page.bill import bill_days
from products.efficiency_bill.page.charts import DayPoint
from products.efficiency_bill.page.rendering import (
    BillPdf,
    CorrectionPdf,
    render_bill_html,
    render_correction_html,
)
from products.efficiency_bill.rows import (
    EfficiencyBillAdviceV1Row,
    EfficiencyBillLinesV1Row,
    EfficiencyBillV1Row,
)
from products.efficiency_bill.tables import EfficiencyBillAdviceV1, EfficiencyBillLinesV1, EfficiencyBillV1
from products.page_kit.site import write_bytes
from zhixiang.delivery.context import Delivery, may_leave
from zhixiang.delivery.truth import labels_in_words, labels_of
from zhixiang.pages.site import PAGES
from zhixiang.reports.correction_sheets import Sheet, sheets_of_month
from zhixiang.reports.issued import newest_with_evidence

WORKERS = 2
EVIDENCE = (EfficiencyBillLinesV1, EfficiencyBillAdviceV1)
Job = tuple[
    str,
    EfficiencyBillV1Row,
    list[EfficiencyBillLinesV1Row],
    list[EfficiencyBillAdviceV1Row],
    list[DayPoint],
    bool,
]
SheetJob = tuple[Path, Sheet]


def deliver_bills(delivery: Delivery) -> dict[str, Any]:
    """Writes ``bills/MONTH/CUSTOMER.html`` and ``.pdf`` for every bill, and pictures of two of them.

    A bill that prices alone corrected stays as it was issued; the correction goes out as
    ``CUSTOMER-correction-REVISION``, and so do
    those that another metering brought, beside the bill anew.
    """
    folder = delivery.out / "bills"
    jobs: list[Job] = []
    listed: list[dict[str, Any]] = []
    sheets_out: list[SheetJob] = []
    withheld = 0
    for month in delivery.months:
        sheets = [
            sheet
            for sheet in sheets_of_month(delivery.store, str(month))
            if may_leave(sheet.corrected) and may_leave(sheet.result)
        ]
        settled_beside = {
            (sheet.result["customer_id"], sheet.result["revision"]) for sheet in sheets if sheet.is_by_prices
        }
        found = newest_with_evidence(delivery.store, EfficiencyBillV1, EVIDENCE, str(month), settled_beside)
        bills: list[EfficiencyBillV1Row] = found["results"]
        own_sheets: dict[str, list[Sheet]] = {}
        for sheet in sheets:
            own_sheets.setdefault(sheet.result["customer_id"], []).append(sheet)
        if not bills:
            continue
        pictured = _pictured(bills) if month == delivery.last_month else set()
        for bill in bills:
            name = bill["customer_id"]
            if not may_leave(bill):
                withheld += 1
                continue
            own = own_sheets.get(name, [])
            sheets_out += [(folder / str(month), sheet) for sheet in own]
            lines: list[EfficiencyBillLinesV1Row]
            advice: list[EfficiencyBillAdviceV1Row]
            lines, advice = (found[table.name].get(name, []) for table in EVIDENCE)
            jobs.append(
                (str(folder / str(month) / name), bill, lines, advice, bill_days(bill), name in pictured)
            )
            listed.append(
                {
                    "customer_id": bill["customer_id"],
                    "customer_name": bill["customer_name"],
                    "pricing_scheme_code": bill["pricing_scheme_code"],
                    "billing_month": bill["billing_month"],
                    "energy_kwh": bill["energy_kwh"],
                    "total_cny": bill["total_cny"],
                    "provenance": bill["provenance"],
                    "saving": max((row["saving_cny"] for row in advice), default=0),
                    "href": f"{month}/{name}",
                    "corrections": [
                        {
                            "href": f"{month}/{sheet_name(sheet)}",
                            "revision": sheet.result["revision"],
                            "cny": sheet.total_cny,
                        }
                        for sheet in own
                    ],
                }
            )
    _write_all(jobs, sheets_out)
    labels = labels_of(bill for _, bill, _, _, _, _ in jobs)
    PAGES.write_page(
        folder / "index.html",
        "bills.html.j2",
        corrected=bool(sheets_out),
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
    pictures = [
        {
            "href": f"bills/{delivery.last_month}/{bill['customer_id']}.html",
            "src": f"bills/{delivery.last_month}/{bill['customer_id']}.png",
            "title_zh": f"能效账单：{bill['customer_name']}",
            "title_en": "efficiency bill",
            "labels": labels_of([bill]),
        }
        for path, bill, _, _, _, is_pictured in jobs
        if is_pictured
    ]
    return {
        "count": len(jobs),
        "corrections": len(sheets_out),
        "withheld": withheld,
        "labels": labels,
        "href": "bills/index.html" if jobs else "index.html",
        "pictures": pictures,
    }


def sheet_name(sheet: Sheet) -> str:
    """The name of a correction sheet's files, without suffix."""
    return f"{sheet.result['customer_id']}-correction-{sheet.result['revision']}"


def _pictured(bills: Sequence[EfficiencyBillV1Row]) -> set[str]:
    """One bill of each kind for the overview: two-part with a curve, single-part without."""
    found: dict[str | None, str] = {}
    for bill in bills:
        found.setdefault(bill["pricing_scheme_code"], bill["customer_id"])
    return set(found.values())


def _write_all(jobs: Sequence[Job], sheets: Sequence[SheetJob]) -> None:
    """Two processes, because setting type is work for a core; started fresh, since the parent holds
    threads.
    """
    if len(jobs) + len(sheets) < 20:
        for job in jobs:
            write_one(job)
        for sheet in sheets:
            write_sheet(sheet)
        return
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(write_one, jobs, chunksize=max(1, len(jobs) // (WORKERS * 4))))
        list(pool.map(write_sheet, sheets, chunksize=max(1, len(sheets) // (WORKERS * 4))))


@lru_cache(maxsize=1)
def _typesetter() -> BillPdf:
    return BillPdf()


@lru_cache(maxsize=1)
def _sheet_typesetter() -> CorrectionPdf:
    return CorrectionPdf()


def write_one(job: Job) -> None:
    """One bill as HTML, PDF and, where asked for, a picture."""
    path, bill, lines, advice, days, is_pictured = job
    write_bytes(Path(path + ".html"), render_bill_html(bill, lines, advice, days).encode())
    write_bytes(Path(path + ".pdf"), _typesetter().render(bill, lines, advice, days))
    if is_pictured:
        write_bytes(Path(path + ".png"), _typesetter().picture(bill, lines, advice, days))


def write_sheet(job: SheetJob) -> None:
    """One correction sheet as HTML and PDF."""
    folder, sheet = job
    write_bytes(
        folder / f"{sheet_name(sheet)}.html",
        render_correction_html(sheet.result, sheet.corrected, sheet.rows).encode(),
    )
    write_bytes(
        folder / f"{sheet_name(sheet)}.pdf",
        _sheet_typesetter().render(sheet.result, sheet.corrected, sheet.rows),
    )
