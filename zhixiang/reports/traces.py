"""The tables that an explanation walks back through, read once for many bills."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Literal, NotRequired, TypedDict, TypeVar

import pyarrow as pa

from pipelines.codes import Channel
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tables.base import Table, rows_of_table
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeLoadCurves,
    BronzeMeterPoints,
    BronzeRegisterReads,
    BronzeSupplyShares,
)
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments
from pipelines.tables.rows.gold import (
    GoldBillingDeterminantsRow,
    GoldBillingSegmentsRow,
    SupplyMeterRecord,
)
from pipelines.tables.rows.silver import (
    SilverDayCurvesRow,
    SilverMeterPointsRow,
    SilverRegisterEnergyRow,
    SilverSupplySharesRow,
)
from pipelines.tables.silver import (
    SilverDayCurves,
    SilverMeterPoints,
    SilverRegisterEnergy,
    SilverSupplyShares,
)
from pipelines.transforms.billing.reading_days import days_of_row
from pipelines.transforms.ground.in_force import histories
from products.efficiency_bill.rows import EfficiencyBillV1Row
from zhixiang.reports.billed_supplies import billed_supplies

Subject = Literal["customer_id", "meter_point_id", "share_id"]


class OfMeterPoint(TypedDict):
    """What every row by meter point has."""

    meter_point_id: str


class SubMeter(OfMeterPoint):
    """A sub-meter of a month: whose it is, and behind which meter point."""

    customer_id: str
    parent_meter_point_id: str | None


class SettledSpan(TypedDict):
    """The days that a read settles: those up to the last, as many as the span. [d]"""

    energy_date: date
    span_days: int | None


class ReceivedLine(TypedDict):
    """File and line of a received record, with what it is about and its day."""

    table: str
    day: date
    customer_id: NotRequired[str]
    meter_point_id: NotRequired[str]
    share_id: NotRequired[str]
    channel_code: NotRequired[str]
    source_file: str
    line_number: int
    content_hash: str


Metered = TypeVar("Metered", bound=OfMeterPoint)


class Traces:
    """What lies behind the bills of a month: each table is read once, however many lines ask for it.

    meter_points  Those of the bills that are to be explained; customers: likewise.
    runs          Customer -> the run that issued its bill; of one that is not named the supply is told as it
                  stands now.
    """

    def __init__(
        self,
        store: Store,
        month: BillingMonth,
        meter_points: Sequence[str],
        customers: Sequence[str],
        runs: Mapping[str, str] | None = None,
    ) -> None:
        self._store, self.month, self._mains, self._customers = (
            store,
            month,
            sorted(set(meter_points)),
            sorted(set(customers)),
        )
        self._runs = runs or {}

    @cached_property
    def _meter_points(self) -> list[str]:
        """The bills' meter points and those behind them."""
        behind = {each["meter_point_id"] for meters in self.supply_meters.values() for each in meters}
        return sorted({*self._mains, *behind})

    @cached_property
    def supply_meters(self) -> Mapping[str, Sequence[SupplyMeterRecord]]:
        """Customer -> the meters of the supply that its bill was issued by, see ``billed_supplies``."""
        return billed_supplies(self._store, self.month, self._customers, self._runs)

    @cached_property
    def parts(self) -> dict[str, list[GoldBillingSegmentsRow]]:
        """Rows of gold_billing_segments by meter point."""
        return self._by_meter_point(GoldBillingSegments, GoldBillingSegmentsRow)

    @cached_property
    def shares(self) -> list[SilverSupplySharesRow]:
        """Rows of silver_supply_shares of the bills' meter points."""
        rows = self._store.arrow(SilverSupplyShares, filters=[("main_meter_point_id", "in", self._mains)])
        return sorted(
            rows_of_table(rows, SilverSupplySharesRow),
            key=lambda row: (row["share_id"], row["valid_from_date"]),
        )

    @cached_property
    def metered(self) -> dict[str, list[GoldBillingDeterminantsRow]]:
        """Rows of gold_billing_determinants by meter point."""
        return self._by_meter_point(GoldBillingDeterminants, GoldBillingDeterminantsRow)

    @cached_property
    def settled(self) -> dict[str, list[SilverRegisterEnergyRow]]:
        """Rows of silver_register_energy by meter point."""
        return self._by_day(SilverRegisterEnergy, SilverRegisterEnergyRow, lambda row: row["energy_date"])

    @cached_property
    def curves(self) -> dict[str, list[SilverDayCurvesRow]]:
        """Active curves of silver_day_curves by meter point."""
        found = self._by_day(SilverDayCurves, SilverDayCurvesRow, lambda row: row["curve_date"])
        return {
            name: [row for row in rows if row["channel_code"] == Channel.ACTIVE_FORWARD.value]
            for name, rows in found.items()
        }

    @cached_property
    def register_lines(self) -> dict[tuple[str, str, date], list[ReceivedLine]]:
        """File and line of each register read by meter point, channel and day."""
        days = {day for rows in self.settled.values() for row in rows for day in read_days(row)}
        return self._lines(BronzeRegisterReads, "read_date", days)

    @cached_property
    def curve_lines(self) -> dict[tuple[str, str, date], list[ReceivedLine]]:
        """File and line of each received curve by meter point, channel and day."""
        return self._lines(
            BronzeLoadCurves,
            "curve_date",
            {row["curve_date"] for rows in self.curves.values() for row in rows},
        )

    @cached_property
    def contract_lines(self) -> dict[str, list[ReceivedLine]]:
        """File and line of all terms received of each customer."""
        return self._dated_lines(BronzeCustomers, "customer_id", self._customers)

    @cached_property
    def meter_lines(self) -> dict[str, list[ReceivedLine]]:
        """File and line of all records received of each meter point."""
        return self._dated_lines(BronzeMeterPoints, "meter_point_id", self._meter_points)

    @cached_property
    def share_lines(self) -> dict[str, list[ReceivedLine]]:
        """File and line of all records received of each share of the bills' meter points."""
        return self._dated_lines(
            BronzeSupplyShares, "share_id", sorted({row["share_id"] for row in self.shares})
        )

    @cached_property
    def plates(self) -> Mapping[str, Sequence[SilverMeterPointsRow]]:
        """Rows of silver_meter_points by meter point, in order, of those with a transformer or a parent."""
        rows = self._store.arrow(SilverMeterPoints, filters=[("meter_point_id", "in", self._meter_points)])
        found = histories(rows_of_table(rows, SilverMeterPointsRow), lambda row: row["meter_point_id"])
        return {
            name: each
            for name, each in found.items()
            if any(row["transformer_rated_kva"] or row["parent_meter_point_id"] for row in each)
        }

    def _dated_lines(
        self, table: type[Table], key: Subject, names: Sequence[str]
    ) -> dict[str, list[ReceivedLine]]:
        """File and line of each record of some subjects with the day it holds from, in order of that day."""
        found: dict[str, list[ReceivedLine]] = defaultdict(list)
        if not names:
            return found
        rows = self._received(table, [key], "valid_from_date", [(key, "in", names)])
        for row in sorted(
            rows, key=lambda row: (row[key], row["day"], row["content_hash"], row["line_number"])
        ):
            found[row[key]].append(row)
        return found

    def _by_day(
        self, table: type[Table], kind: type[Metered], day: Callable[[Metered], date]
    ) -> dict[str, list[Metered]]:
        """Rows of the days that were billed: those of the month, or of the meter point's period."""
        covered = {name: days_of_row(rows[0]) for name, rows in self.metered.items()}
        months = {f"{each.first_day:%Y-%m}" for each in covered.values()}
        found = self._by_meter_point(table, kind, sorted({str(self.month), *months}))
        spans = {name: covered.get(name, self.month) for name in found}
        return {
            name: [row for row in rows if spans[name].first_day <= day(row) <= spans[name].last_day]
            for name, rows in found.items()
        }

    def _by_meter_point(
        self, table: type[Table], kind: type[Metered], months: Sequence[str] = ()
    ) -> dict[str, list[Metered]]:
        rows = self._store.arrow(
            table,
            filters=[
                (table.partition_column(), "in", list(months) or [str(self.month)]),
                ("meter_point_id", "in", self._meter_points),
            ],
        )
        found: dict[str, list[Metered]] = defaultdict(list)
        for row in sorted(rows_of_table(rows, kind), key=lambda row: _key_of(table, row)):
            found[row["meter_point_id"]].append(row)
        return found

    def _lines(
        self, table: type[Table], day_column: str, days: set[date]
    ) -> dict[tuple[str, str, date], list[ReceivedLine]]:
        months = sorted({f"{day:%Y-%m}" for day in days})
        rows = self._received(
            table,
            ["meter_point_id", "channel_code"],
            day_column,
            [(table.partition_column(), "in", months), ("meter_point_id", "in", self._meter_points)],
        )
        found: dict[tuple[str, str, date], list[ReceivedLine]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: (row["content_hash"], row["line_number"])):
            found[row["meter_point_id"], row["channel_code"], row["day"]].append(row)
        return found

    def _received(
        self, table: type[Table], subject: Sequence[str], day_column: str, filters: list[tuple[str, str, Any]]
    ) -> list[ReceivedLine]:
        """File and line of some records, with what they are about and the day."""
        columns = [day_column, *subject, "source_file", "line_number", "content_hash"]
        found = self._store.arrow(table, columns, filters).select(columns)
        named = found.rename_columns(["day", *columns[1:]])
        of_table = pa.array([table.name] * named.num_rows, pa.string())
        return rows_of_table(named.add_column(0, "table", of_table), ReceivedLine)


def _key_of(table: type[Table], row: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in table.key())


def traces_of(store: Store, bills: Sequence[EfficiencyBillV1Row]) -> Traces:
    """What lies behind bills of one month, given as rows of efficiency_bill_v1."""
    (month,) = {bill["billing_month"] for bill in bills}
    meter_points = [name for bill in bills for name in bill["meter_point_ids"]]
    runs = {bill["customer_id"]: run for bill in bills if (run := bill["computed_run_id"]) is not None}
    customers = [bill["customer_id"] for bill in bills]
    return Traces(store, BillingMonth.parse(month), meter_points, customers, runs)


def read_days(row: SettledSpan) -> tuple[date, date]:
    """The days whose registers settle a row of silver_register_energy."""
    day = row["energy_date"]
    return day, day - timedelta(row["span_days"] or 0)
