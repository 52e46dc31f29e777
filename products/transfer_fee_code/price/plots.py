"""Pictures of the fit for the model registry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipelines.arrays import FloatArray, IntArray
from products.page_kit.palette import EXPECTED, FITTED_RANGE, OUTLIER, PAGE, ZERO
from products.page_kit.plots import new_figure, png
from products.transfer_fee_code.price.implied_price import PriceFits, PriceIntervals

MAX_GROUPS = 12
_WIDTH = 8.5


def plot_prices(labels: Sequence[str], group: IntArray, intervals: PriceIntervals, fits: PriceFits) -> bytes:
    """Each supplier's month: the intervals of its tenants, the implied price and its band; the first few of
    many. PNG.
    """
    figure = new_figure(_WIDTH, max(2.5, 0.75 * min(len(labels), MAX_GROUPS) + 1.4))
    axes = figure.subplots()
    shown = [position for position in range(len(labels)) if np.isfinite(fits.price[position])][:MAX_GROUPS]
    for height, position in enumerate(shown):
        axes.fill_betweenx(
            [height - 0.4, height + 0.4],
            fits.low[position],
            fits.high[position],
            color=FITTED_RANGE,
            linewidth=0,
        )
        axes.plot([fits.price[position]] * 2, [height - 0.4, height + 0.4], color=PAGE.brand, linewidth=2)
        rows = np.flatnonzero((group == position) & intervals.usable)
        levels = height + np.linspace(-0.32, 0.32, max(len(rows), 2))[: len(rows)]
        for row, level in zip(rows, levels, strict=True):
            inside = intervals.low[row] <= fits.price[position] <= intervals.high[row]
            axes.plot(
                [intervals.low[row], intervals.high[row]],
                [level, level],
                color=EXPECTED if inside else OUTLIER,
                linewidth=1.4,
            )
    axes.set_yticks(range(len(shown)), [labels[position] for position in shown])
    axes.invert_yaxis()
    axes.set_xlabel("CNY/kWh")
    axes.set_title(
        "Implied price, band, and what each tenant's declaration allows (red: disagrees)", fontsize=10
    )
    return png(figure)


def plot_errors(labels: Sequence[str], errors: FloatArray) -> bytes:
    """Leave-one-tenant-out errors of each supplier's month. PNG."""
    figure = new_figure(_WIDTH, 3.2)
    axes = figure.subplots()
    names = sorted(set(labels))[:MAX_GROUPS]
    for height, name in enumerate(names):
        own = np.array([error for label, error in zip(labels, errors, strict=True) if label == name]) * 100
        axes.plot(own, np.full(len(own), height), "o", color=PAGE.brand, alpha=0.55, markersize=5)
    axes.axvline(0, color=ZERO, linewidth=1)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("price by the other tenants against the tenant's own, %")
    axes.set_title("Leave-one-tenant-out error", fontsize=10)
    return png(figure)
