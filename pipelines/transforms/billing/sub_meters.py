"""What lies behind an account's main meters in one month: shares, own sub-meters that they name, and other
customers' sub-meters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from pipelines.periods import BillingDays, BillingMonth
from pipelines.tables.rows.gold import GoldBillingDeterminantsRow
from pipelines.tables.rows.silver import SilverMeterPointsRow, SilverSupplySharesRow
from pipelines.transforms.billing.agreed_points import ENDED, YEAR_TO_DATE
from pipelines.transforms.ground.in_force import LAST_DAY, histories, holds_in, spans_of

SUB_METER = "sub_meter"
METER_REASSIGNED = "meter_reassigned"
SUB_METER_DAYS = "sub_meter_days"
_MISSING_DAYS, _HOLES, _NO_HOURS = "missing_days", "curve_intervals", "time_of_use_fact"


@dataclass(frozen=True)
class Inside:
    """What lies behind the main meters in a month.

    shares            As (main meter point, history).
    others            Rows of gold_billing_determinants of other customers' sub-meters; metered_sections: of
                      own ones that a share names.
    section_of        Sub-meter -> name of the share.
    unread            Other customers' sub-meters that were not read at all.
    parents           Sub-meter -> the meter point that it lies behind.
    refusal           Why the account cannot be taken apart at all, or None.
    """

    shares: tuple[tuple[str, list[SilverSupplySharesRow]], ...]
    others: tuple[GoldBillingDeterminantsRow, ...]
    metered_sections: tuple[GoldBillingDeterminantsRow, ...]
    section_of: Mapping[str, str]
    unread: tuple[str, ...]
    parents: Mapping[str, str]
    refusal: str | None

    def section_above(self, meter_point: str) -> str | None:
        """The nearest sub-meter above one that a share names; None where there is only the main meter."""
        above = self.parents.get(meter_point)
        while above is not None and above not in self.section_of:
            above = self.parents.get(above)
        return above

    @property
    def is_any(self) -> bool:
        """Whether the main meters' energy is not all of the main part."""
        return bool(self.shares or self.others)

    @property
    def taken_out(self) -> tuple[GoldBillingDeterminantsRow, ...]:
        """Rows of the sub-meters whose energy is not of the main part."""
        return (*self.others, *self.metered_sections)

    @property
    def missing_inputs(self) -> tuple[str, ...]:
        """What the sub-meters lack that changes this account's bill: days without energy are charged to the
        main part.
        """
        lacks = {
            name
            for row in self.metered_sections
            for name in row["missing_inputs"]
            if name in (YEAR_TO_DATE, _NO_HOURS)
        }
        lacks |= {
            _HOLES
            for row in self.metered_sections
            if row["flat_kwh"] is not None and _HOLES in row["missing_inputs"]
        }
        if self.unread or any(_MISSING_DAYS in row["missing_inputs"] for row in self.taken_out):
            lacks.add(SUB_METER_DAYS)
        return tuple(sorted(lacks))

    def year_behind(self, section: str | None) -> Decimal:
        """Energy of the year before the month that sub-meters right behind a section's sub-meter took out, or
        behind the main meters. [kWh]
        """
        rows = [row for row in self.taken_out if self.section_above(row["meter_point_id"]) == section]
        return sum((row["year_to_date_kwh"] or Decimal(0) for row in rows), Decimal(0))

    def unread_days(self, month: BillingDays) -> int:
        """The most days of the month that one of the sub-meters was not read. [d]"""
        return (
            month.day_count
            if self.unread
            else max((row["month_days"] - row["metered_days"] for row in self.taken_out), default=0)
        )


