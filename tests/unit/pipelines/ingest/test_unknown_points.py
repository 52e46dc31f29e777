"""Records that wait for master data are counted, told and, beyond a limit, in the exit code."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from pipelines.ingest.read_files import IngestSummary
from pipelines.ingest.unknown_points import UnknownPoints, unknown_points
from pipelines.settings import Settings, packaged
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.silver import SilverQuarantine
from zhixiang.chain import Outcome, exit_code, warnings

TABLE = "bronze_register_reads"


def _held(line: int, raw: str, reason: str = "unknown_meter_point") -> dict[str, object]:
    made: dict[str, object] = dict.fromkeys(SilverQuarantine.columns(), "x")
    return made | {"line_number": line, "table_name": TABLE, "raw_record": raw, "reason_code": reason}


def test_held_records_are_counted_by_meter_point_also_where_a_line_gave_several(settings: Settings) -> None:
    store = Store(settings)
    assert unknown_points(store) == []
    rows = [_held(line, f"MP-{line},active_forward,2026-09-01,1") for line in range(7)]
    rows += [_held(7, "MP-0,active_forward,2026-09-02,1; MP-0,active_reverse,2026-09-02,2")]
    rows += [_held(8, "MP-9,active_forward,2026-09-02,1", "future_dated")]
    made = pa.Table.from_pylist(rows, SilverQuarantine.arrow_schema())
    files = write_files(made, SilverQuarantine, store.path(SilverQuarantine))
    commit_files(store, SilverQuarantine, files, "test", 0, overwrite=False)
    (found,) = unknown_points(store)
    assert (found.table, found.held, found.meter_points) == (TABLE, 9, 7)
    assert found.examples == ("MP-0", "MP-1", "MP-2", "MP-3", "MP-4")
    assert found.ratio == 1.0, "a table that is gone leaves nothing to weigh them by"


@pytest.mark.parametrize(("held", "code"), [(5, 0), (6, 3)])
def test_a_share_above_the_limit_is_in_the_exit_code_and_always_in_the_ledger(held: int, code: int) -> None:
    points = UnknownPoints(TABLE, held, 100, 1, ("MP-1",))
    outcome = Outcome(unknown=[points], unknown_limit=0.05)
    assert exit_code(outcome) == code
    assert "MP-1" in warnings(outcome)
    assert f"{held} of 100 records" in warnings(outcome)


def test_a_file_that_could_not_be_read_ends_with_three_and_is_in_the_ledger() -> None:
    outcome = Outcome(ingest=IngestSummary(unread=[("a.csv", "cannot be read now: Permission denied")]))
    assert exit_code(outcome) == 3
    assert warnings(outcome) == "a.csv: cannot be read now: Permission denied"


def test_a_platform_file_of_an_earlier_version_needs_no_new_key(tmp_path: Path) -> None:
    content = yaml.safe_load((packaged("conf") / "platform.yaml").read_text(encoding="utf-8"))
    shipped = content["ingest"].pop("max_unknown_meter_points_ratio")
    (tmp_path / "platform.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    kept = Settings(tmp_path, tmp_path / "home").platform.ingest.max_unknown_meter_points_ratio
    assert kept == shipped == 0.05


def test_a_home_that_is_a_file_is_told_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.errors import SettingsError
    from pipelines.settings import load_settings

    (tmp_path / "home").write_text("a file")
    for place in (tmp_path / "home", tmp_path / "home" / "deeper"):
        monkeypatch.setenv("ZHIXIANG_HOME", str(place))
        with pytest.raises(SettingsError, match="is a file"):
            load_settings()
