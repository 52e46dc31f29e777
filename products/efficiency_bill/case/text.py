"""A case as text and back, exactly: the evidence from which a bill is computed again."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from products.efficiency_bill.case.case import Case
from products.efficiency_bill.case.columns import CaseTerms, bill_terms
from products.efficiency_bill.case.former_text import in_present_shape, is_former

# Flags of a contract that came later: left out where they do not hold, so that a case made from the same
# reads the same.
_OF_FEW_CONTRACTS = ("keeps_single_part", "is_ev_charging")
_DATES = ("max_demand_date", "period_first_date", "period_last_date")
# So is the period of a supply whose bill has the days of the month.
_OF_THE_MONTH = re.compile(r'("resolution_kwh":"[^"]*"),"period":null}')
_WITHOUT_GROUNDS = ',"grounds":null}'


def case_as_text(case: Case) -> str:
    """Canonical JSON of a case: the terms that a bill uses, decimals as text, doubles to the last bit."""
    terms: CaseTerms = {
        "customer_id": case.terms["customer_id"],
        "floor_area_m2": case.terms["floor_area_m2"],
        **bill_terms(case.terms),
    }
    text: bytes = _adapter().dump_json(replace(case, terms=terms))
    plain = text.decode()
    for name in _OF_FEW_CONTRACTS:
        plain = plain.replace(f',"{name}":false', "")
    plain = _OF_THE_MONTH.sub(r"\1}", plain)
    # A case that was kept before there were any reads as it did then.
    return plain.removesuffix(_WITHOUT_GROUNDS) + "}" if plain.endswith(_WITHOUT_GROUNDS) else plain


def case_from_text(text: str) -> Case:
    """The case again, of a text of the former shape too; raises ValueError for a text that is none."""
    adapter = _adapter()
    case: Case = (
        adapter.validate_python(in_present_shape(text)) if is_former(text) else adapter.validate_json(text)
    )
    shown: Any = dict(case.shown)
    for name in _DATES:
        if shown.get(name) is not None:
            shown[name] = date.fromisoformat(str(shown[name]))
    return replace(case, shown=shown)


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Case)
