"""Indicators put together by the workers are those that the driver puts together, whoever lies where."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.periods import BillingMonth
from pipelines.storage.data_files import write_files
from pipelines.storage.hash_layout import HASH_BITS, bucket_column, bucket_of, subject_hashes
from pipelines.storage.scan import whole_table
from pipelines.storage.store import Store
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverCustomers, SilverEvents, SilverPayments
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.indicators import by_customers, derive, load_in_buckets
from products.credit_index.indicators.assemble import assemble_indicators
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load import deducted_days, load_indicators
from products.credit_index.indicators.load_in_buckets import FROM, spread_customers
from products.credit_index.settings import CreditIndexSettings
from tests.written_tables import written

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from pipelines.tables.base import Table

MONTHS = tuple(BillingMonth(2025, 8).plus(offset) for offset in range(14))
CUSTOMERS = 60


def declared(table: type[Table], rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([field.with_nullable(True) for field in table.arrow_schema()])
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema)


def a_city() -> dict[type[Table], pa.Table]:
    """Every fifth customer has three meter points, two lie behind another's, one has payments and no energy,
    one energy and no payments.
    """
    rng = np.random.default_rng(8)
    days: list[dict[str, Any]] = []
    payments: list[dict[str, Any]] = []
    terms: list[dict[str, Any]] = []
    for number in range(CUSTOMERS):
        name = f"C{number:03d}"
        for point in range(3 if number % 5 == 0 else 1):
            for month in () if number == 7 else MONTHS:
                days += [
                    {
                        "meter_point_id": f"MP-{name}-{point}",
                        "channel_code": "active_forward",
                        "energy_date": day,
                        "customer_id": name,
                        "energy_kwh_or_kvarh": float(rng.uniform(0, 90)),
                        "basis_code": "register",
                        "estimated_ratio": 0.1 * point,
                        "energy_month": str(month),
                        "deducted_customer_id": "C001" if number in (2, 5) and point == 0 else None,
                    }
                    for day in month.days
                ]
        payments += [
            {
                "customer_id": name,
                "billing_month": str(month),
                "billed_cny": 100.0 + number,
                "due_date": month.last_day + timedelta(days=20),
                "paid_date": month.last_day + timedelta(days=int(rng.integers(5, 60))),
                "provenance": "simulated",
            }
            for month in (() if number == 9 else MONTHS)
        ]
        terms += [
            {
                "customer_id": name,
                "valid_from_date": day,
                "customer_name": name,
                "city": "杭州",
                "industry_code": str(31 + (number + change) % 3) if number % 11 else None,
                "contract_capacity_kva": 100.0,
                "opened_date": MONTHS[0].first_day,
                "provenance": "simulated",
            }
            for change, day in enumerate((MONTHS[0].first_day, MONTHS[6].first_day)[: 1 + (number % 4 == 0)])
        ]
    events = [
        {
            "event_id": f"E{number}",
            "customer_id": f"C{number * 3:03d}",
            "event_code": "contract_violation",
            "started_date": MONTHS[number].first_day,
            "provenance": "simulated",
        }
        for number in range(10)
    ]
    return {
        GoldDayEnergy: declared(GoldDayEnergy, days),
        SilverPayments: declared(SilverPayments, payments),
        SilverEvents: declared(SilverEvents, events),
        SilverCustomers: declared(SilverCustomers, terms),
    }


def inputs_of(city: dict[type[Table], pa.Table], stands: list[str], store: Store, spark: Any) -> Any:
    """What the step is given; ``stands`` are the files of its table."""
    return SimpleNamespace(
        settings=store.settings,
        spark=spark,
        paths=written(store, city),
        location=store.path,
        current=lambda _table: stands,
        current_paths=lambda table: [f"{store.path(table)}/{path}" for path in stands],
        run_id="first",
    )


def held_in_memory(spark: Any) -> int:
    """How much of Spark's data is persisted."""
    return int(spark.sparkContext._jsc.getPersistentRDDs().size())


