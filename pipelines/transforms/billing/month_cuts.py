"""Days inside a month on which what a meter point counts has to be cut: terms, shares or a regulated price
change there.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, TypedDict, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import FactNotInForceError
from pipelines.facts import Dated, Facts, Version
from pipelines.facts.facts import part_digest, plain_text
from pipelines.periods import BillingMonth
from pipelines.tables.base import rows_of_table
from pipelines.tables.rows.silver import SilverCustomersRow, SilverMeterPointsRow, SilverSupplySharesRow
from pipelines.tariff.changes import change_days, pricing_facts
from pipelines.tariff.contract import Contract
from pipelines.transforms.billing.account_terms import contract_of, contract_of_share
from pipelines.transforms.ground.in_force import histories, holds_in


class Span(TypedDict):
    """The days on which a row of terms or of a share holds; None: on."""

    valid_from_date: date
    valid_to_date: date | None


Terms = TypeVar("Terms", bound=Span)
_DAY = timedelta(days=1)


def month_cuts(
    customers: pa.Table, meter_points: pa.Table, shares: pa.Table, facts: Facts
) -> dict[str, tuple[date, ...]]:
    """Meter point -> days in order; the first day of a month is never one. Meter points without any are left
    out.

    customers, meter_points, shares  silver_customers, silver_meter_points and silver_supply_shares.
    What changes for one customer cuts the months of all whose meters lie before or behind its own: a part can
    only be taken out of a part.
    """
    prices, parts = _PriceDays(facts), rows_of_table(shares, SilverSupplySharesRow)
    of_customer: dict[str, set[date]] = {}
    of_customers = (
        rows_of_table(customers, SilverCustomersRow) if prices.is_any else _with_late_terms(customers)
    )
    for customer, rows in histories(of_customers, lambda row: row["customer_id"]).items():
        of_customer[customer] = _changes(rows) | prices.inside(rows, lambda row: contract_of(row)[0])
    of_customer = {customer: days for customer, days in of_customer.items() if days}
    of_main: dict[str, set[date]] = defaultdict(set)
    for held in histories(parts, lambda row: row["share_id"]).values():
        of_main[held[0]["main_meter_point_id"]] |= _share_changes(held) | prices.inside(
            held, contract_of_share
        )
    if not of_customer and not any(of_main.values()):
        return {}
    points = _concerned(meter_points, parts, of_customer)
    families = _families(points, parts)
    days: dict[str, set[date]] = defaultdict(set)
    for name, found in [
        *((_customer(name), found) for name, found in of_customer.items()),
        *((_point(name), found) for name, found in of_main.items()),
    ]:
        days[families.of(name)] |= found
    cuts = {row["meter_point_id"]: days.get(families.of(_point(row["meter_point_id"]))) for row in points}
    return {name: tuple(sorted(found)) for name, found in cuts.items() if found}


def facts_that_cut(facts: Facts, _months: Sequence[str] = ()) -> str:
    """What of the facts determinants and supplies depend on, as a digest: the hours of time of use, and what
    prices are on the days of those months inside which one of them begins or ends. [hex]

    A price of a whole month cuts none, so that publishing it makes nothing anew.
    """
    told: list[tuple[str, str, str]] = []
    dated = {each.fact_id: each for each in pricing_facts(facts)}
    for month in _cut_months(dated.values()):
        days = {month.first_day} | {
            day for each in dated.values() for version in each.versions for day in _bounds(version)
        }
        for each in dated.values():
            for day in sorted(day for day in days if month.first_day <= day <= month.last_day):
                value: object = None
                with suppress(FactNotInForceError):
                    value = each.on(day)
                told.append((each.fact_id, day.isoformat(), plain_text(value)))
    hours = part_digest(facts, ("holidays", "time_of_use"))
    return hashlib.sha256(repr((hours, told)).encode()).hexdigest()


def _cut_months(dated: Iterable[Dated[Any]]) -> list[BillingMonth]:
    """Months inside which a version begins, or after which one has ended."""
    bounds = {day for each in dated for version in each.versions for day in _bounds(version)}
    return sorted({BillingMonth.of(day) for day in bounds if day.day != 1}, key=lambda month: month.first_day)


def _with_late_terms(customers: pa.Table) -> list[SilverCustomersRow]:
    """Rows of the customers with several terms of which one begins after the first of a month; of most there
    is one row alone.
    """
    counted = customers["customer_id"].value_counts()
    several = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    late = customers["customer_id"].filter(pc.not_equal(pc.day(customers["valid_from_date"]), 1))
    chosen = pc.and_(
        pc.is_in(customers["customer_id"], value_set=several),
        pc.is_in(customers["customer_id"], value_set=pc.unique(late)),
    )
    return rows_of_table(customers.filter(chosen), SilverCustomersRow)


def _concerned(
    meter_points: pa.Table, shares: Sequence[SilverSupplySharesRow], customers: Iterable[str]
) -> list[SilverMeterPointsRow]:
    """Rows of meter points that lie before or behind another, are shared, or belong to customers whose months
    are cut, and of their customers.
    """
    names = {
        name
        for row in shares
        for name in (row["main_meter_point_id"], row["sub_meter_point_id"])
        if name is not None
    }
    names |= set(meter_points["parent_meter_point_id"].drop_null().to_pylist())
    related = pc.or_(
        pc.is_valid(meter_points["parent_meter_point_id"]),
        pc.is_in(meter_points["meter_point_id"], value_set=pa.array(sorted(names), pa.string())),
    )
    owners = {*customers, *meter_points["customer_id"].filter(related).drop_null().to_pylist()}
    owned = pc.is_in(meter_points["customer_id"], value_set=pa.array(sorted(owners), pa.string()))
    return rows_of_table(meter_points.filter(pc.or_(related, owned)), SilverMeterPointsRow)


def _changes(rows: Sequence[SilverCustomersRow]) -> set[date]:
    """Days on which the contract or the hours of a customer become others."""
    late = [place for place in range(1, len(rows)) if rows[place]["valid_from_date"].day != 1]
    return {
        rows[place]["valid_from_date"]
        for place in late
        if _priced_by(rows[place - 1]) != _priced_by(rows[place])
    }


def _priced_by(row: SilverCustomersRow) -> tuple[Any, ...]:
    return (*contract_of(row), bool(row["is_ev_charging"]))


def _share_changes(rows: Sequence[SilverSupplySharesRow]) -> set[date]:
    starts = {row["valid_from_date"] for row in rows}
    ends = {row["ended_date"] + _DAY for row in rows if row["ended_date"] is not None}
    return {day for day in starts | ends if day.day != 1}


class _PriceDays:
    """Days after the first of a month on which the price of a contract changes; mostly there is none at
    all.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._months = _cut_months(pricing_facts(facts))
        self.is_any = bool(self._months)
        self._known: dict[tuple[Contract, BillingMonth], tuple[date, ...]] = {}

    def inside(self, rows: Iterable[Terms], contract_in: Callable[[Terms], Contract | None]) -> set[date]:
        """Change days of the contracts of a history, in the months in which each holds."""
        found: set[date] = set()
        for row in rows if self._months else ():
            contract = contract_in(row)
            if contract is None:
                continue
            for month in self._months:
                if holds_in(row, month.first_day, month.last_day):
                    found.update(self._of(contract, month))
        return found

    def _of(self, contract: Contract, month: BillingMonth) -> tuple[date, ...]:
        key = contract, month
        if key not in self._known:
            self._known[key] = ()
            with suppress(FactNotInForceError):
                self._known[key] = change_days(contract, month, self._facts)
        return self._known[key]


def _bounds(version: Version[Any]) -> list[date]:
    return [version.effective_from] + (
        [version.effective_to + _DAY] if version.effective_to is not None else []
    )


class _Families:
    """Customers and meter points that hang together; each is its own family until it is joined."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The name that stands for the family."""
        while (above := self._above.get(name, name)) != name:
            name = above
        return name

    def join(self, one: str, other: str) -> None:
        """Makes two families one."""
        first, second = sorted((self.of(one), self.of(other)))
        self._above[second] = first


def _families(
    meter_points: Sequence[SilverMeterPointsRow], shares: Sequence[SilverSupplySharesRow]
) -> _Families:
    families = _Families()
    for row in meter_points:
        if row["customer_id"] is not None:
            families.join(_point(row["meter_point_id"]), _customer(row["customer_id"]))
        if row["parent_meter_point_id"] is not None:
            families.join(_point(row["meter_point_id"]), _point(row["parent_meter_point_id"]))
    for share in shares:
        if share["sub_meter_point_id"] is not None:
            families.join(_point(share["main_meter_point_id"]), _point(share["sub_meter_point_id"]))
    return families


def _point(name: str) -> str:
    return f"point {name}"


def _customer(name: str) -> str:
    return f"customer {name}"
