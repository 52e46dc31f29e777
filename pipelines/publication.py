"""What may be published of a group, and how much of a month may be estimated: ``conf/publication.yaml``, the
one place of these limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from pipelines.errors import UsageError
from pipelines.settings import SettingsFile


class PublicationSettings(SettingsFile):
    """Limits that hold wherever results leave the house."""

    file: ClassVar[str] = "publication.yaml"

    max_estimated_ratio: float = Field(
        ge=0, le=1, description="Above this estimated share bills and scores say so and a fee code is grey."
    )
    max_missing_ratio: float = Field(
        ge=0, le=1, description="Above this missing share a month's data do not suffice."
    )
    least_members: int = Field(ge=2, description="An aggregate of fewer members is not published.")
    max_member_ratio: float = Field(
        gt=0, le=1, description="An aggregate in which one member has more than this share is not published."
    )

    def is_estimated_too_much(self, ratio: float) -> bool:
        """Whether an estimated share lies over its limit; the limit itself is allowed."""
        return ratio > self.max_estimated_ratio


def is_publishable(weights: Sequence[float | int | Decimal], settings: PublicationSettings) -> bool:
    """The 15/15 rule: enough members, and none with too large a share of the whole; a share just at the limit
    is allowed.

    weights  What each member contributes, such as its energy; a group that contributes nothing at all is not
             published.
    Raises UsageError for a negative weight: shares of a sum that partly cancels mean nothing.
    """
    count, total, most = 0, Decimal(0), Decimal(0)
    for weight in weights:
        exact = Decimal(repr(weight)) if isinstance(weight, float) else Decimal(weight)
        if exact < 0:
            raise UsageError(
                "A member of an aggregate has a negative weight.",
                "Weigh members by energy drawn, or by their number.",
            )
        count, total, most = count + 1, total + exact, max(most, exact)
    if count < settings.least_members or total <= 0:
        return False
    return most <= Decimal(repr(settings.max_member_ratio)) * total
