"""What an issued bill becomes when prices or metering change after its issue: it stays, and the difference is
a sheet of its own (退补单).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipelines.codes import Confidence, LineComponent, TouPeriod
from pipelines.errors import ZhixiangError
from pipelines.facts import Facts
from pipelines.periods import day_of_run
from pipelines.tables.base import rows_of_table
from pipelines.tables.revised import product_schema
from pipelines.tariff import BillLine, Correction, corrections_between
from pipelines.tariff.changes import pricing_facts
from pipelines.transforms.billing.reading_days import days_of_row
from products.efficiency_bill.bill import Bill, NamedLines, RevisedBill
from products.efficiency_bill.case.issued_revision import IssuedRevision
from products.efficiency_bill.case.same_month import is_cut_of, same_but_for_cuts
from products.efficiency_bill.case.text import case_from_text
from products.efficiency_bill.issue import rows_of_lines
from products.efficiency_bill.pricing import price_case
from products.efficiency_bill.rows import (
    EfficiencyBillCorrectionsV1Inside,
    EfficiencyBillLinesV1Computed,
    EfficiencyBillLinesV1Inside,
    EfficiencyBillV1Row,
)
from products.efficiency_bill.tables import CorrectionCause, EfficiencyBillLinesV1


def issued_revision_of(
    bill: EfficiencyBillV1Row, lines: Sequence[EfficiencyBillLinesV1Inside], case_inputs: str
) -> IssuedRevision:
    """A revision from its rows of result and evidence."""
    ordered = tuple(sorted(lines, key=lambda line: int(line["line_number"])))
    day, is_priced = day_of_run(bill["computed_run_id"] or ""), bill["total_cny"] is not None
    return IssuedRevision(
        int(bill["revision"]),
        day,
        is_priced,
        bool(bill["is_illustrative"]),
        ordered,
        case_inputs,
        bill["model_version"],
    )


def revised(bill: Bill, newest: IssuedRevision | None, facts: Facts) -> RevisedBill | None:
    """The bill with its ``corrections``; None where its newest revision was made from the same and charges
    the same.

    bill      As ``issue_bill`` gives it; newest: the newest revision, None before the first issue.

    An issued bill is never issued again because a price elsewhere changed: last month's total, a factor or an
    advice may read otherwise
    today, but what the customer was told on the day of issue stays. Nor is it where a late notice cuts the
    month before into parts, or another version of the baseline would judge the month otherwise.
    """
    if newest is None:
        return {**bill, "corrections": []}
    lines = stored_lines(bill)
    (kept,) = bill["inputs"]
    charges_the_same = bill["is_illustrative"] == newest.is_illustrative and _charges(lines) == _charges(
        newest.lines
    )
    by_baseline = bill["model_version"] == newest.model_version
    if charges_the_same and same_but_for_cuts(
        kept["case_inputs"], newest.case_inputs, by_baseline=by_baseline
    ):
        return None
    return {**bill, "corrections": correction_rows(bill, newest, facts)}


def stored_lines(bill: NamedLines) -> list[EfficiencyBillLinesV1Computed]:
    """The lines of a bill as their table holds them."""
    rows: list[EfficiencyBillLinesV1Computed] = [
        {**line, "customer_id": bill["customer_id"], "billing_month": bill["billing_month"]}
        for line in bill["lines"]
    ]
    return rows_of_table(
        pa.Table.from_pylist(rows, product_schema(EfficiencyBillLinesV1)), EfficiencyBillLinesV1Computed
    )


def correction_rows(
    bill: Bill, newest: IssuedRevision, facts: Facts
) -> list[EfficiencyBillCorrectionsV1Inside]:
    """Rows of efficiency_bill_corrections_v1 without the columns of their outer key: the new lines held
    against those of the newest revision.

    bill   With ``lines``; facts: those that priced it. No rows where either bill has no total.
    """
    lines = stored_lines(bill)
    if not newest.is_priced or bill["total_cny"] is None:
        return []
    cause = _cause(bill, lines, newest, facts)
    issued, billed = _bill_lines(newest.lines), days_of_row(bill)
    days = _known_at_issue(issued, newest, facts)
    of_bill = min(days.values(), default=None)
    found = corrections_between(
        issued,
        _bill_lines(lines),
        billed,
        facts,
        lambda line: days.get(line.line_number) if line else of_bill,
    )
    return [_row(number, correction, cause, newest) for number, correction in enumerate(found, start=1)]


def _row(
    number: int, correction: Correction, cause: CorrectionCause, newest: IssuedRevision
) -> EfficiencyBillCorrectionsV1Inside:
    issued, now, line = correction.issued, correction.now, correction.line
    return {
        "correction_number": number,
        "corrected_revision": newest.revision,
        "corrected_date": newest.issued_on,
        "cause_code": cause.value,
        "component_code": line.component.value,
        "period_code": line.period.value if line.period else None,
        "issued_line_number": issued.line_number if issued else None,
        "now_line_number": now.line_number if now else None,
        "issued_quantity": issued.quantity if issued else None,
        "now_quantity": now.quantity if now else None,
        "quantity_unit": line.quantity_unit,
        "issued_unit_price": issued.unit_price if issued else None,
        "now_unit_price": now.unit_price if now else None,
        "price_unit": line.price_unit,
        "issued_amount_cny": correction.issued_cny,
        "now_amount_cny": correction.now_cny,
        "difference_cny": correction.amount_cny,
        "issued_fact_id": issued.fact_id if issued else None,
        "now_fact_id": now.fact_id if now else None,
        "issued_documents": list(correction.issued_documents),
        "now_documents": list(correction.now_documents),
        "notices": list(correction.notices),
    }


def _charges(lines: Sequence[EfficiencyBillLinesV1Inside]) -> list[tuple[Any, ...]]:
    """What lines charge for how much, without why; another price that comes to the same fen settles
    nothing.
    """
    return [
        (
            line["component_code"],
            line["period_code"],
            line["quantity"],
            line["quantity_unit"],
            line["amount_cny"],
        )
        for line in lines
    ]


def _cause(
    bill: Bill, lines: Sequence[EfficiencyBillLinesV1Inside], newest: IssuedRevision, facts: Facts
) -> CorrectionCause:
    """Prices, where the newest revision's case gives the new lines under today's facts, or is the new one but
    for a price change that cuts it.
    """
    same = _charges(_lines_of_case(newest, facts, None)) == _charges(lines)
    (kept,) = bill["inputs"]
    is_cut = same or is_cut_of(kept["case_inputs"], newest.case_inputs)
    return CorrectionCause.PRICES if is_cut else CorrectionCause.INPUTS


def _known_at_issue(issued: Sequence[BillLine], newest: IssuedRevision, facts: Facts) -> dict[int, date]:
    """Number of an issued line -> the day of knowledge that it shows: of the days that give its price the
    first, the day of issue before all.

    Mostly one day gives the whole bill. Where notices were entered in another order than they were published
    no day does, but one each line.
    """
    found: dict[int, date] = {}
    for day in _days_of_knowledge(newest.issued_on, facts):
        if len(found) == len(issued):
            break
        priced = {_price(line) for line in _bill_lines(_lines_of_case(newest, facts, day))}
        for line in issued:
            if _price(line) in priced:
                found.setdefault(line.line_number, day)
    return found


def _price(line: BillLine) -> tuple[Any, ...]:
    return line.component, line.period, line.unit_price, line.first_day, line.section


def _days_of_knowledge(last: date | None, facts: Facts) -> Iterator[date]:
    """The day itself; latest first, each earlier day on which a price became known; then the later ones,
    entered ahead of time.
    """
    known = {version.known_from for dated in pricing_facts(facts) for version in dated.versions}
    first = last if last is not None else max(known)
    yield first
    yield from sorted((day for day in known if day < first), reverse=True)
    yield from sorted(day for day in known if day > first)


def _lines_of_case(
    newest: IssuedRevision, facts: Facts, known: date | None
) -> list[EfficiencyBillLinesV1Computed]:
    """Lines of the newest revision's case; none where it cannot be priced so, or was kept by a version whose
    cases read otherwise.
    """
    try:
        case = case_from_text(newest.case_inputs)
        priced = price_case(case, facts, known)
    except (ZhixiangError, ValueError):
        return []
    if priced is None:
        return []
    return stored_lines(
        {
            "customer_id": case.terms["customer_id"],
            "billing_month": str(case.month),
            "lines": rows_of_lines(priced),
        }
    )


def _bill_lines(rows: Sequence[EfficiencyBillLinesV1Inside]) -> list[BillLine]:
    return [
        BillLine(
            row["line_number"],
            LineComponent(row["component_code"]),
            TouPeriod(row["period_code"]) if row["period_code"] else None,
            row["quantity"],
            row["quantity_unit"],
            row["unit_price"],
            row["price_unit"],
            row["amount_cny"],
            row["fact_id"],
            Confidence(row["fact_confidence_code"]),
            row["formula"],
            row.get("first_date"),
            row.get("last_date"),
            row.get("section_name") or "",
            tuple(row.get("rests_on_fact_ids") or ()),
            _standard(row),
        )
        for row in rows
    ]


def _standard(row: EfficiencyBillLinesV1Inside) -> Decimal | None:
    """The standard of an adjustment; of one issued before it had a column of its own, as its formula says
    it.
    """
    kept = row.get("power_factor_standard_ratio")
    found = re.search(r"standard ([0-9.]+);", row["formula"]) if kept is None else None
    return kept if found is None else Decimal(found[1])
