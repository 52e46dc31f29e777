"""Prices of one's own against the System Advisor Model's Utilityrate5: tiers of the month, hourly periods,
demand charges, unrounded.

Both read a year that begins on a Monday and has 365 days: the school's year of 2018 as it is, its 13 missing
hours filled with the value
before; Victoria's real half-hours from Monday 2012-12-31 on, in MW / 1000 and added up to hours, so that they
have the size of a customer.
The model has no power factor and no Chinese rule.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipelines.tariff.cases.own_prices import ANY_TIME, OwnPrices, TieredPrice, own_months, price_own

MONDAY_YEAR = date(2018, 1, 1)
RATES = 200
_LAST = 1e38


def reference(name: str) -> Path:
    folder = os.environ.get("ZHIXIANG_REFERENCE_DATA")
    if not folder or not (Path(folder) / name).is_file():
        pytest.skip(f"{name} is not among the reference data (ZHIXIANG_REFERENCE_DATA)")
    return Path(folder) / name


def school() -> list[float]:
    load = pd.read_csv(reference("school_eload.csv.gz"))["eload"]
    assert int(load.isna().sum()) == 13
    return [float(value) for value in load.ffill()]


def victoria() -> list[float]:
    frame = pd.read_parquet(reference("vic_elec_halfhour.parquet"))
    start = int(np.flatnonzero(frame["Date"].astype(str).to_numpy() == "2012-12-31")[0])
    half_hours = frame["Demand"].to_numpy()[start : start + 365 * 48] / 1000
    return [float(value) for value in half_hours.reshape(-1, 2).sum(axis=1) / 2]


def hours(random: Random, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Twelve rows of hours in a few blocks; summers may differ from winters."""
    rows = []
    for _ in range(random.choice((1, 2, 12))):
        cuts = sorted(random.sample(range(1, 24), random.randint(0, 5)))
        spans = zip([0, *cuts], [*cuts, 24], strict=True)
        rows.append(tuple(name for begin, end in spans for name in [random.choice(names)] * (end - begin)))
    return tuple(rows[month % len(rows)] for month in range(12))


def money(random: Random, high: float) -> Decimal:
    return Decimal(f"{random.uniform(0, high):.5f}")


def random_prices(random: Random, month_kwh: float, peak_kw: float) -> OwnPrices:
    names = [f"p{number}" for number in range(1, random.randint(1, 5) + 1)]
    limits = tuple(
        sorted({Decimal(f"{random.uniform(0.05, 1.3) * month_kwh:.2f}") for _ in range(random.randint(0, 3))})
    )
    demand_names = [f"d{number}" for number in range(1, random.randint(1, 3) + 1)]
    demand_limits = tuple(
        sorted({Decimal(f"{random.uniform(0.1, 1.1) * peak_kw:.3f}") for _ in range(random.randint(0, 2))})
    )
    has_demand = random.random() < 0.7

    def tiers(high: float, count: int) -> TieredPrice:
        return TieredPrice(tuple(money(random, high) for _ in range(count)))

    demand = {name: tiers(60, len(demand_limits) + 1) for name in [ANY_TIME, *demand_names]}
    return OwnPrices(
        "random",
        "none",
        {name: tiers(2, len(limits) + 1) for name in names},
        hours(random, names),
        hours(random, names),
        limits,
        demand if has_demand else None,
        demand_limits if has_demand else (),
        hours(random, demand_names) if has_demand else (),
        hours(random, demand_names) if has_demand else (),
        Decimal(random.choice(("0", "12.5"))),
    )


def model_months(module: Any, prices: OwnPrices, load: list[float]) -> list[float]:
    """The oracle's bill of each month."""
    model = module.new()
    names = sorted(prices.energy)
    settings: dict[str, Any] = {
        "analysis_period": 1,
        "system_use_lifetime_output": 0,
        "gen": [0.0] * len(load),
        "load": load,
        "inflation_rate": 0,
        "degradation": [0.0],
        "load_escalation": [0.0],
        "rate_escalation": [0.0],
        "en_electricity_rates": 1,
        "ur_metering_option": 0,
        "ur_monthly_fixed_charge": float(prices.fixed_cny),
        "ur_monthly_min_charge": 0,
        "ur_annual_min_charge": 0,
        "ur_sell_eq_buy": 0,
        "ur_en_ts_sell_rate": 0,
        "ur_en_ts_buy_rate": 0,
        "ur_nm_yearend_sell_rate": 0,
        "ur_nm_credit_month": 0,
        "ur_nm_credit_rollover": 0,
        "ur_nb_credit_expire": 0,
        "ur_nb_apply_credit_current_month": 0,
        "ur_enable_billing_demand": 0,
        "TOU_demand_single_peak": 0,
        "ur_ec_sched_weekday": schedule(prices.weekday_hours, names),
        "ur_ec_sched_weekend": schedule(prices.weekend_hours, names),
        "ur_ec_tou_mat": [
            [place, tier, limit, 0, float(price), 0]
            for place, name in enumerate(names, 1)
            for tier, (limit, price) in enumerate(
                zip([*map(float, prices.energy_limits), _LAST], prices.energy[name].prices, strict=True), 1
            )
        ],
        "ur_dc_enable": int(prices.demand is not None),
    }
    if prices.demand is not None:
        by_hour = sorted(set(prices.demand) - {ANY_TIME})
        edges = [*map(float, prices.demand_limits), _LAST]
        flat = list(zip(edges, prices.demand[ANY_TIME].prices, strict=True))
        settings |= {
            "ur_dc_sched_weekday": schedule(prices.demand_weekday_hours, by_hour),
            "ur_dc_sched_weekend": schedule(prices.demand_weekend_hours, by_hour),
            "ur_dc_tou_mat": [
                [place, tier, limit, float(price)]
                for place, name in enumerate(by_hour, 1)
                for tier, (limit, price) in enumerate(zip(edges, prices.demand[name].prices, strict=True), 1)
            ],
            "ur_dc_flat_mat": [
                [month, tier, limit, float(price)]
                for month in range(12)
                for tier, (limit, price) in enumerate(flat, 1)
            ],
        }
    for name, value in settings.items():
        model.value(name, value)
    model.execute(0)
    return list(model.Outputs.year1_monthly_utility_bill_wo_sys)


def schedule(table: tuple[tuple[str, ...], ...], names: Sequence[str]) -> list[list[int]]:
    return [[names.index(name) + 1 for name in row] for row in table]


@pytest.mark.parametrize("customer", ["school", "victoria"])
def test_random_tariffs_cost_what_the_system_advisor_model_says(customer: str) -> None:
    module = pytest.importorskip("PySAM.Utilityrate5", reason="nrel-pysam is a test tool and not installed")
    load = school() if customer == "school" else victoria()
    random = Random(f"utility rates of {customer}")
    month_kwh, peak = sum(load) / 12, max(load)
    for number in range(RATES // 2):
        prices = random_prices(random, month_kwh, peak)
        theirs = model_months(module, prices, load)
        mine = [price_own(prices, month) for month in own_months(prices, MONDAY_YEAR, load, 60)]
        assert len(mine) == len(theirs) == 12
        for bill, expected in zip(mine, theirs, strict=True):
            assert float(bill.unrounded_cny) == pytest.approx(expected, abs=0.01, rel=0), (
                customer,
                number,
                bill.month,
            )
            assert abs(bill.total_cny - bill.unrounded_cny) <= Decimal("0.005") * len(bill.lines)
