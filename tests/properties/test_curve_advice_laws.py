"""What advice promises of a curve is what the curve gives when it is replayed: on simulated works whose load,
breaks and reactive energy are drawn at random.
"""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest

from pipelines.arrays import FloatArray
from products.efficiency_bill.advice.advice import advised
from tests.unit.products.efficiency_bill.advice.curve_months import (
    FACTS,
    SEPTEMBER,
    SETTINGS,
    cents,
    factor,
    reactive_after,
    situation_of_curves,
    total_with_active,
    total_with_less_active,
    total_with_reactive,
)

D = Decimal
CURVES = 200


def drawn(seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Active, lagging and leading quarter hours of a month. (days x 96)

    Shifts begin and end at random, with or without a break; capacitors are too small, too large or none,
    and stay on at night or not. Energies are whole hundredths, as a meter counts them.
    """
    draw = np.random.default_rng(seed)
    shape, slot = (SEPTEMBER.day_count, 96), np.arange(96)
    first, last = sorted(draw.choice(np.arange(16, 92), 2, replace=False))
    works = (slot >= first) & (slot < last)
    for _ in range(draw.integers(0, 3)):
        begin = draw.integers(first, last)
        works &= (slot < begin) | (slot >= begin + draw.integers(2, 9))
    idle, busy = draw.uniform(0.0, 15.0), draw.uniform(20.0, 200.0)
    power = np.where(works, busy, idle) * draw.uniform(0.6, 1.4, shape)
    power[draw.random(shape[0]) < 0.15] = idle  # days without work
    tangent = draw.uniform(0.2, 1.2) * draw.uniform(0.7, 1.3, shape)
    fixed = draw.choice([0.0, draw.uniform(0.0, 60.0)]) * (works | (draw.random() < 0.5))
    net = power * tangent * 0.25 - fixed * 0.25
    both = draw.random(shape) < 0.05  # what turns inside a quarter hour counts both ways
    lagging = np.maximum(net, 0) + np.where(both, draw.uniform(0, 1, shape), 0)
    leading = np.maximum(-net, 0) + np.where(both, draw.uniform(0, 1, shape), 0)
    active = power * 0.25
    rounded = (np.round(values, 2) for values in (active, lagging, leading))
    return next(rounded), next(rounded), next(rounded)


def clock(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 4 + int(minutes) // 15


@pytest.fixture(scope="module")
def promises() -> dict[str, int]:
    """How often each advice was given and proved; every figure is tried on the quarter hours themselves."""
    proved: dict[str, int] = {}
    for seed in range(CURVES):
        active, lagging, leading = drawn(seed)
        given = situation_of_curves(active, lagging, leading)
        total, supply = given.priced.total_cny, given.supply
        found = advised(given, FACTS, SETTINGS)
        for row in found.rows:
            inputs, saving = json.loads(row["advice_inputs"]), row["saving_cny"]
            if row["advice_id"] == "EB-A11":
                then = float(lagging.sum()), 0.0
                assert saving == total - total_with_reactive(supply, *then), seed
                if "second_bank_kvar" in inputs:
                    bank = inputs["second_bank_kvar"]
                    both = reactive_after(lagging, leading * 0, bank, 10, is_switched=True)
                    assert D(inputs["second_saving_cny"]) == (
                        total - total_with_reactive(supply, *both) - saving
                    ), seed
                    assert round(factor(float(supply.active_kwh), *both), 4) >= 0.895, seed
            elif row["advice_id"] == "EB-A03":
                bank = inputs["bank_kvar"]
                then = reactive_after(lagging, leading, bank, 10, is_switched=True)
                assert saving == total - total_with_reactive(supply, *then), seed
                always = reactive_after(lagging, leading, bank, 10, is_switched=False)
                reached = factor(float(supply.active_kwh), *always)
                assert abs(reached - float(inputs["power_factor_fixed"])) <= 0.00501, seed
            elif row["advice_id"] == "EB-A04":
                moved = active.copy()
                now, other = (
                    slice(*map(clock, inputs[name].split("—"))) for name in ("break_now", "break_advised")
                )
                moved[:, now], moved[:, other] = active[:, other], active[:, now]
                # Each period is rounded to the register's step by itself: 0.01 kWh at most, a fen or two.
                assert abs(saving - (total - total_with_active(supply, moved))) <= D("0.03"), seed
                assert cents(float(moved.max())) == cents(float(active.max())), seed
            elif row["advice_id"] == "EB-A07":
                first, last = (hour * 4 for hour in SETTINGS.night_hours)
                night = float(active[:, first:last].mean())
                cut = active - np.minimum(active, night) * SETTINGS.base_load_cut_ratio
                promised = total - total_with_less_active(supply, cut)
                # Rounded as above, once in each period and component, and what is saved to the step.
                assert abs(saving - promised) <= D("0.05"), seed
            else:
                continue
            proved[row["advice_id"]] = proved.get(row["advice_id"], 0) + 1
    return proved


@pytest.mark.parametrize(
    ("advice_id", "least"), [("EB-A03", 10), ("EB-A04", 30), ("EB-A07", 10), ("EB-A11", 30)]
)
def test_what_is_promised_of_a_curve_is_what_its_replay_gives(
    promises: dict[str, int], advice_id: str, least: int
) -> None:
    """Often enough that the draw has tried it."""
    assert promises.get(advice_id, 0) >= least
