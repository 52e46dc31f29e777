"""An account's month as a row of gold_billing_supplies and back, to the last digit of every decimal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.periods import BillingMonth, BillingPeriod, period_of
from pipelines.tables.rows.gold import (
    GoldBillingDeterminantsRow,
    GoldBillingSuppliesComputed,
    MainMeterRecord,
    SupplySegmentRecord,
)
from pipelines.tables.rows.silver import SilverCustomersRow
from pipelines.tariff import Contract, Segment, SupplyMonth
from pipelines.transforms.billing.account_month import TERMS, AccountMonth
from pipelines.transforms.billing.account_terms import (
    AccountTotals,
    account_totals,
    as_decimal,
    plain_price,
)
from pipelines.transforms.billing.reading_days import days_of_row
from pipelines.transforms.ground.in_force import histories, holds_in

_NONE = Decimal(0)
"""What the account has of an energy that no register counts: written without a digit behind the point, as no
counted energy is.
"""


def row_of_account(customer: str, month: BillingMonth, account: AccountMonth) -> GoldBillingSuppliesComputed:
    """The row of an account."""
    supply = account.supply
    row = _row_of_totals(customer, month, account.period, account.totals, account.metered)
    row["terms_from_date"] = account.terms["valid_from_date"]
    row["lacks"] = list(account.lacks)
    row["meters"] = list(account.meters)
    row["behind_lacks"] = list(account.behind_lacks)
    row["behind_unread_days"] = account.behind_unread_days
    row["provenances"] = list(account.rests_on)
    if supply is not None:
        row["is_whole"], row["metered_kwh"] = supply.is_whole, supply.active_kwh
        row["segments"] = [_record(segment) for segment in supply.segments]
    return row


def row_without_terms(
    customer: str, month: BillingMonth, mains: Sequence[GoldBillingDeterminantsRow]
) -> GoldBillingSuppliesComputed:
    """The row of a customer with readings of whom no terms hold in the month."""
    return _row_of_totals(customer, month, period_of(days_of_row(mains[0])), account_totals(mains), mains)


def _row_of_totals(
    customer: str,
    month: BillingMonth,
    period: BillingPeriod | None,
    totals: AccountTotals,
    mains: Sequence[MainMeterRecord],
) -> GoldBillingSuppliesComputed:
    return {
        "customer_id": customer,
        "billing_month": str(month),
        "terms_from_date": None,
        "lacks": [TERMS],
        "is_whole": True,
        "metered_kwh": totals.energy_kwh,
        "energy_kwh": totals.energy_kwh,
        "period_kwh": _listed(totals.energy_by_period),
        "max_demand_kw": totals.max_demand_kw,
        "lagging_kvarh": totals.lagging_kvarh,
        "leading_kvarh": totals.leading_kvarh,
        "resolution_kwh": totals.resolution_kwh,
        "running_days": totals.running_days,
        "year_to_date_kwh": _counted(totals.year_to_date_kwh),
        "exported_kwh": _counted(totals.exported_kwh),
        "segments": [],
        "mains": [_main(row) for row in mains],
        "meters": [],
        "behind_lacks": [],
        "behind_unread_days": 0,
        "provenances": [],
        "period_first_date": None if period is None else period.first_day,
        "period_last_date": None if period is None else period.last_day,
    }


class Supplies:
    """Accounts of some months as gold_billing_supplies has them.

    rows       Of gold_billing_supplies.
    customers  Rows of silver_customers, at least all of the rows' customers.
    """

    def __init__(
        self, rows: Iterable[GoldBillingSuppliesComputed], customers: Iterable[SilverCustomersRow]
    ) -> None:
        self._terms = histories(customers, lambda row: row["customer_id"])
        self._rows = {(row["billing_month"], row["customer_id"]): row for row in rows}

    def terms_of(self, customer: str, month: BillingMonth) -> SilverCustomersRow | None:
        """The newest terms of the customer that hold on a day of the month."""
        rows, supply = self._terms.get(customer, ()), self._rows.get((str(month), customer))
        days = month if supply is None else days_of_row(supply)
        held = [row for row in rows if holds_in(row, days.first_day, days.last_day)]
        return held[-1] if held else None

    def customers_in(self, month: BillingMonth) -> list[str]:
        """Customers with metering in the month, in the order of their numbers."""
        return sorted(customer for of_month, customer in self._rows if of_month == str(month))

    def rows_of(self, customer: str, month: BillingMonth) -> Sequence[MainMeterRecord]:
        """The account's main meter points in the month."""
        row = self._rows.get((str(month), customer))
        return () if row is None else row["mains"]

    def account(self, customer: str, month: BillingMonth) -> AccountMonth | None:
        """The account in the month; None where no terms hold in it or nothing was metered."""
        row = self._rows.get((str(month), customer))
        if row is None or row["terms_from_date"] is None:
            return None
        terms = [
            each
            for each in self._terms.get(customer, ())
            if each["valid_from_date"] == row["terms_from_date"]
        ]
        return account_of_row(row, terms[0]) if terms else None


