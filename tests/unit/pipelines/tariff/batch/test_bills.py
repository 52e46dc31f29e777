"""The batch in whole numbers: exact products, refusals in the words of the single engine, order kept, Spark's
shape.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.tariff import differences, measure, simulated_bills
from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import UsageError, ZhixiangError
from pipelines.facts import load_facts
from pipelines.money import round_half_up, round_to_fen
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import (
    Contract,
    Determinants,
    Segment,
    SupplyMonth,
    power_factor,
    price_supply,
    supply_of,
)
from pipelines.tariff.batch.bills import LINES_SCHEMA, arrow_pricer, price_batch
from pipelines.tariff.batch.columns import BILLS_SCHEMA, bills_table
from pipelines.tariff.batch.exact import (
    MICRO,
    mean_power_factors,
    means_half_up,
    parts_of,
    products_in_fen,
    shares_in_fen,
    whole_numbers,
)
from pipelines.tariff.batch.texts import plain_numbers
from pipelines.tariff.lines import average_price

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
FACTORY = Contract(
    CustomerClass.LARGE_INDUSTRY,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    True,
    D(800),
    D(800),
    DemandBasis.CONTRACT_DEMAND,
    D(600),
    D("0.90"),
)
SHOP = Contract(
    CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
)
MEASURED = Determinants(
    SEPTEMBER, D("1000.00"), {TouPeriod.PEAK: D("1000.00")}, D(700), D("480.00"), D(0), D("0.01")
)


def test_products_are_rounded_once_half_away_from_zero() -> None:
    random = Random(1)
    pairs = [
        (
            random.choice((-1, 1)) * random.randint(0, 10 ** random.randint(1, 15)),
            random.randint(0, 10 ** random.randint(1, 14)),
        )
        for _ in range(5000)
    ]
    pairs += [(500_000, 10**10), (1_500_000, 10**10), (-500_000, 10**10), (10**15, 1), (0, 10**14)]
    quantity, price = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    expected = [int(round_to_fen(D(q).scaleb(-6) * D(p).scaleb(-12)) * 100) for q, p in pairs]
    assert products_in_fen(quantity, price).tolist() == expected


def test_a_product_too_large_is_refused_never_rounded() -> None:
    with pytest.raises(OverflowError):
        products_in_fen(np.array([9 * 10**18]), np.array([9 * 10**18]))
    with pytest.raises(OverflowError):
        whole_numbers(pa.array([D("99999999999999999999")]), MICRO)


def test_parts_of_a_month_are_rounded_half_up_at_the_sixth_decimal() -> None:
    random = Random(2)
    for _ in range(2000):
        value, days = random.randint(0, 10**17), random.randint(0, 31)
        found = parts_of(np.array([value]), 12, np.array([days]), np.array([30]))[0]
        exact = round_half_up(D(value).scaleb(-12) * days / 30, D("0.000001"))
        assert D(int(found)).scaleb(-6) == exact


def test_shares_of_a_month_are_rounded_once_at_the_fen() -> None:
    """Against fractions; many of the pairs are made to lie on half a fen or a hair beside it."""
    random = Random(6)
    cases = [
        (random.randint(0, 10**17), random.randint(1, 10**14), random.randint(1, 31), 30) for _ in range(3000)
    ]
    for _ in range(3000):
        # (2n + 1) / 2 fen = value x price x days / 30 with price = 3 x 10^10 units, days = 10: value = (2n +
        # 1) x 5 x 10^11.
        half = (2 * random.randint(0, 10**4) + 1) * 5 * 10**11
        cases.append((half + random.choice((-1, 0, 0, 1)), 3 * 10**10, 10, 30))
    value, price, up, down = (np.array(column, dtype=np.int64) for column in zip(*cases, strict=True))
    expected = [floor(Fraction(v * p * u, d * 10**22) + Fraction(1, 2)) for v, p, u, d in cases]
    kept = [place for place, fen in enumerate(expected) if fen < 10**12]
    assert len(kept) > 5000
    assert shares_in_fen(value[kept], 12, price[kept], up[kept], down[kept]).tolist() == [
        expected[place] for place in kept
    ]
    with pytest.raises(OverflowError):
        shares_in_fen(np.array([10**18]), 6, np.array([10**14]), np.array([1]), np.array([1]))


def test_power_factors_at_their_edges_are_those_of_exact_arithmetic() -> None:
    """Legs whose ratio is half a hundredth exactly: 0.805, 0.695 ... do not occur, 3-4-5 and its kin do at
    full hundredths.
    """
    random = Random(3)
    cases = [(random.randint(0, 10**13), random.randint(0, 10**13)) for _ in range(3000)]
    for half in range(5, 1000, 10):
        for scale in (1000, 10**6, 10**9):
            reactive = int((D(1) / (D(half) / 1000) ** 2 - 1).sqrt() * scale)
            cases += [(scale, reactive), (scale, reactive + 1)]
    # 161-240-289 and 0.28-0.96-1: exact ratios of small numbers.
    cases += [(161, 240), (28, 96), (3, 4), (1, 0), (0, 1)]
    active, reactive_energy = (np.array(column, dtype=np.int64) for column in zip(*cases, strict=True))
    expected = [int(power_factor(D(r), D(0), D(a)) * 100) if a or r else 0 for a, r in cases]
    assert mean_power_factors(active, reactive_energy).tolist() == expected


def test_numbers_are_written_as_decimals_write_themselves() -> None:
    """Every digit against Python's own, powers of ten below a millionth and negative ones too."""
    random = Random(4)
    cases = [(random.randint(-(10**9), 10**9), random.randint(6, 12)) for _ in range(3000)]
    cases += [
        (0, 0),
        (0, 8),
        (1, 6),
        (1, 7),
        (-1, 12),
        (1_000_000, 0),
        (1_500_000, 1),
        (-2_000_000, 0),
        (12_345_678, 6),
    ]
    values, decimals = (np.array(column, dtype=np.int64) for column in zip(*cases, strict=True))
    expected = [f"{D(value).scaleb(-6).quantize(D(1).scaleb(-places)):f}" for value, places in cases]
    assert plain_numbers(values, 6, decimals).to_pylist() == expected
    assert plain_numbers(values[:0], 6, decimals[:0]).to_pylist() == []
    with pytest.raises(UsageError, match="more than the 2 decimals"):
        plain_numbers(np.array([1_001_000]), 6, np.array([2]))
    with pytest.raises(OverflowError):
        plain_numbers(np.array([10**15]), 6, np.array([12]))


