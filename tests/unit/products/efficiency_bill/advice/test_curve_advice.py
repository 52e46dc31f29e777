"""Advice drawn from a curve: figures of the works replayed on its quarter hours, and silence without one."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from pipelines.codes import Channel, DemandBasis, TouPeriod
from pipelines.tariff import price_supply
from pipelines.tariff.whatif.compensation import ReactiveCurve, with_fixed_bank, with_switched_bank
from products.efficiency_bill.advice.advice import Advised, advised
from products.efficiency_bill.advice.situation import Situation, about
from products.efficiency_bill.comparison.grounds import Grounds
from products.efficiency_bill.comparison.load_hours import best_break
from products.efficiency_bill.comparison.reactive_curve import reactive_finding
from tests.measured_months import supply_of
from tests.steel_curve import ACTIVE, LAGGING, LEADING, steel_curve
from tests.steel_works import STEEL, STEEL_SEPTEMBER
from tests.unit.products.efficiency_bill.advice.curve_months import (
    FACTS,
    PERIODS,
    SETTINGS,
    factor,
    reactive_after,
    situation_of_curves,
    supply_of_curves,
    total_with_active,
    total_with_less_active,
    total_with_reactive,
)

D = Decimal
MINUTES = 15
SUPPLY = supply_of(STEEL, STEEL_SEPTEMBER)
TOTAL = price_supply(SUPPLY, FACTS).total_cny


def works(**known: Any) -> Situation:
    return situation_of_curves(*map(steel_curve, (ACTIVE, LAGGING, LEADING)), SUPPLY, **known)


def rows_of(found: Advised) -> dict[str, dict[str, Any]]:
    return {row["advice_id"]: {**row, **json.loads(row["advice_inputs"])} for row in found.rows}


def test_the_curve_is_what_the_registers_counted() -> None:
    assert supply_of_curves(*map(steel_curve, (ACTIVE, LAGGING, LEADING))) == SUPPLY


@pytest.mark.parametrize(
    ("bank", "is_switched", "reached", "saved"),
    [
        # Netted in the 220 quarter hours in which both registers counted, which no capacitor does: 0.856.
        (20, False, "0.855", "1811.55"),
        (20, True, "0.872", "2173.87"),
        (40, False, "0.829", "724.62"),
        (40, True, "0.899", "3260.80"),  # 0.90 as the rule rounds it
        (50, False, "0.810", "0.00"),
    ],
)
def test_a_bank_reaches_what_the_quarter_hours_let_it(
    bank: int, is_switched: bool, reached: str, saved: str
) -> None:
    """Held against a bank switched step by step in each of the 2,880 quarter hours."""
    lagging, leading = steel_curve(LAGGING), steel_curve(LEADING)
    curve = ReactiveCurve(lagging.ravel(), leading.ravel(), MINUTES)
    found = with_switched_bank(curve, bank, 10) if is_switched else with_fixed_bank(curve, bank)
    again = reactive_after(lagging, leading, bank, 10, is_switched=is_switched)
    assert found == pytest.approx(again)
    assert f"{factor(60916.39, *found):.3f}" == reached
    assert TOTAL - total_with_reactive(SUPPLY, *found) == D(saved)


def test_the_smallest_bank_is_found_as_if_each_size_were_tried() -> None:
    lagging, leading = steel_curve(LAGGING), steel_curve(LEADING)
    before, curve = float(lagging.sum()), ReactiveCurve(lagging.ravel(), leading.ravel(), MINUTES)
    for wanted in (0.5, 5000.0, 14000.0, 14187.5, 14187.6, 30000.0, 40000.0):
        found = reactive_finding(lagging, leading, 10, lambda taken, _, wanted=wanted: taken >= wanted).alone
        sizes = [
            size
            for size in range(10, 1500, 10)
            if before - with_switched_bank(curve, size, 10).lagging_kvarh >= wanted - 1e-6
        ]
        assert (None if found is None else found.size_kvar) == (sizes[0] if sizes else None), wanted


def test_over_compensation_is_said_first_and_costs_no_purchase() -> None:
    """8,886 kvarh lead at noon and from 16:00: without them 0.867, 2,173.87 CNY; 10 kvar switched after that
    bring 0.90.
    """
    found = rows_of(advised(works(), FACTS, SETTINGS))
    assert "EB-A03" not in found
    row = found["EB-A11"]
    lagging, leading = float(steel_curve(LAGGING).sum()), float(steel_curve(LEADING).sum())
    assert f"{factor(60916.39, lagging, 0.0):.3f}" == "0.867"
    assert row["saving_cny"] == TOTAL - total_with_reactive(SUPPLY, lagging, 0.0) == D("2173.87")
    assert leading == pytest.approx(row["leading_kvarh"], abs=1e-3)
    assert "约 2,200 元" in row["advice_zh"]
    assert "不需购买设备" in row["assumption_zh"]
    assert "多在 12—14 时、16—22 时；" in row["advice_zh"]
    assert "kvar" not in row["advice_zh"].replace("kvarh", ""), "no size before the over-compensation ends"
    assert (row["second_bank_kvar"], row["second_power_factor"]) == (10, "0.90")
    switched, _ = reactive_after(steel_curve(LAGGING), steel_curve(LEADING) * 0, 10, 10, is_switched=True)
    assert (
        D(row["second_saving_cny"]) == TOTAL - total_with_reactive(SUPPLY, switched, 0.0) - row["saving_cny"]
    )


def test_a_bank_is_sized_by_what_it_reaches_where_nothing_leads() -> None:
    """The works without its leading energy, and more lagging: the smallest switched bank that keeps 0.90."""
    active, lagging = steel_curve(ACTIVE), steel_curve(LAGGING) * 1.2
    given = situation_of_curves(active, lagging, None)
    row = rows_of(advised(given, FACTS, SETTINGS))["EB-A03"]
    size = row["bank_kvar"]
    reached = {
        kvar: reactive_after(lagging, lagging * 0, kvar, 10, is_switched=True) for kvar in (size - 10, size)
    }
    total = given.priced.total_cny
    assert row["saving_cny"] == total - total_with_reactive(given.supply, *reached[size])
    assert [round(factor(60916.39, *reached[kvar]), 2) >= 0.90 for kvar in (size - 10, size)] == [False, True]
    fixed = factor(60916.39, *reactive_after(lagging, lagging * 0, size, 10, is_switched=False))
    assert row["power_factor_fixed"] == f"{fixed:.2f}"
    assert f"长期投入只到 {fixed:.2f}" in row["assumption_zh"]
    assert "询价" in row["assumption_zh"]


@pytest.mark.parametrize("lacking", [Channel.REACTIVE_LAGGING, Channel.REACTIVE_LEADING])
def test_without_a_reactive_curve_there_is_neither_size_nor_figure(lacking: Channel) -> None:
    given = works()
    lagging = None if lacking is Channel.REACTIVE_LAGGING else steel_curve(LAGGING)
    if lagging is None:
        given = replace(given, grounds=replace(given.grounds or Grounds(), reactive=None))
    else:
        given = situation_of_curves(steel_curve(ACTIVE), lagging, None, SUPPLY)
    found = advised(given, FACTS, SETTINGS)
    assert not {"EB-A03", "EB-A11"} & rows_of(found).keys()
    assert "kvar" not in json.dumps(found.rows, default=str, ensure_ascii=False)


@pytest.mark.parametrize("factor_of_curve", [0.97, 1.03, -1.0])
def test_a_curve_that_is_not_what_the_registers_counted_promises_nothing(factor_of_curve: float) -> None:
    """Of another meter, in another unit, or with a sign."""
    for changed in range(3):
        curves = [steel_curve(kind) for kind in (ACTIVE, LAGGING, LEADING)]
        curves[changed] = curves[changed] * factor_of_curve
        found = rows_of(advised(situation_of_curves(*curves, SUPPLY), FACTS, SETTINGS))
        assert found.keys() == ({"EB-A01", "EB-A11"} if changed == 0 else {"EB-A01", "EB-A04"}), changed


def test_a_break_at_noon_is_worth_more_at_four_and_says_what_the_replay_gives() -> None:
    """12:00 to 13:00 lies in the valley, 16:00 to 17:00 in the peak: both change places every day."""
    row = rows_of(advised(works(), FACTS, SETTINGS))["EB-A04"]
    assert (row["break_now"], row["break_advised"]) == ("12:00—13:00", "16:00—17:00")
    active = steel_curve(ACTIVE)
    moved = active.copy()
    moved[:, 48:52], moved[:, 64:68] = active[:, 64:68], active[:, 48:52]
    assert moved.max() == active.max()
    assert row["saving_cny"] == TOTAL - total_with_active(SUPPLY, moved) == D("3986.97")
    assert "约 4,000 元" in row["advice_zh"]


@pytest.mark.parametrize(
    "load",
    [
        np.full((30, 96), 20.0),
        np.where(np.arange(96) < 48, 0.0, 20.0) * np.ones((30, 1)),
        np.zeros((30, 96)),
    ],
    ids=["day and night", "no break", "nothing"],
)
def test_a_load_without_a_break_is_told_to_move_none(load: Any) -> None:
    prices = dict.fromkeys(PERIODS, 0.5)
    given = situation_of_curves(load + 1e-3, load * 0, None)
    assert given.grounds is not None
    assert best_break(given.grounds.hours, prices, 4, SETTINGS.standstill_ratio) is None
    assert "EB-A04" not in rows_of(advised(given, FACTS, SETTINGS))


def test_a_period_in_which_nothing_is_drawn_has_its_price_all_the_same() -> None:
    """A works that stands still all the peak, from 16 to 23: no line prices what it never drew. Taken for
    free it was the best place for a break, and nothing was said of the noon, which pays.
    """
    slot = np.arange(96)
    idle = ((slot >= 48) & (slot < 52)) | ((slot >= 64) & (slot < 92))
    load = np.where(idle, 0.0, 25.0) * np.ones((30, 1))
    given = situation_of_curves(load, load * 0, None)
    (segment,) = given.supply.segments
    assert (segment.energy_by_period or {})[TouPeriod.PEAK] == 0
    row = rows_of(advised(given, FACTS, SETTINGS))["EB-A04"]
    moved = load.copy()
    now, other = (int(row[name].split(":")[0]) * 4 for name in ("break_now", "break_advised"))
    moved[:, now : now + 4], moved[:, other : other + 4] = load[:, other : other + 4], load[:, now : now + 4]
    assert (row["break_now"], row["moved_kwh"]) == ("12:00—13:00", {"flat": -3000.0, "valley": 3000.0})
    assert row["saving_cny"] == given.priced.total_cny - total_with_active(given.supply, moved)


def test_all_of_it_together_is_priced_once() -> None:
    """The basic charge by capacity, nothing that leads and the break at four, in one month."""
    found = advised(works(), FACTS, SETTINGS)
    assert {row["advice_id"]: row["saving_cny"] for row in found.rows} == {
        "EB-A01": D("4932.40"),
        "EB-A04": D("3986.97"),
        "EB-A11": D("2173.87"),
    }
    active = steel_curve(ACTIVE)
    moved = active.copy()
    moved[:, 48:52], moved[:, 64:68] = active[:, 64:68], active[:, 48:52]
    (segment,) = SUPPLY.segments
    contract = replace(STEEL, demand_basis=DemandBasis.CAPACITY, contract_demand_kw=None)
    terms = replace(SUPPLY, segments=(replace(segment, contract=contract),), leading_kvarh=D("0.00"))
    assert found.joint_saving_cny == TOTAL - total_with_active(terms, moved)
    alone = sum((row["saving_cny"] for row in found.rows), D(0))
    assert found.joint_saving_cny is not None
    assert found.joint_saving_cny < alone, "they overlap in the adjustment"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("4932.40", "4,900"),
        ("103016.42", "100,000"),
        ("95.4", "95"),
        ("7.6", "8"),
        ("0", "0"),
        ("9.96", "10"),
    ],
)
def test_an_estimate_is_said_as_exactly_as_it_is_one(amount: str, said: str) -> None:
    assert f"{about(D(amount)):,f}" == said


@pytest.mark.parametrize("noon", [25.0, 2.0, 0.0])
def test_a_night_load_saves_what_its_own_hours_cost(noon: float) -> None:
    """A third of the busy load runs at night, in the valley: a tenth less of it is priced hour by hour, not
    by the month's shares, and an hour that draws less than the night, as under a roof of solar cells, gives
    no more than a tenth of what it draws.
    """
    slot = np.arange(96)
    load = np.where((slot >= 32) & (slot < 92), 25.0, 8.0) * np.ones((30, 1))
    load[:, 44:54] = noon
    given = situation_of_curves(load, load * 0, None)
    row = rows_of(advised(given, FACTS, SETTINGS))["EB-A07"]
    cut = load - np.minimum(load, 8.0) * SETTINGS.base_load_cut_ratio
    assert D(row["saved_kwh"]) == D(repr(round(float((load - cut).sum()), 2)))
    promised = given.priced.total_cny - total_with_less_active(given.supply, cut)
    assert abs(row["saving_cny"] - promised) <= D("0.02")
    assert "最大需量和无功电量不变" in row["assumption_zh"]
    assert "分时比例" not in row["assumption_zh"]


@pytest.mark.parametrize(("months", "advised_on"), [(1, "EB-A01"), (2, "EB-A01"), (3, "EB-A02")])
def test_a_contract_demand_needs_the_months_that_it_names(months: int, advised_on: str) -> None:
    """近三个月 was said of a first month: a demand fitted to the month that is over is hindsight."""
    given = replace(works(), recent_demand_kw=(D(505),) * months)
    found = rows_of(advised(given, FACTS, SETTINGS)).keys() & {"EB-A01", "EB-A02"}
    assert found == {advised_on}


def test_a_contract_demand_says_from_where_on_it_costs_more() -> None:
    """480 kW are cheapest for 505 kW, one of them charged twice: so is each beyond 504 kW."""
    given = replace(works(), recent_demand_kw=(D(505), D(480), D(490)))
    row = rows_of(advised(given, FACTS, SETTINGS))["EB-A02"]
    assert row["advised_kw"] == "480"
    assert row["assumption_zh"].endswith("最大需量超过 504.0 kW 的部分按 2 倍计收。")
    assert "504.0 kW by is charged 2 times" in row["assumption_en"]


def test_another_basis_says_from_when_it_may_hold() -> None:
    """A quarter and fifteen working days (R18): not from next month on."""
    row = rows_of(advised(works(), FACTS, SETTINGS))["EB-A01"]
    assert "须提前15个工作日申请，自下一自然季度起执行" in row["assumption_zh"]
