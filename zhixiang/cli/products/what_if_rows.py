"""What ``tariff what-if`` shows of its alternatives: what can be promised first, then what cannot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from zhixiang.cli.data.facts import parse_day

if TYPE_CHECKING:
    from pipelines.facts import Facts
    from pipelines.tariff.contract import SupplyMonth
    from pipelines.tariff.whatif.choices import Alternative

BANK, BANK_AT_LEAST, MISSED = "bank_kvar", "bank_kvar_at_mean_power", "power_factor_at_most"
_FACT_OF_TERM = {"demand_basis": "basis_change", "contract_demand": "contract_demand_change"}
_TENTH = Decimal("0.1")
_BOUNDS = {
    "reactive": "at least so many kvar, switched ideally; no promise without a curve of reactive energy",
    MISSED: "leading energy alone keeps the factor below the target: no bank reaches it",
    "hours": "the hours it is moved into would need more power than the month's highest; no promise",
}


def rows_of(found: Sequence[Alternative], now: Alternative, kvar_price: float | None) -> list[dict[str, Any]]:
    """The alternatives as rows: the cheapest first of what can be decided beforehand, then hindsight, then
    bounds, which have no total of their own.

    kvar_price  What a kvar costs installed; None: not given, and the rows with a bank say so. [CNY/kvar]
    """
    ranked = sorted(
        found, key=lambda choice: (choice.is_bound, choice.is_hindsight, choice.total_cny, choice.name)
    )
    return [_row(choice, now, kvar_price) for choice in ranked]


def _row(choice: Alternative, now: Alternative, kvar_price: float | None) -> dict[str, Any]:
    saving = now.total_cny - choice.total_cny
    row: dict[str, Any] = {
        "alternative": choice.name,
        "total_cny": None if choice.is_bound else choice.total_cny,
        "saving_cny": None if choice.is_bound else saving,
        **choice.changes,
    }
    if MISSED in choice.changes:
        row |= {"saving_cny_at_most": None, "bound": _BOUNDS[MISSED]}
    elif choice.is_bound:
        row |= {"saving_cny_at_most": saving, "bound": _BOUNDS[_lever(choice)]}
    elif BANK in choice.changes:
        without = choice.without_bank_cny
        own = None if without is None else without - choice.total_cny
        row |= _cost(Decimal(choice.changes[BANK]), own, len(choice.months), kvar_price)
    if choice.is_hindsight:
        row["is_hindsight"] = True
    if any(month.priced.is_illustrative for month in choice.months):
        row["is_illustrative"] = True
    return row


def _cost(
    bank_kvar: Decimal, saving: Decimal | None, months: int, kvar_price: float | None
) -> dict[str, Any]:
    """What a bank costs and after how many months it has paid for itself, as far as that is known.

    saving  Of the bank itself: what other levers save beside it pays for none; None: not known. [CNY]
    """
    if kvar_price is None:
        return {"bank_cost_cny": None, "payback_months": None}
    cost = (bank_kvar * Decimal(repr(kvar_price))).quantize(Decimal("0.01"), ROUND_HALF_UP)
    paid = None if saving is None or saving <= 0 else (cost * months / saving).quantize(_TENTH, ROUND_HALF_UP)
    return {"bank_cost_cny": cost, "payback_months": paid}


def joined_levers(
    found: Sequence[Alternative], now: Alternative, facts: Facts, known: date | None
) -> list[Alternative]:
    """The best of each kind of lever together, priced once; none where fewer than two save anything."""
    from pipelines.tariff.whatif.choices import together

    best: dict[str, Alternative] = {}
    for choice in sorted(found, key=lambda choice: (choice.total_cny, choice.name)):
        if not choice.is_bound and not choice.is_hindsight and choice.total_cny < now.total_cny:
            best.setdefault(_lever(choice), choice)
    return [together(list(best.values()), now, facts, known)] if len(best) > 1 else []


def _lever(choice: Alternative) -> str:
    """What an alternative pulls: of one lever only one alternative can be had."""
    if "power_factor_reached" in choice.changes:
        return "reactive"
    return "hours" if "moved_kwh" in choice.changes else "terms"


def reading_of(term: str, asked_on: str | None, facts: Facts, known: date | None) -> dict[str, str] | None:
    """On what the first month of a changed term rests; None where no fact is asked."""
    name = _FACT_OF_TERM.get(term)
    if name is None or asked_on is None:
        return None
    dated = getattr(facts.basic_charge, name)
    cited = dated.version_on(parse_day(asked_on, "--asked-on"), known).citation
    return {
        "fact_id": dated.fact_id,
        "document": cited.document,
        "confidence": cited.confidence.value,
        "note": cited.note,
    }


def reactive_remarks(
    months: Sequence[SupplyMonth], target: float | None, rows: Sequence[dict[str, Any]]
) -> list[str]:
    """What must be said beside a target power factor: over-compensation first, then what is not known."""
    from pipelines.tariff.charges.power_factor import mean_power_factor

    if target is None:
        return []
    said = []
    for month in months:
        if month.leading_kvarh:
            without = mean_power_factor(month.active_kwh, month.lagging_kvarh, Decimal(0))
            said.append(
                f"{month.month} 过补偿 over-compensation: {abs(month.leading_kvarh):,f} kvarh 超前无功计入 "
                f"leading energy counts; 先查已有电容器的投切，去掉后功率因数 {without} / see to the "
                f"capacitors that are there first: without it the power factor is {without}"
            )
    if any(BANK_AT_LEAST in row for row in rows):
        said.append(
            "没有无功曲线：容量只是下限，不承诺节省 without a curve of reactive energy the size is a lower "
            "bound and no saving is promised (docs/tariff-case.md: curve)"
        )
    elif any(row.get(BANK) and row["bank_cost_cny"] is None for row in rows):
        said.append(
            "未给出电容器单价，不算投资和回收期 without --kvar-price neither cost nor payback can be told"
        )
    return said
