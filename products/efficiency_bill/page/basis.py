"""What the price of a line rests on, in words: document and clause of its fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from pipelines.facts import Facts
from pipelines.facts.listing import FactRow
from pipelines.periods import BillingDays
from products.efficiency_bill.rows import EfficiencyBillLinesV1Inside
from products.page_kit.words import Said

Basis = Mapping[str, Said]
"""Fact -> the document that gives it; a fact that is not there is shown by its id."""

_NONE, _UNREAD = "none", frozenset({"not read", "not recorded", ""})
_NO_DOCUMENT = Said("示意价，没有公布文件", "illustrative, no document")
_NOT_READ = Said("文件未查阅", "document not read")
_AGREED = Said("购电合同约定", "agreed in the contract")
_OF_CONTRACT = "contract."


def basis_of(lines: Sequence[EfficiencyBillLinesV1Inside], facts: Facts, month: BillingDays) -> Basis:
    """The documents behind a bill's lines.

    facts  Those that the bill was issued by; a line of part of the month rests on what held on its last day.
    """
    found: dict[str, Said] = {}
    for on in sorted({line.get("last_date") or month.last_day for line in lines}):
        described = _described(facts, on)
        for name in {str(line["fact_id"]) for line in lines}:
            row = described.get(name) or next(
                (row for own, row in described.items() if own.startswith(f"{name}.")), None
            )
            if name.startswith(_OF_CONTRACT):
                found[name] = _AGREED
            elif row is not None:
                found[name] = _in_words(row.document, row.clause)
    return found


def _described(facts: Facts, on: date) -> Mapping[str, FactRow]:
    """Figures in force on a day by their ids; worked out once for all bills of a delivery."""
    key = "basis of bills", on
    if key not in facts.derived:
        facts.derived[key] = {row.fact_id: row for row in facts.describe(on)}
    found: Mapping[str, FactRow] = facts.derived[key]
    return found


def _in_words(document: str, clause: str) -> Said:
    if document == _NONE:
        return _NO_DOCUMENT
    if document in _UNREAD:
        return _NOT_READ
    is_told = clause not in _UNREAD and clause != _NONE
    return Said(f"{document} {clause}" if is_told else document, "")
