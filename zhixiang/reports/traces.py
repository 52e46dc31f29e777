"""The tables that an explanation walks back through, read once for many bills."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from pipelines.codes import Channel
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeLoadCurves,
    BronzeMeterPoints,
    BronzeRegisterReads,
    BronzeSupplyShares,
)
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments
from pipelines.tables.silver import (
    SilverCustomers,
    SilverDayCurves,
    SilverMeterPoints,
    SilverRegisterEnergy,
    SilverSupplyShares,
)
from pipelines.transforms.ground.in_force import histories

Row = dict[str, Any]


class Traces:
    """What lies behind the bills of a month: each table is read once, however many lines ask for it.

    meter_points  Those of the bills that are to be explained; customers: likewise.
    """

    def __init__(
        self, store: Store, month: BillingMonth, meter_points: Sequence[str], customers: Sequence[str]
    ) -> None:
        self._store, self.month, self._mains, self._customers = (
            store,
            month,
            sorted(set(meter_points)),
            sorted(set(customers)),
        )

    @cached_property
    def _meter_points(self) -> list[str]:
        """The bills' meter points and those behind them."""
        return sorted(
            {*self._mains, *(row["meter_point_id"] for rows in self.behind.values() for row in rows)}
        )

    @cached_property
    def behind(self) -> dict[str, list[Row]]:
        """Meter point, customer and parent of the sub-meters behind each of the bills' meter points, at any
        depth of the same customer.
        """
        columns = ["meter_point_id", "customer_id", "parent_meter_point_id"]
        rows = self._store.arrow(
            GoldBillingDeterminants, columns, [("billing_month", "=", str(self.month))]
        ).to_pylist()
        below: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if row["parent_meter_point_id"]:
                below[row["parent_meter_point_id"]].append(row)
        found: dict[str, list[Row]] = {}
        for main in self._mains:
            waiting, found[main] = [main], []
            while waiting:
                next_rows = below.get(waiting.pop(), [])
                found[main] += next_rows
                waiting += [row["meter_point_id"] for row in next_rows]
        return found

    @cached_property
    def parts(self) -> dict[str, list[Row]]:
        """Rows of gold_billing_segments by meter point."""
        return self._by_meter_point(GoldBillingSegments, "billing_month")

    @cached_property
    def shares(self) -> list[Row]:
        """Rows of silver_supply_shares of the bills' meter points."""
        rows: list[Row] = self._store.arrow(
            SilverSupplyShares, filters=[("main_meter_point_id", "in", self._mains)]
        ).to_pylist()
        return sorted(rows, key=lambda row: (row["share_id"], row["valid_from_date"]))

    @cached_property
    def terms(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Rows of silver_customers by customer, in order."""
        return histories(
            self._store.arrow(SilverCustomers, filters=[("customer_id", "in", self._customers)]).to_pylist(),
            "customer_id",
        )

    @cached_property
    def metered(self) -> dict[str, list[Row]]:
        """Rows of gold_billing_determinants by meter point."""
        return self._by_meter_point(GoldBillingDeterminants, "billing_month")

    @cached_property
    def settled(self) -> dict[str, list[Row]]:
        """Rows of silver_register_energy by meter point."""
        return self._by_meter_point(SilverRegisterEnergy, "energy_month")

    @cached_property
    def curves(self) -> dict[str, list[Row]]:
        """Active curves of silver_day_curves by meter point."""
        found = self._by_meter_point(SilverDayCurves, "curve_month")
        return {
            name: [row for row in rows if row["channel_code"] == Channel.ACTIVE_FORWARD.value]
            for name, rows in found.items()
        }

    @cached_property
    def register_lines(self) -> dict[tuple[str, str, date], list[Row]]:
        """File and line of each register read by meter point, channel and day."""
        days = {day for rows in self.settled.values() for row in rows for day in read_days(row)}
        return self._lines(BronzeRegisterReads, "read_date", "read_month", days)

    @cached_property
    def curve_lines(self) -> dict[tuple[str, str, date], list[Row]]:
        """File and line of each received curve by meter point, channel and day."""
        return self._lines(
            BronzeLoadCurves,
            "curve_date",
            "curve_month",
            {row["curve_date"] for rows in self.curves.values() for row in rows},
        )

    @cached_property
    def contract_lines(self) -> dict[str, list[Row]]:
        """File and line of all terms received of each customer."""
        return self._dated_lines(BronzeCustomers, "customer_id", self._customers)

    @cached_property
    def meter_lines(self) -> dict[str, list[Row]]:
        """File and line of all records received of each meter point."""
        return self._dated_lines(BronzeMeterPoints, "meter_point_id", self._meter_points)

    @cached_property
    def share_lines(self) -> dict[str, list[Row]]:
        """File and line of all records received of each share of the bills' meter points."""
        return self._dated_lines(
            BronzeSupplyShares, "share_id", sorted({row["share_id"] for row in self.shares})
        )

    @cached_property
    def plates(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Rows of silver_meter_points by meter point, in order, of those with a transformer or a parent."""
        rows = self._store.arrow(
            SilverMeterPoints, filters=[("meter_point_id", "in", self._meter_points)]
        ).to_pylist()
        found = histories(rows, "meter_point_id")
        return {
            name: each
            for name, each in found.items()
            if any(row["transformer_rated_kva"] or row["parent_meter_point_id"] for row in each)
        }

    def _dated_lines(self, table: type[Table], key: str, names: Sequence[str]) -> dict[str, list[Row]]:
        """File and line of each record of some subjects with the day it holds from, in order of that day."""
        columns = [key, "valid_from_date", "source_file", "line_number", "content_hash"]
        rows: list[Row] = self._store.arrow(table, columns, [(key, "in", names)]).to_pylist() if names else []
        found: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(
            rows, key=lambda row: (row[key], row["valid_from_date"], row["content_hash"], row["line_number"])
        ):
            found[row[key]].append({"table": table.name, "day": row.pop("valid_from_date"), **row})
        return found

    def _by_meter_point(self, table: type[Table], month_column: str) -> dict[str, list[Row]]:
        rows: list[Row] = self._store.arrow(
            table,
            filters=[(month_column, "=", str(self.month)), ("meter_point_id", "in", self._meter_points)],
        ).to_pylist()
        found: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: tuple(str(row[name]) for name in table.key())):
            found[row["meter_point_id"]].append(row)
        return found

    def _lines(
        self, table: type[Table], day_column: str, month_column: str, days: set[date]
    ) -> dict[tuple[str, str, date], list[Row]]:
        months = sorted({f"{day:%Y-%m}" for day in days})
        columns = ["meter_point_id", "channel_code", day_column, "source_file", "line_number", "content_hash"]
        rows: list[Row] = self._store.arrow(
            table, columns, [(month_column, "in", months), ("meter_point_id", "in", self._meter_points)]
        ).to_pylist()
        found: dict[tuple[str, str, date], list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: (row["content_hash"], row["line_number"])):
            line = {"table": table.name, "day": row.pop(day_column), **row}
            found[line["meter_point_id"], line["channel_code"], line["day"]].append(line)
        return found


def traces_of(store: Store, bills: Sequence[Mapping[str, Any]]) -> Traces:
    """What lies behind bills of one month, given as rows of efficiency_bill_v1."""
    (month,) = {bill["billing_month"] for bill in bills}
    meter_points = [name for bill in bills for name in bill["meter_point_ids"]]
    return Traces(store, BillingMonth.parse(month), meter_points, [bill["customer_id"] for bill in bills])


def read_days(row: Row) -> tuple[date, date]:
    """The days whose registers settle a row of silver_register_energy."""
    day: date = row["energy_date"]
    return day, day - timedelta(row["span_days"] or 0)
