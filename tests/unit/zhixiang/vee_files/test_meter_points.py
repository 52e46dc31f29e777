"""``zhixiang vee`` holds back of customers, meter points and events what the chain holds back, in its
words.
"""

from __future__ import annotations

import csv
import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.facts import load_facts
from pipelines.formats import FormatSettings, detect
from pipelines.settings import load_settings, packaged
from pipelines.tables.base import STRING, Table
from pipelines.tables.bronze import BronzeCustomers, BronzeEvents, BronzeMeterPoints
from pipelines.transforms.received.master_data import Refined, refine_received, refinement_of
from zhixiang.vee_files.outputs import write_vee
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
STEEL = packaged("samples") / "steel"
CURVES = STEEL / "E_MP_POWER_CURVE_2026-03.csv"
WORDS = ("line_number", "column_name", "reason_code", "reason", "raw_record", "stage")
POINTS = (
    "meter_point_id,valid_from_date,customer_id,meter_id,multiplier_ratio,register_digits,register_decimals,"
    "start_register_unscaled,previous_end_register_unscaled,capacity_kva,provenance,sent_at\n"
)
TWO = [f"MP-STEEL-0001,2026-01-04,STEEL-0001,M,{times},6,5,,,800,real,\n" for times in (1, 60)]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def by_the_chain(table: type[Table], *paths: Path) -> Refined:
    """What the silver step makes of files as ingest reads them."""
    parts = []
    for path in paths:
        content = path.read_bytes()
        rows = detect(path.name, content).read(content, path.name, CONF.section(FormatSettings)).rows
        digest = hashlib.sha256(content).hexdigest()
        columns = {name: rows[name] for name in rows.column_names}
        columns["content_hash"] = pa.array([digest] * rows.num_rows, STRING)
        parts.append(pa.table({name: columns[name] for name in table.business_columns()}))
    return refine_received(pa.concat_tables(parts), refinement_of(table))


def by_vee(*paths: Path) -> VeeResult:
    return run_vee([CURVES, *paths], None, CONF, load_facts(CONF.facts_dir), date(2026, 11, 1))


def words(held: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row[name] for name in WORDS) for row in held)


@pytest.mark.parametrize("together", [True, False])
def test_two_untimed_rows_with_other_multipliers_are_both_held_back_in_the_same_words(
    tmp_path: Path, together: bool
) -> None:
    paths = (
        [written(tmp_path, "points.csv", POINTS + "".join(TWO))]
        if together
        else [written(tmp_path, f"points_{place}.csv", POINTS + row) for place, row in enumerate(TWO)]
    )
    chain, vee = by_the_chain(BronzeMeterPoints, *paths), by_vee(*paths)
    assert (chain.rows.num_rows, chain.quarantine.num_rows) == (0, 2)
    held = [row for row in vee.rejects if row["file"] in map(str, paths)]
    assert words(held) == words(chain.quarantine.to_pylist())
    assert {(row["reason_code"], row["reason"]) for row in held} == {
        ("conflicting_values", "Other records for this key differ and none carries a sender's time.")
    }
    assert (vee.assumed, vee.unknown) == ([], ["MP-STEEL-0001"])
    assert {row["reason_code"] for row in vee.rejects if row not in held} == {"unknown_meter_point"}
    assert vee.curves.num_rows == 0
    figures = write_vee(vee, tmp_path / "out")
    assert (figures["reasons"]["conflicting_values"], figures["unknown_multiplier"]) == (2, 1)
    with (tmp_path / "out" / "rejected.csv").open(encoding="utf-8-sig", newline="") as handle:
        told = [row for row in csv.DictReader(handle) if row["reason_code"] == "conflicting_values"]
    assert [row["reason"] for row in told] == [held[0]["reason"]] * 2
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("Other records for this key differ") == 2


def test_the_later_time_of_the_sender_decides_and_histories_are_those_of_the_chain(tmp_path: Path) -> None:
    timed = TWO[0].replace("800,real,", "800,real,2026-02-01 08:00:00")
    later = TWO[1].replace("2026-01-04", "2026-05-01")
    path = written(tmp_path, "points.csv", POINTS + timed + TWO[1] + later)
    chain, vee = by_the_chain(BronzeMeterPoints, path), by_vee(path)
    assert [(row["multiplier_ratio"], row["valid_to_date"]) for row in chain.rows.to_pylist()] == [
        (1.0, date(2026, 4, 30)),
        (60.0, None),
    ]
    assert (vee.assumed, vee.unknown, vee.rejects) == ([], [], [])
    sound = by_vee(written(tmp_path, "sound.csv", POINTS + timed + later))
    assert vee.curves.num_rows
    assert vee.curves.equals(sound.curves)


FAULTY = [
    (
        BronzeMeterPoints,
        POINTS.replace(",sent_at", ",parent_meter_point_id,sent_at")
        + TWO[1].replace("real,", "real,MP-STEEL-0001,"),
        "parent_meter_point_id",
    ),
    (BronzeMeterPoints, POINTS + TWO[1].replace(",6,5,", ",13,5,"), "register_digits"),
    (
        BronzeCustomers,
        (STEEL / "customers.csv").read_text(encoding="utf-8").replace("large_industry", "large_industrie"),
        "customer_class_code",
    ),
    (
        BronzeEvents,
        "event_id,customer_id,event_code,started_date,ended_date,detail,provenance,sent_at\n"
        "E1,STEEL-0001,outage,,2026-05-20,,simulated,2026-05-21 08:00:00\n",
        "started_date",
    ),
]


@pytest.mark.parametrize(("table", "text", "column"), FAULTY)
def test_a_fault_of_master_data_is_told_as_the_chain_tells_it(
    tmp_path: Path, table: type[Table], text: str, column: str
) -> None:
    path = written(tmp_path, "received.csv", text)
    chain, vee = by_the_chain(table, path), by_vee(path)
    assert chain.quarantine["column_name"].to_pylist() == [column] * chain.quarantine.num_rows
    assert chain.quarantine.num_rows
    held = [row for row in vee.rejects if row["file"] == str(path)]
    assert words(held) == words(chain.quarantine.to_pylist())
