"""The 15/15 rule and the limit on the estimated share: on both sides of each edge, and declared in one place
alone.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
import yaml

from pipelines.errors import UsageError
from pipelines.publication import PublicationSettings, is_publishable
from pipelines.settings import Settings, packaged

LIMITS = Settings(packaged("conf"), packaged("conf")).section(PublicationSettings)


def test_the_limits_are_those_of_the_rule() -> None:
    assert (LIMITS.least_members, LIMITS.max_member_ratio, LIMITS.max_estimated_ratio) == (15, 0.15, 0.10)


@pytest.mark.parametrize(("members", "is_shown"), [(14, False), (15, True)])
def test_fifteen_members_of_equal_weight(members: int, is_shown: bool) -> None:
    assert is_publishable([1] * members, LIMITS) is is_shown


@pytest.mark.parametrize(
    ("largest", "is_shown"),
    [
        (Decimal(60), True),
        (Decimal("60.000001"), False),
        (60, True),
        (61, False),
        (60.0, True),
        (60.001, False),
    ],
)
def test_fifteen_percent_is_allowed_and_just_above_is_not(largest: Decimal | float, is_shown: bool) -> None:
    """Twenty of 17 and one of 60: 60 of 400."""
    assert is_publishable([17] * 20 + [largest], LIMITS) is is_shown


def test_shares_are_compared_exactly() -> None:
    """In binary 0.15 x the sum of these lies a hair off the largest; in decimals it is the largest."""
    assert is_publishable([0.017] * 20 + [0.06], LIMITS)


def test_members_that_contribute_nothing_still_count_as_members() -> None:
    weights = [10] * 10 + [0] * 5
    assert is_publishable(weights, LIMITS)
    assert not is_publishable([20] * 5 + [0] * 10, LIMITS)


@pytest.mark.parametrize("weights", [[], [0] * 20])
def test_nothing_is_published_of_nothing(weights: list[int]) -> None:
    assert not is_publishable(weights, LIMITS)


def test_negative_weights_are_refused() -> None:
    with pytest.raises(UsageError):
        is_publishable([1] * 20 + [-1], LIMITS)


@pytest.mark.parametrize(("ratio", "is_too_much"), [(0.0999, False), (0.10, False), (0.1000001, True)])
def test_ten_percent_estimated_is_allowed(ratio: float, is_too_much: bool) -> None:
    assert LIMITS.is_estimated_too_much(ratio) is is_too_much


def test_no_other_file_of_settings_keeps_a_copy() -> None:
    copies = [
        f"{path.name}: {key}"
        for path in packaged("conf").glob("*.yaml")
        if path.name != PublicationSettings.file
        for key in yaml.safe_load(path.read_text(encoding="utf-8"))
        if key in PublicationSettings.model_fields or key == "least_peers"
    ]
    assert copies == []
