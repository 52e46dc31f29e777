"""One malformed line in a hundred, at the command line: from received files to silver, the quarantine's list,
a rule mended, a replay.
"""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeRegisterReads
from pipelines.tables.silver import SilverRegisterEnergy
from tests.command_line import zhixiang

pytestmark = pytest.mark.slow

HEADER = "ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME"
POINTS = (
    "meter_point_id,valid_from_date,customer_id,meter_id,multiplier_ratio,register_digits,register_decimals,"
    "start_register_unscaled,"
    "previous_end_register_unscaled,capacity_kva,provenance,sent_at\n"
)
DAYS, METERS = 280, 10
COUNT = DAYS * METERS
FIRST = date(2025, 12, 31)
SPOILT = {
    "short": (lambda line: line.rsplit(b",", 2)[0], "STATUS", "too_few_fields"),
    "long": (lambda line: line + b",surplus", None, "too_many_fields"),
    "bad date": (lambda line: line.replace(b",2026-", b",2026-13-", 1), "DATA_DATE", "bad_date"),
    "bad number": (lambda line: line.replace(b".25", b".2.5", 1), "R", "bad_number"),
    "unquoted 1,234": (lambda line: line.replace(b".25", b",234.25", 1), None, "too_many_fields"),
    "a NUL inside": (lambda line: line.replace(b".25", b"\x00.25", 1), "R", "nul_byte"),
    "bytes invalid in the encoding": (lambda line: b"\xff\xff" + line, "ID", "bad_encoding"),
}
Told = dict[int, tuple[str | None, str]]


