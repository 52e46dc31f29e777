"""Where the seconds of a run went, on a screen of 80 columns and in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.engine.ledger import Ledger
from pipelines.timings import PHASES
from zhixiang.chain import all_steps
from zhixiang.cli.table_writer import display_width
from zhixiang.cli.timings_table import timing_lines
from zhixiang.reports.run_timings import PHASE_WORDS, TOTAL, timing_rows

SHARES = {
    "start": {"other": 4.25, "fingerprint": 0.5},
    "silver-estimation-errors": {"read": 1234.5, "compute": 0.04},
    "deliver a-product-with-a-name-too-long": {"pages": 2.0},
}


def test_every_phase_has_its_words() -> None:
    assert set(PHASE_WORDS) == set(PHASES)


def test_the_last_row_is_the_sum_of_all_and_each_row_of_its_phases() -> None:
    rows = timing_rows(SHARES)
    assert [row["part"] for row in rows] == [*SHARES, TOTAL]
    for row in rows:
        assert row["seconds"] == pytest.approx(sum(row[name] for name in PHASES))
    assert rows[-1]["seconds"] == pytest.approx(4.25 + 0.5 + 1234.5 + 0.04 + 2.0)
    assert timing_rows({}) == []


def test_the_table_fits_80_columns_and_names_every_step_whole() -> None:
    every = [step.name for step in all_steps()]
    lines = timing_lines(timing_rows({name: {"read": 999.9} for name in every} | SHARES))
    assert max(map(display_width, lines)) <= 80
    for name in every:
        if len(name) <= 24:
            assert any(line.startswith(f"{name} ") for line in lines), name
    (cut,) = [line for line in lines if line.startswith("deliver a")]
    assert "…" in cut
    assert cut.split()[-1] == "2.0"
    (errors,) = [line for line in lines if line.startswith("silver-estimation-errors") and " 1234 " in line]
    assert "0.0" not in errors, "what rounds to nothing is a dot"


def test_the_ledger_keeps_the_seconds_of_a_run_beside_those_of_others(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first, second = (ledger.begin("run", datetime(2026, 9, 1, hour, tzinfo=UTC)) for hour in (1, 2))
    ledger.note_timings(first, {"start": {"other": 9.0}})
    ledger.note_timings(second, SHARES)
    ledger.note_timings(first, {"start": {"other": 1.0}, "deliver": {"pages": 2.0}})
    assert ledger.timings(first) == {"start": {"other": 1.0}, "deliver": {"pages": 2.0}}
    assert ledger.timings(second) == SHARES
    assert list(ledger.timings(second)) == list(SHARES), "in the order in which they began"
    assert ledger.timings("a run of before") == {}
