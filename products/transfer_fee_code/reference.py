"""The lawful reference: what the supplier's master account pays for a kWh it buys, tax included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pipelines.codes import Confidence, CustomerClass, DemandBasis, GreyReason, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import Facts
from pipelines.money import round_half_up
from pipelines.periods import BillingMonth
from pipelines.tariff import Contract, Determinants, PricedMonth, price_month
from products.transfer_fee_code.settings import TransferFeeCodeSettings

DEMAND_STEP_KW = Decimal("0.0001")
_PERIOD_COLUMNS = {period: f"{period.value}_kwh" for period in TouPeriod}

Row = Mapping[str, Any]
Pricer = Callable[[Contract, Determinants, Facts], PricedMonth]


@dataclass(frozen=True)
class MasterBill:
    """What is known of a supplier's master account in one month.

    refusal        Why no reference follows from it; None where one does.
    refusal_note   The refusal in words; may be empty.
    total_cny      What the account pays, tax included. [CNY]
    energy_kwh     Energy bought. [kWh]
    fact_ids       Facts behind the lines of the bill, sorted.
    confidence     The least sure of them.
    """

    supplier_customer_id: str
    supplier_name: str | None
    refusal: GreyReason | None
    refusal_note: str = ""
    total_cny: Decimal | None = None
    energy_kwh: Decimal | None = None
    missing_days: int | None = None
    missing_inputs: tuple[str, ...] = ()
    estimated_ratio: float | None = None
    fact_ids: tuple[str, ...] = ()
    confidence: Confidence | None = None
    is_illustrative: bool = False
    provenance: tuple[str, ...] = ()

    @property
    def purchase_price(self) -> Fraction | None:
        """Total over energy, exactly; None where either is unknown or there is no energy. [CNY/kWh]"""
        if self.total_cny is None or not self.energy_kwh:
            return None
        return Fraction(self.total_cny) / Fraction(self.energy_kwh)

    def reference_price(self, loss_cap_ratio: Decimal) -> Fraction | None:
        """The purchase price over one less the loss that may be added. [CNY/kWh]"""
        price = self.purchase_price
        return None if price is None else price / (1 - Fraction(loss_cap_ratio))


def master_bills(
    suppliers: Iterable[str],
    customers: Iterable[Row],
    determinants: Iterable[Row],
    month: BillingMonth,
    facts: Facts,
    settings: TransferFeeCodeSettings,
    price: Pricer = price_month,
) -> dict[str, MasterBill]:
    """The master bill of every supplier; one that cannot be had says why.

    customers     Rows of silver_customers; of each supplier the terms in force on the last day of the month count.
    determinants  Rows of gold_billing_determinants of the month.
    Raises FactNotInForceError where the facts cover the month for no supplier at all.
    """
    terms = _terms_by_customer(customers, month)
    metered: dict[str, list[Row]] = defaultdict(list)
    for row in determinants:
        if row["billing_month"] == str(month):
            metered[row["customer_id"]].append(row)
    bills: dict[str, MasterBill] = {}
    uncovered: list[FactNotInForceError] = []
    priced = 0
    for supplier in sorted(set(suppliers)):
        try:
            bill = _master_bill(supplier, terms.get(supplier), metered.get(supplier, []), month, facts, settings, price)
            priced += bill.total_cny is not None
        except FactNotInForceError as error:
            uncovered.append(error)
            bill = MasterBill(supplier, terms[supplier]["customer_name"], GreyReason.MASTER_NOT_PRICED, error.message)
        bills[supplier] = bill
    if uncovered and not priced:
        raise uncovered[0]
    return bills


def _terms_by_customer(customers: Iterable[Row], month: BillingMonth) -> dict[str, Row]:
    chosen: dict[str, Row] = {}
    for row in sorted(customers, key=lambda row: (row["customer_id"], row["valid_from_date"])):
        if row["valid_from_date"] <= month.last_day and (row["valid_to_date"] is None or row["valid_to_date"] >= month.last_day):
            chosen[row["customer_id"]] = row
    return chosen


def _master_bill(
    supplier: str, terms: Row | None, metered: Sequence[Row], month: BillingMonth, facts: Facts, settings: TransferFeeCodeSettings, price: Pricer
) -> MasterBill:
    if terms is None:
        return MasterBill(supplier, None, GreyReason.NO_MASTER_ACCOUNT)
    name, marks = terms["customer_name"], tuple(sorted(str(terms["provenance"]).split("+")))
    if not metered:
        return MasterBill(supplier, name, GreyReason.NO_MASTER_BILL, provenance=marks)
    determinants = joined_determinants(metered, month)
    missing_days = max(row["month_days"] - row["metered_days"] for row in metered)
    estimated = _estimated_ratio(metered)
    refusal, note, bill = None, "", None
    contract, lacking = contract_of(terms)
    if contract is None:
        refusal, note = GreyReason.MASTER_NOT_PRICED, f"The contract lacks {', '.join(lacking)}."
    else:
        try:
            bill = price(contract, determinants, facts)
        except UsageError as error:
            refusal, note = GreyReason.MASTER_NOT_PRICED, error.message
    if refusal is None:
        refusal = _first_refusal(determinants.energy_kwh, missing_days, estimated, settings)
    return MasterBill(
        supplier_customer_id=supplier,
        supplier_name=name,
        refusal=refusal,
        refusal_note=note,
        total_cny=bill.total_cny if bill else None,
        energy_kwh=determinants.energy_kwh,
        missing_days=missing_days,
        missing_inputs=bill.missing_inputs if bill else (),
        estimated_ratio=estimated,
        fact_ids=tuple(sorted({line.fact_id for line in bill.lines})) if bill else (),
        confidence=bill.lowest_confidence if bill else None,
        is_illustrative=bill.is_illustrative if bill else False,
        provenance=marks,
    )


def _first_refusal(energy_kwh: Decimal, missing_days: int, estimated: float, settings: TransferFeeCodeSettings) -> GreyReason | None:
    if energy_kwh <= 0:
        return GreyReason.MASTER_ZERO_ENERGY
    if missing_days > settings.max_missing_days:
        return GreyReason.MASTER_INCOMPLETE
    if estimated > settings.max_estimated_ratio:
        return GreyReason.ESTIMATED_TOO_MUCH
    return None


def _estimated_ratio(metered: Sequence[Row]) -> float:
    """The meter points' shares, weighted by their energy; the largest where there is no energy. [1]"""
    energy = [float(row["energy_kwh"]) for row in metered]
    if sum(energy) <= 0:
        return float(max(row["estimated_ratio"] for row in metered))
    return float(min(1.0, sum(share * row["estimated_ratio"] for share, row in zip(energy, metered, strict=True)) / sum(energy)))


