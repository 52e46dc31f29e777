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
from pipelines.settings import SettingsFile
from pipelines.storage.scan import by_partition, read_columns
from pipelines.tables.base import Row, Table, rows_of_table
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments, GoldDayEnergy
from pipelines.tables.revised import product_schema
from pipelines.tables.rows.gold import GoldBillingDeterminantsRow, GoldBillingSegmentsRow
from pipelines.tables.rows.silver import SilverCustomersRow, SilverMeterPointsRow, SilverSupplySharesRow
from pipelines.tables.silver import SilverCustomers, SilverMeterPoints, SilverSupplyShares, SilverWeather
from pipelines.tariff import PricedMonth, Segment, SupplyMonth
from pipelines.transforms.billing.sub_meters import concerned_points
from pipelines.transforms.billing.supply import Accounts, once_each, price_days_of
from products.efficiency_bill.bill import EVIDENCE, OUTER, evidence_inside
from products.efficiency_bill.case.arrow_rows import case_jobs, jobs_table
from products.efficiency_bill.case.case import Case, gather_cases
from products.efficiency_bill.case.issued_revision import IssuedRevision
from products.efficiency_bill.corrections import issued_revision_of, revised
from products.efficiency_bill.declaration import EFFICIENCY_BILL_DECLARED
from products.efficiency_bill.issue import issue_bills
from products.efficiency_bill.pricing import Priced, concerns_everybody, price_supplies
from products.efficiency_bill.rows import (
    EfficiencyBillInputsV1Row,
    EfficiencyBillLinesV1Row,
    EfficiencyBillV1Row,
)
from products.efficiency_bill.served_model import MODEL, read_coefficients
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.tables import (
    EfficiencyBillInputsV1,
    EfficiencyBillLinesV1,
    EfficiencyBillV1,
)
from products.efficiency_bill.training import WEATHER, arrange_days, billed, day_energy

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

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

    name = EFFICIENCY_BILL_DECLARED.name
    reads: tuple[type[Table], ...] = (
        SilverCustomers,
        SilverWeather,
        GoldBillingDeterminants,
        GoldDayEnergy,
        GoldBillingSegments,
        SilverSupplyShares,
        SilverMeterPoints,
    )
    result: type[Table] = EFFICIENCY_BILL_DECLARED.result
    evidence: tuple[type[Table], ...] = EFFICIENCY_BILL_DECLARED.evidence
    models: tuple[str, ...] = (MODEL,)
    settings: tuple[type[SettingsFile], ...] = (EfficiencyBillSettings, PublicationSettings)
    uses_facts = True

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
        newest = newest_revisions(inputs, month)
        if len(cases) <= MOST_ON_DRIVER:
            return _on_driver(inputs, cases, newest, facts, settings, bundle.version)
        return _on_workers(inputs, cases, newest, facts, settings, bundle.version)

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

        months = [str(month.plus(-offset)) for offset in range(settings.demand_months)]
        rows = inputs.frame(GoldBillingDeterminants).where(F.col("billing_month").isin(months))
        behind = rows.where(F.col("parent_meter_point_id").isNotNull())
        determinants = once_each(
            rows_of_table(billed(rows, settings).unionByName(behind).toArrow(), GoldBillingDeterminantsRow)
        )
        terms = rows_of_table(customers, SilverCustomersRow)
        others = sorted({row["customer_id"] for row in determinants} - {row["customer_id"] for row in terms})
        if others:
            theirs = inputs.frame(SilverCustomers).where(F.col("customer_id").isin(others))
            terms += rows_of_table(theirs.toArrow(), SilverCustomersRow)
        parts = inputs.frame(GoldBillingSegments).where(F.col("billing_month").isin(months))
        segments = rows_of_table(parts.toArrow(), GoldBillingSegmentsRow)
        concerned = concerned_points(inputs.frame(SilverMeterPoints), BillingMonth.parse(months[-1]), month)
        points = rows_of_table(concerned.toArrow(), SilverMeterPointsRow)
        shares = rows_of_table(inputs.frame(SilverSupplyShares).toArrow(), SilverSupplySharesRow)
        return Accounts(terms, determinants, segments, shares, price_days_of(facts), points)


def newest_revisions(inputs: Inputs, month: BillingMonth) -> dict[str, IssuedRevision]:
    """The newest revision of each customer's bill of a month."""

    def rows(table: type[Table], kind: type[Row]) -> list[Row]:
        files = by_partition(inputs.current_paths(table), table).get(str(month), [])
        kept = [name for name in table.columns() if name != table.partition_column()]
        return rows_of_table(read_columns(files, table, kept), kind)

    newest: dict[str, EfficiencyBillV1Row] = {}
    for bill in rows(EfficiencyBillV1, EfficiencyBillV1Row):
        newest[bill["customer_id"]] = max(
            bill, newest.get(bill["customer_id"], bill), key=lambda row: int(row["revision"])
        )
    if not newest:
        return {}

    def is_newest(row: EfficiencyBillLinesV1Row | EfficiencyBillInputsV1Row) -> bool:
        # Evidence without a result was left by a run that was killed.
        return row["customer_id"] in newest and row["revision"] == newest[row["customer_id"]]["revision"]

    lines: dict[str, list[EfficiencyBillLinesV1Row]] = {}
    for line in filter(is_newest, rows(EfficiencyBillLinesV1, EfficiencyBillLinesV1Row)):
        lines.setdefault(line["customer_id"], []).append(line)
    kept: dict[str, str] = {}
    for row in filter(is_newest, rows(EfficiencyBillInputsV1, EfficiencyBillInputsV1Row)):
        kept.setdefault(row["customer_id"], row["case_inputs"])
    return {name: issued_revision_of(bill, lines.get(name, []), kept[name]) for name, bill in newest.items()}


def _on_driver(
    inputs: Inputs,
    cases: list[Case],
    newest: Mapping[str, IssuedRevision],
    facts: Facts,
    settings: EfficiencyBillSettings,
    version: str,
) -> Mapping[type[Table], DataFrame]:
    """A worker takes longer to start than a few thousand bills take to price."""
    issued = issue_bills(cases, facts, settings, MODEL, version)
    bills = [
        bill for each in issued if (bill := revised(each, newest.get(each["customer_id"]), facts)) is not None
    ]
    rows: dict[type[Table], list[Mapping[str, object]]] = {EfficiencyBillV1: [*bills]}
    rows |= {table: [] for table in EVIDENCE}
    for bill in bills:
        for table, inside in evidence_inside(bill).items():
            rows[table] += inside
    return {
        table: inputs.spark.createDataFrame(pa.Table.from_pylist(found, product_schema(table)))
        for table, found in rows.items()
    }


def _on_workers(
    inputs: Inputs,
    cases: list[Case],
    newest: Mapping[str, IssuedRevision],
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
    jobs = inputs.spark.createDataFrame(jobs_table(cases, newest))
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
