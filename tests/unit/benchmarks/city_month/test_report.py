"""What a customer more costs, by hand; what a process tree used, whoever ended when."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.city_month import process_tree
from benchmarks.city_month.process_tree import DRIVER, JVM, WORKERS, Seen, Watch
from benchmarks.city_month.report import figures, in_words


def run(customers: int, cpu: float, driver: float = 500e6) -> dict[str, Any]:
    return {
        "customers": customers,
        "wall_s": cpu / 2,
        "cpu_s": cpu,
        "cpu_by_kind_s": {DRIVER: 1.0, JVM: 2.0, WORKERS: cpu - 3},
        "parts": {"start": [1.0, 2.0], "efficiency-bill": [cpu / 2 - 1, cpu - 2]},
        "peak_bytes": {DRIVER: driver, JVM: 1e9, WORKERS: 4e8},
        "together_bytes": {WORKERS: 8e8},
        "rows": {"efficiency_bill_v1": customers},
        "bills_with_a_total": customers,
    }


def test_the_later_doubling_over_the_earlier_by_hand() -> None:
    """25 s for 25,000, 25 more for 25,000 more, 52 more for 50,000 more: 1.0 then 1.04 a thousand."""
    found = figures([run(100_000, 102.0), run(25_000, 25.0), run(50_000, 50.0)])
    assert [each["cpu_s_per_1000"] for each in found["marginal"]] == pytest.approx([1.0, 1.04])
    assert (found["later_over_earlier"]["cpu"], found["later_over_earlier"]["holds"]) == (
        pytest.approx(1.04),
        True,
    )
    assert found["a_million"]["cpu_s"] == pytest.approx(102 + 900 * 1.04)
    assert not figures([run(25, 25.0), run(50, 50.0), run(100, 102.6)])["later_over_earlier"]["holds"]


def test_medians_count_and_the_highest_memory() -> None:
    runs = [run(100, cpu, driver) for cpu, driver in ((9.0, 5e8), (30.0, 7e8), (10.0, 6e8))]
    (size,) = figures(runs)["sizes"]
    assert (size["cpu_s"], size["peak_mb"][DRIVER], size["runs"]) == (10.0, 700.0, 3)
    assert "driver_growth" not in figures(runs)


def test_a_driver_that_grows_is_told() -> None:
    found = figures([run(25, 25.0, 4e8), run(50, 50.0, 5e8), run(100, 100.0, 9e8)])
    assert not found["driver_growth"]["holds"]
    assert "does not hold" in in_words(found)


def test_a_tree_keeps_what_ended_processes_used() -> None:
    child = "import time\nwhile time.process_time() < 0.3: pass\ntime.sleep(0.5)"
    script = (
        f"import subprocess, sys, time;subprocess.run([sys.executable, '-c', {child!r}]); time.sleep(0.4)"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    watch = Watch(process.pid)
    while process.poll() is None:
        watch.look()
    seconds = sum(watch.cpu_s().values())
    assert seconds > 0.25, "0.3 s of the child, told in hundredths, and the start of both"
    assert watch.cpu_at(watch.course[-1][0]) == pytest.approx(seconds)
    assert watch.memory[DRIVER] > 1e6


def test_a_worker_counts_once_whoever_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Driver 1 starts Java 2, that the daemon 3, and this two workers; 4 is waited for in the end, 5 by
    nobody.
    """
    seen = [
        Seen(1, 0, "python", 1.0),
        Seen(2, 1, "java", 2.0),
        Seen(3, 2, "python", 0.5),
        Seen(4, 3, "python", 7.0),
        Seen(5, 3, "python", 9.0),
    ]
    monkeypatch.setattr(process_tree, "processes", lambda: {each.pid: each for each in seen})
    watch = Watch(1)
    watch.look()
    assert watch.cpu_s() == {DRIVER: 1.0, JVM: 2.0, "daemon": 0.5, WORKERS: 16.0}
    assert (watch.not_reaped_s({2, 3, 4}), watch.not_reaped_s(set())) == (9.0, 16.0)


def test_a_measured_run_counts_what_outlives_the_timed_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timed process leaves a child behind that works on for a while."""
    work = "sum(i*i for i in range(6_000_000))"
    timed = tmp_path / "timed.py"
    timed.write_text(
        "import json, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {work!r}])\n"
        "open(sys.argv[2], 'w').write(json.dumps({'ended': {'end': time.monotonic()}}))\n"
    )
    result = tmp_path / "result.json"
    code = (
        "import sys; from pathlib import Path; from benchmarks.city_month import measured_run;"
        f"sys.argv = ['', 'home', {str(result)!r}]; sys.exit(measured_run.main([{str(timed)!r}]))"
    )
    root = Path(__file__).resolve().parents[4]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
    assert json.loads(result.read_text())["cpu_s"] > 0.2
