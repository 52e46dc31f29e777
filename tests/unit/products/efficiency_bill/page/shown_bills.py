"""Bills of a works and an office with advice, as page and as paper."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.facts import load_facts
from pipelines.settings import packaged
from pipelines.tariff import Contract, price_supply
from products.efficiency_bill.page.bill import bill_days
from products.efficiency_bill.page.rendering import BillPdf, render_bill_html
from tests.measured_months import Measured, supply_of

FACTS = load_facts(packaged("conf") / "facts")
D = Decimal
PDF = BillPdf()


def priced(contract: Contract, measured: Measured, **row: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A bill's row and lines as the tables hold them."""
    month = price_supply(supply_of(contract, measured), FACTS)
    lines = [
        {
            "line_number": line.line_number,
            "component_code": line.component.value,
            "period_code": line.period.value if line.period else None,
            "quantity": line.quantity,
            "quantity_unit": line.quantity_unit,
            "unit_price": line.unit_price,
            "price_unit": line.price_unit,
            "amount_cny": line.amount_cny,
            "fact_id": line.fact_id,
            "fact_confidence_code": line.fact_confidence.value,
            "formula": line.formula,
        }
        for line in month.lines
    ]
    bill: dict[str, Any] = {
        "customer_id": "STEEL-0001",
        "billing_month": "2026-09",
        "customer_name": "示例钢铁厂",
        "meter_point_ids": ["MP-STEEL-0001"],
        "customer_class_code": contract.customer_class.value,
        "pricing_scheme_code": contract.pricing_scheme.value,
        "voltage_level_code": contract.voltage_level.value,
        "is_time_of_use": contract.is_time_of_use,
        "contract_capacity_kva": 800.0,
        "demand_basis_code": contract.demand_basis.value if contract.demand_basis else None,
        "contract_demand_kw": 600.0,
        "power_factor_standard_ratio": contract.power_factor_standard,
        "energy_kwh": measured.energy_kwh,
        "total_cny": month.total_cny,
        "average_price_cny_per_kwh": month.average_price_cny_per_kwh,
        "max_demand_kw": float(measured.max_demand_kw) if measured.max_demand_kw else None,
        "max_demand_date": date(2026, 9, 16),
        "power_factor_ratio": month.power_factor,
        "adjustment_ratio": month.adjustment_ratio,
        "previous_energy_kwh": D("66724.53"),
        "previous_total_cny": D("82870.38"),
        "peer_group": "Steel works",
        "peer_count": 0,
        "peer_percentile_pct": None,
        "intensity_kwh_per_m2": None,
        "peer_median_kwh_per_m2": None,
        "baseline_kwh": 60000.0,
        "baseline_low_kwh": 50000.0,
        "baseline_high_kwh": 70000.0,
        "baseline_verdict_code": "within",
        "baseline_kind": "day_type",
        "emission_kg_co2": 33504.0145,
        "emission_factor_kg_co2_per_kwh": D("0.55"),
        "estimated_ratio": 0.0,
        "is_estimated_above_limit": False,
        "missing_inputs": ["weather"],
        "is_illustrative": month.is_illustrative,
        "lowest_confidence_code": month.lowest_confidence.value,
        "model_name": "efficiency_bill_baseline",
        "model_version": "1",
        "provenance": "real+dates_shifted+derived+assumed",
        "day_kwh": [1000.0 + 100 * (day % 7) for day in range(30)],
        "day_expected_kwh": [1200.0] * 30,
        "day_low_kwh": [900.0] * 30,
        "day_high_kwh": [1500.0] * 30,
        "revision": 1,
        "supersedes_revision": None,
        "content_digest": hashlib.sha256(b"x").hexdigest(),
    }
    return bill | row, lines


ADVICE: list[dict[str, Any]] = [
    {
        "rank": rank,
        "advice_id": f"EB-A0{rank}",
        "saving_cny": D(saving),
        "advice_zh": f"建议 {rank}",
        "advice_en": f"advice {rank}",
        "assumption_zh": "假定",
        "assumption_en": "assumed",
    }
    for rank, saving in ((1, "4932.40"), (2, "3260.80"), (3, "1574.96"))
]


def page(bill: dict[str, Any], lines: list[dict[str, Any]], advice: list[dict[str, Any]] = ADVICE) -> str:
    return render_bill_html(bill, lines, advice, bill_days(bill))


def paper(bill: dict[str, Any], lines: list[dict[str, Any]], typesetter: BillPdf = PDF) -> bytes:
    return typesetter.render(bill, lines, ADVICE, bill_days(bill))
