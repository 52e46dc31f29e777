"""Received records of every kind: which stands, what is held back and why, and what follows from those that stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from pipelines.codes import CustomerClass
from pipelines.errors import FactNotInForceError
from pipelines.settings import packaged
from pipelines.tables.base import Table
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeMeterPoints,
    BronzePayments,
    BronzeRegisterReads,
    BronzeTransferDeclarations,
)
from pipelines.tables.gold import GoldBillingDeterminants, GoldDayEnergy
from pipelines.tables.silver import (
    SilverCustomers,
    SilverDayCurves,
    SilverMeterPoints,
    SilverQuarantine,
    SilverRegisterEnergy,
)
from pipelines.transforms.billing.determinants import derive_billing_determinants
from pipelines.transforms.days.day_energy import derive_day_energy
from pipelines.transforms.received.judged_records import judge_records
from pipelines.transforms.received.master_data import REFINEMENTS, Refined, refine_received, refinement_of
from pipelines.transforms.received.precedence import KEPT
from pipelines.transforms.registers.register_reads import refine_read_rows
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
SENT = datetime(2026, 3, 3, 1, tzinfo=UTC)
DAY = date(2026, 3, 1)


def arrow_rows(table: type[Table], rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(
        rows, schema=pa.schema([field.with_nullable(True) for field in table.arrow_schema()])
    )


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


METER = {
    "meter_point_id": "MP-1",
    "valid_from_date": DAY,
    "customer_id": "C1",
    "meter_id": "M1",
    "multiplier_ratio": 10.0,
    "register_digits": 6,
    "register_decimals": 2,
    "provenance": "simulated",
}


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


def slot_periods(days: Sequence[date], customer_class: CustomerClass) -> np.ndarray[Any, np.dtype[np.int8]]:
    """First half of the day peak, second valley; nothing before March 2026 and nothing for agriculture."""
    for day in days:
        if day < DAY or customer_class == CustomerClass.AGRICULTURE:
            raise FactNotInForceError("time_of_use.schedule", day, "nothing")
    return np.tile(np.repeat(np.array([1, 3], dtype=np.int8), 48), (len(days), 1))


def curve(day: int, first: float, second: float, meter_point: str = "MP-1") -> dict[str, Any]:
    values = [first] * 48 + [second] * 48
    return {
        "meter_point_id": meter_point,
        "channel_code": "active_forward",
        "curve_date": DAY + timedelta(days=day),
        "interval_minutes": 15,
        "measured_kwh_or_kvarh": values,
        "final_kwh_or_kvarh": values,
        "interval_status_codes": [1] * 96,
        "failed_check_bits": [0] * 96,
        "failed_checks": [],
        "measured_intervals": 96,
        "estimated_intervals": 0,
        "missing_intervals": 0,
        "curve_month": "2026-03",
    }


def settled_energy(
    day: int, kwh: str, span: int = 1, meter_point: str = "MP-1", channel: str = "active_forward"
) -> dict[str, Any]:
    return {
        "meter_point_id": meter_point,
        "channel_code": channel,
        "energy_date": DAY + timedelta(days=day),
        "span_days": span,
        "end_register_unscaled": Decimal(0),
        "multiplier_ratio": 1.0,
        "energy_kwh_or_kvarh": Decimal(kwh),
        "resolution_kwh_or_kvarh": Decimal("0.1"),
        "register_rule_code": "normal",
        "energy_month": "2026-03",
    }


def test_day_energy_and_determinants_of_the_same_rows() -> None:
    energy = arrow_rows(
        SilverRegisterEnergy,
        [
            settled_energy(0, "10"),
            settled_energy(1, "10"),
            settled_energy(0, "4", meter_point="MP-2"),
            settled_energy(0, "7", meter_point="MP-FREE"),
            settled_energy(0, "3", meter_point="MP-3"),
        ],
    )
    curves = arrow_rows(
        SilverDayCurves,
        [curve(0, 2.0, 1.0), curve(1, 2.0, 1.0), curve(0, 2.0, 1.0, "MP-3"), curve(2, 0.5, 0.25)],
    )
    meters = arrow_rows(
        SilverMeterPoints,
        [
            METER,
            METER | {"meter_point_id": "MP-2", "customer_id": "C2"},
            METER | {"meter_point_id": "MP-FREE", "customer_id": None},
            METER | {"meter_point_id": "MP-3", "customer_id": "C3"},
        ],
    )
    terms = {
        "valid_from_date": DAY,
        "customer_name": "n",
        "provenance": "simulated",
        "is_time_of_use": True,
        "customer_class_code": "large_industry",
    }
    customers = arrow_rows(
        SilverCustomers,
        [
            terms | {"customer_id": "C1", "valid_to_date": DAY, "is_time_of_use": False},
            terms | {"customer_id": "C1", "valid_from_date": DAY + timedelta(days=1)},
            terms | {"customer_id": "C2"},
            terms | {"customer_id": "C3", "customer_class_code": "agriculture"},
        ],
    )
    found = derive_billing_determinants(energy, curves, customers, meters, slot_periods)
    assert found.column_names == [
        name for name in GoldBillingDeterminants.columns() if name != "computed_run_id"
    ]
    first, second, third = sorted(found.to_pylist(), key=lambda row: row["meter_point_id"])
    assert (first["energy_kwh"], first["peak_kwh"], first["valley_kwh"], first["sharp_kwh"]) == (
        20,
        Decimal("13.3"),
        Decimal("6.7"),
        0,
    )
    assert (
        first["max_demand_kw"],
        first["max_demand_date"],
        first["max_demand_slot"],
        first["metered_days"],
    ) == (8.0, DAY, 0, 2)
    assert first["missing_inputs"] == ["reactive_registers", "missing_days"]
    assert (second["customer_id"], second["peak_kwh"], second["missing_inputs"]) == (
        "C2",
        None,
        ["curve", "reactive_registers", "missing_days"],
    )
    assert (third["peak_kwh"], third["missing_inputs"]) == (
        None,
        ["reactive_registers", "missing_days", "time_of_use_fact"],
    )

    days = derive_day_energy(energy, curves, meters)
    assert days.column_names == [name for name in GoldDayEnergy.columns() if name != "computed_run_id"]
    rows = [
        (
            row["meter_point_id"],
            row["customer_id"],
            row["energy_date"].day,
            row["energy_kwh_or_kvarh"],
            row["basis_code"],
        )
        for row in days.to_pylist()
    ]
    assert sorted(rows, key=str) == [
        ("MP-1", "C1", 1, 10.0, "register"),
        ("MP-1", "C1", 2, 10.0, "register"),
        ("MP-1", "C1", 3, 36.0, "curve"),
        ("MP-2", "C2", 1, 4.0, "register"),
        ("MP-3", "C3", 1, 3.0, "register"),
        ("MP-FREE", None, 1, 7.0, "register"),
    ]


def test_meter_points_refine() -> None:
    row = {name: value for name, value in METER.items() if name != "valid_to_date"} | {
        "content_hash": "a",
        "line_number": 2,
    }
    (found,) = refined(BronzeMeterPoints, row).rows.to_pylist()
    assert (found["multiplier_ratio"], found["valid_to_date"]) == (10.0, None)
