"""The benchmark itself, short: engines agree on every flag, a city's day finds what was planted."""

from __future__ import annotations

import json
from collections import namedtuple
from pathlib import Path

import pyarrow.compute as pc
import pytest

from pipelines.codes import Channel
from pipelines.errors import MachineError
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.gold import GoldDayEnergy
from tests.command_line import run_module, zhixiang


@pytest.mark.slow
def test_own_chain_duckdb_and_polars_agree(tmp_path: Path) -> None:
    arguments = [
        "benchmarks.metering",
        "--meters",
        "6",
        "--days",
        "45",
        "--sizes",
        "1",
        "--engines",
        "own",
        "duckdb",
        "polars",
        "curves",
    ]
    folders = ["--out", str(tmp_path / "out"), "--dir", str(tmp_path / "data")]
    answer = run_module(tmp_path, *arguments, "--json", *folders)
    assert answer.returncode == 0, answer.stderr[-2000:]
    figures = json.loads(answer.stdout)
    assert {found["with"] for found in figures["agreement"]} == {"duckdb", "polars", "curves"}
    for found in figures["agreement"]:
        assert found["slots"] == 6 * 45 * 96
        assert found["flagged"] > 100
        assert (found["different_flags"], found["holds"]) == (0, True)
    assert all(run["wall_s"] > 0 and run["cpu_s"] > 0 and run["peak_gb"] > 0.01 for run in figures["runs"])
    assert (tmp_path / "out" / "bench_metering.png").stat().st_size > 10_000
    assert "own chain, long input" in (tmp_path / "out" / "bench_metering.md").read_text()
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.slow
def test_a_citys_month_does_every_step_and_prices_every_bill(tmp_path: Path) -> None:
    sizes = ["--customers", "200", "--repeats", "1"]
    folders = ["--out", str(tmp_path / "out"), "--dir", str(tmp_path / "data")]
    answer = run_module(tmp_path, "benchmarks.city_month", *sizes, "--json", *folders)
    assert answer.returncode == 0, answer.stderr[-2000:]
    found = json.loads(answer.stdout)
    assert found["simulated"]
    (size,) = found["sizes"]
    rows = size["rows"]
    assert (size["customers"], rows["efficiency_bill_v1"], size["bills_with_a_total"]) == (200, 200, 200)
    assert (rows["credit_index_v1"], rows["transfer_fee_code_v1"]) == (200, 12)
    assert rows["efficiency_bill_lines_v1"] > 600
    assert rows["efficiency_bill_advice_v1"] > 20
    assert size["cpu_s"] > sum(size["cpu_by_kind_s"].values()) * 0.9 > 1
    assert min(size["peak_mb"].values()) > 10
    assert "200 bills have a total" in (tmp_path / "out" / "bench_city_month.md").read_text()
    assert not [*(tmp_path / "data").glob("*/tables")]


@pytest.mark.slow
def test_the_steps_of_a_run_make_the_same_energy_of_long_files_as_of_curves(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    arguments = [
        "--meters",
        "6",
        "--days",
        "45",
        "--sizes",
        "1",
        "--engines",
        "production",
        "production-long",
    ]
    answer = run_module(tmp_path, "benchmarks.metering", *arguments, "--json", "--keep", "--dir", str(folder))
    assert answer.returncode == 0, answer.stderr[-2000:]
    by_engine = {run["engine"]: run for run in json.loads(answer.stdout)["runs"]}
    assert set(by_engine) == {"production", "production-long"}
    days = {}
    for engine, run in by_engine.items():
        told = run["facts"]
        assert told["refused"] == 0
        assert sum(count for name, count in told.items() if name.endswith(" violations")) == 0
        store = Store(Settings(packaged("conf"), folder / "meters-6" / f"out-{engine}"))
        rows = store.arrow(
            GoldDayEnergy, ["meter_point_id", "channel_code", "energy_date", "curve_kwh_or_kvarh"]
        )
        order = [(name, "ascending") for name in ("meter_point_id", "energy_date")]
        days[engine] = rows.filter(pc.equal(rows["channel_code"], Channel.ACTIVE_FORWARD.value)).sort_by(
            order
        )
        assert Channel.REACTIVE_LAGGING.value in rows["channel_code"].to_pylist() or engine == "production"
    assert days["production"].num_rows > 250
    assert days["production-long"].equals(days["production"])


@pytest.mark.slow
def test_a_city_day_finds_every_gap_and_negative_and_leaves_nothing_behind(tmp_path: Path) -> None:
    answer = zhixiang(tmp_path, "bench", "city-day", "--meters", "400", "--json")
    assert answer.returncode == 0, answer.stderr[-2000:]
    day = json.loads(answer.stdout)
    planted, found = day["planted"], day["found"]
    assert (day["meters"], day["reads"], day["simulated"]) == (400, 38_400, True)
    assert (found["missing_found"], found["VEE-V01"]) == (planted["missing"], planted["missing"])
    assert (found["negatives_found"], found["VEE-V03"]) == (planted["negatives"], planted["negatives"])
    assert found["sent_twice"] == planted["sent_twice"]
    assert found["spikes_found"] >= 0.95 * planted["spikes"] > 20
    assert found["spikes_beside"] == 0
    assert found["received_rows"] == 400 + planted["sent_twice"]
    assert found["refused_rows"] == 0
    assert found["measured"] + found["estimated_linear"] + found["estimated_like_day"] == day["reads"]
    assert not (tmp_path / "bench" / "city-day").exists()


def test_a_city_that_does_not_fit_the_disk_is_refused_before_a_file_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zhixiang.city_day import run_city_day, timing

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(timing.shutil, "disk_usage", lambda _path: usage(1, 1, 10_000_000))
    with pytest.raises(MachineError, match=r"need about 23 GB|GB free"):
        run_city_day(tmp_path / "city", 5_400_000, 1, keep=False)
    assert not (tmp_path / "city").exists()