def reads(meter: str, encoding: str = "utf-8", bad: int = 0, bom: bytes = b"") -> tuple[bytes, Told]:
    """Daily registers of ten meters that count 1 a day, ``bad`` lines spoilt in turn, and what must be told
    of each, by line.
    """
    lines, told = [HEADER.encode()], {}
    kinds = list(SPOILT.values())
    spoilt = {(place * 2 + 1) * COUNT // (2 * bad) for place in range(bad)}
    for number in range(COUNT):
        day = FIRST + timedelta(days=number % DAYS)
        line = (
            f"{meter}{number // DAYS},1,{day},,{100 + number % DAYS}.25,,,,,,{day + timedelta(days=1)} "
            "01:00:00"
        ).encode(encoding)
        if number in spoilt:
            change, column, reason = kinds[len(told) % len(kinds)]
            told[number + 2] = (column, reason)
            line = change(line)
        lines.append(line)
    return bom + b"\r\n".join(lines) + b"\r\n", told


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with conf/ that a test may mend, and a home."""
    folder = tmp_path_factory.mktemp("malformed")
    shutil.copytree(packaged("conf"), folder / "conf")
    (folder / "home" / "inbox").mkdir(parents=True)
    return folder


def told(place: Path, *arguments: str) -> tuple[int, Any, str]:
    """Exit code, what stands on standard output as JSON, and standard error."""
    answer = zhixiang(place / "home", *arguments, "--json", ZHIXIANG_CONF=str(place / "conf"))
    assert "Traceback" not in answer.stderr + answer.stdout
    return answer.returncode, json.loads(answer.stdout), answer.stderr


def listed(place: Path, file: str) -> Told:
    """What ``quarantine list`` tells of one file, by line; every record has its file, a reason in words and
    its bytes.
    """
    code, answer, _ = told(place, "quarantine", "list", "--file", file, "--limit", "9999")
    assert code == 0
    assert answer["held"] == len(answer["records"])
    assert all(
        row["source_file"] == file and row["reason"] and row["raw_record"] for row in answer["records"]
    )
    return {row["line_number"]: (row["column_name"], row["reason_code"]) for row in answer["records"]}


def store(place: Path) -> Store:
    return Store(Settings(place / "conf", place / "home"))


def rows_of(place: Path, meter: str) -> int:
    names = store(place).arrow(BronzeRegisterReads, ["meter_point_id"])["meter_point_id"].to_pylist()
    return sum(name.startswith(meter) for name in names)


def mend(place: Path, file: str, old: str, new: str) -> None:
    path = place / "conf" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_received_to_silver_list_mend_replay(place: Path) -> None:
    inbox = place / "home" / "inbox"
    files: dict[str, tuple[bytes, Told]] = {
        "bom.csv": reads("厂", bad=COUNT // 100, bom=b"\xef\xbb\xbf"),
        "declared.gbk.csv": reads("钢", "gbk", bad=COUNT // 100),
        "limit.csv": reads("限", bad=COUNT // 20),
        "over.csv": reads("超", bad=COUNT // 20 + 1),
        "undeclared.csv": reads("电", "gbk"),
    }
    for name, (content, _) in files.items():
        (inbox / name).write_bytes(content)
    named = [f"{meter}{number}" for meter in "厂钢限超电" for number in range(METERS)]
    rows = [f"{name},{FIRST},,METER-{name},1,6,2,100.25,,,simulated,2025-12-31 08:00:00\n" for name in named]
    (inbox / "meter_points.csv").write_text(POINTS + "".join(rows), encoding="utf-8")

    code, answer, said = told(place, "run", "--month", "2026-09", "--to", "silver")
    assert code == 4
    assert answer["exit_code"] == 4
    assert "refused over.csv: too_many_bad_rows" in said
    assert "refused undeclared.csv: too_many_bad_rows" in said
    for name in ("bom.csv", "declared.gbk.csv", "limit.csv", "over.csv"):
        assert listed(place, name) == files[name][1], name
    assert set(files["bom.csv"][1].values()) == {(column, reason) for _, column, reason in SPOILT.values()}
    assert {reason for _, reason in listed(place, "undeclared.csv").values()} == {"bad_encoding"}
    # Every good row is in; of a halted file none is, in bronze or in silver.
    assert {meter: rows_of(place, meter) for meter in "厂钢限超电"} == {
        "厂": COUNT - COUNT // 100,
        "钢": COUNT - COUNT // 100,
        "限": COUNT - COUNT // 20,
        "超": 0,
        "电": 0,
    }
    energy = store(place).arrow(SilverRegisterEnergy, ["meter_point_id"])["meter_point_id"].to_pylist()
    assert {name[0] for name in energy} == {"厂", "钢", "限"}

    # Nothing is mended yet: a replay changes nothing.
    code, answer, _ = told(place, "quarantine", "replay", "--file", "bom.csv")
    assert (code, answer["entered"], answer["files"][0]["outcome"]) == (0, 0, "unchanged")
    assert told(place, "quarantine", "replay", "--file", "undeclared.csv")[0] == 4

    # The source turns out to send GBK.
    mend(place, "formats.yaml", "encodings:\n", 'encodings:\n  "undeclared*.csv": gbk\n')
    code, answer, _ = told(place, "quarantine", "replay", "--file", "undeclared.csv")
    assert (code, answer["entered"], rows_of(place, "电"), listed(place, "undeclared.csv")) == (
        0,
        COUNT,
        COUNT,
        {},
    )

    # One more bad row than the limit is allowed: the good rows of the file enter, its bad ones stay.
    mend(place, "platform.yaml", "max_bad_row_ratio: 0.05\n", "max_bad_row_ratio: 0.06\n")
    code, answer, _ = told(place, "quarantine", "replay", "--file", "over.csv")
    assert (code, answer["entered"], rows_of(place, "超")) == (
        0,
        COUNT - COUNT // 20 - 1,
        COUNT - COUNT // 20 - 1,
    )
    assert listed(place, "over.csv") == files["over.csv"][1]

    # And silver takes them on, each once.
    code, _, _ = told(place, "run", "--month", "2026-09", "--from", "silver", "--to", "silver")
    assert code == 0
    found = (
        store(place)
        .arrow(SilverRegisterEnergy, ["meter_point_id", "energy_kwh_or_kvarh", "energy_date"])
        .to_pylist()
    )
    assert {row["meter_point_id"][0] for row in found} == set("厂钢限超电")
    whole = [row for row in found if row["meter_point_id"] == "电0"]
    assert len(whole) == len({row["energy_date"] for row in whole}) == DAYS
    assert {float(row["energy_kwh_or_kvarh"]) for row in whole if row["energy_date"] > FIRST} == {1.0}
