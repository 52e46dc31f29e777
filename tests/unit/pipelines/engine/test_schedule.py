"""Steps wait for what they need and for nothing else; after an error none begins."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from pipelines.engine import schedule
from pipelines.engine.schedule import SIDE_BY_SIDE, run_side_by_side
from pipelines.engine.step import Step, TrainStep, WriteMode
from pipelines.tables.base import STRING, Field, Layer, Table


def table(name: str) -> type[Table]:
    fields = {"place": Field(STRING, "Place.", key=True), "name": f"test_{name}", "layer": Layer.SILVER}
    return type(name, (Table,), {**fields, "__doc__": "A small table.", "__module__": __name__})


A, B, C, D, SHARED = (table(f"scheduled_{name}") for name in ("a", "b", "c", "d", "shared"))


def step(
    name: str,
    reads: tuple[type[Table], ...] = (),
    writes: tuple[type[Table], ...] = (),
    mode: WriteMode = WriteMode.REPLACE,
    models: tuple[str, ...] = (),
) -> Step:
    return Step("gold", name, reads, dict.fromkeys(writes, mode), lambda _inputs: {}, uses_models=models)


class Watch:
    """Works by writing down who began and who ended, one after the other."""

    def __init__(self, meet: int = 0) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.seen: dict[str, set[str]] = {}
        self._lock = threading.Lock()
        self._meeting = threading.Barrier(meet) if meet else None

    def __call__(self, done: Step | TrainStep) -> None:
        with self._lock:
            self.began.append(done.name)
            self.seen[done.name] = set(self.ended)
        if self._meeting is not None:
            self._meeting.wait(timeout=30)
        with self._lock:
            self.ended.append(done.name)


def test_a_step_begins_after_all_that_it_needs() -> None:
    trained = TrainStep("train", "train", "model", (B,), lambda _inputs: None)  # type: ignore[arg-type,return-value]
    steps: list[Step | TrainStep] = [
        step("first", writes=(A,)),
        step("second", reads=(A,), writes=(B,)),
        trained,
        step("product", writes=(C,), models=("model",)),
        step("again", writes=(C,)),
    ]
    watch = Watch()
    run_side_by_side(steps, watch)
    assert sorted(watch.ended) == sorted(item.name for item in steps)
    assert watch.seen["second"] >= {"first"}
    assert watch.seen["train"] >= {"second"}
    assert watch.seen["product"] >= {"train"}
    assert watch.seen["again"] >= {"product"}, "two steps that write one table keep their order"


def test_one_at_a_time_is_the_order_given() -> None:
    names = ["d", "a", "c", "b"]
    watch = Watch()
    run_side_by_side([step(name) for name in names], watch, at_once=1)
    assert watch.ended == names


def test_steps_that_do_not_need_each_other_run_side_by_side() -> None:
    watch = Watch(meet=SIDE_BY_SIDE)
    shared = WriteMode.REPLACE_OWN
    run_side_by_side([step(name, writes=(SHARED,), mode=shared) for name in "abc"], watch)
    assert sorted(watch.ended) == ["a", "b", "c"], "they met, so all of them ran at once"


def test_after_the_first_error_the_steps_beside_it_end_and_none_begins() -> None:
    began: list[str] = []
    ended: list[str] = []
    all_three, failing = threading.Barrier(3), threading.Event()

    def work(item: Step | TrainStep) -> None:
        began.append(item.name)
        all_three.wait(timeout=30)
        if item.name == "fails":
            failing.set()
            raise ValueError("fails")
        failing.wait(timeout=30)
        time.sleep(0.3)  # the error is known before the steps beside it end
        ended.append(item.name)

    steps = [
        step("beside", writes=(A,)),
        step("fails", writes=(B,)),
        step("too", writes=(D,)),
        step("waits for it", reads=(B,), writes=(C,)),
        step("needs nothing"),
    ]
    with pytest.raises(ValueError, match="fails"):
        run_side_by_side(steps, work)
    assert sorted(began) == ["beside", "fails", "too"]
    assert sorted(ended) == ["beside", "too"]


def test_an_interrupt_ends_what_the_running_steps_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the pool waits for them: else Ctrl-C would take as long as the longest step."""
    cancelled = threading.Event()

    def interrupted(*_asked: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(schedule, "wait", interrupted)

    def long(_step: Step | TrainStep) -> None:
        assert cancelled.wait(30)

    with pytest.raises(KeyboardInterrupt):
        run_side_by_side([step("long")], long, on_interrupt=cancelled.set)
    assert cancelled.is_set()


def test_nothing_to_do_is_done() -> None:
    run_side_by_side([], lambda _step: pytest.fail("there is no step"))


def test_a_failure_of_one_step_is_raised_as_it_is() -> None:
    class OwnError(Exception):
        pass

    def work(_step: Any) -> None:
        raise OwnError

    with pytest.raises(OwnError):
        run_side_by_side([step("one")], work)
