"""Power factor adjustment (力调): by how many percent a bill rises or falls for the month's mean power
factor.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from pipelines.codes import CustomerClass
from pipelines.errors import UsageError
from pipelines.facts.fact_schema import FactReader, Number, between, code_of, keys_of, not_negative, wrong

_STEP = Decimal("0.01")
_PERCENT = Decimal("0.01")
# The largest step that was read is 2 percent for 0.01.
HIGHEST_STEP_PERCENT = 10
Percent = Annotated[Decimal, between(0, HIGHEST_STEP_PERCENT)]


@dataclass(frozen=True)
class PenaltyStep:
    """Below the standard: so many steps of 0.01, each adding so many percent; None: all further ones."""

    steps: Annotated[int, between(1, 100, whole=True)] | None
    percent: Percent


@dataclass(frozen=True)
class RewardStep:
    """Above the standard: up to this power factor each 0.01 takes off so many percent."""

    up_to: Annotated[Decimal, between(0, 1)]
    percent: Percent


@dataclass(frozen=True)
class NotAdjusted:
    """Whose bill the power factor does not adjust.

    below_kva  Below this capacity nobody's. [kVA]
    classes    Price classes whose bill it never adjusts.
    """

    below_kva: Annotated[Decimal, BeforeValidator(not_negative)]
    classes: frozenset[Annotated[CustomerClass, code_of(CustomerClass)]]


@dataclass(frozen=True)
class StandardsOfClasses:
    """Which standards contracts of a price class name.

    from_kva   From this capacity on a contract names one; below ``above_kva`` which one is not told by the
               class. [kVA]
    above_kva  Above this capacity it is one of those of its class. [kVA]
    classes    Standards by price class; a class that is not listed names any.
    """

    from_kva: Annotated[Decimal, BeforeValidator(not_negative)]
    above_kva: Annotated[Decimal, BeforeValidator(not_negative)]
    classes: dict[
        Annotated[CustomerClass, code_of(CustomerClass)],
        frozenset[Annotated[Decimal, between(0, 1, above=True)]],
    ]


@dataclass(frozen=True)
class PowerFactorRule:
    """The rule as a closed form, and the printed table that proves it.

    standards  Each standard that may apply, with its reward steps. [1]
    printed    Power factor -> percent by standard, as printed; data for the check, never for pricing.
    """

    penalties: tuple[PenaltyStep, ...]
    standards: dict[Decimal, tuple[RewardStep, ...]]
    printed: dict[Decimal, dict[Decimal, Decimal]]

    def ratio(self, power_factor: Decimal, standard: Decimal) -> Decimal:
        """The adjustment as a ratio of its base; above 0 it is charged, below 0 taken off. [1]

        power_factor  Monthly mean, rounded to 0.01. [1]
        standard      Power factor to be reached. [1]
        """
        if standard not in self.standards:
            raise UsageError(
                f"{standard} is no power factor standard.",
                f"Known: {', '.join(str(known) for known in self.standards)}.",
            )
        if power_factor % _STEP != 0 or not 0 <= power_factor <= 1:
            raise UsageError(f"{power_factor} is no power factor rounded to 0.01.", "Round it half up first.")
        percent = (
            self._penalty(standard - power_factor)
            if power_factor < standard
            else self._reward(power_factor, standard)
        )
        return percent * _PERCENT

    def _penalty(self, distance: Decimal) -> Decimal:
        left, percent = int(distance / _STEP), Decimal(0)
        for band in self.penalties:
            taken = left if band.steps is None else min(left, band.steps)
            percent += taken * band.percent
            left -= taken
        return percent

    def _reward(self, power_factor: Decimal, standard: Decimal) -> Decimal:
        at, percent = standard, Decimal(0)
        for band in self.standards[standard]:
            reached = min(power_factor, band.up_to)
            if reached > at:
                percent -= (reached - at) / _STEP * band.percent
                at = reached
        return percent


def _factor(value: object) -> object:
    """A power factor, which as a key of a mapping stands in quotes."""
    try:
        factor = Decimal(str(value))
    except InvalidOperation:
        factor = Decimal("NaN")
    if not factor.is_finite():
        raise wrong(f"{value!r} is no power factor")
    return factor


def _standard(value: object) -> object:
    standard = _factor(value)
    if not isinstance(standard, Decimal) or not 0 < standard <= 1:
        raise wrong(f"{value!r} is no power factor above 0 and not above 1")
    return standard


_Factor = Annotated[Decimal, BeforeValidator(_factor)]
_Standard = Annotated[Decimal, BeforeValidator(_standard)]


@dataclass(frozen=True)
class _WrittenRule:
    penalties: tuple[Annotated[PenaltyStep, keys_of(PenaltyStep)], ...]
    rewards: dict[_Standard, tuple[Annotated[RewardStep, keys_of(RewardStep)], ...]]
    printed_standards: tuple[_Factor, ...]
    printed: dict[_Factor, tuple[Number, ...]]


def _rule(written: _WrittenRule) -> PowerFactorRule:
    if not written.penalties or written.penalties[-1].steps is not None:
        said = "the last penalty must hold for all further steps (steps: null)"
        raise wrong(said, "penalties")
    for standard, steps in written.rewards.items():
        at = standard
        for place, step in enumerate(steps):
            if step.up_to <= at:
                raise wrong(f"up_to must rise above {at}", "rewards", str(standard), place, "up_to")
            at = step.up_to
    columns = written.printed_standards
    for factor, row in written.printed.items():
        if len(row) != len(columns):
            raise wrong(f"{len(columns)} cells expected, {len(row)} found", "printed", str(factor))
    printed = {factor: dict(zip(columns, row, strict=True)) for factor, row in written.printed.items()}
    return PowerFactorRule(written.penalties, written.rewards, printed)


POWER_FACTOR_RULE = FactReader[PowerFactorRule](
    Annotated[_WrittenRule, keys_of(_WrittenRule), AfterValidator(_rule)]
)
"""Penalty steps, reward steps by standard, the printed table."""
STANDARDS_OF_CLASSES = FactReader[StandardsOfClasses](StandardsOfClasses)
"""Two capacities, and standards by price class."""
NOT_ADJUSTED = FactReader[NotAdjusted](NotAdjusted)
"""A capacity and price classes."""
