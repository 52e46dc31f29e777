"""The implied price: truth recovered beside outliers, the edge of two and three tenants, caps on weight, the
model's file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import TamperedError
from pipelines.settings import load_settings
from pipelines.tables.silver import SilverTransferDeclarations
from products.transfer_fee_code.price.implied_price import PriceFits, fit_prices, price_intervals
from products.transfer_fee_code.served_model import ImpliedPrices
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.training import DECLARED, train_on

SETTINGS = load_settings().section(TransferFeeCodeSettings)
METHOD = SETTINGS.implied_price
PLAUSIBLE = (0.2, 3.0)


def fit(fees: list[float], energies: list[float], groups: list[int] | None = None) -> PriceFits:
    fee, energy = np.array(fees, float), np.array(energies, float)
    intervals = price_intervals(fee, energy, np.full(len(fee), 30.0), METHOD, PLAUSIBLE)
    owner = np.array(groups or [0] * len(fees), np.int64)
    return fit_prices(owner, max([0, *owner]) + 1, intervals, energy, METHOD)


def test_an_interval_by_hand() -> None:
    # Fee in fen: half a fen; whole kWh: half a kWh; half a day of 30 moves the energy by a sixtieth.
    found = price_intervals(np.array([805.25]), np.array([1000.0]), np.array([30.0]), METHOD, PLAUSIBLE)
    assert found.low[0] == pytest.approx((805.25 - 0.005) / (1000 * (1 + 0.5 / 30) + 0.5))
    assert found.high[0] == pytest.approx((805.25 + 0.005) / (1000 * (1 - 0.5 / 30) - 0.5))
    whole = price_intervals(np.array([805.0]), np.array([1000.25]), np.array([30.0]), METHOD, PLAUSIBLE)
    assert whole.high[0] == pytest.approx((805 + 0.5) / (1000.25 * (1 - 0.5 / 30) - 0.005))


def test_what_cannot_be_used() -> None:
    fees = np.array([10.0, 0.0, 5.0, 0.1, 4.0])
    energies = np.array([0.0, 10.0, 0.4, 10.0, 1000.0])
    assert not price_intervals(fees, energies, np.full(5, 30.0), METHOD, PLAUSIBLE).usable.any()


@pytest.mark.parametrize(("tenants", "has_price"), [(0, False), (1, False), (2, False), (3, True)])
def test_from_three_tenants_on_there_is_a_price(tenants: int, has_price: bool) -> None:
    found = fit([800.0] * tenants or [1.0], [1000.0] * tenants or [0.0])
    assert np.isfinite(found.price[0]) == has_price
    assert found.tenants[0] == tenants
    assert (found.inside[0] == tenants) if has_price else (found.inside[0] == 0)
    if has_price:
        assert found.low[0] <= 0.8 <= found.high[0]


def test_an_unusable_third_does_not_count() -> None:
    assert np.isnan(fit([800.0, 800.0, 8000.0], [1000.0, 1000.0, 1000.0]).price[0])


def test_a_minority_of_outliers_moves_nothing() -> None:
    energies = [900.13, 1100.07, 1000.5, 950.25, 1200.75, 1010.3, 870.8]
    fees = [round(0.93 * energy, 2) for energy in energies]
    alone = fit(fees, energies)
    for factor in (1.2, 1.9, 0.4):
        worse = [fee * factor if place < 3 else fee for place, fee in enumerate(fees)]
        found = fit([round(fee, 2) for fee in worse], energies)
        assert found.low[0] <= 0.93 <= found.high[0]
        assert found.price[0] == pytest.approx(0.93, rel=0.01)
        assert found.inside[0] == 4
    assert alone.price[0] == pytest.approx(0.93, rel=0.001)
    assert alone.inside[0] == 7


def test_one_large_tenant_does_not_set_the_price_alone() -> None:
    found = fit([800.0, 801.0, 1.2e6], [1000.0, 1000.0, 1e6])
    assert found.price[0] == pytest.approx(0.8, rel=0.01)
    assert found.inside[0] == 2


def test_three_prices_are_no_single_price() -> None:
    found = fit([500.0, 800.0, 1500.0], [1000.0, 1000.0, 1000.0])
    assert not found.is_single[0]
    assert found.low[0] < found.price[0] < found.high[0]
    assert found.price[0] == pytest.approx(0.8, rel=0.02)


def test_groups_do_not_touch_each_other() -> None:
    found = fit(
        [800, 810, 805, 1200, 1210, 1190, 70], [1000.0] * 3 + [1000.0] * 3 + [100.0], [0, 0, 0, 2, 2, 2, 1]
    )
    first, third = fit([800, 810, 805], [1000.0] * 3), fit([1200, 1210, 1190], [1000.0] * 3)
    assert found.price[0] == first.price[0]
    assert found.price[2] == pytest.approx(third.price[0], rel=1e-12)
    assert np.isnan(found.price[1])


def test_the_minimum_is_the_minimum() -> None:
    # Against a fine search over prices of the weighted sum of distances, where no declaration is set aside as
    # an outlier.
    rng = np.random.default_rng(5)
    for _ in range(40):
        energy = rng.uniform(500, 1500, 5).round(2)
        fee = (energy * rng.uniform(0.75, 0.95, 5)).round(2)
        intervals = price_intervals(fee, energy, np.full(5, 30.0), METHOD, PLAUSIBLE)
        found = fit_prices(np.zeros(5, np.int64), 1, intervals, energy, METHOD)
        if found.is_single[0]:
            continue

        def loss(price: float, intervals: Any = intervals, energy: Any = energy) -> float:
            return float(
                (energy * np.maximum(0, np.maximum(intervals.low - price, price - intervals.high))).sum()
            )

        grid = np.linspace(0.7, 1.0, 3001)
        assert loss(found.price[0]) <= min(loss(price) for price in grid) + 1e-6


def rows(entries: list[tuple[str, str, str, float, float]]) -> pa.Table:
    schema = pa.schema([SilverTransferDeclarations.arrow_schema().field(name) for name in DECLARED])
    from decimal import Decimal

    named = [
        {
            "supplier_customer_id": s,
            "billing_month": m,
            "tenant_id": t,
            "fee_cny": Decimal(str(f)),
            "energy_kwh": Decimal(str(e)),
            "provenance": "simulated",
        }
        for s, m, t, f, e in entries
    ]
    return pa.Table.from_pylist(named, schema=schema)


ENTRIES = [("S", "2026-09", f"T{number}", 80.0 + number, 100.0 + number) for number in range(5)] + [
    ("U", "2026-09", "T1", 80.0, 100.0)
]


def test_training_does_not_depend_on_the_order_of_rows() -> None:
    first, second = (train_on(rows(entries), SETTINGS, {}) for entries in (ENTRIES, ENTRIES[::-1]))
    assert first.files == second.files
    assert first.plots == second.plots
    assert first.metrics == second.metrics


def test_the_models_file_says_why_there_is_no_price() -> None:
    prices = ImpliedPrices.from_json(train_on(rows(ENTRIES), SETTINGS, {}).files["implied_price.json"])
    assert prices.of("S", "2026-09").reason == ""
    assert prices.of("U", "2026-09").reason == "too_few_tenants"
    assert prices.of("S", "2026-08").reason == "supplier_month_not_in_model"
    assert ImpliedPrices.from_json(prices.to_json()) == prices


def test_a_model_can_be_trained_on_nothing() -> None:
    model = train_on(rows([]), SETTINGS, {})
    assert model.metrics["supplier_months"] == 0
    assert len(model.input_example["fee_cny"]) == 1


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": "other"}', b"\xff\xfe"])
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(TamperedError):
        ImpliedPrices.from_json(content)
