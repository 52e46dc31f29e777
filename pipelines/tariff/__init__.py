"""Pure pricing: a supply and facts -> lines; used by bills, codes, advice and what-ifs alike."""

from pipelines.tariff.changes import change_days, split_month, supply_in_parts
from pipelines.tariff.charges.power_factor import adjustment_ratio, power_factor
from pipelines.tariff.contract import (
    Contract,
    Determinants,
    Segment,
    SupplyMonth,
    missing_of_supply,
    supply_of,
)
from pipelines.tariff.issuing import is_issuable, require_issuable
from pipelines.tariff.late_payment import late_payment_lines
from pipelines.tariff.lines import BillLine, PricedMonth
from pipelines.tariff.pricing import price_each, price_supply
from pipelines.tariff.retroactive import (
    Correction,
    RetroactiveDifference,
    corrections_between,
    difference_between,
    retroactive_difference,
)

__all__ = [
    "BillLine",
    "Contract",
    "Correction",
    "Determinants",
    "PricedMonth",
    "RetroactiveDifference",
    "Segment",
    "SupplyMonth",
    "adjustment_ratio",
    "change_days",
    "corrections_between",
    "difference_between",
    "is_issuable",
    "late_payment_lines",
    "missing_of_supply",
    "power_factor",
    "price_each",
    "price_supply",
    "require_issuable",
    "retroactive_difference",
    "split_month",
    "supply_in_parts",
    "supply_of",
]
