"""What a bank of capacitors makes of a month's power factor, simulated interval by interval.

A bank of B kvar feeds B h kvarh of leading energy into an interval of h hours. A fixed bank feeds it in all
the time: what the load does not take is leading energy and counts as such (ruling R9). An ideally switched
bank feeds in what the load takes, up to its size. Neither takes leading energy away that is there already:
that is over-compensation, and ends where the capacitors that cause it are switched off.

The balance of lagging less leading energy falls by what is fed in, but an interval in which both registers
counted is not netted: they counted at different moments of it, and at none do more capacitors lower what
leads. Netted, a bank of nothing would already better the power factor.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from pipelines.arrays import FloatArray
from pipelines.errors import UsageError
from pipelines.facts import Facts
from pipelines.tariff.charges.power_factor import mean_power_factor
from pipelines.tariff.contract import SupplyMonth
from pipelines.tariff.whatif.changed_supplies import NOTHING, with_compensation, with_less_reactive
from pipelines.tariff.whatif.choices import Alternative, planned

HOUR_MINUTES = 60


@dataclass(frozen=True)
class ReactiveCurve:
    """Reactive energy of every interval of a month, none missing. [kvarh]

    minutes  Length of an interval. [min]
    """

    lagging_kvarh: FloatArray
    leading_kvarh: FloatArray
    minutes: int

    def of_bank(self, bank_kvar: float) -> float:
        """What a bank feeds into an interval. [kvarh]"""
        return bank_kvar * self.minutes / HOUR_MINUTES


class Reactive(NamedTuple):
    """Reactive energy of a month: lagging and the amount of leading. [kvarh]"""

    lagging_kvarh: float
    leading_kvarh: float


def with_fixed_bank(curve: ReactiveCurve, bank_kvar: float) -> Reactive:
    """The month with a bank that is never switched: what it gives beyond the lagging energy leads."""
    fed = curve.of_bank(bank_kvar)
    return Reactive(
        float(np.maximum(curve.lagging_kvarh - fed, 0.0).sum()),
        float((curve.leading_kvarh + np.maximum(fed - curve.lagging_kvarh, 0.0)).sum()),
    )


def taken_by_switched_bank(
    curve: ReactiveCurve, bank_kvar: float, step_kvar: float | None = None
) -> FloatArray:
    """Lagging energy that a bank takes away which follows the load, in steps of its own or ideally.
    (intervals) [kvarh]
    """
    taken: FloatArray = np.minimum(curve.lagging_kvarh, curve.of_bank(bank_kvar))
    if step_kvar is not None:
        step = curve.of_bank(step_kvar)
        # A load of exactly so many steps takes them all, though a float may fall short of it.
        taken = np.floor(taken / step + 1e-9) * step
    return taken


def with_switched_bank(curve: ReactiveCurve, bank_kvar: float, step_kvar: float | None = None) -> Reactive:
    """The month with a bank that follows the load, in steps of its own or ideally."""
    left = curve.lagging_kvarh - taken_by_switched_bank(curve, bank_kvar, step_kvar)
    return Reactive(float(left.sum()), float(curve.leading_kvarh.sum()))


def without_leading(curve: ReactiveCurve) -> Reactive:
    """The month without its over-compensation: existing capacitors are off where the load does not take
    them.
    """
    return Reactive(float(curve.lagging_kvarh.sum()), 0.0)


def bank_sizes(curves: Iterable[ReactiveCurve], step_kvar: int) -> Sequence[int]:
    """Banks worth a trial: multiples of a step up to one that covers the highest lagging power of any month;
    none where nothing lags. [kvar]
    """
    highest = max(float(each.lagging_kvarh.max()) * HOUR_MINUTES / each.minutes for each in curves)
    return range(step_kvar, math.ceil(highest) + step_kvar, step_kvar)


def smallest_bank(sizes: Sequence[int], is_enough: Callable[[int], bool]) -> int | None:
    """The smallest of rising sizes that is enough, where no larger one is less; None where none is."""
    place = bisect_left(sizes, True, key=is_enough)
    return sizes[place] if place < len(sizes) else None


def compensated(month: SupplyMonth, curve: ReactiveCurve, then: Reactive) -> SupplyMonth:
    """The month as its registers would read: less by what the simulation takes off the curve, more by what
    it adds.
    """
    if month.lagging_kvarh is None or month.leading_kvarh is None:
        raise UsageError(f"{month.month} has no reactive energy.", "Give lagging_kvarh and leading_kvarh.")
    lagging, leading = float(curve.lagging_kvarh.sum()), float(curve.leading_kvarh.sum())
    return with_less_reactive(month, lagging - then.lagging_kvarh, leading - then.leading_kvarh)


def compensation_choices(
    months: Sequence[SupplyMonth],
    curves: Sequence[ReactiveCurve],
    target: Decimal,
    facts: Facts,
    known: date | None = None,
    step_kvar: int = 1,
) -> list[Alternative]:
    """What can be done about the power factor of some months, each priced as simulated: no
    over-compensation, the best fixed bank, the smallest switched bank that reaches the target, and the last
    without over-compensation.

    target     Power factor to reach in every month, above 0 and at most 1; the month's factor is rounded to
               0.01 before it is compared. [1]
    step_kvar  A bank is a multiple of this. [kvar]
    A target that no bank reaches gets the smallest bank beyond which nothing improves, and says what it
    reaches; one that is reached without a bank asks for none.
    """
    require_target(target)
    study = _Study(months, curves, target, facts, known)
    found = []
    if any(float(curve.leading_kvarh.sum()) > 0 for curve in curves):
        found.append(study.alternative("no over-compensation", [without_leading(each) for each in curves]))
    sizes = bank_sizes(curves, step_kvar)
    if not sizes:
        return found
    fixed = study.best(sizes, with_fixed_bank)
    if fixed is not None:
        found.append(study.of_bank("fixed bank", fixed, with_fixed_bank))
    switched = study.smallest((0, *sizes), with_switched_bank)
    if switched:
        found.append(study.of_bank("switched bank", switched, with_switched_bank))
    if found and found[0].name == "no over-compensation":
        both = study.smallest((0, *sizes), _without_leading_and_switched)
        name = "no over-compensation, switched bank"
        if both:
            found.append(study.of_bank(name, both, _without_leading_and_switched))
    return found


def require_target(target: Decimal) -> None:
    """Raises UsageError for what is no power factor."""
    if not (target.is_finite() and 0 < target <= 1):
        raise UsageError(f"A power factor lies above 0 and up to 1, not {target}.")


def with_capacitors(
    months: Sequence[SupplyMonth],
    target: Decimal,
    facts: Facts,
    known: date | None = None,
    step_kvar: int = 1,
) -> Alternative:
    """The months with as much lagging reactive energy compensated as the target power factor asks for;
    leading energy stays.

    The bank runs at the mean power of all hours and is switched ideally: with the load's own hours it has to
    be larger, so both size and saving are bounds. ``compensation_choices`` simulates it on a curve. Where the
    leading energy alone misses the target no bank reaches it, and none is counted.
    target     Power factor to reach, above 0 and at most 1. [1]
    step_kvar  The size of the bank is a multiple of this. [kvar]
    """
    require_target(target)
    then, banks, reached, most = [], [], [], Decimal(1)
    for month in months:
        if month.lagging_kvarh is None or month.leading_kvarh is None:
            raise UsageError(
                f"{month.month} has no reactive energy.", "Give lagging_kvarh and leading_kvarh."
            )
        misses = misses_by_leading(month, target)
        after = month if misses else with_compensation(month, target)
        if misses:
            most = min(most, _factor(month.active_kwh, NOTHING, month.leading_kvarh))
        left = after.lagging_kvarh or NOTHING
        then.append(after)
        banks.append(float(month.lagging_kvarh - left) / (month.billed.day_count * 24))
        reached.append(_factor(after.active_kwh, left, month.leading_kvarh))
    changes = {
        "bank_kvar_at_mean_power": str(step_kvar * math.ceil(max(banks) / step_kvar)),
        "power_factor_reached": str(min(reached)),
        **({"power_factor_at_most": str(most)} if most < target else {}),
    }
    months_then = tuple(planned(each, facts, known) for each in then)
    return Alternative(f"power factor {target}", changes, months_then, is_bound=True)


def _factor(active_kwh: Decimal, lagging_kvarh: Decimal, leading_kvarh: Decimal) -> Decimal:
    """Mean power factor; 1 without any energy: then there is none to miss."""
    mean = mean_power_factor(active_kwh, lagging_kvarh, leading_kvarh)
    return Decimal(1) if mean is None else mean


def misses_by_leading(month: SupplyMonth, target: Decimal) -> bool:
    """Whether the leading energy alone keeps a month below a power factor, so that more capacitors help
    nothing.
    """
    leading = month.leading_kvarh
    if not leading:
        return False
    alone = mean_power_factor(month.active_kwh, NOTHING, leading)
    return alone is not None and alone < target


Simulation = Callable[[ReactiveCurve, float], Reactive]


def _without_leading_and_switched(curve: ReactiveCurve, bank_kvar: float) -> Reactive:
    return with_switched_bank(curve, bank_kvar)._replace(leading_kvarh=0.0)


@dataclass(frozen=True)
class _Study:
    """Months with their curves, and what a compensation makes of them."""

    months: Sequence[SupplyMonth]
    curves: Sequence[ReactiveCurve]
    target: Decimal
    facts: Facts
    known: date | None

    def supplies(self, reactive: Iterable[Reactive]) -> list[SupplyMonth]:
        return [
            compensated(month, curve, then)
            for month, curve, then in zip(self.months, self.curves, reactive, strict=True)
        ]

    def factors(self, supplies: Iterable[SupplyMonth]) -> tuple[Decimal, ...]:
        """Mean power factor of each month; 1 of one without any energy."""
        means = (
            mean_power_factor(each.active_kwh, each.lagging_kvarh, each.leading_kvarh) for each in supplies
        )
        return tuple(Decimal(1) if mean is None else mean for mean in means)

    def smallest(self, sizes: Sequence[int], simulation: Simulation) -> int:
        """The smallest bank with which every month reaches the target, or else its best: a larger one never
        does worse.
        """
        best = self.factors(self.supplies(simulation(each, sizes[-1]) for each in self.curves))
        wanted = [min(mean, self.target) for mean in best]

        def is_enough(size: int) -> bool:
            means = self.factors(self.supplies(simulation(each, size) for each in self.curves))
            return all(mean >= least for mean, least in zip(means, wanted, strict=True))

        found = smallest_bank(sizes, is_enough)
        return sizes[-1] if found is None else found

    def best(self, sizes: Sequence[int], simulation: Simulation) -> int | None:
        """The bank under which the months cost least, of those that cost the same the one with the most
        useful reactive balance; None where each makes them dearer.
        """
        costs: dict[tuple[Decimal, ...], Decimal] = {}
        found: tuple[Decimal, float, int] | None = None
        for size in (0, *sizes):
            supplies = self.supplies(simulation(each, size) for each in self.curves)
            means = self.factors(supplies)
            if means not in costs:
                costs[means] = sum(
                    (planned(each, self.facts, self.known).priced.total_cny for each in supplies), NOTHING
                )
            reactive = sum(float((each.lagging_kvarh or 0) + (each.leading_kvarh or 0)) for each in supplies)
            if found is None or (costs[means], reactive) < found[:2]:
                found = costs[means], reactive, size
        return found[2] if found is not None and found[2] else None

    def of_bank(self, name: str, bank_kvar: int, simulation: Simulation) -> Alternative:
        reactive = [simulation(each, bank_kvar) for each in self.curves]
        found = self.alternative(name, reactive, bank_kvar=str(bank_kvar))
        without = self.alternative(name, [simulation(each, 0.0) for each in self.curves])
        return replace(found, without_bank_cny=without.total_cny)

    def alternative(self, name: str, reactive: Sequence[Reactive], **changes: str) -> Alternative:
        supplies = self.supplies(reactive)
        changes["power_factor_reached"] = str(min(self.factors(supplies)))
        return Alternative(name, changes, tuple(planned(each, self.facts, self.known) for each in supplies))
