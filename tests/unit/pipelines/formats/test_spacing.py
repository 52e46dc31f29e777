"""Values nearer together than a mapping declares: a meter point's lines are held back together, a few stray
stamps by themselves.
"""

from __future__ import annotations

import pytest

from pipelines.errors import InputRefusedError
from tests.unit.pipelines.formats.test_mapping import lines, mapping, read, stamps, told


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
