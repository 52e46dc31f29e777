"""All that one bill is made from, gathered per customer before anything is priced."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipelines.arrays import BoolArray, FloatArray
from pipelines.periods import BillingDays, BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.tariff import SupplyMonth
from pipelines.transforms.billing.account_month import BEHIND_THE_METER, AccountMonth, AccountsOfMonths
from pipelines.transforms.billing.account_terms import account_estimated_ratio
from pipelines.transforms.billing.reading_days import days_of_row
from products.efficiency_bill.case.gathered_grounds import KnownOfMonth, grounds_of
from products.efficiency_bill.comparison.baseline import DAY_TYPE, Baseline
from products.efficiency_bill.comparison.days import Days
from products.efficiency_bill.comparison.grounds import Grounds, PeersHidden
from products.efficiency_bill.comparison.peers import (
    Grouped,
    Member,
    PeerGroups,
    PeerNorms,
    PeerView,
    member_of,
)
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.provenance import with_provenances

if TYPE_CHECKING:
    from products.efficiency_bill.case.columns import CaseTerms, DayColumns, ShownColumns
else:
    # pydantic reads a case from its text and keeps these as they stand there.
    CaseTerms = ShownColumns = Mapping[str, Any]
    DayColumns = Mapping[str, list[float | None]]


class BaselinesByCustomer(Protocol):
    """The baselines of some customers."""

    def get(self, customer: str, /) -> Baseline | None:
        """A customer's baseline; None for one without."""
        ...


WEATHER, BASELINE_MODEL, BASELINE = "weather", "baseline_model", "baseline"
"""Names in ``missing_inputs`` of what a comparison with the customer's own past lacks."""


@dataclass(frozen=True)
class DayUsage:
    """What the days of a month tell.

    base_load_kwh       The month as if every day were like its lowest days. [kWh]
    weekend_excess_kwh  Use of Saturdays and Sundays above that. [kWh]
    high_excess_kwh     Use of the highest days above ``high_day_kwh``. [kWh]
    high_day_kwh        The level that only the highest days pass. [kWh/d]
    """

    base_load_kwh: float
    weekend_excess_kwh: float
    high_excess_kwh: float
    high_day_kwh: float


@dataclass(frozen=True)
class Case:
    """One customer and month.

    terms               The row of silver_customers in force on the month's last day; its provenance names
                        what meter points and shares add.
    supply              What the month is priced from; None where it cannot be priced.
    energy_kwh          Energy of the account, priced or not, with losses, without what is billed to customers
                        behind its meters. [kWh]
    has_periods         Whether the time-of-use periods of all this energy are known.
    previous_supply     What the month before is priced from; None where it was not metered or cannot be
                        priced.
    previous_energy_kwh  Its energy likewise; None without a supply. [kWh]
    shown               Columns of the bill that come straight from the metering.
    baseline            (expected, low, high, kind), or None. [kWh]
    day_columns         Columns of the bill with one element per local day.
    recent_demand_kw    Highest demands of the latest months. [kW]
    usage               What the days of the month tell of base load, weekends and high days, or None.
    lacks               Names of missing inputs.
    grounds             What advice and verdict rest on beside all this; None where an earlier version kept
                        the case, which is advised and judged as it was then.
    """

    month: BillingMonth
    terms: CaseTerms
    supply: SupplyMonth | None
    energy_kwh: Decimal
    has_periods: bool
    previous_supply: SupplyMonth | None
    previous_energy_kwh: Decimal | None
    shown: ShownColumns
    peers: PeerView
    baseline: tuple[float, float, float, str] | None
    day_columns: DayColumns
    recent_demand_kw: tuple[Decimal, ...]
    usage: DayUsage | None
    lacks: tuple[str, ...]
    grounds: Grounds | None = None


