"""Power factor adjustment (力调): by how many percent a bill rises or falls for the month's mean power factor."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from pipelines.codes import CustomerClass
from pipelines.errors import UsageError
from pipelines.facts.marked_yaml import MarkedMap
from pipelines.facts.prices import parse_code_text

_STEP = Decimal("0.01")
_PERCENT = Decimal("0.01")
# The largest step that was read is 2 percent for 0.01.
HIGHEST_STEP_PERCENT = 10


@dataclass(frozen=True)
class PenaltyStep:
    """Below the standard: so many steps of 0.01, each adding so many percent; None: all further ones."""

    steps: int | None
    percent: Decimal


@dataclass(frozen=True)
class RewardStep:
    """Above the standard: up to this power factor each 0.01 takes off so many percent."""

    up_to: Decimal
    percent: Decimal


@dataclass(frozen=True)
class NotAdjusted:
    """Whose bill the power factor does not adjust.

    below_kva  Below this capacity nobody's. [kVA]
    classes    Price classes whose bill it never adjusts.
    """

    below_kva: Decimal
    classes: frozenset[CustomerClass]


def parse_not_adjusted(written: MarkedMap, options: MarkedMap) -> NotAdjusted:
    """A capacity and price classes."""
    del options
    value = written.mapping("value")
    value.allow_only(("below_kva", "classes"))
    below = value.decimal("below_kva")
    if below < 0:
        raise value.error("below_kva", f"must not be negative, not {below}")
    return NotAdjusted(
        below,
        frozenset(
            parse_code_text(CustomerClass, value, "classes", name) for name in value.listing("classes")
        ),
    )


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


def parse_power_factor_rule(written: MarkedMap, options: MarkedMap) -> PowerFactorRule:
    """Penalty steps, reward steps by standard, the printed table."""
    del options
    value = written.mapping("value")
    value.allow_only(("penalties", "rewards", "printed_standards", "printed"))
    penalties = tuple(
        PenaltyStep(
            int(step.bounded("steps", 1, 100, whole=True)) if step.get("steps") is not None else None,
            step.bounded("percent", 0, HIGHEST_STEP_PERCENT),
        )
        for step in value.listing("penalties")
    )
    if not penalties or penalties[-1].steps is not None:
        raise value.error("penalties", "the last penalty must hold for all further steps (steps: null)")
    rewards = value.mapping("rewards")
    standards = {_standard(rewards, key): _reward_steps(rewards, key) for key in rewards}
    columns = [Decimal(str(standard)) for standard in value.listing("printed_standards")]
    cells = value.mapping("printed")
    printed: dict[Decimal, dict[Decimal, Decimal]] = {}
    for key in cells:
        row = cells.listing(key)
        if len(row) != len(columns):
            raise cells.error(key, f"{len(columns)} cells expected, {len(row)} found")
        printed[Decimal(key)] = dict(zip(columns, row, strict=True))
    return PowerFactorRule(penalties, standards, printed)


def _standard(rewards: MarkedMap, key: str) -> Decimal:
    try:
        standard = Decimal(key)
    except InvalidOperation:
        standard = Decimal(0)
    if not 0 < standard <= 1:
        raise rewards.error(key, f"{key!r} is no power factor above 0 and not above 1")
    return standard


def _reward_steps(rewards: MarkedMap, key: str) -> tuple[RewardStep, ...]:
    """The steps above a standard, each reaching further than the one before."""
    steps, at = [], _standard(rewards, key)
    for written in rewards.listing(key):
        step = RewardStep(written.bounded("up_to", 0, 1), written.bounded("percent", 0, HIGHEST_STEP_PERCENT))
        if step.up_to <= at:
            raise written.error("up_to", f"up_to must rise above {at}")
        steps.append(step)
        at = step.up_to
    return tuple(steps)
