"""The lawful reference: what the supplier's master account pays for a kWh it buys, tax included."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from pipelines.codes import Confidence, GreyReason
from pipelines.errors import FactNotInForceError, UsageError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.tariff import PricedMonth, SupplyMonth, price_supply
from pipelines.transforms.billing.account_month import AccountsOfMonths
from pipelines.transforms.billing.account_terms import account_estimated_ratio
from products.transfer_fee_code.settings import TransferFeeCodeSettings

Pricer = Callable[[SupplyMonth, Facts], PricedMonth]


@dataclass(frozen=True)
class MasterBill:
    """What is known of a supplier's master account in one month.

    refusal        Why no reference follows from it; None where one does.
    refusal_note   The refusal in words; may be empty.
    total_cny      What the account pays, tax included. [CNY]
    energy_kwh     Energy bought. [kWh]
    fact_ids       Facts behind the lines of the bill, sorted.
    confidence     The least sure of them.
    provenance     Kinds of the account's terms, and what its meter points and shares say of theirs.
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


@dataclass(frozen=True)
class KnownBills:
    """The master bills of some suppliers; one that cannot be had says why.

    is_any_priced  Whether one of them has a total.
    uncovered      Suppliers whose month no fact covers, by name.
    """

    bills: dict[str, MasterBill]
    is_any_priced: bool
    uncovered: list[str]
    _errors: list[FactNotInForceError]

    def checked(self) -> dict[str, MasterBill]:
        """The bills; raises FactNotInForceError where the facts cover the month for no supplier at all."""
        if self._errors and not self.is_any_priced:
            raise self._errors[0]
        return self.bills


def master_bills(
    suppliers: Iterable[str],
    accounts: AccountsOfMonths,
    month: BillingMonth,
    facts: Facts,
    settings: TransferFeeCodeSettings,
    limits: PublicationSettings,
    price: Pricer = price_supply,
) -> dict[str, MasterBill]:
    """The master bill of every supplier; one that cannot be had says why.

    accounts  At least of the suppliers and the month; the newest terms of the month tell the name.
    Raises FactNotInForceError where the facts cover the month for no supplier at all.
    """
    return known_bills(suppliers, accounts, month, facts, settings, limits, price).checked()


def known_bills(
    suppliers: Iterable[str],
    accounts: AccountsOfMonths,
    month: BillingMonth,
    facts: Facts,
    settings: TransferFeeCodeSettings,
    limits: PublicationSettings,
    price: Pricer = price_supply,
) -> KnownBills:
    """The same of a part of the suppliers, which may be those that no fact covers."""
    bills: dict[str, MasterBill] = {}
    uncovered: dict[str, FactNotInForceError] = {}
    for supplier in sorted(set(suppliers)):
        try:
            bill = _master_bill(supplier, accounts, month, facts, settings, limits, price)
        except FactNotInForceError as error:
            uncovered[supplier] = error
            terms = accounts.terms_of(supplier, month)
            bill = MasterBill(
                supplier,
                terms["customer_name"] if terms else None,
                GreyReason.MASTER_NOT_PRICED,
                error.message,
            )
        bills[supplier] = bill
    is_any_priced = any(bill.total_cny is not None for bill in bills.values())
    return KnownBills(bills, is_any_priced, [*uncovered], [*uncovered.values()])


def _master_bill(
    supplier: str,
    accounts: AccountsOfMonths,
    month: BillingMonth,
    facts: Facts,
    settings: TransferFeeCodeSettings,
    limits: PublicationSettings,
    price: Pricer,
) -> MasterBill:
    terms = accounts.terms_of(supplier, month)
    if terms is None:
        return MasterBill(supplier, None, GreyReason.NO_MASTER_ACCOUNT)
    name, marks = terms["customer_name"], tuple(sorted(str(terms["provenance"]).split("+")))
    account = accounts.account(supplier, month)
    if account is None:
        return MasterBill(supplier, name, GreyReason.NO_MASTER_BILL, provenance=marks)
    supply, missing_days = account.supply, account.missing_days
    estimated = account_estimated_ratio(account.metered)
    refusal, note, bill = None, "", None
    if supply is None:
        refusal, note = GreyReason.MASTER_NOT_PRICED, f"The contract lacks {', '.join(account.lacks)}."
    else:
        try:
            bill = price(supply, facts)
        except UsageError as error:
            refusal, note = GreyReason.MASTER_NOT_PRICED, error.message
    if refusal is None:
        refusal = _first_refusal(
            account.energy_kwh, missing_days, limits.is_estimated_too_much(estimated), settings
        )
    return MasterBill(
        supplier_customer_id=supplier,
        supplier_name=name,
        refusal=refusal,
        refusal_note=note,
        total_cny=bill.total_cny if bill else None,
        energy_kwh=account.energy_kwh,
        missing_days=missing_days,
        missing_inputs=bill.missing_inputs if bill else (),
        estimated_ratio=estimated,
        fact_ids=tuple(sorted({line.fact_id for line in bill.lines})) if bill else (),
        confidence=bill.lowest_confidence if bill else None,
        is_illustrative=bill.is_illustrative if bill else False,
        provenance=(*marks, *account.rests_on),
    )


def _first_refusal(
    energy_kwh: Decimal, missing_days: int, is_estimated_too_much: bool, settings: TransferFeeCodeSettings
) -> GreyReason | None:
    if energy_kwh <= 0:
        return GreyReason.MASTER_ZERO_ENERGY
    if missing_days > settings.max_missing_days:
        return GreyReason.MASTER_INCOMPLETE
    if is_estimated_too_much:
        return GreyReason.ESTIMATED_TOO_MUCH
    return None
