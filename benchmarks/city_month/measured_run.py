"""Runs the timed process and measures it: every process that it starts ends as a child of this one, so that
the kernel's account of them is whole.

``python -m benchmarks.city_month.measured_run HOME RESULT`` writes what the timed process tells, with the
figures.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.city_month.process_tree import Watch, processes, tree_of

SAMPLE_SECONDS = 0.2
LONGEST_FAREWELL_SECONDS = 60.0
_PR_SET_CHILD_SUBREAPER = 36


TIMED = ("-m", "benchmarks.city_month.month_run")


def main(timed: Sequence[str] = TIMED) -> int:
    """Entry point of the process that measures; the exit code is that of the timed one."""
    home, result = Path(sys.argv[1]), Path(sys.argv[2])
    # Java outlives Python by a moment; so its end is not some other process's to count.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    ended = threading.Event()
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, *timed, str(home), str(result)])

    watch = Watch(process.pid)

    def look() -> None:
        while not ended.is_set():
            watch.look()
            ended.wait(SAMPLE_SECONDS)

    watcher = threading.Thread(target=look)
    watcher.start()
    code = process.wait()
    wall = time.monotonic() - began
    ended.set()
    watcher.join()
    reaped = _reap_all()
    if code:
        return code
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads(result.read_text())
    by_kind, parts, since = watch.cpu_s(), {}, began
    for name, instant in told.pop("ended").items():
        parts[name] = (instant - since, watch.cpu_at(instant) - watch.cpu_at(since))
        since = instant
    told |= {
        "wall_s": wall,
        "cpu_s": used.ru_utime + used.ru_stime + watch.not_reaped_s(reaped),
        "cpu_by_kind_s": by_kind,
        "parts": parts,
        "peak_bytes": watch.memory,
        "together_bytes": watch.together,
    }
    result.write_text(json.dumps(told))
    return 0


def _reap_all() -> set[int]:
    """Waits for what the timed process left behind; tells which processes that were."""
    until, reaped = time.monotonic() + LONGEST_FAREWELL_SECONDS, set[int]()
    with suppress(ChildProcessError):
        while time.monotonic() < until:
            pid = os.waitpid(-1, os.WNOHANG)[0]
            if pid:
                reaped.add(pid)
            else:
                time.sleep(0.05)
    left = tree_of(os.getpid(), processes())[1:]
    if left:
        raise TimeoutError(f"{len(left)} processes of the run have not ended: {left[0].name}")
    return reaped


if __name__ == "__main__":
    sys.exit(main())
