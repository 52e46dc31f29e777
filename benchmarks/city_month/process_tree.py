"""Processor time and peak memory of a process and all that it starts, by the kernel's own accounts."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_TICKS = os.sysconf("SC_CLK_TCK")
DRIVER, JVM, DAEMON, WORKERS = "driver", "jvm", "daemon", "workers"


@dataclass(frozen=True)
class Seen:
    """A process as /proc shows it.

    own_s       Its processor time. [s]
    """

    pid: int
    parent: int
    name: str
    own_s: float


def processes() -> dict[int, Seen]:
    """Every process that can be seen now."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            head, _, tail = (entry / "stat").read_text().rpartition(")")
        except OSError:
            continue
        fields = tail.split()
        used = (int(fields[11]) + int(fields[12])) / _TICKS
        found[int(entry.name)] = Seen(int(entry.name), int(fields[1]), head.partition("(")[2], used)
    return found


def tree_of(root: int, every: Mapping[int, Seen]) -> list[Seen]:
    """A process and its descendants."""
    below: dict[int, list[Seen]] = {}
    for seen in every.values():
        below.setdefault(seen.parent, []).append(seen)
    tree = [every[root]] if root in every else []
    for seen in tree:
        tree += below.get(seen.pid, [])
    return tree


@dataclass
class Watch:
    """What was seen of a process tree over time.

    memory    Kind -> highest peak of one process, as the kernel keeps it (VmHWM). [B]
    together  Kind -> highest sum of resident memory of all processes of a kind at one instant. [B]
    course    Instant by the monotonic clock, processor time of the tree until then. [s]
    """

    root: int
    memory: dict[str, int] = field(default_factory=dict)
    together: dict[str, int] = field(default_factory=dict)
    course: list[tuple[float, float]] = field(default_factory=list)
    _cpu: dict[tuple[str, int], float] = field(default_factory=dict)

    def look(self) -> None:
        """Takes note of all processes of the tree as they are now."""
        now: dict[str, int] = {}
        tree = tree_of(self.root, processes())
        kinds: dict[int, str] = {}
        for seen in tree:
            kind = kinds[seen.pid] = self._kind(seen, kinds)
            self._cpu[kind, seen.pid] = seen.own_s
            peak, resident = _memory(seen.pid)
            self.memory[kind] = max(peak, self.memory.get(kind, 0))
            now[kind] = now.get(kind, 0) + resident
        for kind, size in now.items():
            self.together[kind] = max(size, self.together.get(kind, 0))
        self.course.append((time.monotonic(), sum(self._cpu.values())))

    def _kind(self, seen: Seen, kinds: Mapping[int, str]) -> str:
        """The driver starts Java (by a script), Java the daemon of Python, and this one the workers."""
        if seen.pid == self.root:
            return DRIVER
        if kinds.get(seen.parent) == DRIVER or seen.name == "java":
            return JVM
        return DAEMON if kinds.get(seen.parent) == JVM else WORKERS

    def cpu_s(self) -> dict[str, float]:
        """Kind -> processor time as last seen. [s]"""
        found: dict[str, float] = {}
        for (kind, _), seconds in self._cpu.items():
            found[kind] = found.get(kind, 0.0) + seconds
        return found

    def not_reaped_s(self, reaped: Collection[int]) -> float:
        """Processor time of the workers that nobody waited for, as last seen: Spark's daemon lets the kernel
        forget them, but those that outlive it are others' to wait for. [s]

        reaped  Processes that were waited for; their time is in the kernel's account.
        """
        return sum(
            seconds for (kind, pid), seconds in self._cpu.items() if kind == WORKERS and pid not in reaped
        )

    def cpu_at(self, instant: float) -> float:
        """Processor time of the tree until an instant, between two looks in proportion. [s]"""
        at, used = zip(*[(self.course[0][0], 0.0), *self.course], strict=True)
        return float(np.interp(instant, at, used))


def _memory(pid: int) -> tuple[int, int]:
    try:
        text = Path("/proc", str(pid), "status").read_text()
    except OSError:
        return 0, 0
    told = dict(line.split(":", 1) for line in text.splitlines() if line.startswith(("VmHWM", "VmRSS")))
    sizes = {name: int(value.split()[0]) * 1024 for name, value in told.items()}
    return sizes.get("VmHWM", 0), sizes.get("VmRSS", 0)
