"""A factory's September of 2026, its bill as issued and what notices make of it; numbers worked by hand
beside the tests that use them.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.facts import Facts, load_facts, load_prices
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.tables.base import Table
from pipelines.tables.revised import product_schema
from pipelines.tariff import Contract, PricedMonth
from products.efficiency_bill.bill import EVIDENCE, OUTER
from products.efficiency_bill.case.case import Case
from products.efficiency_bill.case.issued_revision import IssuedRevision
from products.efficiency_bill.comparison.peers import PeerView
from products.efficiency_bill.corrections import issued_revision_of, revised
from products.efficiency_bill.issue import issue_bill
from products.efficiency_bill.issue_month import kinds_of
from products.efficiency_bill.pricing import price_supplies
from products.efficiency_bill.product import EFFICIENCY_BILL, check_prices
from products.efficiency_bill.settings import EfficiencyBillSettings
from tests.measured_months import Measured, supply_of

D = Decimal
SETTINGS = Settings(packaged("conf"), packaged("conf"))
HEADER = "month,component,price_cny_per_kwh,document,published_on\n"
SEPTEMBER = BillingMonth(2026, 9)
FACTORY = Contract(
    CustomerClass.LARGE_INDUSTRY,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    True,
    D(800),
    D(800),
    DemandBasis.CAPACITY,
    None,
    D("0.90"),
)
SPLIT = {TouPeriod.PEAK: D("600.00"), TouPeriod.VALLEY: D("400.00")}
MEASURED = Measured(SEPTEMBER, D("1000.00"), SPLIT, D(500), D("480.00"), D(0), D("0.01"))
Issued = dict[str, Any]


def factory_case(measured: Measured = MEASURED) -> Case:
    """1,000 kWh, 600 at the peak and 400 in the valley, at the power factor's standard; its August cost twice
    as much energy.
    """
    days: list[float | None] = [float(measured.energy_kwh) / 30] * 30
    none: list[float | None] = [None] * 30
    terms = {
        "customer_id": "REAL-0001",
        "customer_name": "一家工厂 a factory",
        "customer_class_code": "large_industry",
        "pricing_scheme_code": "two_part",
        "voltage_level_code": "1_to_20kv",
        "is_time_of_use": True,
        "contract_capacity_kva": 800.0,
        "demand_basis_code": "capacity",
        "contract_demand_kw": None,
        "power_factor_standard_ratio": 0.9,
        "peer_group": "factories",
        "provenance": "real",
        "floor_area_m2": None,
    }
    shown = {
        "meter_point_ids": ["MP-REAL-0001"],
        "max_demand_kw": 500.0,
        "max_demand_date": date(2026, 9, 3),
        "estimated_ratio": 0.0,
        "is_estimated_above_limit": False,
        "missing_inputs": [],
    }
    return Case(
        month=SEPTEMBER,
        terms=terms,
        supply=supply_of(FACTORY, measured),
        energy_kwh=measured.energy_kwh,
        has_periods=measured.energy_by_period is not None,
        previous_supply=supply_of(FACTORY, dataclasses.replace(MEASURED, month=SEPTEMBER.previous())),
        previous_energy_kwh=MEASURED.energy_kwh,
        shown=shown,
        peers=PeerView(1),
        baseline=None,
        day_columns={"day_kwh": days, "day_expected_kwh": none, "day_low_kwh": none, "day_high_kwh": none},
        recent_demand_kw=(D(500),),
        usage=None,
        lacks=("baseline",),
    )


def price_rows(month: str, purchase: str, document: str, published: str) -> str:
    """Lines of a price file; line loss 0.01 and system operation 0.05 CNY/kWh come to the purchase."""
    prices = (("purchase", purchase), ("line_loss", "0.0100"), ("system_operation", "0.0500"))
    return "".join(f"{month},{component},{price},{document},{published}\n" for component, price in prices)


def facts_folder(target: Path) -> Path:
    """Facts with 0.40 CNY/kWh for August and September, published before each month."""
    folder = Path(shutil.copytree(packaged("conf") / "facts", target / "facts"))
    first = target / "first.csv"
    text = (
        HEADER
        + price_rows("2026-08", "0.4000", "notice 8", "2026-07-28")
        + price_rows("2026-09", "0.4000", "notice 9", "2026-08-28")
    )
    first.write_text(text, encoding="utf-8")
    load_prices(first, folder)
    return folder


def price_notice(folder: Path, purchase: str, document: str, published: str, month: str = "2026-09") -> Facts:
    """The facts after a notice that corrects a month's purchase price was loaded."""
    late = folder.parent / f"{document}.csv"
    late.write_text(HEADER + price_rows(month, purchase, document, published), encoding="utf-8")
    load_prices(late, folder, corrects=True)
    return load_facts(folder)


def funds_notice(facts: Facts, cny_per_kwh: str, document: str, known_from: date) -> Facts:
    """Other funds from 2026-09-01, known later."""
    published = facts.funds.versions[-1]
    citation = dataclasses.replace(published.citation, document=document)
    late = dataclasses.replace(
        published,
        value=D(cny_per_kwh),
        citation=citation,
        effective_from=SEPTEMBER.first_day,
        known_from=known_from,
    )
    funds = dataclasses.replace(facts.funds, versions=(*facts.funds.versions, late))
    return dataclasses.replace(facts, funds=funds, by_id={**facts.by_id, funds.fact_id: funds})


def run(
    case: Case, facts: Facts, run_id: str, before: Issued | None = None, version: str = "1"
) -> Issued | None:
    """What a run issues, as the store gives it back: ``result`` and, by table, its evidence; None where the
    bill stays as it is.
    """
    bill = issue_bill(
        case, facts, SETTINGS.section(EfficiencyBillSettings), "efficiency_bill_baseline", version
    )
    found = revised(bill, None if before is None else issued_revision(before), facts)
    if found is None:
        return None
    revision = 1 if before is None else before["result"]["revision"] + 1
    added = {"revision": revision, "computed_run_id": run_id}
    own = {"supersedes_revision": revision - 1 or None, "content_digest": f"{revision:064d}"}
    issued: Issued = {"result": _as_stored([found], EFFICIENCY_BILL.result)[0] | added | own}
    for table, name in EVIDENCE.items():
        rows = [{**row, **{key: found[key] for key in OUTER}} for row in found[name]]
        issued[table.name] = [row | added for row in _as_stored(rows, table)]
    return issued


def issued_revision(issued: Issued) -> IssuedRevision:
    """An issued revision as the next run finds it."""
    return issued_revision_of(
        issued["result"],
        issued["efficiency_bill_lines_v1"],
        issued["efficiency_bill_inputs_v1"][0]["case_inputs"],
    )


def _as_stored(rows: list[dict[str, Any]], table: type[Table]) -> list[dict[str, Any]]:
    import pyarrow as pa

    found: list[dict[str, Any]] = pa.Table.from_pylist(rows, product_schema(table)).to_pylist()
    return found


def check_cases(cases: Sequence[Case], facts: Facts | None = None) -> None:
    """Holds cases to what has to be published, as a run does with all of a month."""
    facts = facts or load_facts(packaged("conf") / "facts")
    supplies = {str(number): case.supply for number, case in enumerate(cases)}
    kinds = [supply for name in kinds_of(supplies).values() if (supply := supplies[name]) is not None]
    priced = price_supplies([*supplies.values()], facts)
    check_prices(kinds, facts, lambda: any(isinstance(each, PricedMonth) for each in priced))