def gather_cases(
    accounts: AccountsOfMonths,
    days: Days,
    baselines: BaselinesByCustomer | None,
    month: BillingMonth,
    settings: EfficiencyBillSettings,
    limits: PublicationSettings,
    names: Collection[str] | None = None,
    peers: PeerGroups | None = None,
    known: KnownOfMonth | None = None,
) -> list[Case]:
    """One case per customer with determinants in the month, in the order of their numbers.

    accounts   Of the month and the others of ``settings.demand_months``.
    baselines  By customer; None where no model of them was ever trained.
    names      Customers that receive a bill; None: all of the accounts.
    peers      Of all customers that receive one; None: they are those of the accounts.
    known      What is known of the month beside; None: no curve and nothing of the model's bands.
    """
    known = KnownOfMonth() if known is None else known
    found = billed_accounts(accounts, month, names)
    members = {name: member_of_account(account) for name, account in found.items()}
    groups = PeerGroups(Grouped.of(members.values()), limits) if peers is None else peers
    cases = []
    for name, account in found.items():
        terms = account.terms.copy()
        terms["provenance"] = with_provenances(terms["provenance"], account.rests_on)
        shown = _shown(account, limits)
        covered = month if account.period is None else account.period
        fitted = None if baselines is None else baselines.get(name)
        baseline, day_columns = expected_month(days, fitted, name, covered, settings.band_level)
        view = groups.view(members[name])
        norms = groups.norms(members[name], settings.implausible_quartile_ranges)
        if (hidden := _unlike_peers(account, day_columns)) is not None:
            view, norms = PeerView(view.count, view.intensity), PeerNorms(hidden=hidden)
        grounds = grounds_of(
            account,
            covered,
            day_columns,
            spread_of(days, name, covered),
            baseline is not None,
            norms,
            known,
            settings,
        )
        before = accounts.account(name, month.previous())
        if before is not None and (before.supply is None or not is_comparable(before, account)):
            before = None
        earlier = [
            row
            for offset in range(settings.demand_months)
            for row in accounts.rows_of(name, month.plus(-offset))
        ]
        demands = [demand for row in earlier if (demand := row["max_demand_kw"]) is not None]
        cases.append(
            Case(
                month=month,
                terms=terms,
                supply=account.supply,
                energy_kwh=account.energy_kwh,
                has_periods=account.totals.energy_by_period is not None,
                previous_supply=None if before is None else before.supply,
                previous_energy_kwh=None if before is None else before.energy_kwh,
                shown=shown,
                peers=view,
                baseline=baseline,
                day_columns=day_columns,
                # Demands of several lines do not peak together; their history says nothing of the sum.
                recent_demand_kw=tuple(sorted(Decimal(repr(value)) for value in demands))
                if len(account.metered) == 1
                else (),
                usage=day_usage(days, name, covered, settings),
                lacks=(
                    *_lacks(account, shown["missing_inputs"]),
                    *_comparison_lacks(fitted, baseline is not None, baselines is not None),
                ),
                grounds=grounds,
            )
        )
    return cases


def billed_accounts(
    accounts: AccountsOfMonths, month: BillingMonth, names: Collection[str] | None
) -> dict[str, AccountMonth]:
    """The accounts of a month that receive a bill, in the order of their customers' numbers.

    names  Customers that receive one; None: all of the accounts.
    """
    wanted = [name for name in accounts.customers_in(month) if names is None or name in names]
    return {name: account for name in wanted if (account := accounts.account(name, month)) is not None}


def _unlike_peers(account: AccountMonth, day_columns: DayColumns) -> PeersHidden | None:
    """Why a month is not held against its peers' whole ones: a supply that began in it, or stood empty, is
    not the least of them.
    """
    if not account.energy_kwh:
        return PeersHidden.NO_ENERGY
    is_part = any(energy is None for energy in day_columns["day_kwh"])
    return PeersHidden.PART_OF_MONTH if is_part else None


def member_of_account(account: AccountMonth) -> Member:
    """An account among its peers."""
    energy = float(account.energy_kwh)
    group = account.terms["peer_group"] if is_comparable(account) else None
    return member_of(group, energy, account.terms["floor_area_m2"])


def is_comparable(*accounts: AccountMonth) -> bool:
    """Whether each covers a month, by the calendar or from one reading day to the next: energies of other
    spans of days are not compared.
    """
    return all(each.period is None or each.period.is_one_month for each in accounts)


def days_of_case(case: Case) -> BillingDays:
    """The days that the bill covers."""
    return days_of_row({"billing_month": str(case.month), **case.shown})


def _lacks(account: AccountMonth, metering: Sequence[str]) -> list[str]:
    """Names of what the bill cannot show, each once."""
    found = [*metering, *(name for name in account.behind_lacks if name not in metering)]
    if account.supply is not None:
        found += [name for name in account.supply.missing_inputs if name not in found]
    else:
        behind = [name for name in account.lacks if name in BEHIND_THE_METER]
        found += behind or ["contract"]
    return found


def _comparison_lacks(baseline: Baseline | None, is_compared: bool, has_model: bool) -> Iterator[str]:
    if baseline is not None and (baseline.kind == DAY_TYPE or not is_compared):
        yield WEATHER
    if not has_model:
        yield BASELINE_MODEL
    if not is_compared:
        yield BASELINE


