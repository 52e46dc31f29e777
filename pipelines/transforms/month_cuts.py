"""Days inside a month on which what a meter point counts has to be cut: terms, shares or a regulated price change there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.tariff.changes import change_days, pricing_facts
from pipelines.tariff.contract import Contract
from pipelines.transforms.accounts import contract_of, contract_of_share
from pipelines.transforms.agreed_points import histories

Row = Mapping[str, Any]
_DAY = timedelta(days=1)


def month_cuts(customers: Sequence[Row], meter_points: Sequence[Row], shares: Sequence[Row], facts: Facts) -> dict[str, tuple[date, ...]]:
    """Meter point -> days in order; the first day of a month is never one. Meter points without any are left out.

    customers, meter_points, shares  Rows of silver_customers, silver_meter_points and silver_supply_shares.
    What changes for one customer cuts the months of all whose meters lie before or behind its own: a part can only be taken out of a part.
    """
    families = _families(meter_points, shares)
    days: dict[str, set[date]] = defaultdict(set)
    prices = _PriceDays(facts)
    for customer, rows in histories(customers, "customer_id").items():
        days[families.of(_customer(customer))] |= _changes(rows) | prices.inside(rows, lambda row: contract_of(row)[0])
    for rows in histories(shares, "share_id").values():
        family = families.of(_point(rows[0]["main_meter_point_id"]))
        days[family] |= _share_changes(rows) | prices.inside(rows, contract_of_share)
    found: dict[str, tuple[date, ...]] = {}
    for row in meter_points:
        cuts = days.get(families.of(_point(row["meter_point_id"]))) if days else None
        if cuts:
            found[row["meter_point_id"]] = tuple(sorted(cuts))
    return found


def _changes(rows: Sequence[Row]) -> set[date]:
    """Days on which the contract or the hours of a customer become others."""
    late = [place for place in range(1, len(rows)) if rows[place]["valid_from_date"].day != 1]
    return {rows[place]["valid_from_date"] for place in late if _priced_by(rows[place - 1]) != _priced_by(rows[place])}


def _priced_by(row: Row) -> tuple[Any, ...]:
    return (*contract_of(row), bool(row["is_ev_charging"]))


def _share_changes(rows: Sequence[Row]) -> set[date]:
    starts = {row["valid_from_date"] for row in rows}
    ends = {row["ended_date"] + _DAY for row in rows if row["ended_date"] is not None}
    return {day for day in starts | ends if day.day != 1}


class _PriceDays:
    """Days after the first of a month on which the price of a contract changes; mostly there is none at all."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        bounds = {day for dated in pricing_facts(facts) for version in dated.versions for day in _bounds(version)}
        self._months = sorted({BillingMonth.of(day) for day in bounds if day.day != 1}, key=lambda month: month.first_day)
        self._known: dict[tuple[Contract, BillingMonth], tuple[date, ...]] = {}

    def inside(self, rows: Iterable[Row], contract_in: Any) -> set[date]:
        """Change days of the contracts of a history, in the months in which each holds."""
        found: set[date] = set()
        for row in rows if self._months else ():
            contract = contract_in(row)
            for month in self._months if contract is not None else ():
                if row["valid_from_date"] <= month.last_day and (row["valid_to_date"] is None or row["valid_to_date"] >= month.first_day):
                    found.update(self._of(contract, month))
        return found

    def _of(self, contract: Contract, month: BillingMonth) -> tuple[date, ...]:
        key = contract, month
        if key not in self._known:
            self._known[key] = ()
            with suppress(FactNotInForceError):
                self._known[key] = change_days(contract, month, self._facts)
        return self._known[key]


def _bounds(version: Any) -> list[date]:
    return [version.effective_from] + ([version.effective_to + _DAY] if version.effective_to is not None else [])


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


def _families(meter_points: Sequence[Row], shares: Sequence[Row]) -> _Families:
    families = _Families()
    for row in meter_points:
        if row["customer_id"] is not None:
            families.join(_point(row["meter_point_id"]), _customer(row["customer_id"]))
        if row["parent_meter_point_id"] is not None:
            families.join(_point(row["meter_point_id"]), _point(row["parent_meter_point_id"]))
    for row in shares:
        if row["sub_meter_point_id"] is not None:
            families.join(_point(row["main_meter_point_id"]), _point(row["sub_meter_point_id"]))
    return families


def _point(name: str) -> str:
    return f"point {name}"


def _customer(name: str) -> str:
    return f"customer {name}"
