"""The steel works' bill against the one worked out by hand in oracle.md."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.codes import (
    Confidence,
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    TouPeriod,
    VoltageLevel,
)
from pipelines.errors import FactNotInForceError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, price_supply
from tests.measured_months import Measured, supply_of

FOLDER = Path(__file__).parent / "steel_works_september_2026"
FACTS = load_facts(packaged("conf") / "facts")


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def contract() -> Contract:
    row = rows("when/contract.csv")[0]
    return Contract(
        CustomerClass(row["customer_class"]),
        PricingScheme(row["pricing_scheme"]),
        VoltageLevel(row["voltage_level"]),
        row["is_time_of_use"] == "true",
        Decimal(row["contract_capacity_kva"]),
        Decimal(row["running_capacity_kva"]),
        DemandBasis(row["demand_basis"]),
        Decimal(row["contract_demand_kw"]),
        Decimal(row["power_factor_standard"]),
    )


def priced(month: str = "2026-09") -> PricedMonth:
    row = rows("when/determinants.csv")[0]
    split = {TouPeriod(name): Decimal(row[f"{name}_kwh"]) for name in ("peak", "flat", "valley")}
    numbers = {key: Decimal(value) for key, value in row.items() if key != "month"}
    determinants = Measured(
        BillingMonth.parse(month),
        numbers["energy_kwh"],
        split,
        numbers["max_demand_kw"],
        numbers["lagging_kvarh"],
        numbers["leading_kvarh"],
        numbers["resolution_kwh"],
    )
    return price_supply(supply_of(contract(), determinants), FACTS)


def test_every_line_is_the_one_worked_out_by_hand() -> None:
    found = [
        (
            line.component.value,
            line.period.value if line.period else "",
            line.quantity,
            line.unit_price,
            line.amount_cny,
            line.fact_id,
        )
        for line in priced().lines
    ]
    expected = [
        (
            row["component"],
            row["period"],
            Decimal(row["quantity"]),
            Decimal(row["unit_price"]),
            Decimal(row["amount_cny"]),
            row["fact_id"],
        )
        for row in rows("then/lines.csv")
    ]
    assert found == expected


def test_the_total_is_the_sum_of_the_lines_to_the_fen() -> None:
    bill = priced()
    assert bill.total_cny == Decimal("77141.97") == sum(line.amount_cny for line in bill.lines)
    assert bill.average_price_cny_per_kwh == Decimal("1.2664")
    assert [line.line_number for line in bill.lines] == list(range(1, 12))


def test_power_factor_and_confidence() -> None:
    bill = priced()
    assert (bill.power_factor, bill.adjustment_ratio) == (Decimal("0.81"), Decimal("0.045"))
    assert (bill.is_illustrative, bill.lowest_confidence, bill.missing_inputs) == (
        True,
        Confidence.ILLUSTRATIVE,
        (),
    )
    sure = {line.component: line.fact_confidence for line in bill.lines}
    assert sure[LineComponent.ENERGY_BASE] is Confidence.ILLUSTRATIVE
    assert sure[LineComponent.TRANSMISSION] is Confidence.MEDIUM


def test_july_has_no_transmission_price() -> None:
    with pytest.raises(FactNotInForceError) as raised:
        priced("2026-07")
    assert raised.value.fact_id == "transmission.two_part.energy"
    assert raised.value.exit_code == 5
    assert "2026-08-01" in raised.value.covers
    assert priced("2026-08").total_cny > 0
