"""The product: bills of a month with their lines and advice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.engine.step import Inputs
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.storage.scan import by_partition, read_columns
from pipelines.tables.base import Table
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments, GoldDayEnergy
from pipelines.tables.revised import product_schema
from pipelines.tables.silver import SilverCustomers, SilverMeterPoints, SilverSupplyShares, SilverWeather
from pipelines.tariff import PricedMonth, Segment, SupplyMonth
from pipelines.transforms.billing.sub_meters import concerned_points
from pipelines.transforms.billing.supply import Accounts, once_each, price_days_of
from products.efficiency_bill.case.arrow_rows import case_jobs, jobs_table
from products.efficiency_bill.case.case import MONTHS_OF_DEMAND, Case, gather_cases
from products.efficiency_bill.case.standing import Standing
from products.efficiency_bill.corrections import revised, standing_of
from products.efficiency_bill.issue import issue_bills
from products.efficiency_bill.pricing import Priced, concerns_everybody, price_supplies
from products.efficiency_bill.served_model import MODEL, read_coefficients
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.tables import (
    EfficiencyBillAdviceV1,
    EfficiencyBillCorrectionsV1,
    EfficiencyBillInputsV1,
    EfficiencyBillLinesV1,
    EfficiencyBillV1,
)
from products.efficiency_bill.training import WEATHER, arrange_days, billed, day_energy

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Evidence, and under which name a bill holds it.
EVIDENCE: Mapping[type[Table], str] = {
    EfficiencyBillLinesV1: "lines",
    EfficiencyBillAdviceV1: "advice",
    EfficiencyBillInputsV1: "inputs",
    EfficiencyBillCorrectionsV1: "corrections",
}
OUTER = ("customer_id", "billing_month")
MOST_ON_DRIVER = 5_000


def _nested_schema() -> pa.Schema:
    """A bill with its lines and advice inside, for the way from the workers."""
    inside = [
        (name, pa.struct([field for field in product_schema(table) if field.name not in OUTER]))
        for table, name in EVIDENCE.items()
    ]
    return pa.schema(
        [*product_schema(EfficiencyBillV1), *[pa.field(name, pa.list_(kind)) for name, kind in inside]]
    )


class EfficiencyBill:
    """Efficiency bill, with the baseline of ``efficiency_bill_baseline``."""

    name = "efficiency-bill"
    reads: tuple[type[Table], ...] = (
        SilverCustomers,
        SilverWeather,
        GoldBillingDeterminants,
        GoldDayEnergy,
        GoldBillingSegments,
        SilverSupplyShares,
        SilverMeterPoints,
    )
    result: type[Table] = EfficiencyBillV1
    evidence: tuple[type[Table], ...] = tuple(EVIDENCE)
    models: tuple[str, ...] = (MODEL,)

    def compute(self, inputs: Inputs, month: BillingMonth, facts: Facts) -> Mapping[type[Table], DataFrame]:
        """Bills of every customer of the settings that are not issued yet, or that what was metered, agreed
        or priced has changed since.

        Raises FactNotInForceError where a price of the month is not published, as ``check_prices`` says.
        """
        from pyspark.sql import functions as F

        settings, bundle = inputs.settings.section(EfficiencyBillSettings), inputs.bundles[MODEL]
        limits = inputs.settings.section(PublicationSettings)
        customers = billed(inputs.frame(SilverCustomers), settings).toArrow()
        names = set(customers["customer_id"].to_pylist())
        accounts = self._accounts(inputs, settings, month, facts, customers)
        weather = (
            inputs.frame(SilverWeather)
            .where(F.col("weather_date").between(month.first_day, month.last_day))
            .select(*WEATHER)
            .toArrow()
        )
        arranged = arrange_days(day_energy(inputs, settings, month).toArrow(), customers, weather)
        cases = gather_cases(
            accounts, arranged, read_coefficients(bundle.files), month, settings, limits, names
        )
        check_prices(cases, facts)
        standing = standing_bills(inputs, month)
        if len(cases) <= MOST_ON_DRIVER:
            return _on_driver(inputs, cases, standing, facts, settings, bundle.version)
        return _on_workers(inputs, cases, standing, facts, settings, bundle.version)

    def _accounts(
        self,
        inputs: Inputs,
        settings: EfficiencyBillSettings,
        month: BillingMonth,
        facts: Facts,
        customers: pa.Table,
    ) -> Accounts:
        """Accounts of the billed customers, with what other customers' sub-meters behind theirs counted."""
        from pyspark.sql import functions as F

        months = [str(month.plus(-offset)) for offset in range(MONTHS_OF_DEMAND)]
        rows = inputs.frame(GoldBillingDeterminants).where(F.col("billing_month").isin(months))
        behind = rows.where(F.col("parent_meter_point_id").isNotNull())
        determinants = once_each(billed(rows, settings).unionByName(behind).toArrow().to_pylist())
        terms = customers.to_pylist()
        others = sorted({row["customer_id"] for row in determinants} - {row["customer_id"] for row in terms})
        if others:
            terms += (
                inputs.frame(SilverCustomers).where(F.col("customer_id").isin(others)).toArrow().to_pylist()
            )
        segments = (
            inputs.frame(GoldBillingSegments).where(F.col("billing_month").isin(months)).toArrow().to_pylist()
        )
        points = (
            concerned_points(inputs.frame(SilverMeterPoints), BillingMonth.parse(months[-1]), month)
            .toArrow()
            .to_pylist()
        )
        shares = inputs.frame(SilverSupplyShares).toArrow().to_pylist()
        return Accounts(terms, determinants, segments, shares, price_days_of(facts), points)


