"""Manual edits: what two people agreed on is done and nothing else, and whoever tries to do it alone or
otherwise is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.codes import IntervalStatus
from pipelines.errors import TamperedError, UnknownNameError, UsageError
from pipelines.identity.keys import SigningKey
from pipelines.identity.people import People
from pipelines.ingest.manual_edits import Wish, approve, pending, propose, values_beside, verified_edits
from pipelines.settings import Settings
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.edits import BronzeManualEdits
from pipelines.tables.silver import SilverDayCurves, SilverMeterPoints
from pipelines.transforms.curves.day_curves import refine_curves
from pipelines.vee.editing.edit import Edit
from tests.unit.pipelines.transforms.curves.curve_records import (
    DAY,
    DAY_TYPES,
    SETTINGS,
    TODAY,
    meter,
    record,
)

pytestmark = pytest.mark.long

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FAULTY = DAY + timedelta(days=9)
SPIKE_SLOT, OVER_SLOT = 40, 60


def curves(edits: Sequence[Edit] = ()) -> pa.Table:
    """Twenty ordinary days; on one of them a spike that is also over capacity, and a lower spike."""
    rows = [record(day=DAY + timedelta(days=offset), line=offset + 2) for offset in range(20)]
    values = list(rows[9]["values_unscaled"])
    values[SPIKE_SLOT], values[OVER_SLOT] = 12.0, 40.0
    rows[9]["values_unscaled"] = values
    meters = [meter() | {"capacity_kva": 2000.0}]
    schema = BronzeLoadCurves.arrow_schema()
    points = pa.Table.from_pylist(meters, SilverMeterPoints.arrow_schema())
    return refine_curves(
        pa.Table.from_pylist(rows, schema), points, DAY_TYPES, SETTINGS, ["2026-03"], TODAY, edits=edits
    ).curves


def faulty_day(edits: Sequence[Edit] = ()) -> dict[str, Any]:
    (row,) = [row for row in curves(edits).to_pylist() if row["curve_date"] == FAULTY]
    return dict(row)


@pytest.fixture
def store(settings: Settings) -> Store:
    found = Store(settings)
    rows = curves().append_column("computed_run_id", pa.array(["r"] * 20, pa.string()))
    commit_files(
        found,
        SilverDayCurves,
        write_files(rows, SilverDayCurves, found.path(SilverDayCurves)),
        "test",
        1,
        overwrite=True,
    )
    return found


@pytest.fixture
def people(settings: Settings, tmp_path: Path) -> dict[str, SigningKey]:
    known = People(settings.home)
    for name in ("li", "wang"):
        known.add(name, tmp_path / f"{name}.pem")
    return {name: known.signer(tmp_path / f"{name}.pem") for name in ("li", "wang")}


def wish(
    check_id: str | None = "VEE-V06", values: Sequence[float] | None = None, slot: int = SPIKE_SLOT
) -> Wish:
    return Wish(
        "MP-1",
        "active_forward",
        FAULTY,
        slot * 15,
        slot * 15 + 15,
        check_id,
        values,
        "a furnace was tested, logbook 17",
    )


def approved(store: Store, people: dict[str, SigningKey], wanted: Wish) -> tuple[Edit, ...]:
    edit_id = propose(store, wanted, people["li"], NOW)["edit_id"]
    approve(store, edit_id, people["wang"], NOW)
    return verified_edits(
        store.arrow(BronzeManualEdits).to_pylist(), People(store.settings.home).public_keys()
    )


def test_without_edits_both_are_estimated() -> None:
    row = faulty_day()
    assert {"VEE-V06", "VEE-V07"} <= set(row["failed_checks"])
    for slot in (SPIKE_SLOT, OVER_SLOT):
        assert IntervalStatus(row["interval_status_codes"][slot]).is_estimated


def test_an_accepted_check_leaves_the_measured_value_and_covers_no_other_check(
    store: Store, people: dict[str, SigningKey]
) -> None:
    before = faulty_day()
    row = faulty_day(approved(store, people, wish()))
    assert row["interval_status_codes"][SPIKE_SLOT] == IntervalStatus.MEASURED
    assert row["final_kwh_or_kvarh"][SPIKE_SLOT] == row["measured_kwh_or_kvarh"][SPIKE_SLOT] == 300.0
    assert row["failed_check_bits"] == before["failed_check_bits"], "what fired stays on record"

    over = faulty_day(approved(store, people, wish(slot=OVER_SLOT)))
    assert IntervalStatus(over["interval_status_codes"][OVER_SLOT]).is_estimated, (
        "over capacity was not accepted"
    )
    both = faulty_day(approved(store, people, wish("VEE-V07", slot=OVER_SLOT)))
    assert both["interval_status_codes"][OVER_SLOT] == IntervalStatus.MEASURED


def test_edited_values_stand_and_what_was_measured_stays(store: Store, people: dict[str, SigningKey]) -> None:
    before = faulty_day()
    row = faulty_day(approved(store, people, wish(None, [33.5])))
    assert row["final_kwh_or_kvarh"][SPIKE_SLOT] == 33.5
    assert row["interval_status_codes"][SPIKE_SLOT] == IntervalStatus.EDITED
    assert row["measured_kwh_or_kvarh"] == before["measured_kwh_or_kvarh"]
    assert row["expected_low_kwh_or_kvarh"] is None or row["expected_low_kwh_or_kvarh"][SPIKE_SLOT] is None
    others = [slot for slot in range(96) if slot != SPIKE_SLOT]
    assert [row["interval_status_codes"][slot] for slot in others] == [
        before["interval_status_codes"][slot] for slot in others
    ]


def test_an_edit_of_another_day_channel_or_length_changes_nothing() -> None:
    edit = Edit("e", "MP-1", "active_forward", FAULTY, 15, SPIKE_SLOT, SPIKE_SLOT, None, (33.5,))
    untouched = faulty_day()
    for other in (
        {"day": date(2030, 1, 1)},
        {"channel_code": "reactive_lagging"},
        {"interval_minutes": 30},
        {"meter_point_id": "MP-2"},
    ):
        assert faulty_day([replace(edit, **other)]) == untouched


def test_nobody_approves_their_own_edit(store: Store, people: dict[str, SigningKey]) -> None:
    edit_id = propose(store, wish(), people["li"], NOW)["edit_id"]
    with pytest.raises(UsageError, match="li proposed this edit"):
        approve(store, edit_id, people["li"], NOW)
    assert store.row_count(BronzeManualEdits) == 0
    assert [each["edit_id"] for each in pending(store)] == [edit_id]


def test_a_key_that_the_home_does_not_know_is_refused(
    settings: Settings, people: dict[str, SigningKey], tmp_path: Path
) -> None:
    People(tmp_path / "another home").add("li", tmp_path / "stranger.pem")
    with pytest.raises(UsageError, match="does not know the key"):
        People(settings.home).signer(tmp_path / "stranger.pem")
    with pytest.raises(UsageError, match="has a key already"):
        People(settings.home).add("li", tmp_path / "second.pem")
    with pytest.raises(UsageError, match="exists"):
        People(settings.home).add("zhao", tmp_path / "li.pem")
    assert (tmp_path / "li.pem").stat().st_mode & 0o777 == 0o600


def test_a_proposal_that_was_changed_is_not_approved(store: Store, people: dict[str, SigningKey]) -> None:
    edit_id = propose(store, wish(None, [33.5]), people["li"], NOW)["edit_id"]
    path = store.settings.home / "edits" / f"{edit_id}.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(
        json.dumps(kept | {"proposal": kept["proposal"].replace("33.5", "3.5")}), encoding="utf-8"
    )
    with pytest.raises(TamperedError, match="not the one that the id was made of"):
        approve(store, edit_id, people["wang"], NOW)
    path.write_text(json.dumps(kept | {"proposal_signature": "00" * 64}), encoding="utf-8")
    with pytest.raises(TamperedError, match="proposer's signature"):
        approve(store, edit_id, people["wang"], NOW)
    assert store.row_count(BronzeManualEdits) == 0


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("values_kwh_or_kvarh", [3.5], "columns"),
        ("last_slot", SPIKE_SLOT + 1, "columns"),
        ("approved_by", "li", "approver's signature"),
        ("approved_by", "nobody", "nobody knows"),
        ("approval_signature", "00" * 64, "approver's signature"),
        ("proposal", "{}", "not the one"),
    ],
)
def test_a_row_that_was_changed_stops_the_step(
    store: Store, people: dict[str, SigningKey], column: str, value: Any, says: str
) -> None:
    approved(store, people, wish(None, [33.5]))
    (row,) = store.arrow(BronzeManualEdits).to_pylist()
    with pytest.raises(TamperedError, match=says):
        verified_edits([row | {column: value}], People(store.settings.home).public_keys())


def test_a_row_that_one_person_signed_twice_stops_the_step(
    store: Store, people: dict[str, SigningKey]
) -> None:
    """Even with all signatures right: the second pair of eyes is what counts."""
    approved(store, people, wish(None, [33.5]))
    (row,) = store.arrow(BronzeManualEdits).to_pylist()
    signed = json.dumps([row["proposal"], row["proposal_signature"], "li"], ensure_ascii=False).encode()
    forged = row | {"approved_by": "li", "approval_signature": people["li"].sign(signed).hex()}
    with pytest.raises(TamperedError, match="one person"):
        verified_edits([forged], People(store.settings.home).public_keys())


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"meter_point_id": "MP-9"}, UsageError, "no curve"),
        ({"begins_minute": 601}, UsageError, "15 minutes long"),
        ({"ends_minute": 1500}, UsageError, "15 minutes long"),
        ({"reason": "  "}, UsageError, "needs a reason"),
        ({"values": [1.0]}, UsageError, "either"),
        ({"check_id": None}, UsageError, "either"),
        ({"check_id": "VEE-V01"}, UnknownNameError, "VEE-V01"),
        ({"check_id": "VEE-V07"}, UsageError, "did not fire"),
        ({"check_id": None, "values": [1.0, 2.0]}, UsageError, "2 values for 1 intervals"),
        ({"check_id": None, "values": [-0.1]}, UsageError, "0 or more"),
        ({"check_id": None, "values": [float("nan")]}, UsageError, "0 or more"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told(
    store: Store, people: dict[str, SigningKey], changed: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        propose(store, replace(wish(), **changed), people["li"], NOW)
    assert pending(store) == []


def test_an_edit_is_approved_once(store: Store, people: dict[str, SigningKey]) -> None:
    edit_id = propose(store, wish(), people["li"], NOW)["edit_id"]
    approve(store, edit_id, people["wang"], NOW)
    with pytest.raises(UnknownNameError):
        approve(store, edit_id, people["wang"], NOW)
    propose(store, wish(), people["li"], NOW)
    with pytest.raises(UsageError, match="approved already"):
        approve(store, edit_id, people["wang"], NOW)
    assert store.row_count(BronzeManualEdits) == 1


def test_the_approver_sees_the_time_of_day_what_was_measured_and_what_stands(
    store: Store, people: dict[str, SigningKey]
) -> None:
    proposal = propose(store, wish(None, [33.5]), people["li"], NOW)
    seen = values_beside(store, proposal)
    assert (seen["begins"], seen["ends"]) == ("10:00", "10:15")
    assert seen["measured_kwh_or_kvarh"] == [12.0 * 100 / 4]
    assert seen["final_kwh_or_kvarh"] != seen["measured_kwh_or_kvarh"]
    assert values_beside(store, approve(store, proposal["edit_id"], people["wang"], NOW)) == seen


@pytest.mark.parametrize(("kwh", "is_possible"), [(75.0, True), (75.01, False)])
def test_values_beyond_what_the_capacity_carries_are_refused(
    store: Store, people: dict[str, SigningKey], kwh: float, is_possible: bool
) -> None:
    """1.5 x 200 kVA for a quarter of an hour are 75 kWh."""
    rows = [
        meter() | {"capacity_kva": 200.0},
        meter() | {"capacity_kva": 1e6, "valid_from_date": FAULTY + timedelta(days=1)},
    ]
    points = pa.Table.from_pylist(rows, SilverMeterPoints.arrow_schema())
    commit_files(
        store,
        SilverMeterPoints,
        write_files(points, SilverMeterPoints, store.path(SilverMeterPoints)),
        "test",
        1,
        overwrite=True,
    )
    if is_possible:
        assert propose(store, wish(None, [kwh]), people["li"], NOW)["values_kwh_or_kvarh"] == [kwh]
    else:
        with pytest.raises(UsageError, match=r"more than the 200 kVA of MP-1 carry \(75\)"):
            propose(store, wish(None, [kwh]), people["li"], NOW)
