"""Registers of the rates beside their total: differences, rollovers and exchanges."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipelines.tables.bronze import BronzeRegisterReads
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.registers.register_reads import refine_read_rows
from tests.unit.pipelines.transforms.registers.reads import DAY, SETTINGS, derive, meter, rated


def rate_energy(
    reads: Sequence[dict[str, Any]], meters: Sequence[dict[str, Any]] = (meter(),)
) -> list[list[Decimal | None] | None]:
    return [row["rate_energy_kwh_or_kvarh"] for row in derive(reads, meters)]


def test_each_rate_counts_between_the_reads_that_the_total_compares() -> None:
    """Day 2 falls and is held back: day 3 counts from day 1. Day 4 sends no third rate, so neither does day 5
    know it.
    """
    reads = [
        rated(0, "10", ["1", "2", "3", "4"]),
        rated(1, "12", ["1.5", "2.5", "3.5", "4.5"]),
        rated(2, "9", ["1", "2", "3", "3"]),
        rated(3, "16", ["1.5", "3.5", "5.5", "5.5"]),
        rated(4, "20", ["2.5", "4.5", None, "6.5"]),
        rated(5, "24", ["3.5", "5.5", "7.5", "7.5"]),
        rated(6, "25", None),
    ]
    assert rate_energy(reads) == [
        None,
        [Decimal(500)] * 4,
        None,
        [Decimal(0), Decimal(1000), Decimal(2000), Decimal(1000)],
        [Decimal(1000), Decimal(1000), None, Decimal(1000)],
        [Decimal(1000), Decimal(1000), None, Decimal(1000)],
        None,
    ]


def test_a_rate_rolls_over_by_itself() -> None:
    """The total rolls over a day before its one busy rate; a rate that falls without having reached its end
    is not known.
    """
    reads = [
        rated(0, "9999", ["0", "9990", "9", "0"]),
        rated(1, "4", ["0", "9994", "10", "0"]),
        rated(2, "12", ["0", "1", "11", "0"]),
        rated(3, "14", ["0", "3", "5", "0"]),
    ]
    found = derive(reads)
    assert [row["register_rule_code"] for row in found] == ["first_read", "rollover", "normal", "normal"]
    assert [row["energy_kwh_or_kvarh"] for row in found] == [
        None,
        Decimal(5000),
        Decimal(8000),
        Decimal(2000),
    ]
    assert [row["rate_energy_kwh_or_kvarh"] for row in found] == [
        None,
        [Decimal(0), Decimal(4000), Decimal(1000), Decimal(0)],
        [Decimal(0), Decimal(7000), Decimal(1000), Decimal(0)],
        [Decimal(0), Decimal(2000), None, Decimal(0)],
    ]


@pytest.mark.parametrize(("end", "advance"), [("500.00", Decimal(1_000_000)), ("500.01", None)])
def test_a_rate_that_rolls_over_advances_by_a_tenth_of_the_range_at_most(
    end: str, advance: Decimal | None
) -> None:
    reads = [rated(0, "3000", ["9500", "0"]), rated(1, "4000", [end, "1"])]
    assert rate_energy(reads)[1] == [advance, Decimal(1000)]


def test_after_an_exchange_the_rates_are_known_from_the_next_read_on() -> None:
    meters = [
        meter(1, 2),
        meter(
            3,
            multiplier=500.0,
            start_register_unscaled=Decimal(100),
            previous_end_register_unscaled=Decimal("12.50"),
        ),
    ]
    reads = [
        rated(1, "9", ["4", "5"]),
        rated(2, "10", ["4.5", "5.5"]),
        rated(3, "101", ["50.5", "50.5"]),
        rated(4, "103", ["51", "52"]),
    ]
    found = derive(reads, meters)
    assert [row["energy_kwh_or_kvarh"] for row in found] == [
        None,
        Decimal(1000),
        Decimal(3000),
        Decimal(1000),
    ]
    assert [row["rate_energy_kwh_or_kvarh"] for row in found] == [
        None,
        [Decimal(500)] * 2,
        None,
        [Decimal(250), Decimal(750)],
    ]


def test_rates_are_as_many_as_the_read_sent_whoever_else_was_read() -> None:
    two = [rated(1, "2", ["1", "1"]), rated(2, "4", ["2", "2"])]
    five = [rated(1, "5", ["1"] * 5, "reactive_lagging"), rated(2, "10", ["2"] * 5, "reactive_lagging")]
    assert rate_energy([*two, *five]) == [None, [Decimal(1000)] * 2, None, [Decimal(1000)] * 5]
    assert rate_energy(two) == [None, [Decimal(1000)] * 2]


def test_a_rate_that_rolls_over_is_no_finding_and_neither_is_a_total_a_turn_behind_its_rates() -> None:
    reads = [
        rated(0, "9999", ["9990", "9"]),
        rated(1, "4", ["9994", "10"]),
        rated(2, "12", ["1", "11"]),
        rated(3, "13", ["2", "10"]),
    ]
    schema = pa.schema(
        [BronzeRegisterReads.arrow_schema().field(name) for name in BronzeRegisterReads.business_columns()]
    )
    rows = [{name: row[name] for name in schema.names} for row in reads]
    meters = pa.Table.from_pylist([meter()], SilverMeterPoints.arrow_schema())
    outcome = refine_read_rows(pa.Table.from_pylist(rows, schema), meters, SETTINGS, DAY + timedelta(days=39))
    told = [((row["finding_date"] - DAY).days, row["check_id"]) for row in outcome.findings.to_pylist()]
    assert told == [(1, "VEE-V20"), (3, "VEE-V22"), (3, "VEE-V23")]
