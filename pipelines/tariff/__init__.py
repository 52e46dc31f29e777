"""Pure pricing: determinants + contract + facts -> lines; used by bills, codes, advice and what-ifs alike."""

from pipelines.tariff.contract import Contract, Determinants, Segment, SupplyMonth, missing_inputs, supply_of
from pipelines.tariff.late_payment import late_payment_lines
from pipelines.tariff.lines import BillLine, PricedMonth
from pipelines.tariff.power_factor import adjustment_ratio, power_factor
from pipelines.tariff.pricing import price_month, price_supply

__all__ = [
    "BillLine",
    "Contract",
    "Determinants",
    "PricedMonth",
    "Segment",
    "SupplyMonth",
    "adjustment_ratio",
    "late_payment_lines",
    "missing_inputs",
    "power_factor",
    "price_month",
    "price_supply",
    "supply_of",
]
