"""Gaps, negatives and duplicates planted in every NEM12 file that can be read: each is found, and nothing
else is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipelines.facts import load_facts
from pipelines.settings import load_settings, packaged
from zhixiang.vee_files.outputs import long_intervals
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FACTS = load_facts(CONF.facts_dir)
FOLDER = packaged("samples") / "nem12"
FILES = sorted(path for part in ("valid", "partly") for path in (FOLDER / part).glob("Example_*"))
PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats" / "nem12.md"
CHANNELS = {"E": "active_forward", "B": "active_reverse", "Q": "reactive_lagging", "K": "reactive_leading"}
GAP, DUPLICATE, NEGATIVE = "VEE-V01", "VEE-V02", "VEE-V03"

# Meter point, channel, begin of the interval.
Interval = tuple[str, str, datetime]


@dataclass
class Day:
    """A 300 record with the records after it that belong to it."""

    point: str
    channel: str
    day: date
    cells: list[str]
    slots: int
    tail: list[str] = field(default_factory=list)

    def interval(self, slot: int) -> Interval:
        return (
            self.point,
            self.channel,
            datetime.combine(self.day, datetime.min.time()) + timedelta(minutes=slot * 1440 // self.slots),
        )


@dataclass
class Planted:
    """The file with faults, and what was planted, by check."""

    text: str
    faults: dict[str, set[Interval]]


def parsed(lines: list[str]) -> Iterator[str | Day]:
    """Lines as they stand, whole 300 records as days."""
    stream: list[str] = []
    held: Day | None = None
    for line in lines:
        cells = line.split(",")
        if held is not None and cells[0] in ("400", "500"):
            held.tail.append(line)
            continue
        if held is not None:
            yield held
            held = None
        if cells[0] == "200":
            stream = cells
        slots = 1440 // int(stream[8]) if stream else 0
        if cells[0] == "300" and len(cells) > slots + 2 and stream[4][0] in CHANNELS:
            held = Day(
                f"NEM12-{stream[1]}-{stream[4][1]}",
                CHANNELS[stream[4][0]],
                date.fromisoformat(cells[1]),
                cells,
                slots,
            )
            continue
        yield line
    if held is not None:
        yield held


def plant(text: str, seed: int) -> Planted:
    """In each day: values lost, runs without data by a quality of N, negatives; days sent twice; a day left
    out between others.
    """
    random = np.random.default_rng(seed)
    faults: dict[str, set[Interval]] = {GAP: set(), DUPLICATE: set(), NEGATIVE: set()}
    told = list(parsed(text.splitlines()))
    days = [entry for entry in told if isinstance(entry, Day)]
    streams: dict[tuple[str, str], list[Day]] = {}
    for day in days:
        streams.setdefault((day.point, day.channel), []).append(day)
    left_out = {
        id(mine[int(random.integers(1, len(mine) - 1))]) for mine in streams.values() if len(mine) > 2
    }
    lines: list[str] = []
    for entry in told:
        if isinstance(entry, str):
            lines.append(entry)
            continue
        if id(entry) in left_out:
            faults[GAP] |= {entry.interval(slot) for slot in range(entry.slots)}
            continue
        cells, tail = list(entry.cells), list(entry.tail)
        places = random.permutation(entry.slots)
        lost, negative = places[: entry.slots // 16], places[entry.slots // 16 : entry.slots // 8]
        for slot in lost.tolist():
            cells[2 + slot] = ""
            faults[GAP].add(entry.interval(slot))
        for slot in negative.tolist():
            # Far below zero: what is within the noise of the meter counts as zero.
            cells[2 + slot] = f"-{float(cells[2 + slot]) + 1000:.3f}"
            faults[NEGATIVE].add(entry.interval(slot))
        quality = 2 + entry.slots
        if not tail and cells[quality] == "A" and random.random() < 0.5:
            first = int(random.integers(1, entry.slots - 8))
            cells[quality] = "V"
            tail = [
                f"400,1,{first},A,,",
                f"400,{first + 1},{first + 6},N,,",
                f"400,{first + 7},{entry.slots},A,,",
            ]
            silent = {entry.interval(slot) for slot in range(first, first + 6)}
            faults[GAP] |= silent
            faults[NEGATIVE] -= silent
        record = [",".join(cells), *tail]
        lines += record
        if random.random() < 0.4 or len(days) == 1:
            lines += record
            faults[DUPLICATE] |= {entry.interval(slot) for slot in range(entry.slots)}
    return Planted("\n".join(lines) + "\n", faults)


def ran(path: Path) -> VeeResult:
    return run_vee([path], None, CONF, FACTS, date(2026, 11, 1))


def found(result: VeeResult) -> dict[str, set[Interval]]:
    """Intervals that each of the three checks flags."""
    flagged: dict[str, set[Interval]] = {GAP: set(), DUPLICATE: set(), NEGATIVE: set()}
    for row in long_intervals(result.curves).to_pylist():
        for check in row["failed_checks"].split():
            if check in flagged:
                flagged[check].add((row["meter_point_id"], row["channel_code"], row["interval_start_local"]))
    return flagged


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_planted_fault_is_found_and_no_other(path: Path, seed: int, tmp_path: Path) -> None:
    before = found(ran(path))
    planted = plant(path.read_text(encoding="utf-8"), seed)
    assert planted.faults[GAP]
    assert planted.faults[NEGATIVE]
    (tmp_path / path.name).write_text(planted.text, encoding="utf-8")
    result = ran(tmp_path / path.name)
    assert (result.files[0]["status"], len(result.rejects)) == ("accepted", len(ran(path).rejects))
    after = found(result)
    for check, intervals in planted.faults.items():
        assert intervals <= after[check], (check, sorted(intervals - after[check])[:3])
        assert after[check] <= intervals | before[check], (
            check,
            sorted(after[check] - intervals - before[check])[:3],
        )
    if path.name == "Example_NEM12_month_solar.csv":
        assert planted.faults[DUPLICATE]
    for row in long_intervals(result.curves).to_pylist():
        where = (row["meter_point_id"], row["channel_code"], row["interval_start_local"])
        if where in planted.faults[GAP] | planted.faults[NEGATIVE]:
            assert row["status"] != "measured"


def test_the_whole_file_delivered_again_under_another_name_is_told(tmp_path: Path) -> None:
    path = FOLDER / "valid" / "Example_NEM12_month_solar.csv"
    (tmp_path / "again.csv").write_bytes(path.read_bytes())
    result = run_vee([path, tmp_path / "again.csv"], None, CONF, FACTS, date(2026, 11, 1))
    assert [row["status"] for row in result.files] == ["accepted", "duplicate_content"]
    assert not found(result)[DUPLICATE]


def test_every_file_of_the_reference_folder_is_listed_with_its_outcome(reference_data: Path) -> None:
    """The list names every file; what is refused or held back has its line and reason there."""
    page = PAGE.read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `Example_")}
    assert rows.keys() == {
        path.name for path in (reference_data / "nem12").iterdir() if path.name.startswith("Example_")
    }
    for name, row in rows.items():
        result = ran(reference_data / "nem12" / name)
        outcome = (
            "refused"
            if result.files[0]["status"] == "refused"
            else "read in part"
            if result.rejects
            else "read"
        )
        assert f"| `{name}` | {outcome} |" in row
        if outcome == "refused":
            code = result.files[0]["reason"].split(":")[0]
            assert f"`{code}`" in row
        for held in result.rejects if outcome == "read in part" else []:
            assert f"line {held['line_number']}: `{held['reason_code']}`" in row
