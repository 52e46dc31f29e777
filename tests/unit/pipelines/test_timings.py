"""The seconds of a run by part and phase add up to its wall time, however many threads were at work."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.timings import OTHER, Timings, carried, part_within, phase, shares_of, waiting


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def timed() -> tuple[Clock, Timings]:
    clock = Clock()
    return clock, Timings(clock, clock.now)


def test_a_phase_within_another_takes_its_seconds_from_it() -> None:
    clock, timings = timed()
    clock.now += 1
    with timings.part("step"):
        clock.now += 2
        with phase("read"):
            clock.now += 3
            with phase("commit"):
                clock.now += 4
            clock.now += 5
        clock.now += 6
    clock.now += 7
    assert timings.shares() == {"step": {"compute": 8, "read": 8, "commit": 4}, OTHER: {OTHER: 8}}


def test_a_part_within_another_is_told_apart_and_goes_on_where_it_was() -> None:
    clock, timings = timed()
    with timings.part("deliver", "pages"):
        clock.now += 1
        with part_within("bills"), phase("read"):
            clock.now += 2
        clock.now += 4
    assert timings.shares() == {"deliver": {"pages": 5}, "deliver bills": {"read": 2}}


def test_where_no_run_is_timed_nothing_is_noted() -> None:
    with phase("read"), waiting(), part_within("bills"):
        pass
    assert carried(len, "gate")([1, 2]) == 2


def test_threads_at_work_at_once_share_each_instant() -> None:
    clock, timings = timed()
    both = threading.Barrier(2)

    def work(name: str) -> None:
        with timings.part(name, "read"):
            both.wait()
            if name == "a":
                clock.now += 6
            both.wait()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, ("a", "b")))
    found = timings.shares()
    assert (found["a"], found["b"]) == ({"read": 3}, {"read": 3})


def test_a_pool_counts_for_the_part_that_waits_for_it() -> None:
    clock, timings = timed()

    def gated(_: int) -> None:
        with phase("gate"):
            clock.now += 2

    with timings.part("step"):
        work = carried(gated, "write")
        with waiting(), ThreadPoolExecutor(1) as pool:
            list(pool.map(work, range(3)))
        clock.now += 1
    assert timings.shares() == {"step": {"gate": 6, "compute": 1}}


def test_seconds_count_also_where_the_work_fails() -> None:
    clock, timings = timed()

    @phase("read")
    def broken() -> None:
        clock.now += 2
        raise ValueError

    with pytest.raises(ValueError), timings.part("step"):
        broken()
    with timings.part("next"):
        clock.now += 1
    assert timings.shares() == {"step": {"read": 2}, "next": {"compute": 1}}


SPANS = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["", "read", "gate"]), st.integers(-5, 40), st.integers(0, 20)
)


@given(st.lists(SPANS, max_size=30))
def test_the_shares_of_any_spans_add_up_to_the_wall_time(
    drawn: list[tuple[str, str, int, int]],
) -> None:
    found = shares_of([(part, name, at, at + lasts) for part, name, at, lasts in drawn], 0, 30)
    assert sum(sum(phases.values()) for phases in found.values()) == pytest.approx(30)
    assert all(seconds >= 0 for phases in found.values() for seconds in phases.values())
