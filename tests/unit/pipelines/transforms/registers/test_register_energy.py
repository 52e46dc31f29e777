"""Energy between frozen registers: difference, rollover, exchange, decrease; worked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipelines.tables.bronze import BronzeRegisterReads
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.registers.register_energy import ENERGY_SCHEMA
from pipelines.transforms.registers.register_reads import refine_read_rows, refine_reads
from tests.unit.pipelines.transforms.registers.reads import DAY, SETTINGS, derive, meter, read


def test_difference_times_multiplier() -> None:
    opening, first, second = derive([read(2, "12.35"), read(0, "10.00"), read(1, "12.34")])
    assert (opening["register_rule_code"], opening["energy_kwh_or_kvarh"], opening["span_days"]) == (
        "first_read",
        None,
        None,
    )
    assert (first["energy_kwh_or_kvarh"], second["energy_kwh_or_kvarh"]) == (Decimal(2340), Decimal(10))
    assert (first["span_days"], first["start_register_unscaled"], first["end_register_unscaled"]) == (
        1,
        Decimal(10),
        Decimal("12.34"),
    )
    assert first["resolution_kwh_or_kvarh"] == Decimal(10)
    assert first["energy_month"] == "2026-03"


@pytest.mark.parametrize(
    ("multiplier", "energy"), [(1.0, "2.34"), (1.5, "3.51"), (0.333333, "0.779999"), (120000.0, "280800")]
)
def test_products_are_exact_decimals(multiplier: float, energy: str) -> None:
    assert derive([read(0, "10.00"), read(1, "12.34")], [meter(multiplier=multiplier)])[1][
        "energy_kwh_or_kvarh"
    ] == Decimal(energy)


def test_a_missed_read_spans_several_days() -> None:
    last = derive([read(0, "10"), read(3, "13")])[1]
    assert (last["span_days"], last["energy_kwh_or_kvarh"]) == (3, Decimal(3000))


def test_a_register_rolls_over_at_its_digits() -> None:
    rolled = derive([read(0, "9999.50"), read(1, "0.25")])[1]
    assert (rolled["register_rule_code"], rolled["energy_kwh_or_kvarh"]) == ("rollover", Decimal(750))


@pytest.mark.parametrize(("end", "rule"), [("500.00", "rollover"), ("500.01", "decrease")])
def test_a_rollover_advances_by_a_tenth_of_the_range_at_most(end: str, rule: str) -> None:
    # From 9500 to 500 a four-digit register advances by 1000 of 10000.
    result = derive([read(0, "9500"), read(1, end)])[1]
    assert result["register_rule_code"] == rule
    assert (result["reason_code"] == "register_decrease") == (rule == "decrease")


@pytest.mark.parametrize(("end", "rule"), [("0.35", "rollover"), ("0.37", "decrease")])
def test_a_rollover_carries_no_more_than_the_connection_can(end: str, rule: str) -> None:
    # 10 kVA x 1.5 x 24 h = 360 kWh = 0.36 of the register.
    assert (
        derive([read(0, "9999.99"), read(1, end)], [meter(capacity_kva=10.0)])[1]["register_rule_code"]
        == rule
    )


def test_without_digits_nothing_rolls_over() -> None:
    assert (
        derive([read(0, "9999.99"), read(1, "0.01")], [meter(register_digits=None)])[1]["reason_code"]
        == "register_decrease"
    )


def test_after_a_decrease_the_last_good_read_counts() -> None:
    results = derive([read(0, "10"), read(1, "11"), read(2, "3"), read(3, "13")])
    assert [row["reason_code"] for row in results] == [None, None, "register_decrease", None]
    assert (results[3]["energy_kwh_or_kvarh"], results[3]["span_days"]) == (Decimal(2000), 2)
    assert (results[2]["line_number"], results[2]["energy_kwh_or_kvarh"]) == (12, None)


def test_a_meter_exchange_adds_both_meters() -> None:
    # Old: 10 -> 12.50 at 1000; new from day 3 on: 100 -> 101 at 500.
    meters = [
        meter(1, 2),
        meter(
            3,
            multiplier=500.0,
            start_register_unscaled=Decimal(100),
            previous_end_register_unscaled=Decimal("12.50"),
        ),
    ]
    results = derive([read(0, "9"), read(2, "10"), read(3, "101"), read(4, "102")], meters)
    assert [row["register_rule_code"] for row in results] == [
        "first_read",
        "normal",
        "meter_exchange",
        "normal",
    ]
    assert [row["energy_kwh_or_kvarh"] for row in results] == [
        None,
        Decimal(1000),
        Decimal(3000),
        Decimal(500),
    ]
    assert results[3]["multiplier_ratio"] == 500.0


def test_new_transformers_on_the_same_meter_count_from_their_day() -> None:
    """The multiplier alone changes: both registers of the exchange are the one of that evening."""
    at_change = {"start_register_unscaled": Decimal(11), "previous_end_register_unscaled": Decimal(11)}
    results = derive(
        [read(0, "10"), read(1, "11"), read(2, "12"), read(3, "14")],
        [meter(1, 1, multiplier=1000.0), meter(2, multiplier=500.0, **at_change)],
    )
    assert [row["energy_kwh_or_kvarh"] for row in results] == [
        None,
        Decimal(1000),
        Decimal(500),
        Decimal(1000),
    ]
    assert [row["multiplier_ratio"] for row in results] == [1000.0, 1000.0, 500.0, 500.0]


def test_two_exchanges_between_two_reads() -> None:
    meters = [
        meter(1, 2),
        meter(
            3,
            3,
            multiplier=10.0,
            start_register_unscaled=Decimal(0),
            previous_end_register_unscaled=Decimal(11),
        ),
        meter(4, start_register_unscaled=Decimal(5), previous_end_register_unscaled=Decimal(7)),
    ]
    assert derive([read(2, "10"), read(5, "6")], meters)[1]["energy_kwh_or_kvarh"] == Decimal(
        1000 + 70 + 1000
    )


@pytest.mark.parametrize("lacking", ["start_register_unscaled", "previous_end_register_unscaled", None])
def test_an_exchange_whose_registers_are_unknown_settles_nothing_that_day(lacking: str | None) -> None:
    registers = {"start_register_unscaled": Decimal(100), "previous_end_register_unscaled": Decimal(11)}
    channel = (
        "active_forward" if lacking else "reactive_lagging"
    )  # the exchange registers are active forward ones
    meters = [meter(1, 2), meter(3, **(registers | ({lacking: None} if lacking else {})))]
    results = derive([read(2, "10", channel), read(3, "101", channel), read(4, "102", channel)], meters)
    assert [row["energy_kwh_or_kvarh"] for row in results] == [None, None, Decimal(1000)]
    assert results[1]["register_rule_code"] == "meter_exchange"


@pytest.mark.parametrize(("day", "reason"), [(0, None), (-1, "unknown_meter_point")])
def test_the_first_meter_may_be_read_on_the_day_before_it_counts(day: int, reason: str | None) -> None:
    assert derive([read(day, "1")])[0]["reason_code"] == reason


def test_an_unknown_meter_point_is_held_back() -> None:
    assert derive([read(1, "1", meter_point="MP-2")])[0]["reason_code"] == "unknown_meter_point"
    assert derive([read(1, "1")], [])[0]["reason_code"] == "unknown_meter_point"


def test_series_do_not_touch_each_other() -> None:
    reads = [
        read(1, "10"),
        read(2, "20"),
        read(1, "1", "reactive_lagging"),
        read(2, "2", "reactive_lagging"),
        read(2, "5", meter_point="MP-0"),
    ]
    results = derive(reads, [meter(), meter(meter_point="MP-0")])
    assert [(row["meter_point_id"], row["channel_code"], row["energy_kwh_or_kvarh"]) for row in results] == [
        ("MP-0", "active_forward", None),
        ("MP-1", "active_forward", None),
        ("MP-1", "active_forward", Decimal(10000)),
        ("MP-1", "reactive_lagging", None),
        ("MP-1", "reactive_lagging", Decimal(1000)),
    ]


def test_nothing_received() -> None:
    assert derive([]) == []


SENT = datetime(2026, 3, 9, tzinfo=UTC)


def received(
    content: str, day: int, register: str | None, sent: datetime | None = SENT, **changes: Any
) -> dict[str, Any]:
    return (
        read(day, "0")
        | {"content_hash": content, "sent_at_utc": sent, "register_unscaled": register and Decimal(register)}
        | changes
    )


def refine(reads: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    schema = pa.schema([field.with_nullable(True) for field in BronzeRegisterReads.arrow_schema()])
    table = pa.Table.from_pylist(list(reads), schema)
    rates = [
        None if rates is None else ",".join(str(rate) for rate in rates)
        for rates in table["rate_registers_unscaled"].to_pylist()
    ]
    table = table.append_column("rate_registers", pa.array(rates, pa.string()))
    meters = pa.Table.from_pylist([meter()], SilverMeterPoints.arrow_schema())
    found = refine_reads(table, meters, SETTINGS, DAY + timedelta(days=39)).to_pylist()
    shown = ("content_hash", "line_number", "verdict", "reason_code", "energy_kwh_or_kvarh")
    return sorted((tuple(row[name] for name in shown) for row in found), key=str)


def test_received_reads_settle_before_they_count() -> None:
    reads = [
        received("a", 0, "10"),
        received("a", 1, "11"),
        received("b", 1, "12", SENT + timedelta(hours=1)),
        received("c", 1, "12"),
        received("d", 2, "13", None),
        received("e", 2, "14", None),  # nobody can tell
        received("a", 3, "11.5"),  # below the one that stands
        received("a", 4, "15"),
        received("a", 5, None),
        received("a", 40, "99"),
        received("a", 6, "16", channel_code="heat"),
        received("a", 7, "-1"),
        received("f", 8, "17", rate_registers_unscaled=[Decimal(1)]),
        received("g", 8, "17", rate_registers_unscaled=[Decimal(2)]),
        received("h", 9, "1", meter_point_id=None),
    ]
    expected = [
        ("a", 10, "kept", None, None),
        ("a", 11, "superseded", None, None),
        ("a", 13, "quarantined", "register_decrease", None),
        ("a", 14, "kept", None, Decimal(3000)),
        ("a", 15, "quarantined", "missing_value", None),
        ("a", 16, "quarantined", "bad_code", None),
        ("a", 17, "quarantined", "out_of_range", None),
        ("a", 50, "quarantined", "future_dated", None),
        ("b", 11, "kept", None, Decimal(2000)),
        ("c", 11, "duplicate", None, None),
        ("d", 12, "quarantined", "conflicting_values", None),
        ("e", 12, "quarantined", "conflicting_values", None),
        ("f", 18, "superseded", None, None),
        ("g", 18, "kept", None, Decimal(2000)),
        ("h", 19, "quarantined", "missing_key", None),
    ]
    assert refine(reads) == expected
    assert refine(reads[::-1]) == expected
    assert refine([]) == []


def test_what_the_walk_and_the_rates_tell_is_found_where_it_is() -> None:
    """Rollover on day 2, a decrease on day 3, rates that do not sum on day 4, a rate that fell on day 5; the
    meter changes on day 6.
    """
    quarter = [Decimal("0.25")] * 4

    def rated(day: int, register: str, shares: Sequence[Decimal], **changes: Any) -> dict[str, Any]:
        return received(
            "a",
            day,
            register,
            rate_registers_unscaled=[Decimal(register) * share for share in shares],
            **changes,
        )

    reads = [
        rated(0, "9990", quarter),
        rated(1, "9998", quarter),
        received("a", 2, "4"),
        received("a", 3, "2"),
        rated(4, "8", [Decimal("0.25"), Decimal("0.25"), Decimal("0.25"), Decimal("0.26")]),
        rated(5, "12", [Decimal("0.10"), Decimal("0.30"), Decimal("0.30"), Decimal("0.30")]),
        rated(6, "3", quarter),
    ]
    meters = pa.Table.from_pylist(
        [
            meter(ends=5),
            meter(begins=6, start_register_unscaled=Decimal(0), previous_end_register_unscaled=Decimal(13)),
        ],
        SilverMeterPoints.arrow_schema(),
    )
    schema = pa.schema(
        [BronzeRegisterReads.arrow_schema().field(name) for name in BronzeRegisterReads.business_columns()]
    )
    outcome = refine_read_rows(
        pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in reads], schema),
        meters,
        SETTINGS,
        DAY + timedelta(days=39),
    )
    told = [
        ((row["finding_date"] - DAY).days, row["check_id"], row["judged_kwh_or_kvarh"])
        for row in outcome.findings.to_pylist()
    ]
    assert told == [
        (2, "VEE-V20", 6000.0),
        (2, "VEE-V23", 6000.0),
        (3, "VEE-V19", None),
        (4, "VEE-V22", 4000.0),
        (5, "VEE-V23", 4000.0),
        (6, "VEE-V21", 4000.0),
    ]
    assert {row["finding_month"] for row in outcome.findings.to_pylist()} == {"2026-03"}


def test_a_worker_gets_energy_accounts_and_quarantine_as_tables() -> None:
    reads = [
        received("a", 0, "10"),
        received("a", 1, "11", rate_registers_unscaled=[Decimal(1), None]),
        received("b", 1, "11", rate_registers_unscaled=[Decimal(1), None]),
        received("b", 2, "3"),
        received("b", 3, None),
    ]
    schema = pa.schema([field.with_nullable(True) for field in BronzeRegisterReads.arrow_schema()])
    meters = pa.Table.from_pylist([meter()], SilverMeterPoints.arrow_schema())
    outcome = refine_read_rows(
        pa.Table.from_pylist(reads, schema), meters, SETTINGS, DAY + timedelta(days=39)
    )
    assert outcome.energy.schema == ENERGY_SCHEMA
    assert outcome.energy["energy_kwh_or_kvarh"].to_pylist() == [None, Decimal(1000)]
    assert outcome.energy["rate_energy_kwh_or_kvarh"].to_pylist() == [None, None]
    counted = [tuple(row.values()) for row in outcome.accounts.to_pylist()]
    assert counted == [
        ("a", "bronze_register_reads", 2, 1, 1, 0, 0),
        ("b", "bronze_register_reads", 3, 1, 0, 0, 2),
    ]
    held = [
        (row["line_number"], row["reason_code"], row["raw_record"]) for row in outcome.quarantine.to_pylist()
    ]
    assert held == [
        (12, "register_decrease", "MP-1,active_forward,2026-03-03,3.000000"),
        (13, "missing_value", "MP-1,active_forward,2026-03-04,"),
    ]
    assert refine_read_rows(schema.empty_table(), meters, SETTINGS, DAY).accounts.num_rows == 0
