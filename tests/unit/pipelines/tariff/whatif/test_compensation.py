"""Banks of capacitors on the works' own quarter hours, and on random curves against a loop that replays each
interval.
"""

from __future__ import annotations

import csv
import math
import random
from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from pipelines.errors import UsageError
from pipelines.facts import load_facts
from pipelines.settings import packaged
from pipelines.tariff import price_supply
from pipelines.tariff.whatif.choices import Alternative, as_agreed
from pipelines.tariff.whatif.compensation import (
    Reactive,
    ReactiveCurve,
    bank_sizes,
    compensated,
    compensation_choices,
    smallest_bank,
    with_fixed_bank,
    with_switched_bank,
    without_leading,
)
from tests.measured_months import supply_of
from tests.steel_works import STEEL, STEEL_SEPTEMBER

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
WORKS = supply_of(STEEL, STEEL_SEPTEMBER)
NOW = as_agreed([WORKS], FACTS).total_cny
ACTIVE = float(STEEL_SEPTEMBER.energy_kwh)


@cache
def works_curve() -> ReactiveCurve:
    """September 2026 as received: 34,985.37 lagging and 8,885.74 leading kvarh."""
    values: dict[str, list[float]] = {"5": [], "9": []}
    path = packaged("samples") / "steel" / "E_MP_POWER_CURVE_2026-09.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["DATA_TYPE"] in values:
                values[row["DATA_TYPE"]] += [float(row[f"P{place}"]) * 250 for place in range(1, 97)]
    return ReactiveCurve(np.array(values["5"]), np.array(values["9"]), 15)


def factor(then: Reactive, active: float = ACTIVE) -> float:
    return active / math.hypot(active, then.lagging_kvarh + then.leading_kvarh)


def saved(then: Reactive) -> Decimal:
    return NOW - price_supply(compensated(WORKS, works_curve(), then), FACTS).total_cny


@pytest.mark.parametrize(
    ("then", "mean", "saving"),
    [
        # 34 kvar all the time lead at night and at noon; the same bank ideally switched is worth three times
        # as much.
        (with_fixed_bank(works_curve(), 34), 0.840, "1086.93"),
        (with_fixed_bank(works_curve(), 20), 0.855, "1811.55"),
        (with_fixed_bank(works_curve(), 22), 0.856, "1811.55"),
        (with_switched_bank(works_curve(), 34), 0.901, "3260.80"),
        (with_switched_bank(works_curve(), 20, 10), 0.872, "2173.87"),
        (with_switched_bank(works_curve(), 40, 10), 0.899, "3260.80"),
        (with_switched_bank(works_curve(), 82), 0.950, "3804.27"),
        # 0.945 already rounds to 0.95.
        (with_switched_bank(works_curve(), 76), 0.945, "3804.27"),
        (with_switched_bank(works_curve(), 75), 0.944, "3695.57"),
        # Nothing bought: the capacitors that are there, off where the load does not take them.
        (without_leading(works_curve()), 0.867, "2173.87"),
    ],
)
def test_the_works_own_quarter_hours(then: Reactive, mean: float, saving: str) -> None:
    assert factor(then) == pytest.approx(mean, abs=0.0005)
    assert saved(then) == D(saving)


def told(found: list[Alternative]) -> dict[str, tuple[str | None, str, Decimal]]:
    return {
        choice.name: (
            choice.changes.get("bank_kvar"),
            choice.changes["power_factor_reached"],
            NOW - choice.total_cny,
        )
        for choice in found
    }


def test_over_compensation_comes_first_then_banks_that_reach_what_they_say() -> None:
    found = compensation_choices([WORKS], [works_curve()], D("0.95"), FACTS)
    assert list(told(found).items()) == [
        ("no over-compensation", (None, "0.87", D("2173.87"))),
        ("fixed bank", ("22", "0.86", D("1811.55"))),
        ("switched bank", ("76", "0.95", D("3804.27"))),
        ("no over-compensation, switched bank", ("32", "0.95", D("3804.27"))),
    ]
    assert not any(choice.is_bound or choice.is_hindsight for choice in found)


