"""Received records of every kind: which stands, what is held back and why, and what follows from those that
stand.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import yaml

from pipelines.settings import packaged
from pipelines.tables.base import Table
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeMeterPoints,
    BronzePayments,
    BronzeRegisterReads,
    BronzeTransferDeclarations,
)
from pipelines.tables.silver import (
    SilverCustomers,
    SilverMeterPoints,
    SilverQuarantine,
    SilverRegisterEnergy,
)
from pipelines.transforms.received.judged_records import judge_records
from pipelines.transforms.received.master_data import REFINEMENTS, Refined, refine_received, refinement_of
from pipelines.transforms.received.precedence import KEPT
from pipelines.transforms.registers.register_reads import refine_read_rows
from pipelines.vee.settings import VeeSettings
from tests.unit.pipelines.transforms.arrow_tables import DAY, METER, arrow_rows

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)


SENT = datetime(2026, 3, 3, 1, tzinfo=UTC)


def refined(table: type[Table], *rows: dict[str, Any]) -> Refined:
    return refine_received(arrow_rows(table, rows), refinement_of(table))


def ordered(found: pa.Table, order: str) -> list[dict[str, Any]]:
    return sorted(found.to_pylist(), key=lambda row: str(row[order]))


def accounts(found: Refined) -> dict[str, tuple[int, ...]]:
    names = ("received_rows", "kept_rows", "duplicate_rows", "superseded_rows", "quarantined_rows")
    return {row["content_hash"]: tuple(row[name] for name in names) for row in found.accounts.to_pylist()}


def payment(
    content: str, customer: str = "C1", sent: datetime | None = SENT, line: int = 2, **changes: Any
) -> dict[str, Any]:
    row = {
        "content_hash": content,
        "line_number": line,
        "sent_at_utc": sent,
        "customer_id": customer,
        "billing_month": "2026-03",
        "billed_cny": 10.0,
        "due_date": DAY,
        "provenance": "simulated",
    }
    return row | changes


def test_settlement_of_every_kind_of_case() -> None:
    later = SENT + timedelta(seconds=1)
    rows = [
        payment("a", "C1"),  # superseded by the later time
        payment("b", "C1", later, billed_cny=11.0),  # kept
        payment("c", "C1", billed_cny=11.0),  # says the same as the winner
        payment("d", "C1", None),  # no time loses against any
        payment("a", "C2", line=3),
        payment("b", "C2", line=9),  # larger hash wins, but says the same
        payment("e", "C3", None),
        payment("f", "C3", None, billed_cny=11.0),  # nobody can tell
        payment("e", "C4", None, line=4),
        payment("f", "C4", None, line=3),  # equal without a time: a duplicate
        payment("g", "C5", later, billed_cny=None),  # unfit, so the earlier one stands
        payment("h", "C5"),
        payment("i", "C6", paid_date=None, paid_cny=0.0),
        payment("i", "C6", line=3, paid_date=None, paid_cny=0.0),
        payment("j", None),
    ]
    found = refined(BronzePayments, *rows)
    kept = ordered(found.rows, "customer_id")
    assert [(row["customer_id"], row["billed_cny"]) for row in kept] == [
        ("C1", 11.0),
        ("C2", 10.0),
        ("C4", 10.0),
        ("C5", 10.0),
        ("C6", 10.0),
    ]
    assert accounts(found) == {
        "a": (2, 0, 1, 1, 0),
        "b": (2, 2, 0, 0, 0),
        "c": (1, 0, 1, 0, 0),
        "d": (1, 0, 0, 1, 0),
        "e": (2, 0, 1, 0, 1),
        "f": (2, 1, 0, 0, 1),
        "g": (1, 0, 0, 0, 1),
        "h": (1, 1, 0, 0, 0),
        "i": (2, 1, 1, 0, 0),
        "j": (1, 0, 0, 0, 1),
    }
    held = ordered(found.quarantine, "content_hash")
    assert [(row["content_hash"], row["reason_code"], row["column_name"]) for row in held] == [
        ("e", "conflicting_values", "billed_cny"),
        ("f", "conflicting_values", "billed_cny"),
        ("g", "missing_value", "billed_cny"),
        ("j", "missing_key", "customer_id"),
    ]
    assert set(found.quarantine.column_names) == set(SilverQuarantine.columns()) - {"source_file", "run_id"}
    assert held[0]["raw_record"].startswith("C3,2026-03,10.0,2026-03-01")
    again = refined(BronzePayments, *rows[::-1])
    assert ordered(again.rows, "customer_id") == kept
    assert accounts(again) == accounts(found)
    assert ordered(again.quarantine, "content_hash") == held


def test_null_differs_from_a_value_in_another_column() -> None:
    rows = [
        payment("a", None, None, due_date=DAY, paid_date=None),
        payment("b", None, None, due_date=None, paid_date=DAY),
    ]
    for row in rows:
        row["customer_id"] = "C1"
    table = arrow_rows(BronzePayments, rows)
    judged = judge_records(table, ("customer_id", "billing_month"), ("due_date", "paid_date"))
    assert KEPT not in judged.verdicts.tolist()


def test_histories_codes_and_ranges() -> None:
    def customer(line: int, begins: date, **changes: Any) -> dict[str, Any]:
        row = {
            "content_hash": "a",
            "line_number": line,
            "customer_id": "C1",
            "valid_from_date": begins,
            "customer_name": "n",
            "provenance": "simulated",
        }
        return row | changes

    rows = [
        customer(2, date(2026, 1, 1), customer_class_code="large_industry", sent_at_utc=SENT),
        customer(3, date(2026, 3, 1), customer_class_code="large_industrie", sent_at_utc=SENT),
        customer(4, date(2026, 5, 1), power_factor_standard_ratio=1.5, sent_at_utc=SENT),
        customer(5, date(2026, 6, 1), contract_capacity_kva=float("nan"), sent_at_utc=SENT),
        customer(6, date(2026, 7, 1), sent_at_utc=SENT),
    ]
    found = refined(BronzeCustomers, *rows[::-1])
    history = ordered(found.rows, "valid_from_date")
    assert [(row["valid_from_date"], row["valid_to_date"]) for row in history] == [
        (date(2026, 1, 1), date(2026, 6, 30)),
        (date(2026, 7, 1), None),
    ]
    assert [(row["line_number"], row["reason_code"]) for row in ordered(found.quarantine, "line_number")] == [
        (3, "bad_code"),
        (4, "out_of_range"),
        (5, "bad_number"),
    ]
    assert found.rows.column_names == [
        name for name in SilverCustomers.columns() if name != "computed_run_id"
    ]


def test_every_refinement_ends_in_its_declared_columns() -> None:
    for rule in REFINEMENTS:
        found = refined(rule.bronze)
        declared = [field for field in rule.silver.arrow_schema() if field.name != "computed_run_id"]
        assert found.rows.schema == pa.schema(declared)
        assert (found.rows.num_rows, found.accounts.num_rows, found.quarantine.num_rows) == (0, 0, 0)


def test_a_month_that_is_none_is_held_back() -> None:
    row = {
        "content_hash": "a",
        "line_number": 2,
        "tenant_id": "T",
        "supplier_customer_id": "S",
        "billing_month": "2026-13",
        "declaration_id": "D",
    }
    row |= {"tenant_name": "n", "energy_kwh": Decimal(1), "fee_cny": Decimal(1), "provenance": "simulated"}
    found = refined(BronzeTransferDeclarations, row)
    assert [(held["reason_code"], held["column_name"]) for held in found.quarantine.to_pylist()] == [
        ("bad_date", "billing_month")
    ]


def read(line: int, day: int, register: str | None, **changes: Any) -> dict[str, Any]:
    row = {
        "content_hash": "r",
        "line_number": line,
        "meter_point_id": "MP-1",
        "channel_code": "active_forward",
        "read_date": DAY + timedelta(days=day),
        "register_unscaled": None if register is None else Decimal(register),
        "sent_at_utc": SENT,
    }
    return row | changes


def test_register_reads_that_fall_count_as_quarantined() -> None:
    rows = [
        read(2, -1, "1.00"),
        read(3, 0, "2.00"),
        read(4, 0, "2.50", sent_at_utc=SENT + timedelta(hours=1)),
        read(5, 1, "1.50"),
        read(6, 2, "4.00"),
        read(7, 3, None),
        read(8, 40, "9"),
        read(9, 4, "5", channel_code="heat"),
    ]
    today = DAY + timedelta(days=39)
    outcome = refine_read_rows(
        arrow_rows(BronzeRegisterReads, rows), arrow_rows(SilverMeterPoints, [METER]), SETTINGS, today
    )
    energy = sorted(outcome.energy.to_pylist(), key=lambda row: row["energy_date"])
    assert [row["energy_kwh_or_kvarh"] for row in energy] == [None, Decimal(15), Decimal(15)]
    assert outcome.energy.column_names == [
        name for name in SilverRegisterEnergy.columns() if name != "computed_run_id"
    ]
    assert [(row["line_number"], row["reason_code"]) for row in outcome.quarantine.to_pylist()] == [
        (5, "register_decrease"),
        (7, "missing_value"),
        (8, "future_dated"),
        (9, "bad_code"),
    ]
    assert outcome.quarantine.to_pylist()[0]["raw_record"] == "MP-1,active_forward,2026-03-02,1.500000"
    (counted,) = outcome.accounts.to_pylist()
    assert (
        counted["received_rows"],
        counted["kept_rows"],
        counted["superseded_rows"],
        counted["quarantined_rows"],
    ) == (8, 3, 1, 4)


def test_meter_points_refine() -> None:
    row = {name: value for name, value in METER.items() if name != "valid_to_date"} | {
        "content_hash": "a",
        "line_number": 2,
    }
    (found,) = refined(BronzeMeterPoints, row).rows.to_pylist()
    assert (found["multiplier_ratio"], found["valid_to_date"]) == (10.0, None)
