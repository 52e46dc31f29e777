"""Which step waits for which, and the running of steps side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from pipelines.engine.step import Step, TrainStep, WriteMode

SIDE_BY_SIDE = 3


def run_side_by_side(
    steps: Sequence[Step | TrainStep],
    work: Callable[[Step | TrainStep], None],
    at_once: int = SIDE_BY_SIDE,
    on_interrupt: Callable[[], None] = lambda: None,
) -> None:
    """Works on each step once those before it that it needs are done; steps that do not need each other run
    side by side, because most of a small step is waiting for the driver.

    on_interrupt  Called at Ctrl-C, before the steps that run are waited for: ends what they wait for.

    The first error is raised after the steps beside it; none begins after it.
    """
    order = TopologicalSorter(_needed(steps))
    order.prepare()
    ready: list[int] = []
    running: dict[Future[None], int] = {}
    with ThreadPoolExecutor(at_once) as pool:
        while order.is_active():
            ready = sorted([*ready, *order.get_ready()])
            begun, ready = ready[: at_once - len(running)], ready[at_once - len(running) :]
            running |= {pool.submit(work, steps[place]): place for place in begun}
            try:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt:
                on_interrupt()
                raise
            for future in sorted(finished, key=running.__getitem__):
                place = running.pop(future)
                future.result()
                order.done(place)


def _needed(steps: Sequence[Step | TrainStep]) -> dict[int, list[int]]:
    """Place of each step -> places of those before it that it needs."""
    return {
        place: [earlier for earlier in range(place) if needs(step, steps[earlier])]
        for place, step in enumerate(steps)
    }


def needs(step: Step | TrainStep, earlier: Step | TrainStep) -> bool:
    """Whether a step reads or rewrites what an earlier one writes."""
    if isinstance(earlier, TrainStep):
        return isinstance(step, Step) and earlier.model in step.named_models
    own = {table for table, mode in earlier.writes.items() if mode is not WriteMode.REPLACE_OWN}
    written = set(step.writes) if isinstance(step, Step) else set()
    return bool(own & (set(step.reads) | written))
