"""A bill as the product makes it, with its evidence inside, and as it was issued, with its evidence
beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from pipelines.tables.base import Table
from products.efficiency_bill.rows import (
    EfficiencyBillAdviceV1Inside,
    EfficiencyBillAdviceV1Row,
    EfficiencyBillCorrectionsV1Inside,
    EfficiencyBillCorrectionsV1Row,
    EfficiencyBillInputsV1Inside,
    EfficiencyBillInputsV1Row,
    EfficiencyBillLinesV1Inside,
    EfficiencyBillLinesV1Row,
    EfficiencyBillV1Computed,
    EfficiencyBillV1Row,
)
from products.efficiency_bill.tables import (
    EfficiencyBillAdviceV1,
    EfficiencyBillCorrectionsV1,
    EfficiencyBillInputsV1,
    EfficiencyBillLinesV1,
)

# Evidence, and under which name a bill holds it.
EVIDENCE: Mapping[type[Table], str] = {
    EfficiencyBillLinesV1: "lines",
    EfficiencyBillAdviceV1: "advice",
    EfficiencyBillInputsV1: "inputs",
    EfficiencyBillCorrectionsV1: "corrections",
}
OUTER = ("customer_id", "billing_month")


class NamedLines(TypedDict):
    """The lines of a bill, and which bill it is."""

    customer_id: str
    billing_month: str
    lines: list[EfficiencyBillLinesV1Inside]


class Bill(EfficiencyBillV1Computed):
    """A bill out of its case: the row of efficiency_bill_v1 and inside it all but the corrections."""

    lines: list[EfficiencyBillLinesV1Inside]
    advice: list[EfficiencyBillAdviceV1Inside]
    inputs: list[EfficiencyBillInputsV1Inside]


class RevisedBill(Bill):
    """A bill held against its newest revision: with what it corrects."""

    corrections: list[EfficiencyBillCorrectionsV1Inside]


class IssuedBill(TypedDict):
    """A bill as it stands in the store: under each evidence table's name its rows in order, and as
    ``corrected`` the revision that it corrects.
    """

    result: EfficiencyBillV1Row
    efficiency_bill_lines_v1: list[EfficiencyBillLinesV1Row]
    efficiency_bill_advice_v1: list[EfficiencyBillAdviceV1Row]
    efficiency_bill_inputs_v1: list[EfficiencyBillInputsV1Row]
    efficiency_bill_corrections_v1: list[EfficiencyBillCorrectionsV1Row]
    corrected: NotRequired[IssuedBill]


def evidence_inside(bill: RevisedBill) -> dict[type[Table], list[dict[str, object]]]:
    """The rows of each evidence table that a bill holds, with the columns that say which bill it is."""
    inside: dict[type[Table], Sequence[Mapping[str, object]]] = {
        EfficiencyBillLinesV1: bill["lines"],
        EfficiencyBillAdviceV1: bill["advice"],
        EfficiencyBillInputsV1: bill["inputs"],
        EfficiencyBillCorrectionsV1: bill["corrections"],
    }
    outer = {"customer_id": bill["customer_id"], "billing_month": bill["billing_month"]}
    return {table: [{**row, **outer} for row in rows] for table, rows in inside.items()}


def evidence_beside(issued: IssuedBill) -> dict[type[Table], Sequence[Mapping[str, object]]]:
    """The rows of each evidence table of an issued bill."""
    return {
        EfficiencyBillLinesV1: issued["efficiency_bill_lines_v1"],
        EfficiencyBillAdviceV1: issued["efficiency_bill_advice_v1"],
        EfficiencyBillInputsV1: issued["efficiency_bill_inputs_v1"],
        EfficiencyBillCorrectionsV1: issued["efficiency_bill_corrections_v1"],
    }
