"""The product: bills of a month with their lines and advice."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.steps import Inputs
from pipelines.tables.base import Table
from pipelines.tables.efficiency_bill import EfficiencyBillAdviceV1, EfficiencyBillInputsV1, EfficiencyBillLinesV1, EfficiencyBillV1
from pipelines.tables.gold import GoldBillingDeterminants, GoldDayEnergy
from pipelines.tables.revised import product_schema
from pipelines.tables.silver import SilverCustomers, SilverWeather
from pipelines.transforms.aggregates import PublicationSettings
from products.efficiency_bill.cases import Case, gather_cases
from products.efficiency_bill.issue import issue_bill, price_case
from products.efficiency_bill.served_model import MODEL, read_coefficients
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.training import WEATHER, arrange_days, billed, day_energy

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Evidence, and under which name a bill holds it.
EVIDENCE: Mapping[type[Table], str] = {EfficiencyBillLinesV1: "lines", EfficiencyBillAdviceV1: "advice", EfficiencyBillInputsV1: "inputs"}
OUTER = ("customer_id", "billing_month")
MOST_ON_DRIVER = 5_000
MONTHS_OF_DEMAND = 3


def _nested_schema() -> pa.Schema:
    """A bill with its lines and advice inside, for the way from the workers."""
    inside = [(name, pa.struct([field for field in product_schema(table) if field.name not in OUTER])) for table, name in EVIDENCE.items()]
    return pa.schema([*product_schema(EfficiencyBillV1), *[pa.field(name, pa.list_(kind)) for name, kind in inside]])


class EfficiencyBill:
    """Efficiency bill, with the baseline of ``efficiency_bill_baseline``."""

    name = "efficiency-bill"
    reads: tuple[type[Table], ...] = (SilverCustomers, SilverWeather, GoldBillingDeterminants, GoldDayEnergy)
    result: type[Table] = EfficiencyBillV1
    evidence: tuple[type[Table], ...] = tuple(EVIDENCE)
    models: tuple[str, ...] = (MODEL,)

    def compute(self, inputs: Inputs, month: BillingMonth, facts: Facts) -> Mapping[type[Table], DataFrame]:
        """Bills of every customer of the settings; raises FactNotInForceError where a price of the month is not published."""
        from pyspark.sql import functions as F

        settings, bundle = inputs.settings.section(EfficiencyBillSettings), inputs.bundles[MODEL]
        limits = inputs.settings.section(PublicationSettings)
        months = [str(month.plus(-offset)) for offset in range(MONTHS_OF_DEMAND)]
        customers = billed(inputs.frame(SilverCustomers), settings).toArrow()
        determinants = billed(inputs.frame(GoldBillingDeterminants), settings).where(F.col("billing_month").isin(months)).toArrow()
        weather = inputs.frame(SilverWeather).where(F.col("weather_date").between(month.first_day, month.last_day)).select(*WEATHER).toArrow()
        arranged = arrange_days(day_energy(inputs, settings, month).toArrow(), customers, weather)
        cases = gather_cases(customers, determinants, arranged, read_coefficients(bundle.files), month, settings, limits)
        check_prices(cases, facts)
        if len(cases) <= MOST_ON_DRIVER:
            return _on_driver(inputs, cases, facts, settings, bundle.version)
        return _on_workers(inputs, cases, facts, settings, bundle.version)


def _on_driver(inputs: Inputs, cases: list[Case], facts: Facts, settings: EfficiencyBillSettings, version: str) -> Mapping[type[Table], DataFrame]:
    """A worker takes longer to start than a few thousand bills take to price."""
    bills = [issue_bill(case, facts, settings, MODEL, version) for case in cases]
    rows: dict[type[Table], list[dict[str, Any]]] = {EfficiencyBillV1: bills}
    for table, name in EVIDENCE.items():
        rows[table] = [{**row, **{key: bill[key] for key in OUTER}} for bill in bills for row in bill[name]]
    return {table: inputs.spark.createDataFrame(pa.Table.from_pylist(found, product_schema(table))) for table, found in rows.items()}


def _on_workers(inputs: Inputs, cases: list[Case], facts: Facts, settings: EfficiencyBillSettings, version: str) -> Mapping[type[Table], DataFrame]:
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_schema

    nested = _nested_schema()

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            bills = [issue_bill(pickle.loads(text), facts, settings, MODEL, version) for text in batch.column(0).to_pylist()]  # noqa: S301  # made here, never received
            yield from pa.Table.from_pylist(bills, nested).to_batches()

    packed = pa.table({"case": pa.array([pickle.dumps(case) for case in cases], pa.binary())})
    slices = inputs.spark.sparkContext.defaultParallelism * 2
    frame = inputs.spark.createDataFrame(packed).repartition(slices).mapInArrow(work, from_arrow_schema(nested)).persist()
    inside = {table: frame.select(*OUTER, F.explode(name).alias("row")).select(*OUTER, "row.*") for table, name in EVIDENCE.items()}
    return {EfficiencyBillV1: frame.drop(*EVIDENCE.values()), **inside}


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