def standing_bills(inputs: Inputs, month: BillingMonth) -> dict[str, Standing]:
    """The newest revision of each customer's bill of a month."""

    def rows(table: type[Table]) -> list[dict[str, Any]]:
        files = by_partition(inputs.current_paths(table), table).get(str(month), [])
        columns = [name for name in table.columns() if name != table.partition_column()]
        found: list[dict[str, Any]] = read_columns(files, table, columns).to_pylist()
        return found

    newest: dict[str, dict[str, Any]] = {}
    for bill in rows(EfficiencyBillV1):
        newest[bill["customer_id"]] = max(
            bill, newest.get(bill["customer_id"], bill), key=lambda row: int(row["revision"])
        )
    evidence: dict[type[Table], dict[str, list[dict[str, Any]]]] = {}
    for table in (EfficiencyBillLinesV1, EfficiencyBillInputsV1) if newest else ():
        found = evidence.setdefault(table, {})
        for row in rows(table):
            # Evidence without a result was left by a run that was killed.
            if row["customer_id"] in newest and row["revision"] == newest[row["customer_id"]]["revision"]:
                found.setdefault(row["customer_id"], []).append(row)
    return {
        name: standing_of(
            bill,
            evidence[EfficiencyBillLinesV1].get(name, []),
            evidence[EfficiencyBillInputsV1][name][0]["case_inputs"],
        )
        for name, bill in newest.items()
    }


def _on_driver(
    inputs: Inputs,
    cases: list[Case],
    standing: Mapping[str, Standing],
    facts: Facts,
    settings: EfficiencyBillSettings,
    version: str,
) -> Mapping[type[Table], DataFrame]:
    """A worker takes longer to start than a few thousand bills take to price."""
    issued = issue_bills(cases, facts, settings, MODEL, version)
    bills = [
        bill
        for each in issued
        if (bill := revised(each, standing.get(each["customer_id"]), facts)) is not None
    ]
    rows: dict[type[Table], list[dict[str, Any]]] = {EfficiencyBillV1: bills}
    for table, name in EVIDENCE.items():
        rows[table] = [{**row, **{key: bill[key] for key in OUTER}} for bill in bills for row in bill[name]]
    return {
        table: inputs.spark.createDataFrame(pa.Table.from_pylist(found, product_schema(table)))
        for table, found in rows.items()
    }


def _on_workers(
    inputs: Inputs,
    cases: list[Case],
    standing: Mapping[str, Standing],
    facts: Facts,
    settings: EfficiencyBillSettings,
    version: str,
) -> Mapping[type[Table], DataFrame]:
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_schema

    nested = _nested_schema()

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            jobs = case_jobs(batch)
            issued = issue_bills([case for case, _ in jobs], facts, settings, MODEL, version)
            bills = [revised(bill, before, facts) for bill, (_, before) in zip(issued, jobs, strict=True)]
            yield from pa.Table.from_pylist([bill for bill in bills if bill is not None], nested).to_batches()

    slices = inputs.spark.sparkContext.defaultParallelism * 2
    jobs = inputs.spark.createDataFrame(jobs_table(cases, standing))
    frame = jobs.repartition(slices).mapInArrow(work, from_arrow_schema(nested)).persist()
    inside = {
        table: frame.select(*OUTER, F.explode(name).alias("row")).select(*OUTER, "row.*")
        for table, name in EVIDENCE.items()
    }
    return {EfficiencyBillV1: frame.drop(*EVIDENCE.values()), **inside}


def check_prices(cases: list[Case], facts: Facts) -> None:
    """Prices one case of each kind of contract here, so that a fact that is not in force surfaces as itself
    and not from a worker.

    Raises FactNotInForceError where ordinary contracts need the fact, or where it is missing and no case at
    all can be priced; an odd
    contract among others stops nobody's bill.
    """
    supplies = [supply for case in cases if (supply := case.priced_supply) is not None]
    kinds: dict[tuple[Any, ...], SupplyMonth] = {}
    for supply in supplies:
        kinds.setdefault(tuple(_kind(segment) for segment in supply.segments), supply)
    found = price_supplies(list(kinds.values()), facts)
    unpublished = [each for each in found if isinstance(each, FactNotInForceError)]
    refused = next((each for each in unpublished if concerns_everybody(each)), None)
    # Of a kind the first may be odd in what the kind does not tell; all are asked before the month is
    # refused.
    if (
        refused is None
        and unpublished
        and not _any_priced(found)
        and not _any_priced(price_supplies(supplies, facts))
    ):
        refused = unpublished[0]
    if refused is not None:
        raise refused


def _any_priced(found: Sequence[Priced | None]) -> bool:
    return any(isinstance(each, PricedMonth) for each in found)


def _kind(segment: Segment) -> tuple[Any, ...]:
    """What decides which facts a segment asks for."""
    contract, split = segment.contract, segment.energy_by_period or {}
    return (
        contract.customer_class,
        contract.pricing_scheme,
        contract.voltage_level,
        contract.is_time_of_use,
        contract.demand_basis,
        contract.power_factor_standard,
        contract.market_price_cny_per_kwh is None,
        segment.first_day,
        segment.last_day,
        frozenset(period for period, energy in split.items() if energy),
    )


EFFICIENCY_BILL = EfficiencyBill()
