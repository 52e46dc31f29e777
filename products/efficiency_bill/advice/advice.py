"""Advice in yuan: the month is priced again by the same engine with one thing changed; the difference is the
saving.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipelines.facts import Facts
from products.efficiency_bill.advice.basic_charge import basic_charge
from products.efficiency_bill.advice.former import former_advice
from products.efficiency_bill.advice.less_energy import days_above, night_load, to_baseline, to_peers
from products.efficiency_bill.advice.reactive import reactive_advice
from products.efficiency_bill.advice.shift import shift_advice
from products.efficiency_bill.advice.situation import Advice, Proposal, Situation, repriced
from products.efficiency_bill.rows import EfficiencyBillAdviceV1Inside
from products.efficiency_bill.settings import EfficiencyBillSettings

_RULES: tuple[Callable[[Situation, Facts, EfficiencyBillSettings], Proposal | None], ...] = (
    basic_charge,
    reactive_advice,
    shift_advice,
    to_baseline,
    to_peers,
    night_load,
    days_above,
)


@dataclass(frozen=True)
class Advised:
    """The advice of a bill.

    rows              In the order of their ranks.
    joint_saving_cny  What all of it together would have saved, by one pricing; None for fewer than two.
    """

    rows: list[EfficiencyBillAdviceV1Inside]
    joint_saving_cny: Decimal | None = None


def advise(
    situation: Situation, facts: Facts, settings: EfficiencyBillSettings
) -> list[EfficiencyBillAdviceV1Inside]:
    """The rows of ``advised``."""
    return advised(situation, facts, settings).rows


def advised(situation: Situation, facts: Facts, settings: EfficiencyBillSettings) -> Advised:
    """Advices ranked by saving, each priced by itself; fewer where fewer can be computed honestly, none where
    too much of the energy is estimated.

    What changes the terms or the hours of supply comes before what asks for less energy; of either kind the
    largest savings are chosen.
    Of all that changes what the basic charge is raised on only the best stands, and so of the reactive
    energy.
    A case that an earlier version kept is advised as it was then.
    """
    if situation.grounds is None:
        return Advised(_ranked(former_advice(situation, facts, settings)))
    found = [proposal for rule in _RULES if (proposal := rule(situation, facts, settings)) is not None]
    least = Decimal(repr(settings.least_saving_cny))
    enough = [proposal for proposal in found if proposal.advice["saving_cny"] >= least]
    chosen = sorted(enough, key=_by_kind)[: settings.advice_count]
    joint = _joint_saving(situation, facts, chosen) if len(chosen) > 1 else None
    return Advised(_ranked([proposal.advice for proposal in chosen]), joint)


def _joint_saving(situation: Situation, facts: Facts, chosen: Sequence[Proposal]) -> Decimal:
    """What the month would have cost less with all of it at once. [CNY]

    Advices to use less may mean the same kilowatt-hours: the largest of them stands for all.
    """
    supply = situation.supply
    for proposal in chosen:
        if proposal.saved_kwh is None:
            supply = proposal.change(supply)
    less = [proposal for proposal in chosen if proposal.saved_kwh is not None]
    if less:
        supply = max(less, key=lambda proposal: proposal.saved_kwh or 0).change(supply)
    return repriced(situation, facts, supply)


def _by_kind(proposal: Proposal) -> tuple[bool, Decimal, str]:
    return proposal.saved_kwh is not None, *_by_saving(proposal.advice)


def _ranked(chosen: Sequence[Advice]) -> list[EfficiencyBillAdviceV1Inside]:
    return [{"rank": rank, **advice} for rank, advice in enumerate(sorted(chosen, key=_by_saving), start=1)]


def _by_saving(advice: Advice) -> tuple[Decimal, str]:
    return -advice["saving_cny"], advice["advice_id"]