def contract_of(terms: Row) -> tuple[Contract | None, tuple[str, ...]]:
    """The contract in a row of silver_customers, or None and the columns that it lacks."""
    needed = ("customer_class_code", "pricing_scheme_code", "voltage_level_code", "is_time_of_use")
    lacking = tuple(column for column in needed if terms[column] is None)
    if lacking:
        return None, lacking
    contract = Contract(
        customer_class=CustomerClass(terms["customer_class_code"]),
        pricing_scheme=PricingScheme(terms["pricing_scheme_code"]),
        voltage_level=VoltageLevel(terms["voltage_level_code"]),
        is_time_of_use=terms["is_time_of_use"],
        contract_capacity_kva=_decimal(terms["contract_capacity_kva"]),
        running_capacity_kva=_decimal(terms["running_capacity_kva"]),
        demand_basis=DemandBasis(terms["demand_basis_code"]) if terms["demand_basis_code"] else None,
        contract_demand_kw=_decimal(terms["contract_demand_kw"]),
        power_factor_standard=_decimal(terms["power_factor_standard_ratio"]),
    )
    return contract, ()


def joined_determinants(metered: Sequence[Row], month: BillingMonth) -> Determinants:
    """The determinants of one account: energies of its meter points added, maximum demands added (each supply line is metered by itself)."""
    periods: dict[TouPeriod, Decimal] | None = None
    if all(any(row[column] is not None for column in _PERIOD_COLUMNS.values()) for row in metered):
        periods = {period: sum((row[column] or Decimal(0) for row in metered), Decimal(0)) for period, column in _PERIOD_COLUMNS.items()}
    demands = [_decimal(row["max_demand_kw"]) for row in metered]
    return Determinants(
        month=month,
        energy_kwh=sum((row["energy_kwh"] for row in metered), Decimal(0)),
        energy_by_period=periods,
        max_demand_kw=None if None in demands else round_half_up(sum((demand for demand in demands if demand), Decimal(0)), DEMAND_STEP_KW),
        lagging_kvarh=_sum_or_none([row["lagging_kvarh"] for row in metered]),
        leading_kvarh=_sum_or_none([row["leading_kvarh"] for row in metered]),
        resolution_kwh=min(row["resolution_kwh"] for row in metered),
    )


def _sum_or_none(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if len(known) == len(values) else None


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
