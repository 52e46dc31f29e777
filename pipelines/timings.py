"""Where the seconds of a run go: by part (a step, the start, a page) and phase (read, compute, gate ...).

Steps run side by side, so their own seconds add up to more than the run took. Here each instant of the run
is shared by those at work in it; an instant in which nobody was at work counts as ``other``. So all shares
add up to the wall time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from threading import Lock
from typing import ParamSpec, TypeVar

OTHER = "other"
PHASES = ("fingerprint", "read", "compute", "gate", "write", "commit", "pages", OTHER)
"""``compute`` holds what workers read and write for themselves; ``gate`` the computation of a Spark frame
that is issued in revisions, which nobody asks for its rows before its gate does; ``write`` the commit of such
a frame; ``other`` starting Spark and waiting.
"""

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Shares = Mapping[str, Mapping[str, float]]
"""Part -> phase -> seconds; parts in the order in which they began."""


@dataclass
class _AtWork:
    """What a thread does now. No phase: it waits for others."""

    timings: Timings
    part: str
    phase: str | None
    since: float

    def turn_to(self, phase: str | None) -> None:
        now = self.timings.clock()
        self.timings.add(self.part, self.phase, self.since, now)
        self.phase, self.since = phase, now


_AT_WORK: ContextVar[_AtWork | None] = ContextVar("at_work", default=None)


@dataclass
class Timings:
    """The clock of one run; any number of threads may tell it what they do.

    began  When the run began, by ``clock``. [s]
    """

    clock: Callable[[], float] = time.monotonic
    began: float = field(default_factory=time.monotonic)
    _spans: list[tuple[str, str, float, float]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def part(self, name: str, phase: str = "compute") -> Iterator[None]:
        """What this thread does meanwhile belongs to a part, and to the phase unless it says otherwise."""
        before = _AT_WORK.get()
        waits_in = None if before is None else before.phase
        if before is not None:
            before.turn_to(None)
        here = _AtWork(self, name, phase, self.clock())
        token = _AT_WORK.set(here)
        try:
            yield
        finally:
            here.turn_to(None)
            _AT_WORK.reset(token)
            if before is not None:
                before.turn_to(waits_in)

    def add(self, part: str, phase: str | None, began: float, ended: float) -> None:
        """A span of work; one without a phase only makes its part known."""
        with self._lock:
            self._spans.append((part, phase or "", began, ended))

    def shares(self) -> dict[str, dict[str, float]]:
        """Seconds by part and phase until now; they add up to the wall time since the run began."""
        with self._lock:
            return shares_of([*self._spans], self.began, self.clock())


def shares_of(
    spans: list[tuple[str, str, float, float]], began: float, ended: float
) -> dict[str, dict[str, float]]:
    """Shares of the time from ``began`` to ``ended``: every instant divided among the spans that hold it.

    spans  Part, phase, begin, end; those without a phase hold no instant.

    >>> shares_of([("a", "read", 0, 2), ("b", "gate", 1, 3)], 0, 4)
    {'a': {'read': 1.5}, 'b': {'gate': 1.5}, 'other': {'other': 1.0}}
    """
    order = {part: 0.0 for part, _, _, _ in sorted(spans, key=lambda span: span[2])}
    found: dict[str, dict[str, float]] = {part: {} for part in order}
    held = [(part, phase, max(first, began), min(last, ended)) for part, phase, first, last in spans if phase]
    held = [span for span in held if span[3] > span[2]]
    edges = sorted(
        [(first, 1, part, phase) for part, phase, first, _ in held]
        + [(last, -1, part, phase) for part, phase, _, last in held]
    )
    active: dict[tuple[str, str], int] = {}
    idle, since = 0.0, began
    for instant, change, part, phase in [*edges, (ended, 0, "", "")]:
        count, lasted = sum(active.values()), instant - since
        for (who, what), times in active.items():
            found[who][what] = found[who].get(what, 0.0) + lasted * times / count
        idle, since = idle + (0.0 if count else lasted), instant
        if change:
            active[part, phase] = active.get((part, phase), 0) + change
            if not active[part, phase]:
                del active[part, phase]
    shares = {part: phases for part, phases in found.items() if phases}
    return shares | ({OTHER: shares.get(OTHER, {}) | {OTHER: idle}} if idle > 0 else {})


@contextmanager
def phase(name: str) -> Iterator[None]:
    """What this thread does meanwhile is of that phase; where no run is timed (a report, a worker) nothing is
    noted.
    """
    with _turned_to(name):
        yield


@contextmanager
def part_within(name: str) -> Iterator[None]:
    """What this thread does meanwhile is told as a part of its own, named behind the part it belongs to."""
    here = _AT_WORK.get()
    if here is None or here.phase is None:
        yield
        return
    with here.timings.part(f"{here.part} {name}", here.phase):
        yield


@contextmanager
def waiting() -> Iterator[None]:
    """Meanwhile this thread only waits for others, which tell for themselves what they do."""
    with _turned_to(None):
        yield


@contextmanager
def _turned_to(name: str | None) -> Iterator[None]:
    here = _AT_WORK.get()
    if here is None:
        yield
        return
    before = here.phase
    here.turn_to(name)
    try:
        yield
    finally:
        here.turn_to(before)


def carried(work: Callable[Given, Answer], name: str) -> Callable[Given, Answer]:
    """The same function for threads of a pool: what they do counts for the part that is at work here.

    name  The phase that it belongs to unless it says otherwise.
    """
    here = _AT_WORK.get()
    if here is None:
        return work

    @wraps(work)
    def there(*given: Given.args, **named: Given.kwargs) -> Answer:
        with here.timings.part(here.part, name):
            return work(*given, **named)

    return there
