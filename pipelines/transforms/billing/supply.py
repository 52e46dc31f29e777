"""A customer's account in one month as the tariff engine takes it: terms that change, parts behind the main
meter, losses, export, tiers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache

from pipelines.codes import TouPeriod, TouSchedule
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.periods import BillingDays, BillingMonth, period_of
from pipelines.tables.rows.gold import GoldBillingDeterminantsRow, GoldBillingSegmentsRow
from pipelines.tables.rows.silver import SilverCustomersRow, SilverMeterPointsRow, SilverSupplySharesRow
from pipelines.tariff import Contract, Segment, SupplyMonth, change_days
from pipelines.tariff.changes import joined_segments
from pipelines.transforms.billing.account_month import (
    READING_DAYS,
    RESIDENTIAL_TIERS,
    SHARES_ABOVE_MAIN,
    AccountMonth,
)
from pipelines.transforms.billing.account_sections import (
    Section,
    SectionsAboveMainError,
    by_hours_of_main,
    section_of,
    take_out,
)
from pipelines.transforms.billing.account_terms import (
    account_totals,
    contract_of,
    contract_of_share,
    whole_supply,
)
from pipelines.transforms.billing.agreed_points import ENDED, YEAR_TO_DATE
from pipelines.transforms.billing.point_segments import PointSegment, added_up, segments_of
from pipelines.transforms.billing.reading_days import days_of_row, firsts_of_months
from pipelines.transforms.billing.sub_meters import SUB_METER, Inside, SubMeters
from pipelines.transforms.billing.supply_meters import supply_meters
from pipelines.transforms.billing.supply_segments import (
    has_tiers,
    is_tiered,
    is_without_tiers,
    running_days,
    schedule_of,
    segment_of,
)
from pipelines.transforms.ground.in_force import histories, holds_in, row_on, row_or_first_on, spans_of

PriceDays = Callable[[Contract, BillingMonth], Collection[date]]


class Accounts:
    """Accounts of some months by customer.

    customers     Rows of silver_customers; determinants: of gold_billing_determinants; segments: of
                  gold_billing_segments.
    shares        Rows of silver_supply_shares.
    price_days    Days inside a month on which a price of a contract changes: adjoining parts of one contract
                  are one segment where there is
                  none between them. Without it every cut stays.
    meter_points  Rows of silver_meter_points, see ``SubMeters``. Without them a sub-meter that was not read
                  at all is not known, nor where the meter points come from.
    """

    def __init__(
        self,
        customers: Iterable[SilverCustomersRow],
        determinants: Iterable[GoldBillingDeterminantsRow],
        segments: Iterable[GoldBillingSegmentsRow] = (),
        shares: Iterable[SilverSupplySharesRow] = (),
        price_days: PriceDays | None = None,
        meter_points: Iterable[SilverMeterPointsRow] = (),
    ) -> None:
        determinants = list(determinants)
        self._terms = histories(customers, lambda row: row["customer_id"])
        self._metered: dict[str, dict[str, list[GoldBillingDeterminantsRow]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._parts: dict[tuple[str, str], list[GoldBillingSegmentsRow]] = defaultdict(list)
        self._parts_behind = SubMeters(determinants, shares, meter_points)
        self._price_days = price_days
        for row in determinants:
            self._metered[row["billing_month"]][row["customer_id"]].append(row)
        for part in sorted(segments, key=lambda part: (part["meter_point_id"], part["first_date"])):
            self._parts[part["billing_month"], part["meter_point_id"]].append(part)

    def terms_of(self, customer: str, month: BillingMonth) -> SilverCustomersRow | None:
        """The newest terms of the customer that hold on a day of the month."""
        mains = self.rows_of(customer, month)
        spans = self._spans(customer, days_of_row(mains[0]) if mains else month)
        return spans[-1] if spans else None

    def _spans(self, customer: str, days: BillingDays) -> list[SilverCustomersRow]:
        """Terms of some days, in order."""
        rows = self._terms.get(customer, ())
        return [row for row in rows if holds_in(row, days.first_day, days.last_day)]

    def customers_in(self, month: BillingMonth) -> list[str]:
        """Customers with metering in the month, in the order of their numbers."""
        return sorted(self._metered.get(str(month), ()))

    def rows_of(self, customer: str, month: BillingMonth) -> Sequence[GoldBillingDeterminantsRow]:
        """Rows of gold_billing_determinants of the account's main meter points, in the order given."""
        rows = self._metered.get(str(month), {}).get(customer, [])
        own = {row["meter_point_id"] for row in rows}
        return [row for row in rows if row.get("parent_meter_point_id") not in own]

    def account(self, customer: str, month: BillingMonth) -> AccountMonth | None:
        """The account in the month; None where no terms hold in it or nothing was metered."""
        mains = self.rows_of(customer, month)
        days = days_of_row(mains[0]) if mains else month
        spans = self._spans(customer, days)
        if not mains or not spans:
            return None
        newest, totals = spans[-1], account_totals(mains)
        contract, lacking = contract_of(newest)
        inside = self._parts_behind.inside(customer, days, mains)
        plain = AccountMonth(
            newest,
            lacking,
            tuple(mains),
            totals,
            None,
            inside.missing_inputs,
            inside.unread_days(days),
            supply_meters(mains, inside, days, self._parts_behind.history_of),
            self._rests_on(days, mains, inside),
            period_of(days),
        )
        refusal = inside.refusal or _other_days((*mains, *inside.taken_out), days)
        if refusal is not None:
            return replace(plain, lacks=(refusal,))
        if any(not self._spans(row["customer_id"], days) for row in inside.others):
            # What is deducted here would be billed to nobody.
            return replace(plain, lacks=(SUB_METER,))
        if any(has_tiers(contract_of(terms)[0]) for terms in spans) and self._parts_behind.is_year_untold(
            customer, month, mains, inside
        ):
            return replace(plain, lacks=(RESIDENTIAL_TIERS,))
        if not inside.is_any and not any(
            self._parts.get((str(month), row["meter_point_id"])) for row in mains
        ):
            if contract is None:
                return plain
            running = running_days(contract, newest, days.first_day, days.last_day)
            totals = replace(totals, running_days=running)
            return replace(plain, totals=totals, supply=whole_supply(contract, days, totals))
        contracts = {}
        for terms in spans:
            contracts[terms["valid_from_date"]], lacking = contract_of(terms)
            if lacking:
                return replace(plain, lacks=lacking)
        try:
            segments = self._segments(days, mains, spans, contracts, inside)
        except SectionsAboveMainError:
            return replace(plain, lacks=(SHARES_ABOVE_MAIN,))
        if segments is None:
            return replace(plain, lacks=(SUB_METER,))
        return self._account(plain, month, days, segments, inside)

    def _rests_on(
        self, days: BillingDays, mains: Sequence[GoldBillingDeterminantsRow], inside: Inside
    ) -> tuple[str, ...]:
        points = {row["meter_point_id"] for row in (*mains, *inside.taken_out)}
        first, last = days.first_day, days.last_day
        rows = [row for name in points for row in self._parts_behind.history_of(name)]
        found = {row["provenance"] for row in rows if holds_in(row, first, last)}
        for _, history in inside.shares:
            found.update(row["provenance"] for row, _, _ in spans_of(history, first, last, ENDED))
        return tuple(sorted(found))

    def _account(
        self,
        plain: AccountMonth,
        month: BillingMonth,
        days: BillingDays,
        segments: Sequence[Segment],
        inside: Inside,
    ) -> AccountMonth:
        whole = plain.totals
        tiered = {each.section for each in segments if is_tiered(each)}
        if len(tiered) > 1:
            return replace(plain, lacks=(RESIDENTIAL_TIERS,))
        if not tiered:
            plain = replace(
                plain, behind_lacks=tuple(name for name in plain.behind_lacks if name != YEAR_TO_DATE)
            )
        year = whole.year_to_date_kwh - inside.year_behind(None)
        if tiered and "" not in tiered:
            (name,) = tiered
            sections = [
                row for row in inside.metered_sections if inside.section_of[row["meter_point_id"]] == name
            ]
            year = next(
                (
                    (row["year_to_date_kwh"] or Decimal(0)) - inside.year_behind(row["meter_point_id"])
                    for row in sections
                ),
                year,
            )
        supply = SupplyMonth(
            month,
            tuple(segments),
            whole.lagging_kvarh,
            whole.leading_kvarh,
            max(year, Decimal(0)),
            whole.exported_kwh,
            whole.energy_kwh,
            whole.resolution_kwh,
            period=period_of(days),
        )
        if not inside.is_any:
            return replace(plain, supply=supply)
        splits = [segment.energy_by_period for segment in segments]
        together = (
            None
            if None in splits
            else {
                period: sum((split.get(period, Decimal(0)) for split in splits if split), Decimal(0))
                for period in TouPeriod
            }
        )
        totals = replace(
            whole,
            energy_kwh=supply.energy_kwh,
            energy_by_period=together,
            year_to_date_kwh=supply.year_to_date_kwh,
        )
        return replace(plain, totals=totals, supply=supply)

    def _segments(
        self,
        days: BillingDays,
        mains: Sequence[GoldBillingDeterminantsRow],
        spans: Sequence[SilverCustomersRow],
        contracts: Mapping[date, Contract | None],
        inside: Inside,
    ) -> list[Segment] | None:
        """Segments of the main part, then of each section; None where a share names a sub-meter that was not
        metered behind the account's main meters.
        """
        point_segments = {
            row["meter_point_id"]: self._point_segments(row, days)
            for row in (*mains, *inside.metered_sections, *inside.others)
        }
        firsts = [segment.first_day for segment in point_segments[mains[0]["meter_point_id"]]]
        if any([segment.first_day for segment in found] != firsts for found in point_segments.values()):
            return None
        terms = [row_on(spans, first) or spans[0] for first in firsts]
        hours = [schedule_of(row) for row in terms]
        left, step = (
            added_up([point_segments[row["meter_point_id"]] for row in mains]),
            min(row["resolution_kwh"] for row in mains),
        )
        sections: list[Section] = []
        # A share counts by a sub-meter of the account's own alone: what lies elsewhere, or is another
        # customer's, is not in the main part.
        own_metered = {
            row["meter_point_id"]: point_segments[row["meter_point_id"]] for row in inside.metered_sections
        }
        for main, history in inside.shares:
            section = section_of(history, point_segments[main], own_metered, days, step)
            if section is None:
                return None
            sections.append(section)
        for row in inside.others:
            above = inside.section_above(row["meter_point_id"])
            holder = (
                next((each for each in sections if each.meter_point_id == above), None)
                if above is not None
                else None
            )
            taken, schedule = point_segments[row["meter_point_id"]], self._schedule_behind(row)
            if holder is None:
                left = take_out(
                    left, taken, by_hours_of_main(taken, [schedule == hour for hour in hours]), step
                )
            else:
                same = schedule == holder.schedule
                holder.segments[:] = take_out(
                    holder.segments,
                    taken,
                    [segment.energy_by_period if same else None for segment in taken],
                    step,
                )
        for section in sections:
            same_hours = [section.is_metered and section.schedule == hour for hour in hours]
            left = take_out(left, section.counted, by_hours_of_main(section.counted, same_hours), step)
        segments = [
            segment_of(contract, segment, terms_row, "")
            for segment, terms_row in zip(left, terms, strict=True)
            if (contract := contracts[terms_row["valid_from_date"]]) is not None
        ]
        found = self._joined(segments, days)
        for section in sections:
            own = [
                segment_of(contract_of_share(share), replace(segment, max_demand_kw=None), None, section.name)
                for segment, share in zip(section.segments, section.shares, strict=True)
                if share is not None
            ]
            found += self._joined(own, days)
        # The engine counts the year's kWh through all residential segments in turn; those without tiers must
        # not come before.
        return sorted(found, key=is_without_tiers)

    def _schedule_behind(self, row: GoldBillingDeterminantsRow) -> TouSchedule | None:
        """Whose hours the periods of another customer's sub-meter are; None without time of use."""
        terms = row_or_first_on(self._terms.get(row["customer_id"], ()), days_of_row(row).last_day)
        return None if terms is None else schedule_of(terms)

    def _point_segments(self, row: GoldBillingDeterminantsRow, days: BillingDays) -> list[PointSegment]:
        return segments_of(row, self._parts.get((row["billing_month"], row["meter_point_id"]), ()), days)

    def _joined(self, segments: Sequence[Segment], days: BillingDays) -> list[Segment]:
        """Adjoining segments of one contract as one, unless a price changes between them; the calendar months
        of a period stay apart, because most prices are those of one month.
        """
        price_days = self._price_days
        if price_days is None:
            return list(segments)
        kept = set(firsts_of_months(days))

        def may_join(_: Segment, later: Segment) -> bool:
            first = later.first_day
            return first not in kept and first not in price_days(later.contract, BillingMonth.of(first))

        return joined_segments(segments, may_join)


def _other_days(rows: Iterable[GoldBillingDeterminantsRow], days: BillingDays) -> str | None:
    """Why meter points cannot be billed together, of which one is read on other days."""
    return READING_DAYS if any(days_of_row(row) != days for row in rows) else None


def price_days_of(facts: Facts) -> PriceDays:
    """Days inside a month on which a price of a contract changes, found once for each contract; none where a
    day is not covered.
    """

    @cache
    def days(contract: Contract, month: BillingMonth) -> tuple[date, ...]:
        with suppress(FactNotInForceError):
            return change_days(contract, month, facts)
        return ()

    return days