def account_of_row(row: GoldBillingSuppliesComputed, terms: SilverCustomersRow) -> AccountMonth:
    """The account of a row.

    terms  The row of silver_customers that it names.
    """
    year, exported = (
        _NONE if value is None else value for value in (row["year_to_date_kwh"], row["exported_kwh"])
    )
    totals = AccountTotals(
        row["energy_kwh"],
        _split(row["period_kwh"]),
        row["max_demand_kw"],
        row["lagging_kvarh"],
        row["leading_kvarh"],
        row["resolution_kwh"],
        row["running_days"],
        year,
        exported,
    )
    supply, period = None, period_of(days_of_row(row))
    if row["segments"]:
        supply = SupplyMonth(
            BillingMonth.parse(row["billing_month"]),
            tuple(_segment(record) for record in row["segments"]),
            totals.lagging_kvarh,
            totals.leading_kvarh,
            year,
            exported,
            None if row["is_whole"] else row["metered_kwh"],
            totals.resolution_kwh,
            period=period,
        )
    return AccountMonth(
        terms,
        tuple(row["lacks"]),
        tuple(row["mains"]),
        totals,
        supply,
        tuple(row["behind_lacks"]),
        row["behind_unread_days"],
        tuple(row["meters"]),
        tuple(row["provenances"]),
        period,
    )


def _counted(energy: Decimal) -> Decimal | None:
    """The energy; None for the nought of what no register counts."""
    return None if not energy and energy.as_tuple().exponent == 0 else energy


def _listed(split: Mapping[TouPeriod, Decimal] | None) -> list[Decimal] | None:
    return None if split is None else [split[period] for period in TouPeriod]


def _split(listed: Sequence[Decimal] | None) -> dict[TouPeriod, Decimal] | None:
    return None if listed is None else dict(zip(TouPeriod, listed, strict=True))


def _main(row: MainMeterRecord) -> MainMeterRecord:
    return {
        "meter_point_id": row["meter_point_id"],
        "energy_kwh": row["energy_kwh"],
        "estimated_ratio": row["estimated_ratio"],
        "max_demand_kw": row["max_demand_kw"],
        "max_demand_date": row["max_demand_date"],
        "transformer_loss_kwh": row["transformer_loss_kwh"],
        "metered_days": row["metered_days"],
        "month_days": row["month_days"],
        "missing_inputs": row["missing_inputs"],
    }


def _record(segment: Segment) -> SupplySegmentRecord:
    contract = segment.contract
    return {
        "section_name": segment.section,
        "first_date": segment.first_day,
        "last_date": segment.last_day,
        "energy_kwh": segment.energy_kwh,
        "period_kwh": _listed(segment.energy_by_period),
        "max_demand_kw": segment.max_demand_kw,
        "running_days": segment.running_days,
        "customer_class_code": contract.customer_class.value,
        "pricing_scheme_code": contract.pricing_scheme.value,
        "voltage_level_code": contract.voltage_level.value,
        "is_time_of_use": contract.is_time_of_use,
        "contract_capacity_kva": _double(contract.contract_capacity_kva),
        "running_capacity_kva": _double(contract.running_capacity_kva),
        "demand_basis_code": None if contract.demand_basis is None else contract.demand_basis.value,
        "contract_demand_kw": _double(contract.contract_demand_kw),
        "power_factor_standard_ratio": _double(contract.power_factor_standard),
        "household_persons": contract.household_persons,
        "is_combined_meter": contract.is_combined_meter,
        "supply_began_date": contract.supply_began,
        "market_price_cny_per_kwh": contract.market_price_cny_per_kwh,
        "export_price_cny_per_kwh": contract.export_price_cny_per_kwh,
        "is_ev_charging": contract.is_ev_charging,
    }


def _segment(record: SupplySegmentRecord) -> Segment:
    basis = record["demand_basis_code"]
    contract = Contract(
        CustomerClass(record["customer_class_code"]),
        PricingScheme(record["pricing_scheme_code"]),
        VoltageLevel(record["voltage_level_code"]),
        record["is_time_of_use"],
        contract_capacity_kva=as_decimal(record["contract_capacity_kva"]),
        running_capacity_kva=as_decimal(record["running_capacity_kva"]),
        demand_basis=None if basis is None else DemandBasis(basis),
        contract_demand_kw=as_decimal(record["contract_demand_kw"]),
        power_factor_standard=as_decimal(record["power_factor_standard_ratio"]),
        household_persons=record["household_persons"],
        is_combined_meter=record["is_combined_meter"],
        supply_began=record["supply_began_date"],
        market_price_cny_per_kwh=plain_price(record["market_price_cny_per_kwh"]),
        export_price_cny_per_kwh=plain_price(record["export_price_cny_per_kwh"]),
        is_ev_charging=record["is_ev_charging"],
    )
    return Segment(
        contract,
        record["first_date"],
        record["last_date"],
        record["energy_kwh"],
        _split(record["period_kwh"]),
        record["max_demand_kw"],
        record["section_name"],
        record["running_days"],
    )


def _double(value: Decimal | None) -> float | None:
    """A figure of a contract as silver_customers has it; it was made from that double."""
    return None if value is None else float(value)
