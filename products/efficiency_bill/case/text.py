"""A case as text and back, exactly: the evidence from which a bill is computed again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from products.efficiency_bill.case.case import Case
from products.efficiency_bill.case.columns import CaseTerms, bill_terms

# Left out where there are none, so that a month under one contract reads as it did before there were
# segments.
_OF_SEGMENTS = ("supply", "previous_supply")
# Flags of a contract that came later: left out where they do not hold, so that a case made from the same
# reads the same.
_OF_FEW_CONTRACTS = ("keeps_single_part", "is_ev_charging")


def case_as_text(case: Case) -> str:
    """Canonical JSON of a case: the terms that a bill uses, decimals as text, doubles to the last bit."""
    terms: CaseTerms = {
        "customer_id": case.terms["customer_id"],
        "floor_area_m2": case.terms["floor_area_m2"],
        **bill_terms(case.terms),
    }
    kept = replace(case, terms=terms)
    text: bytes = _adapter().dump_json(
        kept, exclude={name for name in _OF_SEGMENTS if getattr(case, name) is None} or None
    )
    plain = text.decode()
    for name in _OF_FEW_CONTRACTS:
        plain = plain.replace(f',"{name}":false', "")
    return plain


def case_from_text(text: str) -> Case:
    """The case again; raises ValidationError of pydantic for a text that is none."""
    case: Case = _adapter().validate_json(text)
    demand_date = case.shown["max_demand_date"]
    return replace(
        case,
        shown={
            **case.shown,
            "max_demand_date": None if demand_date is None else date.fromisoformat(str(demand_date)),
        },
    )


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Case)
