"""Pictures of the fit for the model registry."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from pipelines.arrays import FloatArray, IntArray
from products.transfer_fee_code.price.implied_price import PriceFits, PriceIntervals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_GROUPS = 12
_BRAND, _BAND, _OUTLIER = "#00796b", "#b2dfdb", "#b3261e"


def plot_prices(labels: Sequence[str], group: IntArray, intervals: PriceIntervals, fits: PriceFits) -> bytes:
    """Each supplier's month: the intervals of its tenants, the implied price and its band; the first few of
    many. PNG.
    """
    figure = _figure(max(2.5, 0.75 * min(len(labels), MAX_GROUPS) + 1.4))
    axes = figure.subplots()
    shown = [position for position in range(len(labels)) if np.isfinite(fits.price[position])][:MAX_GROUPS]
    for height, position in enumerate(shown):
        axes.fill_betweenx(
            [height - 0.4, height + 0.4], fits.low[position], fits.high[position], color=_BAND, linewidth=0
        )
        axes.plot([fits.price[position]] * 2, [height - 0.4, height + 0.4], color=_BRAND, linewidth=2)
        rows = np.flatnonzero((group == position) & intervals.usable)
        levels = height + np.linspace(-0.32, 0.32, max(len(rows), 2))[: len(rows)]
        for row, level in zip(rows, levels, strict=True):
            inside = intervals.low[row] <= fits.price[position] <= intervals.high[row]
            axes.plot(
                [intervals.low[row], intervals.high[row]],
                [level, level],
                color="#37474f" if inside else _OUTLIER,
                linewidth=1.4,
            )
    axes.set_yticks(range(len(shown)), [labels[position] for position in shown])
    axes.invert_yaxis()
    axes.set_xlabel("CNY/kWh")
    axes.set_title(
        "Implied price, band, and what each tenant's declaration allows (red: disagrees)", fontsize=10
    )
    return _png(figure)


def plot_errors(labels: Sequence[str], errors: FloatArray) -> bytes:
    """Leave-one-tenant-out errors of each supplier's month. PNG."""
    figure = _figure(3.2)
    axes = figure.subplots()
    names = sorted(set(labels))[:MAX_GROUPS]
    for height, name in enumerate(names):
        own = np.array([error for label, error in zip(labels, errors, strict=True) if label == name]) * 100
        axes.plot(own, np.full(len(own), height), "o", color=_BRAND, alpha=0.55, markersize=5)
    axes.axvline(0, color="#90a4ae", linewidth=1)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("price by the other tenants against the tenant's own, %")
    axes.set_title("Leave-one-tenant-out error", fontsize=10)
    return _png(figure)


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=(8.5, height), dpi=110, layout="constrained")
    return figure


def _png(figure: Figure) -> bytes:
    """Without the library's version inside, so that equal fits give equal bytes."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
