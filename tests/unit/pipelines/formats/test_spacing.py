"""Values nearer together than a mapping declares: a meter point's lines are held back together, a few stray
stamps by themselves.
"""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import (
    LongForm,
)
from tests.unit.pipelines.formats.mapped_lines import SETTINGS, lines, mapping, read, stamps, told


@pytest.mark.parametrize(("sent", "declared"), [(15, 30), (15, 60), (5, 15), (10, 30), (30, 60)])
def test_values_nearer_together_than_the_mapping_says_are_held_back_whole(sent: int, declared: int) -> None:
    """Of a meter that sends every 15 minutes under a declaration of an hour one value in four would stand,
    and a quarter of its energy.
    """
    coarse = stamps("A", declared, 24 * 60 // declared * 3) + stamps("B", declared, 24 * 60 // declared * 3)
    fine = stamps("F", sent, 40)
    result = read(lines(*coarse, *fine), mapping(interval_minutes=declared))
    assert {name for name, _, _ in told(result)} == {"MP-A", "MP-B"}
    assert result.rejects["line_number"].to_pylist() == list(range(len(coarse) + 2, len(coarse) + 42))
    assert set(result.rejects["reason"].to_pylist()) == {
        f"values of this meter point come every {sent} minutes, the mapping says {declared}"
    }
    with pytest.raises(
        InputRefusedError, match=f"values of 'F' come every {sent} minutes, the mapping says {declared}"
    ):
        read(lines(*stamps("F", sent, 12 * declared // sent)), mapping(interval_minutes=declared))


def test_a_few_stray_stamps_cost_their_lines_alone() -> None:
    stray = [f"A,2026-09-01 {hour:02d}:07:00,1" for hour in range(7)]
    result = read(lines(*stamps("A", 30, 48), *stray), mapping())
    assert result.rejects["line_number"].to_pylist() == list(range(50, 57))
    assert all("expected a stamp that can begin" in reason for reason in result.rejects["reason"].to_pylist())
    assert sum(len(values) for values in told(result).values()) == 48


@pytest.mark.parametrize(("sent", "declared"), [(60, 15), (30, 15), (60, 30), (1440, 15)])
def test_values_farther_apart_than_the_mapping_says_are_refused(sent: int, declared: int) -> None:
    """Twenty hourly values of 1 kWh would be 20 quarters of an hour of 4 kW each, and the hours between would
    be estimated as high.
    """
    text = lines(*stamps("A", sent, 20))
    with pytest.raises(InputRefusedError) as refused:
        read(text, mapping(interval_minutes=declared))
    assert refused.value.reason_code == "bad_structure"
    assert refused.value.reason == f"values of 'A' come every {sent} minutes, the mapping says {declared}"
    assert read(text, mapping(interval_minutes=sent)).rejects.num_rows == 0


def test_eight_steps_are_no_chance_and_seven_may_be() -> None:
    with pytest.raises(InputRefusedError):
        read(lines(*stamps("A", 60, 9)), mapping())
    assert read(lines(*stamps("A", 60, 8)), mapping()).rejects.num_rows == 0
    with pytest.raises(InputRefusedError, match="every 60 minutes"):
        read(lines(*stamps("A", 60, 5), *stamps("B", 60, 5)), mapping())


def test_one_meter_point_among_others_is_held_back_alone() -> None:
    result = read(lines(*stamps("A", 30, 96), *stamps("B", 60, 24), *stamps("C", 30, 30)), mapping())
    assert {name for name, _, _ in told(result)} == {"MP-A", "MP-C"}
    assert result.rejects["line_number"].to_pylist() == list(range(98, 122))
    assert set(result.rejects["reason"].to_pylist()) == {
        "values of this meter point come every 60 minutes, the mapping says 30"
    }
    assert set(result.rejects["column_name"].to_pylist()) == {"ts"}


def test_lost_values_are_no_other_spacing() -> None:
    chosen = np.random.default_rng(4).random(960) < 0.35
    rows = [row for row, kept in zip(stamps("A", 30, 960), chosen, strict=True) if kept]
    assert read(lines(*rows), mapping()).rejects.num_rows == 0


def test_the_lines_of_a_replay_are_judged_beside_those_that_stand() -> None:
    every = stamps("A", 30, 96)
    again = LongForm(mapping(), only=range(2, 98, 2)).read(lines(*every).encode(), "long.csv", SETTINGS)
    assert again.rejects.num_rows == 0
    assert sum(len(values) for values in told(again).values()) == 48
