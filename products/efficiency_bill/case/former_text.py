"""The text of cases that were kept before a month had one shape: contract and determinants, and a supply
beside them only where one contract did not price the month whole.

Bills that were issued with such a text are replayed from it and held against the present ones.
"""

from __future__ import annotations

import json
from typing import Any

from pipelines.periods import BillingMonth

# A quotation mark inside a name is written with a backslash, so this stands nowhere else.
_MARK = '"determinants":{'
_OF_SEGMENT = ("energy_kwh", "energy_by_period", "max_demand_kw", "running_days")
_OF_SUPPLY = (
    "month",
    "lagging_kvarh",
    "leading_kvarh",
    "year_to_date_kwh",
    "exported_kwh",
    "resolution_kwh",
)


def is_former(text: str) -> bool:
    """Whether a case was kept in the former shape."""
    return _MARK in text


def in_present_shape(text: str) -> dict[str, Any]:
    """What a text of the former shape says, by the fields of a case of today.

    Raises ValueError for a text that is none.
    """
    kept: dict[str, Any] = json.loads(text)
    try:
        previous = kept.pop("previous")
        contract, measured = (None, None) if previous is None else previous
        before = _month(contract, measured, kept.get("previous_supply"))
        kept["previous_supply"], kept["previous_energy_kwh"] = before
        measured = kept.pop("determinants")
        kept["has_periods"] = measured["energy_by_period"] is not None
        this = _month(kept.pop("contract"), measured, kept.get("supply"))
        kept["supply"], kept["energy_kwh"] = this
    except (KeyError, TypeError) as error:
        raise ValueError(f"The text of the case lacks {error}.") from None
    return kept


def _month(
    contract: dict[str, Any] | None, determinants: dict[str, Any] | None, supply: dict[str, Any] | None
) -> tuple[dict[str, Any] | None, str | None]:
    """The supply of a month and the energy of its account; neither where the month was not metered, and no
    supply without a contract.
    """
    if determinants is None:
        return None, None
    energy = determinants["energy_kwh"]
    if supply is not None:
        return {**supply, "resolution_kwh": determinants["resolution_kwh"]}, energy
    if contract is None:
        return None, energy
    month = BillingMonth(**determinants["month"])
    whole = {
        "contract": contract,
        "first_day": month.first_day,
        "last_day": month.last_day,
        **{name: determinants[name] for name in _OF_SEGMENT},
    }
    return {"segments": [whole], **{name: determinants[name] for name in _OF_SUPPLY}}, energy
