"""What the bills of a month are made from: read for one bucket of customers, by a worker or by the driver."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.engine.revisions import Bucket
from pipelines.engine.step import Inputs
from pipelines.facts import Facts
from pipelines.periods import BillingDays, BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.storage.scan import by_partition, read_columns
from pipelines.tables.base import CUSTOMER, STRING, Table, rows_of_table
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.rows.gold import GoldBillingSuppliesRow
from pipelines.tables.rows.silver import SilverCustomersRow, SilverMeterPointsRow
from pipelines.tables.silver import (
    SilverCustomers,
    SilverDayCurves,
    SilverMeterPoints,
    SilverRegisterEnergy,
    SilverWeather,
)
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.transforms.billing.supply_rows import Supplies
from pipelines.transforms.ground.in_force import FIRST_DAY, LAST_DAY, holds_in
from pipelines.transforms.ground.slot_periods import PeriodsOfDays
from products.efficiency_bill.case.case import Case, billed_accounts, gather_cases
from products.efficiency_bill.case.gathered_grounds import KnownOfMonth, looked_at
from products.efficiency_bill.comparison.days import WEATHER, account_energy, arrange_days
from products.efficiency_bill.comparison.missed_reads import spread_rows
from products.efficiency_bill.comparison.month_curves import month_curves
from products.efficiency_bill.comparison.peers import PeerGroups
from products.efficiency_bill.served_model import Baselines, coverage_of
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.unbilled.billed import BilledCustomers, billed_customers

READS: tuple[type[Table], ...] = (
    SilverCustomers,
    SilverWeather,
    GoldBillingSupplies,
    GoldDayEnergy,
    SilverMeterPoints,
    SilverRegisterEnergy,
    SilverDayCurves,
)
_OF_DAYS: tuple[type[Table], ...] = (GoldDayEnergy, SilverRegisterEnergy, SilverDayCurves)
_PERIOD = ("period_first_date", "period_last_date")
_OF_EARLIER_MONTHS = (CUSTOMER, "billing_month", "mains", *_PERIOD)
"""Of months before the one before, the highest demands alone are told."""


@dataclass(frozen=True)
class MonthRows:
    """The sources of a month's bills; it travels to the workers.

    files      Source -> addresses of its data files; of tables laid out by month the months needed.
    before     Of days, those of the month before: there the periods begin of those who are read early.
    baselines  None where no model of them was ever trained.
    """

    month: BillingMonth
    files: Mapping[type[Table], Sequence[str]]
    settings: EfficiencyBillSettings
    limits: PublicationSettings
    baselines: Baselines | None
    before: Mapping[type[Table], Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, inputs: Inputs, month: BillingMonth, baselines: Baselines | None) -> MonthRows:
        """The rows that a step is given."""
        settings = inputs.settings.section(EfficiencyBillSettings)
        files = {table: inputs.paths(table) for table in READS}
        supplies = by_partition(files[GoldBillingSupplies], GoldBillingSupplies)
        months = [str(month.plus(-offset)) for offset in range(settings.demand_months)]
        files[GoldBillingSupplies] = [path for name in months for path in supplies.get(name, [])]
        before: dict[type[Table], Sequence[str]] = {}
        # A read that closes a span inside the month lies in it as well.
        for table in _OF_DAYS:
            of_months = by_partition(files[table], table)
            files[table] = of_months.get(str(month), [])
            before[table] = of_months.get(str(month.previous()), [])
        limits = inputs.settings.section(PublicationSettings)
        return cls(month, files, settings, limits, baselines, before)

    def of_month(self, table: type[Table], month: BillingMonth) -> list[str]:
        """Data files of one month."""
        return by_partition(self.files[table], table).get(str(month), [])

    def of_customers(self, names: Sequence[str]) -> Supplies:
        """The accounts of the month of a few customers."""
        wanted = ds.field(CUSTOMER).isin(pa.array(sorted(names), STRING))
        files = self.of_month(GoldBillingSupplies, self.month)
        columns = GoldBillingSupplies.business_columns()
        supplies = read_columns(files, GoldBillingSupplies, columns, wanted)
        customers = self.files[SilverCustomers]
        terms = read_columns(customers, SilverCustomers, SilverCustomers.business_columns(), wanted)
        return Supplies(
            rows_of_table(supplies, GoldBillingSuppliesRow), rows_of_table(terms, SilverCustomersRow)
        )

    def of_bucket(self, bucket: Bucket) -> MonthOfCustomers:
        """What the customers of one bucket are billed from."""
        return MonthOfCustomers(self, bucket)


@dataclass(frozen=True)
class MonthOfCustomers:
    """The month of one bucket of customers; what is not asked for is not read."""

    rows: MonthRows
    bucket: Bucket

    @cached_property
    def known(self) -> BilledCustomers:
        """Who of them is billed, and why the others are not."""
        rows, month = self.rows, self.rows.month
        terms = rows_of_table(self._customers, SilverCustomersRow)
        return billed_customers(terms, month, rows.settings.billed, self._holders(), self._metered)

    @cached_property
    def accounts(self) -> Supplies:
        """Their accounts of the month and those before it."""
        files, month = self.rows.files[GoldBillingSupplies], self.rows.month
        near = [path for each in (month, month.previous()) for path in self._supplies(each)]
        whole = self.bucket.rows(near, GoldBillingSupplies, GoldBillingSupplies.business_columns())
        left = self.bucket.rows(
            [path for path in files if path not in near], GoldBillingSupplies, _OF_EARLIER_MONTHS
        )
        supplies = rows_of_table(whole, GoldBillingSuppliesRow) + rows_of_table(left, GoldBillingSuppliesRow)
        return Supplies(supplies, rows_of_table(self._customers, SilverCustomersRow))

    def cases(self, peers: PeerGroups | None, facts: Facts) -> list[Case]:
        """One case for each that is billed.

        peers  Of all customers; None: these are all.
        facts  Whose time-of-use hours the curves are looked at by.
        """
        rows, month = self.rows, self.rows.month
        first = month.previous().first_day if self._early else month.first_day
        day = ds.field("weather_date")
        of_days = (day >= pa.scalar(first)) & (day <= pa.scalar(month.last_day))
        weather = read_columns(rows.files[SilverWeather], SilverWeather, WEATHER, of_days, use_threads=False)
        days = arrange_days(self._energy, self._customers, weather, self._ours(self._spread))
        return gather_cases(
            self.accounts,
            days,
            rows.baselines,
            rows.month,
            rows.settings,
            rows.limits,
            self.known.names,
            peers,
            self._known_of_month(facts),
        )

    @cached_property
    def _early(self) -> set[str]:
        """Customers whose period began in the month before."""
        rows = self.bucket.rows(self._supplies(self.rows.month), GoldBillingSupplies, [CUSTOMER, _PERIOD[0]])
        first = pa.scalar(self.rows.month.first_day)
        return set(rows.filter(pc.less(rows[_PERIOD[0]], first))[CUSTOMER].to_pylist()) & self.known.names

    @property
    def _energy(self) -> pa.Table:
        """Energy of the days of the month, and of those before it that a period began with."""
        rows, names = self.rows, self.known.names
        energy = account_energy(rows.files[GoldDayEnergy], names, self.bucket)
        if not self._early:
            return energy
        return pa.concat_tables(
            [energy, account_energy(rows.before[GoldDayEnergy], self._early, self.bucket)]
        )

    @property
    def _spread(self) -> pa.Table:
        """What the days of missed reads get, likewise."""

        def spread(files: Sequence[Mapping[type[Table], Sequence[str]]], names: Collection[str]) -> pa.Table:
            days, reads = (
                [path for each in files for path in each[table]]
                for table in (GoldDayEnergy, SilverRegisterEnergy)
            )
            return spread_rows(days, reads, names)

        rows, names, early = self.rows, self.known.names, self._early
        if not early:
            return spread([rows.files], names)
        return pa.concat_tables(
            [spread([rows.files], names - early), spread([rows.before, rows.files], early)]
        )

    def _ours(self, spread: pa.Table) -> pa.Table:
        """Rows of this bucket's customers alone."""
        names = pa.array(sorted(self._metered), STRING)
        return spread.filter(pc.is_in(spread[CUSTOMER], value_set=names)) if spread.num_rows else spread

    def _known_of_month(self, facts: Facts) -> KnownOfMonth:
        rows, month = self.rows, self.rows.month
        points: dict[BillingDays, set[str]] = defaultdict(set)
        if rows.files[SilverDayCurves]:
            for account in billed_accounts(self.accounts, month, self.known.names).values():
                if (point := looked_at(account)) is not None:
                    points[account.period or month].add(point)
        coverage = None
        if rows.baselines is not None:
            least = rows.settings.least_coverage_customers
            coverage = coverage_of(rows.baselines.coverage, str(month), least)
        return KnownOfMonth(
            {
                point: curves
                for days, names in points.items()
                for point, curves in month_curves(self._curve_files(days), names, days).items()
            },
            PeriodsOfDays(facts.time_of_use.slot_matrix),
            coverage,
        )

    def _curve_files(self, days: BillingDays) -> list[str]:
        rows = self.rows
        before = rows.before[SilverDayCurves] if days.first_day < rows.month.first_day else ()
        return [*before, *rows.files[SilverDayCurves]]

    @cached_property
    def _customers(self) -> pa.Table:
        files = self.rows.files[SilverCustomers]
        return self.bucket.rows_held(files, SilverCustomers, SilverCustomers.business_columns())

    @cached_property
    def _metered(self) -> set[str]:
        """Customers with readings in the month."""
        names = self.bucket.rows(self._supplies(self.rows.month), GoldBillingSupplies, [CUSTOMER])
        return set(names.column(0).to_pylist())

    def _holders(self) -> set[str]:
        """Customers with a meter point on a day of the month."""
        files, month = self.rows.files[SilverMeterPoints], self.rows.month
        points = self.bucket.rows_held(files, SilverMeterPoints, [CUSTOMER, FIRST_DAY, LAST_DAY])
        return {
            row["customer_id"]
            for row in rows_of_table(points, SilverMeterPointsRow)
            if row["customer_id"] is not None and holds_in(row, month.first_day, month.last_day)
        }

    def _supplies(self, month: BillingMonth) -> list[str]:
        return self.rows.of_month(GoldBillingSupplies, month)
