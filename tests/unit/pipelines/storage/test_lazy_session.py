"""A session that starts when it is asked for, once, whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread
from time import sleep
from typing import Any, cast

import pytest

from pipelines.errors import MachineError
from pipelines.settings import Settings
from pipelines.storage.lazy_session import LazySession
from pipelines.storage.store import Store
from pipelines.timings import OTHER, Timings
from tests.unit.pipelines.test_timings import Clock


class Session:
    """Stands in for Spark's."""

    stopped = 0

    def stop(self) -> None:
        self.stopped += 1


def test_nothing_starts_until_it_is_asked_for_and_then_once(settings: Settings) -> None:
    started: list[Session] = []
    together = Barrier(4)

    def start() -> Any:
        sleep(0.05)
        started.append(Session())
        return started[-1]

    lazy = LazySession(start)
    store = Store(settings, lazy)
    lazy.stop()
    assert not store.has_started_spark
    assert not started

    def ask(_place: int) -> Any:
        together.wait()
        return store.spark

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert store.has_started_spark
    assert answers == [started[0]] * 4
    lazy.stop()
    lazy.stop()
    assert started[0].stopped == 1


def test_why_it_does_not_start_is_told_to_who_asks_not_ahead() -> None:
    failures = iter([MachineError("no Java", "Install it."), None])

    def start() -> Any:
        if (failure := next(failures)) is not None:
            raise failure
        return Session()

    lazy = LazySession(start)
    lazy.start_ahead().join()
    assert not lazy.is_started
    assert isinstance(lazy(), Session)


def test_ahead_is_the_same_session() -> None:
    lazy = LazySession(lambda: cast("Any", Session()))
    lazy.start_ahead().join()
    assert lazy.is_started
    assert lazy() is lazy()


def test_why_it_does_not_start_is_told_each_time() -> None:
    def start() -> Any:
        raise MachineError("no Java", "Install it.")

    lazy = LazySession(start)
    for _ in range(2):
        with pytest.raises(MachineError, match="no Java"):
            lazy()


def test_the_seconds_of_its_start_are_told_apart_and_who_waits_for_it_is_not_at_work() -> None:
    clock = Clock()
    timings = Timings(clock, clock.now)
    is_starting, is_asked = Event(), Event()

    def start() -> Any:
        is_starting.set()
        is_asked.wait()
        sleep(0.1)  # until the other waits
        clock.now += 5
        return Session()

    lazy = LazySession(start)

    def ask() -> None:
        is_starting.wait()
        with timings.part("step", "read"):
            is_asked.set()
            lazy()
            clock.now += 2

    asking = Thread(target=ask)
    asking.start()
    with timings.part("start", "fingerprint"):
        begun = lazy.start_ahead()
    begun.join()
    asking.join()
    assert timings.shares() == {"start": {OTHER: 5}, "step": {"read": 2}}
