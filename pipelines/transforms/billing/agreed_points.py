"""Meter points whose months are more than their registers: cut by changes, behind a main meter, metered
behind a transformer, in tiers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import CustomerClass, TouSchedule
from pipelines.periods import BillingDays, BillingMonth
from pipelines.tables.base import Row, rows_of_table
from pipelines.tables.rows.gold import GoldBillingDeterminantsComputed, GoldBillingSegmentsComputed
from pipelines.tables.rows.silver import SilverCustomersRow, SilverMeterPointsRow, SilverSupplySharesRow
from pipelines.tariff.charges.power_factor import mean_power_factor
from pipelines.transforms.billing.month_segments import (
    Hours,
    PointDays,
    month_segments,
    point_days,
    split_by_hours,
)
from pipelines.transforms.billing.month_totals import MonthTotalsRow
from pipelines.transforms.billing.reading_days import ReadingDays, days_of_row, firsts_of_months
from pipelines.transforms.billing.transformer_losses import has_plate, month_loss, plates_of_month
from pipelines.transforms.ground.in_force import histories, row_on, row_or_first_on, spans_of

YEAR_TO_DATE = "year_to_date"
ENDED = "ended_date"
"""Column with the last day of a share."""


class Completion(TypedDict, total=False):
    """Columns of gold_billing_determinants that the agreements add to what was metered."""

    transformer_loss_kwh: Decimal
    transformer_loss_kvarh: Decimal | None
    power_factor_ratio: Decimal | None
    year_to_date_kwh: Decimal
    missing_inputs: list[str]


@dataclass(frozen=True)
class Agreements:
    """What is agreed on supplies, with its history.

    customers, meter_points, shares  silver_customers, silver_meter_points and silver_supply_shares.
    cuts                             Meter point -> days, in order, on which terms, shares or prices change
                                     inside a month, see ``month_cuts``.
    reading                          Of the meter points that are not read on the last day of the month.
    """

    customers: pa.Table
    meter_points: pa.Table
    shares: pa.Table
    cuts: Mapping[str, Sequence[date]] = field(default_factory=dict)
    reading: ReadingDays = field(default_factory=ReadingDays.none)


class AgreedPoints:
    """What the agreements add to the month totals of one set of meter points; asked row by row in the order
    of meter point and month.
    """

    def __init__(
        self, totals: pa.Table, curve_days: pa.Table, register_energy: pa.Table, agreed: Agreements
    ) -> None:
        self._agreed, self._curve_days, self._register_energy = agreed, curve_days, register_energy
        names = pc.unique(totals["meter_point_id"])
        points = agreed.meter_points
        self._shares = histories(
            _rows_in(agreed.shares, SilverSupplySharesRow, "sub_meter_point_id", names),
            lambda row: row["sub_meter_point_id"] or "",
        )
        beside = pc.or_(
            pc.is_valid(points["transformer_rated_kva"]), pc.is_valid(points["parent_meter_point_id"])
        )
        mine = histories(
            _rows_in(points.filter(beside), SilverMeterPointsRow, "meter_point_id", names),
            lambda row: row["meter_point_id"],
        )
        self._cuts = (
            {name: agreed.cuts[name] for name in names.to_pylist() if name in agreed.cuts}
            if agreed.cuts
            else {}
        )
        read_early = totals["meter_point_id"].filter(pc.is_valid(totals["period_first_date"]))
        self._read_early = set(pc.unique(read_early).to_pylist())
        wanted = {*mine, *self._cuts, *self._read_early} | {
            row["parent_meter_point_id"] for rows in mine.values() for row in rows
        }
        self._meters = histories(
            _rows_in(
                points,
                SilverMeterPointsRow,
                "meter_point_id",
                pa.array(sorted(filter(None, wanted)), pa.string()),
            ),
            lambda row: row["meter_point_id"],
        )
        tiered = pc.fill_null(pc.equal(totals["customer_class_code"], CustomerClass.RESIDENTIAL.value), False)
        special = pc.or_(
            tiered,
            pc.is_in(totals["meter_point_id"], value_set=pa.array(sorted(filter(None, wanted)), pa.string())),
        )
        owners = {
            *pc.unique(totals.filter(special)["customer_id"]).to_pylist(),
            *(row["customer_id"] for rows in self._meters.values() for row in rows),
        }
        named = pa.array(sorted(filter(None, owners)), pa.string())
        self._customers = histories(
            _rows_in(agreed.customers, SilverCustomersRow, "customer_id", named),
            lambda row: row["customer_id"],
        )
        self._years: dict[tuple[str, str, int], list[tuple[BillingDays, Decimal]]] = defaultdict(list)

    @cached_property
    def _days(self) -> PointDays:
        several = [
            name
            for name, rows in self._meters.items()
            if len(rows) > 1 and any(has_plate(row) for row in rows)
        ]
        return point_days(
            self._curve_days, self._register_energy, sorted({*self._cuts, *several, *self._read_early})
        )

    def with_terms(self, totals: MonthTotalsRow) -> MonthTotalsRow:
        """The row with the terms of the share that names its meter point, where that is of the same account
        as the main one.
        """
        share = self._own_share(totals, totals["last_date"])
        if share is None:
            return totals
        return {
            **totals,
            "customer_class_code": share["customer_class_code"],
            "is_time_of_use": share["is_time_of_use"],
            "is_ev_charging": share["is_ev_charging"],
        }

    def parts(
        self, totals: MonthTotalsRow, whole: GoldBillingDeterminantsComputed
    ) -> list[GoldBillingSegmentsComputed]:
        """Rows of gold_billing_segments; none for a month that is not cut."""
        days = days_of_row(totals)
        # Prices and terms hold from the first of a month as a rule, so a period is cut at each; a price that
        # is published later then finds it cut.
        known = {*self._cuts.get(totals["meter_point_id"], ()), *firsts_of_months(days)}
        cuts = sorted(day for day in known if days.first_day < day <= days.last_day)
        if not cuts:
            return []
        firsts = (days.first_day, *cuts)
        own, main = ([each(totals, day) for day in firsts] for each in (self._hours, self._main_hours))
        return month_segments(totals, whole, cuts, own, main, self._days)

    def completed(
        self, totals: MonthTotalsRow, whole: GoldBillingDeterminantsComputed
    ) -> GoldBillingDeterminantsComputed:
        """The row of gold_billing_determinants with loss, the power factor that follows from it, the year to
        date and the main meter's periods.
        """
        main = self._main_hours(totals, totals["last_date"])
        periods = split_by_hours(whole["energy_kwh"], totals, main, totals["period_kwh"])
        return {
            **whole,
            **self._loss(totals, whole),
            **self._year_to_date(totals, whole),
            "main_period_kwh": periods,
        }

    def _loss(self, totals: MonthTotalsRow, whole: GoldBillingDeterminantsComputed) -> Completion:
        meters = self._meters.get(totals["meter_point_id"], ())
        if not any(has_plate(row) for row in meters):
            return {}
        days = days_of_row(totals)
        lost = month_loss(
            totals,
            whole,
            plates_of_month(meters, days, self._suspended(totals["customer_id"], days)),
            self._days_of(meters),
        )
        if lost is None:
            return {}
        lagging = (
            None if whole["lagging_kvarh"] is None or lost[1] is None else whole["lagging_kvarh"] + lost[1]
        )
        mean = mean_power_factor(whole["energy_kwh"] + lost[0], lagging, whole["leading_kvarh"])
        return {
            "transformer_loss_kwh": lost[0],
            "transformer_loss_kvarh": lost[1],
            "power_factor_ratio": mean,
        }

    def _days_of(self, meters: Sequence[SilverMeterPointsRow]) -> PointDays:
        """A transformer that was never changed asks for no single days."""
        return self._days if len(meters) > 1 else PointDays({}, {}, {})

    def _suspended(self, customer: str, days: BillingDays) -> list[tuple[date, date]]:
        spans = spans_of(self._customers.get(customer, []), days.first_day, days.last_day)
        return [(first, last) for row, first, last in spans if row["running_capacity_kva"] == 0]

    def _own_share(self, totals: MonthTotalsRow, day: date) -> SilverSupplySharesRow | None:
        name, parent = totals["meter_point_id"], totals["parent_meter_point_id"]
        if parent is None or name not in self._shares:
            return None
        above = row_or_first_on(self._meters.get(parent, []), day)
        return (
            row_on(self._shares[name], day, ENDED)
            if above is not None and above["customer_id"] == totals["customer_id"]
            else None
        )

    def _hours(self, totals: MonthTotalsRow, day: date) -> Hours:
        return _hours_of(
            self._own_share(totals, day)
            or row_or_first_on(self._customers.get(totals["customer_id"], []), day)
        )

    def _main_hours(self, totals: MonthTotalsRow, day: date) -> Hours:
        """The hours of the main meter's customer; without time of use for a meter that is none's
        sub-meter.
        """
        parent = totals["parent_meter_point_id"]
        above = None if parent is None else row_or_first_on(self._meters.get(parent, []), day)
        return _hours_of(
            None
            if above is None
            else row_or_first_on(self._customers.get(above["customer_id"] or "", []), day)
        )

    def _year_to_date(self, totals: MonthTotalsRow, whole: GoldBillingDeterminantsComputed) -> Completion:
        is_tiered = totals["customer_class_code"] == CustomerClass.RESIDENTIAL.value
        if not is_tiered and totals["parent_meter_point_id"] is None:
            return {}
        days, month = days_of_row(totals), BillingMonth.parse(totals["billing_month"])
        earlier = self._years[totals["meter_point_id"], totals["customer_id"], month.year]
        share = self._own_share(totals, totals["last_date"])
        held = [
            _held(self._shares[totals["meter_point_id"]], each) if share else (True, True)
            for each, _ in earlier
        ]
        # Before the share began its energy was the main part's.
        total = sum(
            (energy for (_, energy), (_, last) in zip(earlier, held, strict=True) if last), Decimal(0)
        )
        known = {BillingMonth.of(each.last_day) for each, _ in earlier}
        earlier.append((days, whole["energy_kwh"]))
        found: Completion = {"year_to_date_kwh": total}
        owner = row_or_first_on(self._customers.get(totals["customer_id"], []), totals["last_date"])
        terms = share or owner
        # Of a month inside which the share began or ended it is not known how much was the share's.
        is_known = all(first == last for first, last in held)
        if is_known and is_tiered and terms is not None and not terms["is_combined_meter"]:
            began = share["valid_from_date"] if share else owner["opened_date"] if owner else None
            first = max(date(month.year, 1, 1), began or date.min)
            months = (
                [BillingMonth(month.year, number) for number in range(first.month, month.month)]
                if first.year == month.year
                else []
            )
            is_known = known.issuperset(months)
        if not is_known:
            found["missing_inputs"] = [*whole["missing_inputs"], YEAR_TO_DATE]
        return found


def _held(history: Sequence[SilverSupplySharesRow], month: BillingDays) -> tuple[bool, bool]:
    """Whether a share holds on the first and on the last day of a month."""
    first, last = (row_on(history, day, ENDED) for day in (month.first_day, month.last_day))
    return first is not None, last is not None


def _hours_of(terms: SilverCustomersRow | SilverSupplySharesRow | None) -> Hours:
    if terms is None or terms["customer_class_code"] is None:
        return Hours(False, None)
    return Hours(
        bool(terms["is_time_of_use"]), TouSchedule.of(terms["customer_class_code"], terms["is_ev_charging"])
    )


def _rows_in(table: pa.Table, kind: type[Row], column: str, names: pa.Array) -> list[Row]:
    if not table.num_rows or not len(names):
        return []
    return rows_of_table(table.filter(pc.is_in(table[column], value_set=names)), kind)
