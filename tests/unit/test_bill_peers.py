"""Peers: by hand, and on both sides of the least number."""

from __future__ import annotations

import pytest

from products.efficiency_bill.peers import compare_peers


def offices(count: int) -> tuple[dict[str, float | None], dict[str, str | None]]:
    names = [f"C{place:02d}" for place in range(count)]
    return {name: float(place + 1) for place, name in enumerate(names)}, dict.fromkeys(names, "Office")


def test_by_hand() -> None:
    intensity, group = offices(5)
    found = compare_peers(intensity, group, 2)
    assert [found[name].percentile for name in sorted(found)] == [0, 25, 50, 75, 100]
    assert (found["C00"].median, found["C00"].best, found["C00"].count) == (3.0, 2.0, 5)


@pytest.mark.parametrize(("count", "is_compared"), [(14, False), (15, True)])
def test_least_number_of_peers(count: int, is_compared: bool) -> None:
    view = compare_peers(*offices(count), 15)["C03"]
    assert (view.count, view.intensity) == (count, 4.0)
    assert (view.percentile is not None, view.median is not None, view.best is not None) == (is_compared,) * 3


def test_only_the_own_group_and_only_those_with_an_area_count() -> None:
    intensity, group = offices(15)
    others: dict[str, float | None] = {f"L{place}": 100.0 for place in range(20)}
    found = compare_peers(intensity | others | {"N": None}, group | dict.fromkeys(others, "Laboratory") | {"N": "Office"}, 15)
    assert (found["C14"].count, found["C14"].percentile) == (15, 100)
    assert (found["N"].intensity, found["N"].percentile, found["N"].count) == (None, None, 15)


def test_equal_peers_are_neither_above_nor_below() -> None:
    names = [f"C{place}" for place in range(16)]
    found = compare_peers(dict.fromkeys(names, 7.0), dict.fromkeys(names, "Office"), 15)
    assert {view.percentile for view in found.values()} == {0.0}


def test_a_customer_without_a_group_has_no_peers() -> None:
    assert compare_peers({"A": 1.0}, {"A": None}, 2)["A"].count == 0
