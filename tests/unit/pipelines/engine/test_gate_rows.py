"""Gates on rows that the driver holds: counted on Arrow as Great Expectations counts them; halt writes
nothing, quarantine holds rows back, warn lets them pass and says so.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.codes import Severity
from pipelines.engine import gate
from pipelines.engine.gate_rows import count_broken_rows
from pipelines.errors import GateHaltedError
from pipelines.tables.base import AMOUNT, DOUBLE, LONG, STRING, Field, Layer, Table
from pipelines.units import Unit


class Colour(Enum):
    """A closed list."""

    RED = "red"
    GREEN = "green"


class Judged(Table):
    """Rules of every kind and severity."""

    name = "test_judged_on_arrow"
    layer = Layer.GOLD
    place = Field(STRING, "Place.", key=True)
    line = Field(LONG, "Line.", key=True)
    colour = Field(STRING, "Colour.", codes=Colour)
    energy_kwh = Field(DOUBLE, "Halts.", unit=Unit.KWH, nullable=False, minimum=0)
    total_cny = Field(AMOUNT, "Decimals.", unit=Unit.CNY, above=0, maximum=50)
    power_kw = Field(DOUBLE, "Is held back.", unit=Unit.KW, maximum=100, severity=Severity.QUARANTINE)
    share_ratio = Field(DOUBLE, "Warns.", unit=Unit.RATIO, maximum=1, severity=Severity.WARN)


SCHEMA = pa.schema([field.with_nullable(True) for field in Judged.arrow_schema()])


def row(place: str | None, **changes: Any) -> dict[str, Any]:
    return {
        "place": place,
        "line": 1,
        "colour": "red",
        "energy_kwh": 1.0,
        "total_cny": Decimal("1.00"),
        "power_kw": 1.0,
        "share_ratio": 0.5,
    } | changes


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), SCHEMA)


def mixed(seed: int) -> pa.Table:
    """Rows of which every rule breaks on some, on the bounds and one step beside them, and on empty cells."""
    chance = np.random.default_rng(seed)
    count = int(chance.integers(0, 60))

    def some(values: list[Any]) -> list[Any]:
        return [values[place] for place in chance.integers(0, len(values), count)]

    numbers = [None, float("nan"), -0.1, -0.0, 0.0, 1.0, 1.0000000000000002, 100.0, 100.00000000000001]
    amounts = [None, Decimal("0.00"), Decimal("0.01"), Decimal("50.00"), Decimal("50.01"), Decimal("-1.00")]
    return pa.table(
        {
            "place": some([None, "", "a", "b", "c", "d"]),
            "line": some([None, *range(8)]),
            "colour": some([None, "red", "green", "blue", ""]),
            "energy_kwh": some(numbers),
            "total_cny": some(amounts),
            "power_kw": some(numbers),
            "share_ratio": some(numbers),
        },
        SCHEMA,
    )


@pytest.mark.parametrize("seed", range(12))
def test_the_counts_are_those_of_the_library(seed: int) -> None:
    rows, rules = mixed(seed), gate.rules_of(Judged)
    counted = {
        f"{rule.text}: fails on {count} rows"
        for rule, count in zip(rules, count_broken_rows(rows, rules), strict=True)
        if count
    }
    try:
        found = gate.check(rows.to_pandas(), "library", rules)
        told = {*found.failures, *found.warnings}
    except GateHaltedError as halted:
        warned = [rule for rule in rules if rule.severity is Severity.WARN]
        told = {*halted.failures, *gate.check(rows.to_pandas(), "warned", warned).warnings}
    assert {text.split(", for example")[0] for text in told} == counted


def test_sound_rows_pass_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import alone takes longer than a small table."""
    monkeypatch.setitem(sys.modules, "great_expectations", None)
    monkeypatch.setattr(gate, "_loaded", None)
    rows = table(row("a", power_kw=100.0, share_ratio=1.0, energy_kwh=0.0), row("b", power_kw=None))
    kept, found = gate.admit(rows, Judged, tmp_path, "r")
    assert kept.equals(rows)
    assert (found.failures, found.warnings, dict(found.held), found.rows) == ((), (), {}, 2)
    assert found.rules == tuple(rule.text for rule in gate.rules_of(Judged))
    assert gate.gate_counts({"keys_repeated": 0, "arrays": 0}, "t").rules == (
        "arrays lies in [0, 0]",
        "keys_repeated lies in [0, 0]",
    )
    assert list(tmp_path.iterdir()) == []


