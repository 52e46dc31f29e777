"""Scales that others published: a figure and what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pipelines.errors import UsageError
from pipelines.facts.dated import Dated
from pipelines.facts.marked_yaml import MarkedMap

BELOW, ABOVE = "below", "above"


@dataclass(frozen=True)
class Scale:
    """Steps from the lowest figure to the highest.

    names          One more than there are limits.
    limits         Rising.
    limit_belongs  Whether a figure on a limit has the name ``below`` or ``above`` it.
    """

    names: tuple[str, ...]
    limits: tuple[Decimal, ...]
    limit_belongs: str

    def name_of(self, figure: Decimal) -> str:
        """What a figure is called."""
        passed = (figure > limit if self.limit_belongs == BELOW else figure >= limit for limit in self.limits)
        return self.names[sum(passed)]


@dataclass(frozen=True)
class ResumptionIndex:
    """Weights of the index of resumed work, and the share of earlier use above which an enterprise counts as
    resumed. [1]
    """

    energy_weight: Decimal
    users_weight: Decimal
    resumed_above_ratio: Decimal

    def value(self, energy: Decimal, energy_before: Decimal, users: int, users_before: int) -> Decimal:
        """(share of energy x weight + share of enterprises x weight) x 100.

        energy, energy_before  Of the day and of the day compared with, in one unit.
        users, users_before    Enterprises that have resumed, of how many.
        """
        if energy_before <= 0 or users_before <= 0:
            raise UsageError(
                "What is compared with must be above 0.",
                "Give the energy and the number of enterprises of the time before.",
            )
        return (
            energy / energy_before * self.energy_weight + Decimal(users) / users_before * self.users_weight
        ) * 100


@dataclass(frozen=True)
class PublishedScales:
    """Carbon efficiency code, grades of the energy-efficiency bill, index of resumed work."""

    carbon_intensity: Dated[Scale]
    carbon_level: Dated[Scale]
    bill_grade: Dated[Scale]
    resumption: Dated[ResumptionIndex]


def parse_scale(written: MarkedMap, options: MarkedMap) -> Scale:
    """Names, limits and to which side a limit belongs."""
    del options
    value = written.mapping("value")
    value.allow_only(("names", "limits", "limit_belongs"))
    names, limits = value.listing("names"), value.listing("limits")
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise names.error(place, f"a name must be a text, not {name!r}")
    for place, limit in enumerate(limits):
        if not isinstance(limit, Decimal) or (place and limit <= limits[place - 1]):
            raise limits.error(place, f"limits must be rising numbers, not {limit!r}")
    if len(names) != len(limits) + 1:
        raise value.error("names", f"{len(limits)} limits part {len(limits) + 1} names, not {len(names)}")
    if value.text("limit_belongs") not in (BELOW, ABOVE):
        raise value.error("limit_belongs", f"limit_belongs must be {BELOW} or {ABOVE}")
    return Scale(tuple(names), tuple(limits), value.text("limit_belongs"))


def parse_resumption(written: MarkedMap, options: MarkedMap) -> ResumptionIndex:
    """Two weights that sum to 1, and a share."""
    del options
    value = written.mapping("value")
    value.allow_only(("energy_weight", "users_weight", "resumed_above_ratio"))
    index = ResumptionIndex(
        *(value.bounded(key, 0, 1) for key in ("energy_weight", "users_weight", "resumed_above_ratio"))
    )
    if index.energy_weight + index.users_weight != 1:
        raise value.error("users_weight", "the weights must sum to 1")
    return index
