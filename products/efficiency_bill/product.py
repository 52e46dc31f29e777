"""The product: bills of a month with their lines and advice."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.steps import Inputs
from pipelines.tables.base import Role, Table
from pipelines.tables.efficiency_bill import EfficiencyBillAdviceV1, EfficiencyBillLinesV1, EfficiencyBillV1
from pipelines.tables.gold import GoldBillingDeterminants, GoldDayEnergy
from pipelines.tables.silver import SilverCustomers, SilverWeather
from products.efficiency_bill.cases import Case, gather_cases
from products.efficiency_bill.issue import issue_bill, price_case
from products.efficiency_bill.served_model import MODEL, read_coefficients
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.training import billed, read_days

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TABLES: tuple[type[Table], ...] = (EfficiencyBillV1, EfficiencyBillLinesV1, EfficiencyBillAdviceV1)
MONTHS_OF_DEMAND = 3
_ADDED = {"revision", "supersedes_revision", "content_digest"}


def product_schema(table: type[Table]) -> pa.Schema:
    """A product table's columns without those that the runner adds."""
    return pa.schema([table.arrow_schema().field(field.name) for field in table.fields() if field.role is not Role.RUN and field.name not in _ADDED])


def _nested_schema() -> pa.Schema:
    """A bill with its lines and advice inside, for the way from the workers."""
    outer = {"customer_id", "billing_month"}
    inside = [
        (name, pa.struct([field for field in product_schema(table) if field.name not in outer]))
        for name, table in zip(("lines", "advice"), TABLES[1:], strict=True)
    ]
    return pa.schema([*product_schema(EfficiencyBillV1), *[pa.field(name, pa.list_(kind)) for name, kind in inside]])


class EfficiencyBill:
    """Efficiency bill, with the baseline of ``efficiency_bill_baseline``."""

    name = "efficiency-bill"
    reads: tuple[type[Table], ...] = (SilverCustomers, SilverWeather, GoldBillingDeterminants, GoldDayEnergy)
    result: type[Table] = EfficiencyBillV1
    evidence: tuple[type[Table], ...] = (EfficiencyBillLinesV1, EfficiencyBillAdviceV1)
    models: tuple[str, ...] = (MODEL,)

    def compute(self, inputs: Inputs, month: BillingMonth, facts: Facts) -> Mapping[type[Table], DataFrame]:
        """Bills of every customer of the settings; raises FactNotInForceError where a price of the month is not published."""
        from pyspark.sql import functions as F
        from pyspark.sql.pandas.types import from_arrow_schema

        settings, bundle = inputs.settings.section(EfficiencyBillSettings), inputs.bundles[MODEL]
        months = [str(month.plus(-offset)) for offset in range(MONTHS_OF_DEMAND)]
        determinants = billed(inputs.frame(GoldBillingDeterminants), settings).where(F.col("billing_month").isin(months)).toArrow()
        customers = billed(inputs.frame(SilverCustomers), settings).toArrow()
        cases = gather_cases(customers, determinants, read_days(inputs, settings, month), read_coefficients(bundle.files), month, settings)
        check_prices(cases, facts)
        version, run_settings = bundle.version, settings
        nested = _nested_schema()

        def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                bills = [issue_bill(pickle.loads(text), facts, run_settings, MODEL, version) for text in batch.column(0).to_pylist()]  # noqa: S301  # made above, never received
                yield from pa.Table.from_pylist(bills, nested).to_batches()

        packed = pa.table({"case": pa.array([pickle.dumps(case) for case in cases], pa.binary())})
        slices = max(1, min(len(cases) // 20, inputs.spark.sparkContext.defaultParallelism * 2))
        frame = inputs.spark.createDataFrame(packed).repartition(slices).mapInArrow(work, from_arrow_schema(nested)).persist()
        outer = ["customer_id", "billing_month"]
        return {
            EfficiencyBillV1: frame.drop("lines", "advice"),
            EfficiencyBillLinesV1: frame.select(*outer, F.explode("lines").alias("line")).select(*outer, "line.*"),
            EfficiencyBillAdviceV1: frame.select(*outer, F.explode("advice").alias("item")).select(*outer, "item.*"),
        }


def check_prices(cases: list[Case], facts: Facts) -> None:
    """Prices one case of each kind of contract here, so that a fact that is not in force surfaces as itself and not from a worker."""
    seen: set[tuple[Any, ...]] = set()
    for case in cases:
        if case.contract is None:
            continue
        contract, split = case.contract, case.determinants.energy_by_period or {}
        kind = (
            contract.customer_class, contract.pricing_scheme, contract.voltage_level, contract.is_time_of_use, contract.demand_basis,
            contract.power_factor_standard, frozenset(period for period, energy in split.items() if energy),
        )  # fmt: skip
        if kind not in seen:
            seen.add(kind)
            price_case(case, facts)


EFFICIENCY_BILL = EfficiencyBill()
