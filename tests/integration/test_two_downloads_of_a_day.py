"""Two downloads of a day without a sender's time, and rejects that follow a rule, through the chain."""

from __future__ import annotations

import shutil
from datetime import date
from typing import Any

import pytest

from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.silver import SilverDayCurves, SilverQuarantine
from tests.command_line import zhixiang
from zhixiang.reports.file_accounts import file_accounts

pytestmark = pytest.mark.slow

MAPPING = """id: portal
files: ["portal_*.csv"]
interval_minutes: 60
meter_point: {column: meter}
stamp: {column: ts, place: interval_start, zone: +08:00}
values:
  - {column: kwh, unit: kWh, channel: active_forward}
"""
POINTS = (
    "meter_point_id,valid_from_date,customer_id,meter_id,multiplier_ratio,register_digits,register_decimals,"
    "start_register_unscaled,previous_end_register_unscaled,capacity_kva,provenance,sent_at\n"
    "A,2026-01-01,C,M,1,6,2,,,800,real,\n"
    "B,2026-01-01,C,N,1,6,2,,,800,real,\n"
)
WHOLE = [f"{hour:02d}:00,{0.5 + hour / 100}" for hour in range(24)]


def text(*rows: str) -> str:
    return "\n".join(["meter,ts,kwh", *rows]) + "\n"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Any]:
    """A home after a run to silver, and what the run said."""
    place = tmp_path_factory.mktemp("downloads")
    shutil.copytree(packaged("conf"), place / "conf")
    (place / "conf" / "mappings").mkdir()
    (place / "conf" / "mappings" / "portal.yaml").write_text(MAPPING, encoding="utf-8")
    inbox = place / "home" / "inbox"
    inbox.mkdir(parents=True)
    shutil.copy(packaged("samples") / "steel" / "customers.csv", inbox)
    (inbox / "points.csv").write_text(POINTS, encoding="utf-8")
    early = [f"A,2026-03-01 {row}" for row in ("00:00,0.1", "01:00,0.2")]
    later = [f"A,2026-03-01 {row}" for row in ("00:00,0.1", "01:00,0.25", "02:00,0.3")]
    (inbox / "portal_first.csv").write_text(text(*early))
    (inbox / "portal_second.csv").write_text(text(*later))
    days = [f"B,2026-03-{day:02d} {row}" for day in range(1, 11) for row in WHOLE]
    (inbox / "portal_midnights.csv").write_text(
        text(*(row.replace("00:00,0.5", "24:61,0.5") if " 00:00" in row else row for row in days))
    )
    lost = [f"C ,2026-03-{day:02d} 25:61,1" for day in range(1, 4)]
    (inbox / "portal_lost.csv").write_text(text(*days, *lost))
    answer = zhixiang(
        place / "home", "run", "--month", "2026-03", "--to", "silver", ZHIXIANG_CONF=str(place / "conf")
    )
    return Store(Settings(place / "conf", place / "home")), answer


def test_agreeing_intervals_stand_and_the_one_in_dispute_is_held_back(told: tuple[Store, Any]) -> None:
    store, _ = told
    rows = store.arrow(SilverDayCurves).to_pylist()
    (day,) = [row for row in rows if row["meter_point_id"] == "A"]
    assert (day["curve_date"], day["measured_kwh_or_kvarh"][:4]) == (date(2026, 3, 1), [0.1, None, 0.3, None])
    assert [bits & 3 for bits in day["failed_check_bits"][:4]] == [2, 2, 2, 3], "VEE-V01 is 1, VEE-V02 is 2"
    name_of = {row["content_hash"]: row["source_file"] for row in store.arrow(BronzeFiles).to_pylist()}
    held = [
        (name_of[row["content_hash"]], row["reason_code"], row["reason"])
        for row in store.arrow(SilverQuarantine).to_pylist()
        if row["stage"] != "read"
    ]
    reason = "Other records differ at 01:00 and none carries a sender's time; the other intervals stand."
    assert sorted(held) == [
        (f"portal_{name}.csv", "conflicting_values", reason) for name in ("first", "second")
    ]
    assert all(row["adds_up"] for row in file_accounts(store))


def test_rejects_that_follow_a_rule_are_on_the_screen_in_the_ledger_and_stop_the_file(
    told: tuple[Store, Any],
) -> None:
    store, answer = told
    ledger = {row["source_file"]: row for row in store.arrow(BronzeFiles).to_pylist()}
    halted, warned = ledger["portal_midnights.csv"], ledger["portal_lost.csv"]
    assert answer.returncode == 4
    assert (halted["status_code"], warned["status_code"]) == ("refused", "accepted")
    assert halted["reason"].startswith(
        "systematic_rejects: one time of day is rejected on most days: 24:61 on 10 of 10 days"
    )
    assert warned["reason"].startswith(
        "nothing can be read of 1 of 2 meter points, 'C' (lines 242, 243, 244)"
    )
    for row in (halted, warned):
        assert f"{row['source_file']}: {row['reason'][:60]}" in " ".join(answer.stderr.split())
    measured = store.arrow(SilverDayCurves, ["meter_point_id", "measured_intervals"]).to_pylist()
    assert [row["measured_intervals"] for row in measured if row["meter_point_id"] == "B"] == [24] * 10
    assert warned["quarantined_rows"] == 3
