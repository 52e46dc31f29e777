"""Fitting the suppliers' implied prices, with the figures and pictures by which a person judges the fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipelines.arrays import FloatArray, IntArray
from pipelines.models.model import TrainedModel
from pipelines.periods import BillingMonth
from pipelines.tables.silver import SilverTransferDeclarations
from products.transfer_fee_code.price.implied_price import (
    PriceFits,
    PriceIntervals,
    fit_prices,
    leave_one_out,
    price_intervals,
)
from products.transfer_fee_code.served_model import FILE, MODEL, ImpliedPrices, answer, supplier_prices
from products.transfer_fee_code.settings import TransferFeeCodeSettings

if TYPE_CHECKING:
    from pipelines.engine.step import Inputs

DECLARED = ("supplier_customer_id", "billing_month", "tenant_id", "fee_cny", "energy_kwh", "provenance")


@dataclass(frozen=True)
class Declarations:
    """Declarations as arrays, sorted by supplier, month and tenant.

    group  Number of each row's supplier and month in ``keys``.
    """

    keys: list[tuple[str, str]]
    group: IntArray
    fee_cny: FloatArray
    energy_kwh: FloatArray
    month_days: FloatArray
    provenance: tuple[str, ...]

    @classmethod
    def of(cls, rows: pa.Table) -> Declarations:
        """From the columns DECLARED of silver_transfer_declarations, in any order."""
        ordered = rows.sort_by(
            [(name, "ascending") for name in ("supplier_customer_id", "billing_month", "tenant_id")]
        )
        pairs = list(
            zip(
                ordered["supplier_customer_id"].to_pylist(), ordered["billing_month"].to_pylist(), strict=True
            )
        )
        keys = sorted(set(pairs))
        place = {key: position for position, key in enumerate(keys)}
        days = {month: float(BillingMonth.parse(month).day_count) for _, month in keys}
        marks = {mark for text in ordered["provenance"].to_pylist() for mark in text.split("+")}
        return cls(
            keys=keys,
            group=np.array([place[pair] for pair in pairs], np.int64),
            fee_cny=ordered["fee_cny"].cast(pa.float64()).to_numpy(),
            energy_kwh=ordered["energy_kwh"].cast(pa.float64()).to_numpy(),
            month_days=np.array([days[month] for _, month in pairs], np.float64),
            provenance=tuple(sorted(marks)),
        )


def train(inputs: Inputs) -> TrainedModel:
    """Fits every supplier's month that has declarations, whatever months the run is asked for."""
    rows = inputs.frame(SilverTransferDeclarations).select(*DECLARED).toArrow()
    return train_on(rows, inputs.settings.section(TransferFeeCodeSettings), dict(inputs.versions))


def train_on(rows: pa.Table, settings: TransferFeeCodeSettings, versions: dict[str, int]) -> TrainedModel:
    """The fitted model of declarations.

    rows  Columns DECLARED of silver_transfer_declarations.
    """
    method = settings.implied_price
    plausible = (
        float(settings.plausible_price_min_cny_per_kwh),
        float(settings.plausible_price_max_cny_per_kwh),
    )
    declared = Declarations.of(rows)
    intervals = price_intervals(declared.fee_cny, declared.energy_kwh, declared.month_days, method, plausible)
    fits = fit_prices(declared.group, len(declared.keys), intervals, declared.energy_kwh, method)
    prices = ImpliedPrices(method, plausible, supplier_prices(declared.keys, fits))
    left_out, errors = leave_one_out(
        declared.group, len(declared.keys), intervals, declared.energy_kwh, method
    )
    example = _example(declared)
    answers = [answer(prices, *row) for row in zip(*example.values(), strict=True)]
    return TrainedModel(
        name=MODEL,
        files={FILE: prices.to_json()},
        loader_module="products.transfer_fee_code.served_model",
        input_example=example,
        output_example={name: [row[name] for row in answers] for name in answers[0]},
        metrics=_metrics(declared, intervals, fits, errors),
        params={
            "method": "weighted least absolute distance to intervals",
            **method.model_dump(),
            "plausible_cny_per_kwh": list(plausible),
        },
        plots=_plots(declared, intervals, fits, left_out, errors),
        inputs=versions,
        tags={
            "provenance": "+".join(declared.provenance),
            "months": ",".join(sorted({month for _, month in declared.keys})),
        },
    )


def _example(declared: Declarations) -> dict[str, list[Any]]:
    """A first few declarations; a made-up row where there are none, so that the signature stands."""
    first = range(min(3, len(declared.group)))
    rows = [
        (*declared.keys[declared.group[row]], float(declared.fee_cny[row]), float(declared.energy_kwh[row]))
        for row in first
    ]
    rows = rows or [("SUPPLIER", "2026-09", 100.0, 120.0)]
    names = ("supplier_customer_id", "billing_month", "fee_cny", "energy_kwh")
    return {name: [row[position] for row in rows] for position, name in enumerate(names)}


def _metrics(
    declared: Declarations, intervals: PriceIntervals, fits: PriceFits, errors: FloatArray
) -> dict[str, float]:
    fitted = np.isfinite(fits.price)
    used = int(fits.tenants[fitted].sum())
    figures = {
        "supplier_months": float(len(declared.keys)),
        "supplier_months_fitted": float(fitted.sum()),
        "supplier_months_single_price": float(fits.is_single.sum()),
        "declarations": float(len(declared.group)),
        "declarations_unusable": float((~intervals.usable).sum()),
    }
    if used:
        figures["tenants_inside_ratio"] = float(fits.inside[fitted].sum()) / used
        figures["band_width_median_ratio"] = float(
            np.median((fits.high - fits.low)[fitted] / fits.price[fitted])
        )
    if len(errors):
        figures["leave_one_out_median_absolute_error_ratio"] = float(np.median(np.abs(errors)))
        figures["leave_one_out_mean_absolute_error_ratio"] = float(np.mean(np.abs(errors)))
    return figures


def _plots(
    declared: Declarations, intervals: PriceIntervals, fits: PriceFits, left_out: IntArray, errors: FloatArray
) -> dict[str, bytes]:
    from products.transfer_fee_code.price.plots import plot_errors, plot_prices

    labels = [f"{supplier} {month}" for supplier, month in declared.keys]
    return {
        "implied_prices.png": plot_prices(labels, declared.group, intervals, fits),
        "leave_one_out.png": plot_errors([labels[declared.group[row]] for row in left_out], errors),
    }
