"""Fits every billed customer's baseline on the reference period, and measures how often its band holds on
days kept back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, FloatArray
from pipelines.codes import Channel
from pipelines.engine.step import Inputs, StepSettings
from pipelines.errors import TooLittleDataError
from pipelines.models.model import TrainedModel
from pipelines.periods import EPOCH, BillingMonth
from pipelines.tables.base import rows_of_table
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.rows.silver import SilverCustomersRow
from pipelines.tables.silver import SilverCustomers, SilverWeather
from pipelines.transforms.ground.in_force import newest_rows
from products.efficiency_bill.billed import narrowed
from products.efficiency_bill.comparison.baseline import Baseline, fit_baselines
from products.efficiency_bill.served_model import COEFFICIENTS, MODEL, ServedModel, write_coefficients
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.page_kit.palette import PAGE
from products.page_kit.plots import new_figure, png
from products.page_kit.words import PROVENANCES
from products.provenance import joined_provenance, provenances

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WEATHER = ("station_id", "weather_date", "mean_celsius")
STATIONS = ("customer_id", "valid_from_date", "weather_station_id")


@dataclass(frozen=True)
class Days:
    """Daily energy and temperature of the billed customers. (customers x days), NaN where unknown"""

    customers: tuple[str, ...]
    days: tuple[date, ...]
    energy: FloatArray
    temperature: FloatArray

    @property
    def weekend(self) -> BoolArray:
        """Saturdays and Sundays."""
        return np.array([day.weekday() >= 5 for day in self.days])

    @cached_property
    def place(self) -> dict[str, int]:
        """Row of each customer."""
        return {name: row for row, name in enumerate(self.customers)}

    def until(self, last: date) -> Days:
        """The days up to one."""
        keep = np.array([day <= last for day in self.days], dtype=bool)
        return Days(
            self.customers,
            tuple(day for day in self.days if day <= last),
            self.energy[:, keep],
            self.temperature[:, keep],
        )


def day_energy(
    inputs: Inputs, settings: EfficiencyBillSettings, month: BillingMonth | None = None
) -> DataFrame:
    """Active energy per billed customer and day, less what other customers' sub-meters behind it count; of
    one month alone where one is given.
    """
    from pyspark.sql import functions as F

    frame = inputs.frame(GoldDayEnergy).where(F.col("channel_code") == Channel.ACTIVE_FORWARD.value)
    chosen = frame if month is None else frame.where(F.col(GoldDayEnergy.partition_column()) == str(month))
    energy = F.col("energy_kwh_or_kvarh")
    # One row gives both what one account has and what another has not.
    own = F.struct(
        F.col("customer_id").alias("customer_id"),
        energy.alias("energy_kwh_or_kvarh"),
        F.lit(True).alias("is_own"),
    )
    deducted = F.struct(
        F.col("deducted_customer_id").alias("customer_id"),
        (-energy).alias("energy_kwh_or_kvarh"),
        F.lit(False).alias("is_own"),
    )
    accounts = F.when(F.col("deducted_customer_id").isNull(), F.array(own)).otherwise(F.array(own, deducted))
    rows = chosen.select("energy_date", F.explode(accounts).alias("account")).select(
        "account.customer_id", "energy_date", "account.energy_kwh_or_kvarh", "account.is_own"
    )
    return narrowed(rows, inputs.frame(SilverCustomers), settings.billed)


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


def arrange_days(rows: pa.Table, stations: pa.Table, weather: pa.Table) -> Days:
    """Dense arrays from long rows; several meter points of a customer add up.

    rows      customer_id, energy_date, energy_kwh_or_kvarh; with is_own a day is known only where one of the
              account's own rows has it.
    stations  customer_id, weather_station_id, valid_from_date; the newest terms count.
    weather   station_id, weather_date, mean_celsius.
    """
    if not rows.num_rows:
        return Days((), (), np.zeros((0, 0)), np.zeros((0, 0)))
    customers = sorted(pc.unique(rows["customer_id"]).to_pylist())
    number = rows["energy_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    first, last = int(number.min()), int(number.max())
    energy = np.full((len(customers), last - first + 1), np.nan)
    row = (
        pc.index_in(rows["customer_id"], pa.array(customers)).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    own = (
        rows["is_own"].to_numpy(zero_copy_only=False)
        if "is_own" in rows.column_names
        else np.ones(len(row), dtype=bool)
    )
    energy[row[own], number[own] - first] = 0.0
    np.add.at(energy, (row, number - first), rows["energy_kwh_or_kvarh"].to_numpy())
    names = sorted(pc.unique(weather["station_id"]).to_pylist())
    by_station = np.full((len(names) + 1, energy.shape[1]), np.nan)
    day = weather["weather_date"].cast(pa.int32()).to_numpy().astype(np.int64) - first
    inside = (day >= 0) & (day < energy.shape[1])
    station = (
        pc.index_in(weather["station_id"], pa.array(names, pa.string()))
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)
    )
    by_station[station[inside], day[inside]] = weather["mean_celsius"].to_numpy()[inside]
    place = {name: index for index, name in enumerate(names)}
    terms = rows_of_table(stations.select(STATIONS), SilverCustomersRow)
    of = newest_rows(terms, lambda row: row["customer_id"])
    stations_of = [of[name]["weather_station_id"] if name in of else None for name in customers]
    temperature = by_station[[place.get(name or "", len(names)) for name in stations_of]]
    days = tuple(EPOCH + timedelta(days=first + offset) for offset in range(energy.shape[1]))
    return Days(tuple(customers), days, energy, temperature)


def train(inputs: Inputs) -> TrainedModel:
    """The baseline model of all billed customers.

    Raises TooLittleDataError where nobody has enough days before the billed months.
    """
    settings = inputs.settings.section(EfficiencyBillSettings)
    rows = day_energy(inputs, settings).toArrow()
    terms = inputs.frame(SilverCustomers).select(*STATIONS, "provenance").toArrow()
    weather = inputs.frame(SilverWeather).select(*WEATHER).toArrow()
    last = reference_end(settings, inputs.months)
    days = arrange_days(rows, terms, weather)
    days = days if last is None else days.until(last)
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
    metrics = measure(days, baselines, settings)
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
        files={COEFFICIENTS: write_coefficients(baselines)},
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
            for table in (GoldDayEnergy, SilverWeather, SilverCustomers)
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
