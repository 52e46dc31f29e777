"""Scales that others published: a figure and what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator

from pipelines.errors import UsageError
from pipelines.facts.dated import Dated
from pipelines.facts.fact_schema import FactReader, Number, Text, between, keys_of, wrong

BELOW, ABOVE = "below", "above"


@dataclass(frozen=True)
class Scale:
    """Steps from the lowest figure to the highest.

    names          One more than there are limits.
    limits         Rising.
    limit_belongs  Whether a figure on a limit has the name ``below`` or ``above`` it.
    """

    names: tuple[Text, ...]
    limits: tuple[Number, ...]
    limit_belongs: Text

    def name_of(self, figure: Decimal) -> str:
        """What a figure is called."""
        passed = (figure > limit if self.limit_belongs == BELOW else figure >= limit for limit in self.limits)
        return self.names[sum(passed)]


@dataclass(frozen=True)
class ResumptionIndex:
    """Weights of the index of resumed work, and the share of earlier use above which an enterprise counts as
    resumed. [1]
    """

    energy_weight: Annotated[Decimal, between(0, 1)]
    users_weight: Annotated[Decimal, between(0, 1)]
    resumed_above_ratio: Annotated[Decimal, between(0, 1)]

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


def _steps(scale: Scale) -> Scale:
    for place, (limit, following) in enumerate(pairwise(scale.limits), start=1):
        if following <= limit:
            raise wrong(f"limits must be rising numbers, not {following} after {limit}", "limits", place)
    if len(scale.names) != len(scale.limits) + 1:
        parted = f"{len(scale.limits)} limits part {len(scale.limits) + 1} names"
        raise wrong(f"{parted}, not {len(scale.names)}", "names")
    if scale.limit_belongs not in (BELOW, ABOVE):
        raise wrong(f"limit_belongs must be {BELOW} or {ABOVE}, not {scale.limit_belongs!r}", "limit_belongs")
    return scale


def _whole_weight(index: ResumptionIndex) -> ResumptionIndex:
    if index.energy_weight + index.users_weight != 1:
        raise wrong("the weights must sum to 1", "users_weight")
    return index


SCALE = FactReader[Scale](Annotated[Scale, keys_of(Scale), AfterValidator(_steps)])
"""Names, limits and to which side a limit belongs."""
RESUMPTION_INDEX = FactReader[ResumptionIndex](
    Annotated[ResumptionIndex, keys_of(ResumptionIndex), AfterValidator(_whole_weight)]
)
"""Two weights that sum to 1, and a share."""
