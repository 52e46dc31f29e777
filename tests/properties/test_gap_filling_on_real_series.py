"""The published figures of gap filling, on the real series they stand for."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import gap_filling, gap_windows, long_gaps
from pipelines.settings import packaged
from pipelines.vee.settings import VeeSettings

pytestmark = pytest.mark.slow

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)


@pytest.fixture(scope="module")
def measure(reference_data: Path) -> Callable[[str, float], dict[str, Any]]:
    series = {one.name: one for one in gap_filling.read_series(reference_data)}

    @lru_cache
    def of(name: str, hours: float) -> dict[str, Any]:
        row = gap_filling.run(series[name], hours, SETTINGS)
        assert row is not None
        return row

    return of


@pytest.mark.parametrize(
    ("name", "hours", "share"),
    [(n, h, s) for n, lengths in gap_filling.REFERENCE.items() for h, s in lengths.items()],
)
def test_scaled_like_days_reach_what_is_known_of_them(
    measure: Callable[[str, float], dict[str, Any]], name: str, hours: float, share: float
) -> None:
    assert measure(name, hours)["like_day"] == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize(
    ("name", "hours", "goal"),
    [(n, h, s) for n, lengths in gap_filling.GOALS.items() for h, s in lengths.items()],
)
def test_the_chosen_method_reaches_its_goal(
    measure: Callable[[str, float], dict[str, Any]], name: str, hours: float, goal: float
) -> None:
    row = measure(name, hours)
    assert row["chosen"] <= goal
    assert row["chosen"] < row["like_day"]


@pytest.mark.parametrize("hours", [1, 4, 12, 48])
@pytest.mark.parametrize("name", ["city load", "Victoria", "steel works", "oil temperature"])
def test_the_chosen_method_is_never_worse_than_a_straight_line_and_its_band_covers(
    measure: Callable[[str, float], dict[str, Any]], name: str, hours: float
) -> None:
    row = measure(name, hours)
    assert row["chosen"] <= 1.0 + 1e-9
    assert 0.80 <= row["covered"] <= 0.95


def test_lengths_shorter_than_an_interval_are_left_out(reference_data: Path) -> None:
    oil = gap_filling.read_series(reference_data)[3]
    assert gap_filling.run(oil, 0.25, SETTINGS) is None


def test_within_windows_the_own_line_is_the_published_one_and_ours_lies_below(reference_data: Path) -> None:
    rows = gap_windows.compare(reference_data)
    assert [row["missing_ratio"] for row in rows] == [0.1, 0.5, 0.9]
    for row in rows:
        assert row["linear"] == pytest.approx(row["published"]["linear"], abs=0.02)
        assert row["window covariance"] <= row["linear"]


@pytest.mark.parametrize("every", [1, 30])
@pytest.mark.parametrize("days", [35, 60, 90])
@pytest.mark.parametrize(
    ("name", "of_evenly"),
    [
        ("city load", 0.45),
        ("Victoria", 0.45),
        ("steel works", 0.45),
        ("transformer load", 1.0),
        ("household", 0.9),
    ],
)
def test_own_days_between_registers_err_less_than_an_even_share(
    reference_data: Path, name: str, of_evenly: float, days: int, every: int
) -> None:
    series = next(one for one in long_gaps.loads(reference_data) if one.name == name)
    evenly = long_gaps.run(series, days, every, SETTINGS.with_values({"like_day.far_count": 0}), 20)
    own = long_gaps.run(series, days, every, SETTINGS, 20)
    assert own.error < of_evenly * evenly.error
    assert own.energy < 1e-6
    assert 0.80 <= own.covered <= 0.95