def test_a_bank_must_serve_every_month() -> None:
    """Half the load in the second month: the bank of the first reaches the target there too."""
    curve, half = works_curve(), replace(works_curve(), lagging_kvarh=works_curve().lagging_kvarh / 2)
    second = replace(compensated(WORKS, curve, Reactive(17492.685, 8885.74)), month=WORKS.month.plus(1))
    october = replace(
        second,
        segments=tuple(
            replace(each, first_day=second.month.first_day, last_day=second.month.last_day)
            for each in second.segments
        ),
    )
    found = compensation_choices([WORKS, october], [curve, half], D("0.90"), FACTS)
    alone = compensation_choices([WORKS], [curve], D("0.90"), FACTS)
    assert found[2].changes == alone[2].changes == {"bank_kvar": "30", "power_factor_reached": "0.90"}


def test_a_target_out_of_reach_says_what_is_reached() -> None:
    (_, _, switched, _) = compensation_choices([WORKS], [works_curve()], D("1"), FACTS)
    assert switched.changes["power_factor_reached"] == "0.99"  # 8,885.74 leading kvarh stay
    with pytest.raises(UsageError, match="power factor"):
        compensation_choices([WORKS], [works_curve()], D("1.1"), FACTS)
    with pytest.raises(UsageError, match="no reactive energy"):
        compensation_choices([replace(WORKS, lagging_kvarh=None)], [works_curve()], D("0.9"), FACTS)


def test_a_load_without_reactive_power_needs_no_bank() -> None:
    nothing = ReactiveCurve(np.zeros(2880), np.zeros(2880), 15)
    idle = replace(WORKS, lagging_kvarh=D(0), leading_kvarh=D(0))
    assert compensation_choices([idle], [nothing], D("0.95"), FACTS) == []


def replayed(curve: ReactiveCurve, kvar: float, switched: bool, step: float | None) -> Reactive:
    """Each interval by itself, as the two registers would count it."""
    lagging = leading = 0.0
    for takes, gives in zip(curve.lagging_kvarh.tolist(), curve.leading_kvarh.tolist(), strict=True):
        fed = kvar * curve.minutes / 60
        if switched:
            fed = min(fed, takes)
            if step is not None:
                steps = 0
                while (steps + 1) * step * curve.minutes / 60 <= fed + 1e-9:
                    steps += 1
                fed = steps * step * curve.minutes / 60
        left = takes - fed
        lagging += max(left, 0.0)
        leading += gives + max(-left, 0.0)
    return Reactive(lagging, leading)


def random_curve(draw: random.Random) -> ReactiveCurve:
    """A day's worth of load by shift, with or without a bank that leads when the load is off."""
    minutes = draw.choice((5, 15, 30, 60))
    count, own = 24 * 60 // minutes * 2, draw.choice((0.0, 0.0, draw.uniform(0, 60)))
    begin, end = sorted(draw.sample(range(count), 2))
    need = [
        (draw.uniform(0, 200) if begin <= place % count <= end else draw.uniform(0, 5)) - own
        for place in range(count)
    ]
    hours = minutes / 60
    return ReactiveCurve(
        np.array([max(each, 0.0) * hours for each in need]),
        np.array([max(-each, 0.0) * hours for each in need]),
        minutes,
    )


def test_what_is_simulated_is_what_the_registers_would_count() -> None:
    """200 random curves, each with a fixed, a switched and a stepped bank."""
    draw = random.Random(20261130)
    for _ in range(200):
        curve, kvar, step = random_curve(draw), draw.randrange(0, 250), draw.choice((5, 10, 25))
        for found, expected in (
            (with_fixed_bank(curve, kvar), replayed(curve, kvar, False, None)),
            (with_switched_bank(curve, kvar), replayed(curve, kvar, True, None)),
            (with_switched_bank(curve, kvar, step), replayed(curve, kvar, True, step)),
        ):
            assert found == pytest.approx(expected, abs=1e-6)
        larger = with_switched_bank(curve, kvar + 1)
        assert larger.lagging_kvarh <= with_switched_bank(curve, kvar).lagging_kvarh