class SubMeters:
    """Sub-meters and shares of some months.

    determinants  Rows of gold_billing_determinants; shares: of silver_supply_shares.
    meter_points  Of silver_meter_points, whole histories: they tell which sub-meters should have been read,
                  and whose they were.
    """

    def __init__(
        self,
        determinants: Iterable[GoldBillingDeterminantsRow],
        shares: Iterable[SilverSupplySharesRow],
        meter_points: Iterable[SilverMeterPointsRow],
    ) -> None:
        self._behind: dict[tuple[str, str], list[GoldBillingDeterminantsRow]] = defaultdict(list)
        self._read: set[tuple[str, str]] = set()
        self._shares: dict[str, list[list[SilverSupplySharesRow]]] = defaultdict(list)
        self._points: dict[str, list[SilverMeterPointsRow]] = defaultdict(list)
        for row in determinants:
            self._read.add((row["billing_month"], row["meter_point_id"]))
            if parent := row.get("parent_meter_point_id"):
                self._behind[row["billing_month"], parent].append(row)
        for history in histories(shares, lambda row: row["share_id"]).values():
            self._shares[history[-1]["main_meter_point_id"]].append(history)
        self._history: dict[str, list[SilverMeterPointsRow]] = defaultdict(list)
        self._owned: dict[str | None, set[str]] = defaultdict(set)
        for meter in sorted(meter_points, key=lambda row: row["valid_from_date"]):
            self._history[meter["meter_point_id"]].append(meter)
            self._owned[meter["customer_id"]].add(meter["meter_point_id"])
            if meter["parent_meter_point_id"]:
                self._points[meter["parent_meter_point_id"]].append(meter)

    def history_of(self, meter_point: str) -> Sequence[SilverMeterPointsRow]:
        """The rows of a meter point, in order, as far as they were given."""
        return self._history.get(meter_point, ())

    def inside(
        self, customer: str, month: BillingDays, mains: Sequence[GoldBillingDeterminantsRow]
    ) -> Inside:
        """What lies behind the main meters of a customer."""
        key = mains[0]["billing_month"]
        shares = [
            (row["meter_point_id"], history)
            for row in mains
            for history in self._held(row["meter_point_id"], month)
        ]
        behind: list[GoldBillingDeterminantsRow] = []
        unread: list[str] = []
        parents: dict[str, str] = {}
        waiting = [row["meter_point_id"] for row in mains]
        seen, concerned = set(waiting), {*waiting, *self._owned.get(customer, ())}
        while waiting:
            name = waiting.pop()
            found = self._behind.get((key, name), [])
            behind += found
            # Behind another customer's sub-meter everything is that customer's.
            own = [row["meter_point_id"] for row in found if row["customer_id"] == customer]
            for row in (
                each for each in self._points.get(name, ()) if holds_in(each, month.first_day, month.last_day)
            ):
                concerned.add(row["meter_point_id"])
                if (key, row["meter_point_id"]) not in self._read:
                    (own if row["customer_id"] in (None, customer) else unread).append(row["meter_point_id"])
            new = [each for each in own if each not in seen]
            parents |= dict.fromkeys([*new, *(row["meter_point_id"] for row in found)], name)
            waiting += new
            seen.update(new)
        named = {
            history[-1]["sub_meter_point_id"]: history[-1]["section_name"]
            for _, history in shares
            if history[-1]["sub_meter_point_id"]
        }
        sections = tuple(
            row for row in behind if row["customer_id"] == customer and row["meter_point_id"] in named
        )
        others = tuple(row for row in behind if row["customer_id"] != customer)
        inside = Inside(tuple(shares), others, sections, named, tuple(sorted(set(unread))), parents, None)
        if any(self._is_reassigned(name, customer, month) for name in concerned):
            return replace(inside, refusal=METER_REASSIGNED)
        return (
            replace(inside, refusal=SUB_METER)
            if self._is_nested(inside, seen - {row["meter_point_id"] for row in mains}, month)
            else inside
        )

    def _is_reassigned(self, meter_point: str, customer: str, month: BillingDays) -> bool:
        """Whether customer or parent change inside the month, while its energy is settled whole for those of
        the last day.

        Behind a main meter an own sub-meter with and without the customer's name are the same.
        """
        rows = [
            row
            for row in self._history.get(meter_point, ())
            if holds_in(row, month.first_day, month.last_day)
        ]
        owners = {
            (
                row["customer_id"] or (customer if row["parent_meter_point_id"] else None),
                row["parent_meter_point_id"],
            )
            for row in rows
        }
        return len(owners) > 1

    def is_year_untold(
        self, customer: str, month: BillingMonth, mains: Sequence[GoldBillingDeterminantsRow], inside: Inside
    ) -> bool:
        """Whether parts took energy out of the main meters earlier in the year that no row of the month
        tells: fixed shares, shares that ended,
        sub-meters that were another customer's then or were not read now."""
        told = {row["meter_point_id"] for row in inside.metered_sections}
        first, last = date(month.year, 1, 1), month.first_day - timedelta(days=1)
        others = {(row["meter_point_id"], row["customer_id"]) for row in inside.others}
        before = {row["meter_point_id"] for row in mains} | (
            inside.parents.keys() - {row["meter_point_id"] for row in inside.others}
        )
        of_others = [
            row
            for name in before
            for row in self._points.get(name, ())
            if row["customer_id"] not in (None, customer)
        ]
        return any(
            history[-1]["sub_meter_point_id"] not in told
            and any(holds_in(row, first, last, (LAST_DAY, ENDED)) for row in history)
            for main in mains
            for history in self._shares.get(main["meter_point_id"], ())
        ) or any(
            (row["meter_point_id"], row["customer_id"]) not in others and holds_in(row, first, last)
            for row in of_others
        )

    def _is_nested(self, inside: Inside, own_subs: Iterable[str], month: BillingDays) -> bool:
        """Whether a part lies in a part: a share of a sub-meter's energy, or a sub-meter of a share behind
        that of another.
        """
        sections = [row["meter_point_id"] for row in inside.metered_sections]
        return any(self._held(name, month) for name in own_subs) or any(
            inside.section_above(name) is not None for name in sections
        )

    def _held(self, main: str, month: BillingDays) -> list[list[SilverSupplySharesRow]]:
        """Histories of the shares of a meter point that hold on a day of the month."""
        found = self._shares.get(main, ())
        return [history for history in found if spans_of(history, month.first_day, month.last_day, ENDED)]
