"""The batch in whole numbers: exact products, refusals in the words of the single engine, order kept, Spark's
shape.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.tariff import differences, measure, simulated_bills
from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import UsageError, ZhixiangError
from pipelines.periods import BillingMonth
from pipelines.tariff import (
    Contract,
    Segment,
    SupplyMonth,
    price_supply,
    supply_of,
)
from pipelines.tariff.batch.bills import LINES_SCHEMA, arrow_pricer, price_batch
from pipelines.tariff.batch.columns import BILLS_SCHEMA, bills_table
from tests.unit.pipelines.tariff.batch.months import (
    FACTORY,
    FACTS,
    MEASURED,
    REFUSED,
    SEPTEMBER,
    edge,
    on,
    with_segment,
)

D = Decimal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_what_the_single_engine_refuses_the_batch_refuses_and_prices_the_rest() -> None:
    good = supply_of(FACTORY, MEASURED)
    cases = [each for bad in REFUSED for each in (bad, good)]
    for bad in REFUSED:
        with pytest.raises(ZhixiangError):
            price_supply(bad, FACTS)
    priced = price_batch(
        bills_table((f"C{number:02d}", supply) for number, supply in enumerate(cases)), FACTS
    )
    assert priced.refused["account_id"].to_pylist() == [
        f"C{number:02d}" for number in range(0, len(cases), 2)
    ]
    assert all(priced.refused["reason"].to_pylist())
    assert list(dict.fromkeys(priced.lines["account_id"].to_pylist())) == [
        f"C{number:02d}" for number in range(1, len(cases), 2)
    ]
    reasons = dict(
        zip(priced.refused["account_id"].to_pylist(), priced.refused["reason"].to_pylist(), strict=True)
    )
    assert "No transmission.two_part.energy in force on 2026-07-01" in reasons["C02"]


def test_a_period_without_a_ratio_refuses_only_who_uses_it() -> None:
    table = FACTS.time_of_use.ratio_tables[CustomerClass.LARGE_INDUSTRY]
    ratios = dataclasses.replace(
        table.versions[-1],
        value={
            period: ratio
            for period, ratio in table.versions[-1].value.items()
            if period is not TouPeriod.DEEP_VALLEY
        },
    )
    tables = {
        **FACTS.time_of_use.ratio_tables,
        CustomerClass.LARGE_INDUSTRY: dataclasses.replace(table, versions=(ratios,)),
    }
    facts = dataclasses.replace(
        FACTS, time_of_use=dataclasses.replace(FACTS.time_of_use, ratio_tables=tables)
    )
    deep = with_segment(energy_by_period={TouPeriod.PEAK: D("999.00"), TouPeriod.DEEP_VALLEY: D("1.00")})
    priced = price_batch(bills_table([("DEEP", deep), ("PEAK", supply_of(FACTORY, MEASURED))]), facts)
    assert priced.refused["account_id"].to_pylist() == ["DEEP"]
    assert "deep_valley" in priced.refused["reason"][0].as_py()


def test_unknown_codes_and_missing_columns_are_refused_as_a_whole() -> None:
    bills = bills_table([("A", supply_of(FACTORY, MEASURED))])
    with pytest.raises(UsageError, match="lacks the columns segments"):
        price_batch(bills.drop(["segments"]), FACTS)
    rows = bills.to_pylist()
    rows[0]["segments"][0]["voltage_level_code"] = "2kv"
    with pytest.raises(UsageError, match="'2kv' is no known VoltageLevel"):
        price_batch(pa.Table.from_pylist(rows, BILLS_SCHEMA), FACTS)


def test_no_bills_and_only_refused_bills_have_no_lines() -> None:
    nothing = price_batch(BILLS_SCHEMA.empty_table(), FACTS)
    assert (nothing.lines.num_rows, nothing.refused.num_rows, nothing.lines.schema) == (0, 0, LINES_SCHEMA)
    refused = price_batch(bills_table([("A", REFUSED[1])]), FACTS)
    assert (refused.lines.num_rows, refused.refused.num_rows) == (0, 1)


def test_a_slice_of_a_batch_is_priced_like_the_whole() -> None:
    bills = simulated_bills(60)
    whole = price_batch(bills, FACTS).lines
    parts = pa.concat_tables([price_batch(bills.slice(start, 17), FACTS).lines for start in range(0, 60, 17)])
    assert parts.combine_chunks().equals(whole.combine_chunks())


def test_the_pricer_for_spark_loses_no_bill() -> None:
    table = bills_table([("A", supply_of(FACTORY, MEASURED)), ("B", on(BillingMonth(2026, 7)))])
    batches = list(arrow_pricer(FACTS)(table.to_batches()))
    lines = pa.Table.from_batches(batches, LINES_SCHEMA).to_pylist()
    assert {row["account_id"] for row in lines if row["line_number"]} == {"A"}
    assert [(row["account_id"], row["fact_id"][:30]) for row in lines if not row["line_number"]] == [
        ("B", "No transmission.two_part.energ")
    ]


def test_knowledge_counts_in_a_batch() -> None:
    bills = bills_table([("A", supply_of(FACTORY, MEASURED))])
    assert price_batch(bills, FACTS, date(2026, 7, 31)).refused.num_rows == 1
    assert price_batch(bills, FACTS, date(2026, 8, 1)).refused.num_rows == 0


def test_the_benchmark_in_short() -> None:
    """No timing: the same bills both ways, 20 lines and more, a tenth of them with a change inside the
    month.
    """
    bills = simulated_bills(400)
    assert differences(bills, FACTS)[0] == 0
    lines = price_batch(bills, FACTS).lines
    counts = np.unique(lines["account_id"].to_numpy(), return_counts=True)[1]
    assert counts.min() >= 20
    changing = sum(len(row) == 3 for row in bills["segments"].to_pylist())
    assert 20 <= changing <= 60


def test_the_benchmark_reports_what_it_measured() -> None:
    found = measure(count=200, compare=50, processes=1)
    assert (found["bills"], found["different_bills"], found["compared_bills"]) == (200, 0, 50)
    assert found["peak_memory_mb_per_process"] > 0


def test_a_city_is_priced_in_spark(spark: SparkSession) -> None:
    from pyspark.sql.pandas.types import from_arrow_schema

    bills = simulated_bills(300)
    frame = spark.createDataFrame(bills).repartition(3)  # type: ignore[arg-type]
    price: Callable[..., Any] = arrow_pricer(FACTS)
    found = (
        frame.mapInArrow(price, from_arrow_schema(LINES_SCHEMA))
        .toArrow()
        .sort_by([("account_id", "ascending"), ("line_number", "ascending")])
    )
    expected = price_batch(bills, FACTS).lines
    names = LINES_SCHEMA.names
    assert found.num_rows == expected.num_rows
    assert all(found[name].to_pylist() == expected[name].to_pylist() for name in names)


def test_segments_that_stand_apart_are_runs_of_their_own() -> None:
    """A part behind the meter that pauses for ten days: two runs, no joining over the gap."""
    part = {
        "section": "workshop",
        "energy_kwh": D("500.00"),
        "energy_by_period": {TouPeriod.FLAT: D("500.00")},
        "max_demand_kw": D(500),
    }
    supply = SupplyMonth(
        SEPTEMBER,
        (
            Segment(FACTORY, date(2026, 9, 1), date(2026, 9, 10), **part),
            Segment(FACTORY, date(2026, 9, 21), date(2026, 9, 30), **part),
        ),  # type: ignore[arg-type]
    )
    bill = price_supply(supply, FACTS)
    assert [line.quantity for line in bill.lines if line.component.value == "basic_demand"] == [
        D(200),
        D(200),
    ]
    lines = price_batch(bills_table([("A", supply)]), FACTS).lines
    assert lines["amount_cny"].to_pylist() == [line.amount_cny for line in bill.lines]


def test_the_edges_of_the_rules_are_the_same_in_a_batch() -> None:
    """On each edge and one step to either side: 260 kWh/kVA, 105 %, 40 %, half a fen, the tiers."""
    home = Contract(
        CustomerClass.RESIDENTIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
    )
    cases = [edge(energy) for energy in ("207999.99", "208000.00", "208000.01")]
    cases += [
        edge(energy, "700", demand_basis=DemandBasis.ACTUAL_DEMAND)
        for energy in ("207999.99", "208000.00", "208000.01")
    ]
    cases += [edge("0", demand) for demand in ("629.9999", "630", "630.0001")]
    cases += [edge("0", "336", contract_demand_kw=D(demand)) for demand in ("319.99", "320", "320.01")]
    cases += [edge(energy) for energy in ("0.02", "0.04", "0.20", "1.00", "2.60")]
    for before in ("2759.99", "2760", "2760.01", "4799.99", "4800", "4800.01"):
        bought = dataclasses.replace(
            MEASURED, energy_kwh=D("0.01"), energy_by_period=None, year_to_date_kwh=D(before)
        )
        cases.append(supply_of(home, bought))
    lines = price_batch(
        bills_table((f"E{number:02d}", supply) for number, supply in enumerate(cases)), FACTS
    ).lines
    single = [line for supply in cases for line in price_supply(supply, FACTS).lines]
    for name in ("quantity", "unit_price"):
        assert lines[name].to_pylist() == [getattr(line, name) for line in single]
    assert lines["amount_cny"].to_pylist() == [line.amount_cny for line in single]
    falls = [row["unit_price"] for row in lines.to_pylist() if row["component_code"] == "basic_demand"][:3]
    assert falls == [D("47.2"), D("42.48"), D("42.48")]