def _shown(account: AccountMonth, limits: PublicationSettings) -> ShownColumns:
    """Columns of the bill that come straight from the metering."""
    rows = account.metered
    demands = [demand for row in rows if (demand := row["max_demand_kw"]) is not None]
    estimated = account_estimated_ratio(rows)
    loss = float(sum(row["transformer_loss_kwh"] or 0 for row in rows))
    shown: ShownColumns = {
        "meter_point_ids": sorted(row["meter_point_id"] for row in rows),
        "max_demand_kw": sum(demands) if len(demands) == len(rows) else None,
        "max_demand_date": rows[0]["max_demand_date"] if len(rows) == 1 else None,
        "estimated_ratio": estimated,
        "is_estimated_above_limit": limits.is_estimated_too_much(estimated),
        "missing_inputs": sorted({name for row in rows for name in row["missing_inputs"]}),
    }
    if account.period is not None:
        shown["period_first_date"] = account.period.first_day
        shown["period_last_date"] = account.period.last_day
    # The loss stands first in the text of a case.
    return {"transformer_loss_kwh": loss, **shown} if loss else shown


def _month_of(days: Days, name: str, month: BillingDays) -> tuple[FloatArray, FloatArray] | None:
    """Energy and temperature of each local day of the month, NaN where unknown; None for a customer without
    days.
    """
    if name not in days.place:
        return None
    row, first = days.place[name], (month.first_day - days.days[0]).days
    energy, temperature = np.full(month.day_count, np.nan), np.full(month.day_count, np.nan)
    begin, end = max(first, 0), min(first + month.day_count, len(days.days))
    if begin < end:
        energy[begin - first : end - first] = days.energy[row, begin:end]
        temperature[begin - first : end - first] = days.temperature[row, begin:end]
    return energy, temperature


def spread_of(days: Days, name: str, month: BillingDays) -> BoolArray | None:
    """Whether the energy of each local day is a share of a missed read; None where none is."""
    if days.spread is None or name not in days.place:
        return None
    row, first = days.place[name], (month.first_day - days.days[0]).days
    found = np.zeros(month.day_count, dtype=bool)
    begin, end = max(first, 0), min(first + month.day_count, len(days.days))
    if begin < end:
        found[begin - first : end - first] = days.spread[row, begin:end]
    return found


def day_usage(days: Days, name: str, month: BillingDays, settings: EfficiencyBillSettings) -> DayUsage | None:
    """Base load, weekends and high days of the month; None where fewer days are known than a baseline
    needs.
    """
    found = _month_of(days, name, month)
    if found is None or np.isfinite(found[0]).sum() < settings.baseline.least_days:
        return None
    energy, known = found[0], np.isfinite(found[0])
    levels = np.quantile(energy[known], [settings.lowest_day_ratio, 1 - settings.highest_day_ratio])
    lowest, high = (float(level) for level in levels)
    weekend = energy[known & _weekend(month)]
    return DayUsage(
        lowest * int(known.sum()),
        float(np.maximum(weekend - lowest, 0).sum()),
        float(np.maximum(energy[known] - high, 0).sum()),
        high,
    )


def expected_month(
    days: Days, baseline: Baseline | None, name: str, month: BillingDays, level: float
) -> tuple[tuple[float, float, float, str] | None, DayColumns]:
    """What the baseline expects of the month's known days, (expected, low, high, kind), and the columns of
    the days.

    None where there is no baseline, no day, or a day's weather is not known while it counts.
    """
    found = _month_of(days, name, month)
    energy, temperature = (
        found if found is not None else (np.full(month.day_count, np.nan), np.full(month.day_count, np.nan))
    )
    middle = (
        np.full(month.day_count, np.nan)
        if baseline is None
        else baseline.expected(temperature, _weekend(month))
    )
    half = baseline.day_band(level) if baseline is not None else 0.0
    listed: DayColumns = {
        "day_kwh": _known(energy),
        "day_expected_kwh": _known(middle),
        "day_low_kwh": _known(np.maximum(middle - half, 0.0)),
        "day_high_kwh": _known(middle + half),
    }
    known = np.isfinite(energy)
    if baseline is None or not known.any() or not np.isfinite(middle[known]).all():
        return None, listed
    total, margin = float(middle[known].sum()), baseline.month_band(int(known.sum()), level)
    return (total, max(total - margin, 0.0), total + margin, baseline.kind), listed


def _known(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


@cache
def _weekend(month: BillingDays) -> BoolArray:
    return np.array([day.weekday() >= 5 for day in month.days])
