"""Peers: by hand, and on both sides of the least number."""

from __future__ import annotations

import json

import pytest

from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from products.efficiency_bill.comparison.grounds import Grounds, PeersHidden
from products.efficiency_bill.comparison.peers import Grouped, Member, PeerGroups, PeerNorms, PeerView

LIMITS = Settings(packaged("conf"), packaged("conf")).section(PublicationSettings)


def compared(
    intensity: dict[str, float | None], group: dict[str, str | None], least: int = 15
) -> dict[str, PeerView]:
    """Of members of equal energy, where the share of one never matters."""
    limits = LIMITS.model_copy(update={"least_members": least, "max_member_ratio": 1.0})
    return views({name: Member(group[name], value, 1.0) for name, value in intensity.items()}, limits)


def views(members: dict[str, Member], limits: PublicationSettings) -> dict[str, PeerView]:
    """By what two buckets of workers tell, as a month of many is surveyed."""
    dealt = [Grouped.of(list(members.values())[part::2]) for part in (0, 1)]
    told = [json.loads(json.dumps(part.as_told())) for part in dealt]
    groups = PeerGroups(Grouped.together([Grouped.from_told(each) for each in told]), limits)
    return {name: groups.view(member) for name, member in members.items()}


def offices(count: int) -> tuple[dict[str, float | None], dict[str, str | None]]:
    names = [f"C{place:02d}" for place in range(count)]
    return {name: float(place + 1) for place, name in enumerate(names)}, dict.fromkeys(names, "Office")


def test_by_hand() -> None:
    intensity, group = offices(5)
    found = compared(intensity, group, 2)
    assert [found[name].percentile for name in sorted(found)] == [0, 25, 50, 75, 100]
    assert (found["C00"].median, found["C00"].best, found["C00"].count) == (3.0, 2.0, 5)


@pytest.mark.parametrize(("count", "is_compared"), [(14, False), (15, True)])
def test_least_number_of_peers(count: int, is_compared: bool) -> None:
    view = compared(*offices(count))["C03"]
    assert (view.count, view.intensity) == (count, 4.0)
    assert (view.percentile is not None, view.median is not None, view.best is not None) == (is_compared,) * 3


def test_only_the_own_group_and_only_those_with_an_area_count() -> None:
    intensity, group = offices(15)
    others: dict[str, float | None] = {f"L{place}": 100.0 for place in range(20)}
    found = compared(
        intensity | others | {"N": None}, group | dict.fromkeys(others, "Laboratory") | {"N": "Office"}
    )
    assert (found["C14"].count, found["C14"].percentile) == (15, 100)
    assert (found["N"].intensity, found["N"].percentile, found["N"].count) == (None, None, 15)


def test_equal_peers_are_neither_above_nor_below() -> None:
    names = [f"C{place}" for place in range(16)]
    found = compared(dict.fromkeys(names, 7.0), dict.fromkeys(names, "Office"))
    assert {view.percentile for view in found.values()} == {0.0}


def test_a_customer_without_a_group_has_no_peers() -> None:
    assert compared({"A": 1.0}, {"A": None}, 2)["A"].count == 0


@pytest.mark.parametrize(("largest", "is_compared"), [(60.0, True), (60.1, False)])
def test_no_member_may_have_more_than_15_percent_of_the_energy(largest: float, is_compared: bool) -> None:
    """Twenty members of 17 kWh: 60 of 400 kWh is 15 %."""
    intensity, group = offices(21)
    energy = dict.fromkeys(intensity, 17.0) | {"C20": largest}
    members = {name: Member(group[name], value, energy[name]) for name, value in intensity.items()}
    view = views(members, LIMITS)["C03"]
    assert (view.count, view.median is not None, view.best is not None, view.percentile is not None) == (
        21,
        *(is_compared,) * 3,
    )


def norms_of(values: list[float], own: float, largest: float = 0.0) -> PeerNorms:
    members = [Member("G", value, 100.0) for value in values]
    if largest:
        members[0] = Member("G", values[0], largest)
    return PeerGroups(Grouped.of(members), LIMITS).norms(Member("G", own, 100.0), 1.5)


def test_what_lies_far_outside_the_quartiles_is_no_figure() -> None:
    """Logarithms 0 to 15 of two: quartiles at 3.75 and 11.25, the fence 1.5 x 7.5 outside."""
    found = norms_of([2.0**power for power in range(16)], 1.0)
    assert found.hidden is None
    assert found.plausible == pytest.approx((2.0 ** (3.75 - 11.25), 2.0 ** (11.25 + 11.25)), rel=1e-4)
    grounds = Grounds(plausible=found.plausible)
    low, high = found.plausible or (0.0, 0.0)
    cases = [(low * 0.99, True), (low, False), (high, False), (high * 1.01, True), (None, False)]
    assert [grounds.is_implausible(own) for own, _ in cases] == [is_asked for _, is_asked in cases]


def test_it_is_said_which_of_both_rules_hides_a_group() -> None:
    assert norms_of([5.0] * 14, 5.0).hidden is PeersHidden.TOO_FEW
    assert norms_of([5.0] * 14, 5.0).plausible is None, "too few tell no distribution"
    assert norms_of([5.0] * 54, 5.0, largest=5000.0).hidden is PeersHidden.ONE_TOO_LARGE
    assert norms_of([5.0] * 54, 5.0).hidden is None
    assert PeerGroups(Grouped.of([]), LIMITS).norms(Member(None, None, 1.0), 1.5) == PeerNorms()


def test_who_uses_nothing_is_left_aside() -> None:
    assert norms_of([0.0] * 16, 0.0).plausible is None
    assert norms_of([0.0, 0.0, *(4.0 for _ in range(14))], 4.0).plausible == (4.0, 4.0)
