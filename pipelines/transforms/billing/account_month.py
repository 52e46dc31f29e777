"""What an account is billed from in one month, and who can tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from pipelines.periods import BillingMonth, BillingPeriod
from pipelines.tables.rows.gold import MainMeterRecord, SupplyMeterRecord
from pipelines.tables.rows.silver import SilverCustomersRow
from pipelines.tariff import SupplyMonth
from pipelines.transforms.billing.account_terms import AccountTotals
from pipelines.transforms.billing.sub_meters import METER_REASSIGNED, SUB_METER

TERMS = "terms"
SHARES_ABOVE_MAIN = "shares_above_main"
RESIDENTIAL_TIERS = "residential_tiers"
READING_DAYS = "reading_days"
BEHIND_THE_METER = (SUB_METER, METER_REASSIGNED, SHARES_ABOVE_MAIN, RESIDENTIAL_TIERS, READING_DAYS)
"""Why an account with a complete contract cannot be priced."""


@dataclass(frozen=True)
class AccountMonth:
    """What an account is billed from in one month.

    terms         The newest terms of the month.
    lacks         Why the account cannot be priced: columns that the terms lack, or ``sub_meter`` (a share
                  names one that was not metered behind the account's own, one belongs to a customer without
                  terms, or a share's main meter point is itself a sub-meter), ``meter_reassigned`` (customer
                  or parent of a meter point change inside the month), ``shares_above_main`` (the parts need
                  more than the main meters counted), ``residential_tiers`` (several parts with tiers of their
                  own, or tiers of a main part out of which fixed or ended shares, or earlier tenants, took
                  energy in the year), ``reading_days`` (meter points of the account, or behind it, are read
                  on other days than the rest, so that no days are common to all).
    metered       The main meter points as gold_billing_determinants has them.
    totals        All of the account's energy, with losses, without what other customers' sub-meters behind it
                  counted.
    supply        What the month is priced from; None where it cannot be priced.
    behind_lacks  What sub-meters behind the main meters lack: ``sub_meter_days`` (days not read are charged
                  to the main part), and of own ones
                  ``year_to_date``, ``curve_intervals``, ``time_of_use_fact``.
    behind_unread_days  The most days that one of them was not read. [d]
    meters        Which meter counts for which part on which days.
    rests_on      Provenances of the meter points and shares that the energy comes from, each text once.
    period        The days billed; None: the calendar month.
    """

    terms: SilverCustomersRow
    lacks: tuple[str, ...]
    metered: tuple[MainMeterRecord, ...]
    totals: AccountTotals
    supply: SupplyMonth | None
    behind_lacks: tuple[str, ...] = ()
    behind_unread_days: int = 0
    meters: tuple[SupplyMeterRecord, ...] = ()
    rests_on: tuple[str, ...] = ()
    period: BillingPeriod | None = None

    @property
    def missing_days(self) -> int:
        """The most days of the month that one of the meter points was not read, sub-meters behind the main
        ones among them. [d]
        """
        days: list[int] = [row["month_days"] - row["metered_days"] for row in self.metered]
        return max(self.behind_unread_days, *days)

    @property
    def energy_kwh(self) -> Decimal:
        """All of the account's energy. [kWh]"""
        return self.totals.energy_kwh


class AccountsOfMonths(Protocol):
    """Accounts of some months: made from what was metered and agreed, or read from gold_billing_supplies."""

    def terms_of(self, customer: str, month: BillingMonth) -> SilverCustomersRow | None:
        """The newest terms of the customer that hold on a day of the month."""
        ...

    def customers_in(self, month: BillingMonth) -> list[str]:
        """Customers with metering in the month, in the order of their numbers."""
        ...

    def rows_of(self, customer: str, month: BillingMonth) -> Sequence[MainMeterRecord]:
        """The account's main meter points in the month."""
        ...

    def account(self, customer: str, month: BillingMonth) -> AccountMonth | None:
        """The account in the month; None where no terms hold in it or nothing was metered."""
        ...
