"""Pure pricing: a supply and facts -> lines; used by bills, codes, advice and what-ifs alike."""

from pipelines.tariff.changes import change_days, cut_month, joined_at_prices
from pipelines.tariff.charges.power_factor import power_factor
from pipelines.tariff.contract import Contract, Segment, SupplyMonth
from pipelines.tariff.late_payment import late_payment_lines
from pipelines.tariff.lines import BillLine, PricedMonth, is_issuable, require_issuable
from pipelines.tariff.pricing import price_each, price_supply
from pipelines.tariff.retroactive import Correction, corrections_between

__all__ = [
    "BillLine",
    "Contract",
    "Correction",
    "PricedMonth",
    "Segment",
    "SupplyMonth",
    "change_days",
    "corrections_between",
    "cut_month",
    "is_issuable",
    "joined_at_prices",
    "late_payment_lines",
    "power_factor",
    "price_each",
    "price_supply",
    "require_issuable",
]