def test_workers_and_driver_give_the_same_rows(
    spark: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    city, store = a_city(), Store(settings)
    stands: list[str] = []
    given = inputs_of(city, stands, store, spark)
    calendar = Calendar(MONTHS)
    operation = settings.section(CreditIndexSettings).operation
    load = load_indicators(city[GoldDayEnergy], calendar, operation, deducted_days(city[GoldDayEnergy]))
    expected = assemble_indicators(
        load, city[SilverPayments], city[SilverEvents], city[SilverCustomers], calendar
    )

    def rows(files: Any) -> pa.Table:
        found = whole_table(
            [f"{store.path(GoldCustomerIndicators)}/{file.path}" for file in files.files],
            GoldCustomerIndicators,
        )
        key = [("customer_id", "ascending"), ("indicator_month", "ascending")]
        return found.select(expected.column_names).sort_by(key)

    monkeypatch.setattr(load_in_buckets, "DAYS_PER_TASK", 8_000)
    monkeypatch.setattr(load_in_buckets, "SPREAD_PER_TASK", 4)
    by_driver = derive.derive_indicators(given)[GoldCustomerIndicators]
    assert rows(by_driver).to_pylist() == expected.to_pylist()

    monkeypatch.setattr(derive, "MOST_ON_DRIVER", 0)
    monkeypatch.setattr(by_customers, "CUSTOMERS_PER_TASK", 20)
    before = held_in_memory(spark)
    by_workers = derive.derive_indicators(given)[GoldCustomerIndicators]
    assert held_in_memory(spark) == before, "what was persisted is let go"
    assert len(by_workers.files) > len(MONTHS)
    assert rows(by_workers).to_pylist() == expected.to_pylist()
    assert by_workers.violations == by_driver.violations

    stands += [file.path for file in by_workers.files]
    given.run_id = "second"
    again = derive.derive_indicators(given)[GoldCustomerIndicators]
    assert (again.files, again.kept) == ((), frozenset(stands))


def test_rows_of_a_bucket_that_has_no_payments_any_more_go(
    spark: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derive, "MOST_ON_DRIVER", 0)
    monkeypatch.setattr(by_customers, "CUSTOMERS_PER_TASK", 20)
    city, store = a_city(), Store(settings)
    payments = city[SilverPayments]
    # Buckets are halves, quarters, ... by the highest bits of the hash.
    in_first = pc.equal(pa.array(subject_hashes(payments["customer_id"]) * 4 >> HASH_BITS), 0)
    names = pc.unique(payments.filter(in_first)["customer_id"]).to_pylist()
    assert names
    city[SilverPayments] = payments.filter(pc.invert(in_first))
    stands: list[str] = []
    given = inputs_of(city, stands, store, spark)
    first = derive.derive_indicators(given)[GoldCustomerIndicators]
    stands += [file.path for file in first.files]
    given.run_id = "second"
    assert derive.derive_indicators(given)[GoldCustomerIndicators].kept == frozenset(stands)

    one = whole_table(given.current_paths(GoldCustomerIndicators), GoldCustomerIndicators).slice(0, 1)
    place = one.column_names.index("customer_id")
    left = one.set_column(place, one.schema.field(place), pa.array(names[:1], pa.string()))
    stands += [
        file.path for file in write_files(left, GoldCustomerIndicators, store.path(GoldCustomerIndicators))
    ]
    again = derive.derive_indicators(given)[GoldCustomerIndicators]
    assert (len(again.files), again.kept) == (len(first.files), None), "what stood is replaced"


def test_a_customer_in_two_buckets_is_seen() -> None:
    found = pa.table({"customer_id": ["A", "A", "B", "B", "C"], FROM: pa.array([0, 0, 0, 1, 2], pa.int32())})
    assert spread_customers(found) == ["B"]


def test_spark_counts_buckets_as_arrow_does(spark: Any) -> None:
    names = [None, "", "C-1", "电费-0001", "a b/../c", *(f"C{number:05d}" for number in range(300))]
    frame = spark.createDataFrame([(name,) for name in names], "customer_id string")
    for count in (1, 2, 7, 64):
        found = frame.select("customer_id", bucket_column("customer_id", count).alias("bucket")).collect()
        assert {row.customer_id: row.bucket for row in found} == {
            name: bucket_of(name, count) for name in names
        }