def test_mean_prices_are_rounded_half_away_from_zero_at_the_fourth_decimal() -> None:
    random = Random(5)
    cases = [
        (
            random.choice((-1, 1)) * random.randint(0, 10 ** random.randint(1, 13)),
            random.randint(10**4, 10 ** random.randint(5, 15)),
        )
        for _ in range(3000)
    ]
    # 0.00005 CNY/kWh is half a step, one kilowatt-hour more is below it.
    cases += [(1, 200_000_000), (-1, 200_000_000), (1, 200_000_001), (0, 1)]
    fen, energy = (np.array(column, dtype=np.int64) for column in zip(*cases, strict=True))
    expected = [average_price(D(amount).scaleb(-2), D(size).scaleb(-6)) for amount, size in cases]
    assert [D(int(found)).scaleb(-4) for found in means_half_up(fen, energy)] == expected
    assert expected[-4:] == [D("0.0001"), D("-0.0001"), D("0.0000"), D("0.0000")]
    assert means_half_up(np.array([5]), np.array([0])).tolist() == [0]
    with pytest.raises(OverflowError):
        means_half_up(np.array([10**12]), np.array([1]))


def with_segment(**changes: Any) -> SupplyMonth:
    supply = supply_of(FACTORY, MEASURED)
    return dataclasses.replace(supply, segments=(dataclasses.replace(supply.segments[0], **changes),))


def with_terms(**terms: Any) -> SupplyMonth:
    return with_segment(contract=dataclasses.replace(FACTORY, **terms))


def on(month: BillingMonth) -> SupplyMonth:
    return supply_of(FACTORY, dataclasses.replace(MEASURED, month=month))


REFUSED: list[SupplyMonth] = [
    SupplyMonth(SEPTEMBER, ()),
    on(BillingMonth(2026, 7)),
    on(BillingMonth(2018, 4)),
    with_segment(energy_kwh=D(-1)),
    with_segment(energy_kwh=D("999.99")),
    with_segment(energy_by_period=None),
    with_segment(max_demand_kw=None),
    with_segment(running_days=31),
    with_segment(first_day=date(2026, 8, 31)),
    with_terms(demand_basis=None),
    with_terms(contract_demand_kw=None),
    with_terms(running_capacity_kva=None),
    with_terms(contract_capacity_kva=D(0)),
    with_terms(voltage_level=VoltageLevel.BELOW_1KV),
    with_terms(customer_class=CustomerClass.AGRICULTURE),
    with_terms(power_factor_standard=D("0.95")),
    with_terms(market_price_cny_per_kwh=D("0.45")),
    dataclasses.replace(supply_of(FACTORY, MEASURED), exported_kwh=D(-1)),
    dataclasses.replace(supply_of(FACTORY, MEASURED), lagging_kvarh=D(-1)),
    dataclasses.replace(with_terms(export_price_cny_per_kwh=D(-1)), exported_kwh=D(1)),
    dataclasses.replace(supply_of(FACTORY, MEASURED), segments=supply_of(FACTORY, MEASURED).segments * 2),
]


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
    """No timing: the same bills both ways, 20 lines and more, a tenth of them with a change inside the month."""
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


@pytest.mark.spark
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


def edge(energy: str, demand: str = "0", **terms: Any) -> SupplyMonth:
    contract = dataclasses.replace(FACTORY, is_time_of_use=False, power_factor_standard=None, **terms)
    return supply_of(
        contract,
        dataclasses.replace(MEASURED, energy_kwh=D(energy), energy_by_period=None, max_demand_kw=D(demand)),
    )


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