def test_halt_names_rule_and_rows_and_lets_nothing_through(tmp_path: Path) -> None:
    rows = table(row("a", energy_kwh=-0.1), row("a"), row(None), row("d", colour="blue"))
    with pytest.raises(GateHaltedError) as caught:
        gate.admit(rows, Judged, tmp_path, "r")
    assert list(caught.value.failures) == [
        "place is never empty: fails on 1 rows, for example None",
        "colour is one of 2 codes: fails on 1 rows, for example blue",
        "energy_kwh lies in [0, inf]: fails on 1 rows, for example -0.1",
        "(place, line) identifies a row: fails on 2 rows, for example {'place': 'a', 'line': 1}, "
        "{'place': 'a', 'line': 1}",
    ]
    assert caught.value.exit_code == 4
    with pytest.raises(GateHaltedError, match=r"keys_repeated lies in \[0, 0\]: fails on 1 rows"):
        gate.gate_counts({"keys_repeated": 3, "arrays": 0}, "t")


def test_quarantine_holds_back_the_rows_that_break_the_rule_and_no_others(tmp_path: Path) -> None:
    rows = table(
        row("a", power_kw=100.0),
        row("b", power_kw=100.1),
        row("c", power_kw=None),
        row("d", power_kw=200.0),
        row("e", power_kw=3.0),
    )
    kept, found = gate.admit(rows, Judged, tmp_path, "r")
    assert kept["place"].to_pylist() == ["a", "c", "e"]
    assert kept.schema == SCHEMA
    assert dict(found.held) == {"power_kw lies in [-inf, 100]": 2}
    held = [json.loads(line) for line in (tmp_path / Judged.name / "r.jsonl").read_text().splitlines()]
    assert [(each["place"], each["power_kw"], each["broken_rules"]) for each in held] == [
        ("b", 100.1, ["power_kw lies in [-inf, 100]"]),
        ("d", 200.0, ["power_kw lies in [-inf, 100]"]),
    ]
    assert found.to_json()["held"] == {"power_kw lies in [-inf, 100]": 2}


def test_a_row_held_back_no_longer_halts(tmp_path: Path) -> None:
    kept, _ = gate.admit(table(row("a", energy_kwh=-5.0, power_kw=101.0), row("b")), Judged, tmp_path, "r")
    assert kept["place"].to_pylist() == ["b"]


def test_too_many_rows_to_hold_back_halt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MOST_HELD", 2)
    rows = [row(f"p{place}", power_kw=101.0) for place in range(3)]
    assert gate.admit(table(*rows[:2]), Judged, tmp_path, "r")[0].num_rows == 0
    with pytest.raises(GateHaltedError, match="more than 2 rows"):
        gate.admit(table(*rows), Judged, tmp_path, "r")


def test_warn_lets_the_rows_pass_and_says_so(tmp_path: Path) -> None:
    rows = table(row("a", share_ratio=1.0), row("b", share_ratio=1.01), row("c", share_ratio=2.0))
    kept, found = gate.admit(rows, Judged, tmp_path, "r")
    assert kept.num_rows == 3
    assert [text.split(", for example")[0] for text in found.warnings] == [
        "share_ratio lies in [-inf, 1]: fails on 2 rows"
    ]
    assert found.failures == ()
    assert found.to_json()["warnings"] == list(found.warnings)


def test_rows_beyond_the_limit_are_told_without_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "SMALL_ROWS", 1)
    with pytest.raises(GateHaltedError) as caught:
        gate.admit(table(row("a", energy_kwh=-0.1), row("b")), Judged, tmp_path, "r")
    assert list(caught.value.failures) == ["energy_kwh lies in [0, inf]: fails on 1 rows"]
