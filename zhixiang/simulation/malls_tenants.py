"""Tenants of a simulated mall and what they declare; the truth behind each declaration is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from pipelines.periods import BillingMonth

TENANTS = 12
TRADES = ("服装", "餐饮", "超市", "影院", "书店", "药房", "美发", "健身", "咖啡", "眼镜", "玩具", "家居")
# Share of the master meter's energy that runs through the tenants' sub-meters; the rest is the mall's own.
SUBMETERED_RATIO = Decimal("0.82")


@dataclass(frozen=True)
class Quirk:
    """How a tenant's declaration departs from its supplier's ordinary price.

    price_factor     Price over the supplier's ordinary one.
    other_charge     Charged on top under another name each month. [CNY]
    energy_slip      The declared energy is this multiple of the true one: a typing error.
    fee_slip         The same of the fee.
    whole_yuan       The fee is rounded to yuan.
    whole_kwh        The energy is rounded to kWh.
    is_vacant        Nothing was used.
    month_number     Only in this calendar month; None: every month.
    """

    price_factor: Decimal = Decimal(1)
    other_charge: Decimal = Decimal(0)
    energy_slip: int = 1
    fee_slip: int = 1
    whole_yuan: bool = False
    whole_kwh: bool = False
    is_vacant: bool = False
    month_number: int | None = None


@dataclass(frozen=True)
class Supplier:
    """A simulated transfer supplier's way to charge.

    price_cny_per_kwh  Ordinary price by calendar month; 0 stands for every other month. [CNY/kWh]
    quirks             Tenant number -> how it departs.
    """

    letter: str
    customer_id: str
    price_cny_per_kwh: Mapping[int, Decimal]
    quirks: Mapping[int, Quirk]

    def price(self, month: BillingMonth) -> Decimal:
        """The ordinary price of a month. [CNY/kWh]"""
        return self.price_cny_per_kwh.get(month.month, self.price_cny_per_kwh[0])


def declarations(
    supplier: Supplier, master_kwh: Decimal, month: BillingMonth, shares: np.ndarray, rng: np.random.Generator
) -> list[dict[str, str]]:
    """One declaration per tenant in the columns of bronze_transfer_declarations.

    master_kwh  Energy of the month on the master meter. [kWh]
    shares      Each tenant's part of the sub-metered energy, summing to 1. [1]
    """
    rows = []
    monthly = shares * (1 + 0.06 * rng.standard_normal(TENANTS).clip(-2, 2))
    # A tenant's own reading lies up to a third of a day beside the supplier's.
    drift = rng.uniform(-1 / 3, 1 / 3, TENANTS) / month.day_count
    for position in range(TENANTS):
        quirk = supplier.quirks.get(position + 1, Quirk())
        in_month = quirk.month_number in (None, month.month)
        billed = _rounded(
            master_kwh * SUBMETERED_RATIO * Decimal(repr(round(float(monthly[position] / monthly.sum()), 9))),
            "0.01",
        )
        own = _rounded(
            billed * (1 + Decimal(repr(round(float(drift[position]), 9)))), "1" if quirk.whole_kwh else "0.01"
        )
        if quirk.is_vacant and in_month:
            billed = own = Decimal(0)
        fee = _rounded(
            billed * supplier.price(month) * quirk.price_factor, "1" if quirk.whole_yuan else "0.01"
        )
        number = f"{supplier.letter}-{position + 1:03d}"
        rows.append(
            {
                "declaration_id": f"SIM-DECL-{number}-{month}",
                "tenant_id": f"SIM-TENANT-{number}",
                "tenant_name": f"模拟租户{number}（{TRADES[position]}）",
                "supplier_customer_id": supplier.customer_id,
                "billing_month": str(month),
                "energy_kwh": str(own * quirk.energy_slip if in_month else own),
                "fee_cny": str(fee * quirk.fee_slip if in_month else fee),
                "other_charge_cny": str(quirk.other_charge) if quirk.other_charge and in_month else "",
                "provenance": "simulated",
                "sent_at": f"{month.plus(1).first_day.replace(day=4).isoformat()} 10:{position:02d}:00",
            }
        )
    return rows


def _rounded(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step), rounding=ROUND_HALF_UP)
