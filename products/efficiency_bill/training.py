"""Fits every billed customer's baseline on the reference period, and measures how often its band holds on
days kept back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.step import Inputs, StepSettings
from pipelines.errors import TooLittleDataError
from pipelines.models.model import TrainedModel
from pipelines.periods import BillingMonth
from pipelines.storage.scan import read_columns, whole_table
from pipelines.tables.base import rows_of_table
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.rows.silver import SilverCustomersRow
from pipelines.tables.silver import SilverCustomers, SilverRegisterEnergy, SilverWeather
from products.efficiency_bill.comparison.baseline import Baseline, fit_baselines
from products.efficiency_bill.comparison.days import (
    STATIONS,
    WEATHER,
    Days,
    account_energy,
    arrange_days,
)
from products.efficiency_bill.comparison.missed_reads import spread_rows
from products.efficiency_bill.served_model import (
    COEFFICIENTS,
    COVERAGE,
    MODEL,
    Coverage,
    ServedModel,
    write_coefficients,
    write_coverage,
)
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.unbilled.billed import may_be_billed
from products.page_kit.palette import PAGE
from products.page_kit.plots import new_figure, png
from products.page_kit.words import PROVENANCES
from products.provenance import joined_provenance, provenances


def reference_end(settings: EfficiencyBillSettings, months: Sequence[BillingMonth]) -> date | None:
    """Last day that a baseline learns from: that of the settings, else the day before the first month that
    is billed; None where there is neither.
    """
    if settings.reference_to is not None or not months:
        return settings.reference_to
    return min(months).first_day - timedelta(days=1)


def reference_in_words(settings: StepSettings, months: Sequence[BillingMonth]) -> str:
    """The same for the fingerprint of the step; empty where there is none."""
    last = reference_end(settings.section(EfficiencyBillSettings), months)
    return "" if last is None else last.isoformat()


def train(inputs: Inputs) -> TrainedModel:
    """The baseline model of all billed customers.

    Raises TooLittleDataError where nobody has enough days before the billed months.
    """
    settings = inputs.settings.section(EfficiencyBillSettings)
    customers = whole_table(inputs.paths(SilverCustomers), SilverCustomers)
    names = may_be_billed(rows_of_table(customers, SilverCustomersRow), settings.billed)
    rows = account_energy(inputs.paths(GoldDayEnergy), names)
    spread = spread_rows(inputs.paths(GoldDayEnergy), inputs.paths(SilverRegisterEnergy), names)
    terms = customers.select([*STATIONS, "provenance"])
    weather = read_columns(inputs.paths(SilverWeather), SilverWeather, WEATHER)
    last = reference_end(settings, inputs.months)
    every = arrange_days(rows, terms, weather, spread)
    days = every if last is None else every.until(last)
    baselines = fit_all(days, settings) if days.customers and days.days else {}
    if not baselines:
        raise TooLittleDataError(
            f"No billed customer has {settings.least_reference_days} days of energy in the reference period"
            + (f", which ends on {last}." if last else "."),
            "Bills come out without a baseline; deliver earlier reads, or set least_reference_days and "
            "reference_to in efficiency_bill.yaml.",
        )
    learned = terms.filter(pc.is_in(terms["customer_id"], pa.array(sorted(baselines))))
    provenance = joined_provenance(pc.unique(learned["provenance"]).to_pylist())
    coverage = {} if last is None else billed_coverage(every, baselines, last, settings)
    metrics = measure(days, baselines, settings) | coverage_metrics(coverage)
    shown = sorted(baselines)[:3]
    example: dict[str, list[object]] = {
        "customer_id": list(shown),
        "mean_celsius": [20.0] * len(shown),
        "is_weekend": [False] * len(shown),
    }
    import pandas as pd

    answer = ServedModel(baselines).predict(pd.DataFrame(example))
    return TrainedModel(
        name=MODEL,
        files={COEFFICIENTS: write_coefficients(baselines), COVERAGE: write_coverage(coverage)},
        loader_module="products.efficiency_bill.served_model",
        input_example=example,
        output_example={"expected_kwh": answer["expected_kwh"].tolist()},
        metrics=metrics,
        params={
            "reference_to": days.days[-1].isoformat() if last is None else last.isoformat(),
            "band_level": settings.band_level,
            "holdout_days": settings.holdout_days,
        },
        plots={"cv_rmse.png": _histogram([baseline.cv_rmse for baseline in baselines.values()], provenance)},
        inputs={
            table.name: inputs.versions[table.name]
            for table in (GoldDayEnergy, SilverRegisterEnergy, SilverWeather, SilverCustomers)
        },
        tags={"provenance": provenance},
    )


def fit_all(days: Days, settings: EfficiencyBillSettings) -> dict[str, Baseline]:
    """Baselines of the customers with enough days."""
    fitted = fit_baselines(
        days.energy,
        days.temperature,
        days.weekend,
        settings.change_points_celsius,
        settings.band_level,
        settings.baseline,
    )
    return {
        name: found
        for name, found in zip(days.customers, fitted, strict=True)
        if found is not None and found.days >= settings.least_reference_days
    }


def billed_coverage(
    days: Days,
    baselines: Mapping[str, Baseline],
    last: date,
    settings: EfficiencyBillSettings,
) -> Coverage:
    """How many customers' months lay in their bands, and of how many, for each whole month after the
    reference: those that are billed. What a kept-back end of the reference, in the same season as the rest of
    it, cannot tell. Whatever months a run is asked for, the same days give the same.

    days  Of the reference and after it; last: its last day.
    """
    found: dict[str, tuple[int, int]] = {}
    for month in _whole_months(last + timedelta(days=1), days.days[-1]):
        held = np.array([month.first_day <= day <= month.last_day for day in days.days], dtype=bool)
        inside = of = 0
        for name, baseline in baselines.items():
            row = days.place[name]
            energy = days.energy[row, held]
            expected = baseline.expected(days.temperature[row, held], days.weekend[held])
            known = np.isfinite(energy)
            if not known.any() or not np.isfinite(expected[known]).all():
                continue
            miss = abs(float((energy[known] - expected[known]).sum()))
            of += 1
            inside += miss <= baseline.month_band(int(known.sum()), settings.band_level)
        if of:
            found[str(month)] = inside, of
    return found


def _whole_months(first: date, last: date) -> Iterator[BillingMonth]:
    month = BillingMonth.of(first)
    if month.first_day < first:
        month = month.plus(1)
    while month.last_day <= last:
        yield month
        month = month.plus(1)


def coverage_metrics(coverage: Coverage) -> dict[str, float]:
    """The same as metrics of the model: each month, and all together."""
    found: dict[str, float] = {}
    for month, (inside, of) in coverage.items():
        found |= {
            f"billed_{month.replace('-', '_')}_band_coverage": inside / of,
            f"billed_{month.replace('-', '_')}_customers": float(of),
        }
    if coverage:
        of_all = sum(of for _, of in coverage.values())
        found["billed_month_band_coverage"] = sum(inside for inside, _ in coverage.values()) / of_all
        found["billed_month_customers"] = float(of_all)
    return found


def measure(
    days: Days, baselines: Mapping[str, Baseline], settings: EfficiencyBillSettings
) -> dict[str, float]:
    """How well baselines fit, and how often the bands hold on the last days of the reference, fitted without
    them.

    CV(RMSE) stands beside a published in-sample median of 18.7 % for daily models of 507 buildings of the
    Building Data Genome.
    """
    inside = np.array([baseline.cv_rmse for baseline in baselines.values()] or [np.nan])
    unseen = np.array([baseline.cv_rmse_unseen for baseline in baselines.values()] or [np.nan])
    kept = days.until(days.days[-1] - timedelta(days=settings.holdout_days))
    held = slice(len(kept.days), None)
    earlier = fit_all(kept, settings) if kept.days else {}
    day_hits, month_hits = [], []
    for row, name in enumerate(days.customers):
        if name not in earlier:
            continue
        miss = days.energy[row, held] - earlier[name].expected(
            days.temperature[row, held], days.weekend[held]
        )
        miss = miss[np.isfinite(miss)]
        day_hits += (np.abs(miss) <= earlier[name].day_band(settings.band_level)).tolist()
        if len(miss):
            month_hits.append(
                abs(float(miss.sum())) <= earlier[name].month_band(len(miss), settings.band_level)
            )
    found = {
        "customers": float(len(baselines)),
        "median_cv_rmse_in_sample": float(np.median(inside)),
        "median_cv_rmse_unseen_blocks": float(np.median(unseen)),
        "share_cv_rmse_below_25_pct": float((inside < 0.25).mean()),
        "holdout_days": float(len(day_hits)),
        "holdout_customers": float(len(month_hits)),
    }
    if day_hits:
        found |= {
            "holdout_day_band_coverage": float(np.mean(day_hits)),
            "holdout_month_band_coverage": float(np.mean(month_hits)),
        }
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _histogram(values: Sequence[float], provenance: str) -> bytes:
    told = ", ".join(PROVENANCES[kind].en for kind in provenances(provenance))
    figure = new_figure(7, 4.2)
    axes = figure.subplots()
    axes.hist(
        np.clip(np.array(values) * 100, 0, 100), bins=np.linspace(0, 100, 41).tolist(), color=PAGE.brand
    )
    axes.set(
        xlabel="CV(RMSE) of the daily baseline, %",
        ylabel="customers",
        title=f"Baselines on the reference period ({told})",
    )
    return png(figure)
