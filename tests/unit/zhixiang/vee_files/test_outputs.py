"""CSV of ``zhixiang vee`` opens in a spreadsheet, and is read again by our own readers."""

from __future__ import annotations

import codecs
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.facts import load_facts
from pipelines.formats import load_mapping
from pipelines.periods import LOCAL_ZONE, utc_now
from pipelines.settings import load_settings, packaged
from zhixiang.vee_files import outputs as vee_outputs
from zhixiang.vee_files.outputs import long_intervals, write_vee
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
STEEL = packaged("samples") / "steel"
MAPPING = """\
id: own_intervals
files: ['intervals.csv']
interval_minutes: 15
meter_point: {column: meter_point_id}
stamp: {column: interval_start_local, place: interval_start, zone: Asia/Shanghai}
values:
  - {column: final_kwh_or_kvarh, unit: kWh, channel: active_forward}
"""


def of_files(*paths: Path, mapping: Path | None = None) -> VeeResult:
    return run_vee(
        list(paths),
        load_mapping(mapping) if mapping else None,
        CONF,
        load_facts(CONF.facts_dir),
        utc_now().astimezone(LOCAL_ZONE).date(),
    )


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vee") / "out"
    write_vee(of_files(STEEL / "E_MP_POWER_CURVE_2026-03.csv", STEEL / "E_MP_DAY_READ_2026-03.csv"), folder)
    return folder


def test_every_csv_begins_with_the_bytes_by_which_a_spreadsheet_knows_utf8(out: Path) -> None:
    written = sorted(out.glob("*.csv"))
    assert {"intervals.csv", "flags.csv", "rejected.csv"} <= {path.name for path in written}
    for path in written:
        content = path.read_bytes()
        assert content.startswith(codecs.BOM_UTF8), path.name
        assert content.count(codecs.BOM_UTF8) == 1, path.name


def test_what_machines_read_carries_none(out: Path) -> None:
    assert not (out / "summary.json").read_bytes().startswith(codecs.BOM_UTF8)


def test_our_own_csv_is_read_again(out: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    active = tmp_path / "intervals.csv"
    lines = (out / "intervals.csv").read_bytes().splitlines(keepends=True)
    active.write_bytes(b"".join([lines[0], *(line for line in lines[1:] if b"active_forward" in line)]))
    result = of_files(active, mapping=mapping)
    assert [row["status"] for row in result.files] == ["accepted"]
    assert result.curves.num_rows > 0


def test_intervals_are_written_some_days_at_a_time_and_are_the_same(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out: list[int] = []

    def counted(curves: pa.Table) -> pa.Table:
        laid_out.append(curves.num_rows)
        return long_intervals(curves)

    monkeypatch.setattr(vee_outputs, "DAYS_WRITTEN_TOGETHER", 7)
    monkeypatch.setattr(vee_outputs, "long_intervals", counted)
    write_vee(of_files(STEEL / "E_MP_POWER_CURVE_2026-03.csv", STEEL / "E_MP_DAY_READ_2026-03.csv"), tmp_path)
    assert max(laid_out) == 7
    assert (tmp_path / "intervals.csv").read_bytes() == (out / "intervals.csv").read_bytes()
    assert pq.read_table(tmp_path / "intervals.parquet").equals(pq.read_table(out / "intervals.parquet"))
