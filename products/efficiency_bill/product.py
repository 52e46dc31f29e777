"""The product: bills of a month with their lines and advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.engine.step import HaltedMonthError, Inputs
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import SettingsFile
from pipelines.storage.scan import by_partition, read_columns
from pipelines.tables.base import Row, Table, rows_of_table
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.rows.gold import GoldBillingSuppliesRow
from pipelines.tables.rows.silver import SilverCustomersRow
from pipelines.tables.silver import SilverCustomers, SilverMeterPoints, SilverWeather
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.tariff import PricedMonth, Segment, SupplyMonth
from pipelines.transforms.billing.supply_rows import Supplies
from products.efficiency_bill.billed import billed_customers, narrowed
from products.efficiency_bill.case.case import Case, gather_cases
from products.efficiency_bill.case.issued_revision import IssuedRevision
from products.efficiency_bill.corrections import issued_revision_of
from products.efficiency_bill.declaration import EFFICIENCY_BILL_DECLARED
from products.efficiency_bill.issue_month import (
    Issuing,
    issued_on_driver,
    issued_on_workers,
    unbilled_table,
)
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
    EfficiencyBillUnbilledV1,
    EfficiencyBillV1,
)
from products.efficiency_bill.training import WEATHER, arrange_days, day_energy
from products.efficiency_bill.unpriced import halted_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOST_ON_DRIVER = 5_000


class EfficiencyBill:
    """Efficiency bill, with the baseline of ``efficiency_bill_baseline`` where one was trained."""

    name = EFFICIENCY_BILL_DECLARED.name
    reads: tuple[type[Table], ...] = (
        SilverCustomers,
        SilverWeather,
        GoldBillingSupplies,
        GoldDayEnergy,
        SilverMeterPoints,
    )
    result: type[Table] = EFFICIENCY_BILL_DECLARED.result
    evidence: tuple[type[Table], ...] = EFFICIENCY_BILL_DECLARED.evidence
    models: tuple[str, ...] = ()
    optional_models: tuple[str, ...] = (MODEL,)
    accounts: tuple[type[Table], ...] = (EfficiencyBillUnbilledV1,)
    settings: tuple[type[SettingsFile], ...] = (EfficiencyBillSettings, PublicationSettings)
    uses_facts = True

    def compute(
        self, inputs: Inputs, month: BillingMonth, facts: Facts
    ) -> Mapping[type[Table], DataFrame | pa.Table]:
        """Bills of every customer of the settings that are not issued yet, or that what was metered, agreed
        or priced has changed since; and who of the month has none.

        Raises HaltedMonthError with a FactNotInForceError where a price of the month is not published, as
        ``check_prices`` says, and with who has no bill for it.
        """
        from pyspark.sql import functions as F

        settings, bundle = inputs.settings.section(EfficiencyBillSettings), inputs.bundles.get(MODEL)
        limits = inputs.settings.section(PublicationSettings)
        customers = inputs.frame(SilverCustomers).toArrow()
        terms = rows_of_table(customers, SilverCustomersRow)
        holders, metered = _known_by_metering(inputs, month)
        known = billed_customers(terms, month, settings.billed, holders, metered)
        accounts = self._accounts(inputs, settings, month, terms)
        weather = (
            inputs.frame(SilverWeather)
            .where(F.col("weather_date").between(month.first_day, month.last_day))
            .select(*WEATHER)
            .toArrow()
        )
        arranged = arrange_days(day_energy(inputs, settings, month).toArrow(), customers, weather)
        baselines = None if bundle is None else read_coefficients(bundle.files)
        cases = gather_cases(accounts, arranged, baselines, month, settings, limits, known.names)
        newest = newest_revisions(inputs, month)
        try:
            check_prices(cases, facts)
        except FactNotInForceError as error:
            told = [*known.unbilled.values(), *halted_rows(cases, newest, month, error)]
            raise HaltedMonthError(error, month, unbilled_table(told)) from None
        issuing = Issuing(facts, settings, *((MODEL, bundle.version) if bundle is not None else ("", "")))
        unbilled = [*known.unbilled.values()]
        if len(cases) <= MOST_ON_DRIVER:
            return issued_on_driver(cases, newest, issuing, unbilled)
        return issued_on_workers(inputs, cases, newest, issuing, unbilled)

    def _accounts(
        self,
        inputs: Inputs,
        settings: EfficiencyBillSettings,
        month: BillingMonth,
        customers: Sequence[SilverCustomersRow],
    ) -> Supplies:
        """Accounts of the billed customers, of the month and those before it."""
        from pyspark.sql import functions as F

        months = [str(month.plus(-offset)) for offset in range(settings.demand_months)]
        rows = inputs.frame(GoldBillingSupplies).where(F.col("billing_month").isin(months))
        billed = narrowed(rows, inputs.frame(SilverCustomers), settings.billed)
        return Supplies(rows_of_table(billed.toArrow(), GoldBillingSuppliesRow), customers)


def _known_by_metering(inputs: Inputs, month: BillingMonth) -> tuple[set[str], set[str]]:
    """Customers with a meter point on a day of the month, and those with readings of it."""
    from pyspark.sql import functions as F

    last = F.col("valid_to_date")
    points = inputs.frame(SilverMeterPoints).where(
        (F.col("valid_from_date") <= F.lit(month.last_day))
        & (last.isNull() | (last >= F.lit(month.first_day)))
    )
    rows = inputs.frame(GoldBillingSupplies).where(F.col("billing_month") == str(month))

    def customers(frame: DataFrame) -> set[str]:
        named = frame.where(F.col("customer_id").isNotNull()).select("customer_id").distinct()
        return set(named.toArrow().column(0).to_pylist())

    return customers(points), customers(rows)


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


def check_prices(cases: list[Case], facts: Facts) -> None:
    """Prices one case of each kind of contract here, so that a fact that is not in force surfaces as itself
    and not from a worker.

    Raises FactNotInForceError where ordinary contracts need the fact, or where it is missing and no case at
    all can be priced; an odd
    contract among others stops nobody's bill.
    """
    supplies = [supply for case in cases if (supply := case.supply) is not None]
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
