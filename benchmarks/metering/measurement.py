"""Wall time, CPU time and proportional memory of a process and all that it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAMPLE_SECONDS = 0.25
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Stages:
    """Seconds of the stages of one job, told by the job itself."""

    began: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    last: float = 0.0

    def __post_init__(self) -> None:
        self.last = self.began

    def done(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self.last
        self.last = now


@dataclass(frozen=True)
class Measured:
    """One run of one job.

    wall_s       From the start of the process to its last commit.
    cpu_s        Processor time of all processes of the tree.
    peak_pss_gb  Highest proportional set size of the tree.
    stages       Seconds of each stage; the first includes the start of the interpreter.
    """

    wall_s: float
    cpu_s: float
    peak_pss_gb: float
    stages: dict[str, float]
    facts: dict[str, Any]


class JobFailedError(Exception):
    """A measured job ended badly; the message is the end of what it said."""


def measure(module: str, arguments: Sequence[str], result: Path) -> Measured:
    """Runs ``python -m module arguments`` and watches its process tree; the job writes its Stages to
    ``result``.
    """
    result.unlink(missing_ok=True)
    log = result.with_suffix(".log")
    with log.open("w") as said:
        began = time.monotonic()
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=said, stderr=said)
        watch = _Watch(process.pid)
        thread = threading.Thread(target=watch.run)
        thread.start()
        code = process.wait()
        watch.stop = True
        thread.join()
    if code or not result.exists():
        raise JobFailedError(f"{module} {' '.join(arguments)} ended with {code}: {log.read_text()[-2000:]}")
    told = json.loads(result.read_text())
    stages = dict(told["seconds"])
    first = next(iter(stages))
    stages[first] += told["began"] - began
    return Measured(told["last"] - began, watch.cpu_s, watch.peak / 1e9, stages, told["facts"])


def tell(stages: Stages, result: Path) -> None:
    """What a job says at its end."""
    partial = result.with_suffix(".partial")
    partial.write_text(
        json.dumps(
            {"began": stages.began, "last": stages.last, "seconds": stages.seconds, "facts": stages.facts}
        )
    )
    partial.replace(result)


class _Watch:
    """Samples a process tree; the last CPU reading of each process counts."""

    def __init__(self, root: int) -> None:
        self.root, self.stop, self.peak = root, False, 0
        self._cpu: dict[int, float] = {}

    @property
    def cpu_s(self) -> float:
        return sum(self._cpu.values())

    def run(self) -> None:
        while not self.stop:
            total = 0
            for pid in self._tree():
                total += _pss(pid)
            self.peak = max(self.peak, total)
            time.sleep(SAMPLE_SECONDS)

    def _tree(self) -> list[int]:
        parents: dict[int, int] = {}
        cpu: dict[int, float] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            cpu[int(entry.name)] = (int(fields[11]) + int(fields[12])) / _TICKS
        tree = [self.root] if self.root in parents else []
        for pid in tree:
            tree += [child for child, parent in parents.items() if parent == pid]
            self._cpu[pid] = cpu[pid]
        return tree


def _pss(pid: int) -> int:
    try:
        for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