def test_the_promise_of_a_random_curve_is_kept_by_its_replay() -> None:
    """Banks as advised, replayed interval by interval and billed: the saving is the one that was told, no
    smaller switched bank reaches the target, no other fixed bank costs less.
    """
    draw, reached = random.Random(20261201), 0
    for _ in range(40):
        curve = random_curve(draw)
        month = replace(
            WORKS,
            lagging_kvarh=D(f"{curve.lagging_kvarh.sum():.2f}"),
            leading_kvarh=D(f"{curve.leading_kvarh.sum():.2f}"),
            power_factor_kwh=D(f"{curve.lagging_kvarh.sum() * draw.uniform(0.8, 2) + 1:.2f}"),
        )
        now, target = price_supply(month, FACTS).total_cny, D(draw.choice(("0.85", "0.90", "0.95")))
        active = float(month.power_factor_kwh or 0)
        for choice in compensation_choices([month], [curve], target, FACTS, step_kvar=5):
            if choice.name not in ("fixed bank", "switched bank"):
                continue
            kvar, is_switched = int(choice.changes["bank_kvar"]), choice.name == "switched bank"
            then = replayed(curve, kvar, is_switched, None)
            billed = price_supply(compensated(month, curve, then), FACTS).total_cny
            assert abs(now - billed - (now - choice.total_cny)) <= D("0.01")
            if is_switched and D(choice.changes["power_factor_reached"]) >= target:
                reached += 1
                assert factor(replayed(curve, kvar, True, None), active) >= float(target) - 0.005 - 1e-6
                if kvar > 5:
                    assert (
                        factor(replayed(curve, kvar - 5, True, None), active) < float(target) - 0.005 + 1e-6
                    )
            if not is_switched:
                for other in range(0, 250, 5):
                    after = compensated(month, curve, replayed(curve, other, False, None))
                    assert price_supply(after, FACTS).total_cny >= choice.total_cny - D("0.01")
    assert reached > 10


def test_a_bank_takes_no_leading_energy_away_and_one_of_nothing_changes_nothing() -> None:
    """Also where both registers counted within one interval, as in 220 quarter hours of the works: the
    balance falls by what is fed in, and what led leads on. Netted, the works would stand at 0.815 before any
    bank.
    """
    works = works_curve()
    both = (works.lagging_kvarh > 0) & (works.leading_kvarh > 0)
    assert int(both.sum()) == 220
    draw = np.random.default_rng(20261201)
    curves = [works, *(ReactiveCurve(*draw.uniform(0, 20, (2, 96)), 15) for _ in range(50))]
    for curve in curves:
        now = Reactive(float(curve.lagging_kvarh.sum()), float(curve.leading_kvarh.sum()))
        assert with_fixed_bank(curve, 0) == pytest.approx(now)
        for kvar in (1, 20, 34, 500):
            then, fed = with_fixed_bank(curve, kvar), kvar / 4 * len(curve.lagging_kvarh)
            assert then.leading_kvarh >= now.leading_kvarh
            assert then.lagging_kvarh - then.leading_kvarh == pytest.approx(
                now.lagging_kvarh - now.leading_kvarh - fed
            )


def test_the_smallest_bank_is_the_first_that_is_enough() -> None:
    sizes = bank_sizes([ReactiveCurve(np.array([25.1, 3.0]), np.zeros(2), 60)], 10)
    assert list(sizes) == [10, 20, 30]
    assert [smallest_bank(sizes, lambda size, least=least: size >= least) for least in (1, 11, 30, 31)] == [
        10,
        20,
        30,
        None,
    ]
    assert smallest_bank(bank_sizes([ReactiveCurve(np.zeros(2), np.zeros(2), 60)], 10), bool) is None
