"""The models that a month's run finds: training is no part of a month, so it is done before the clock starts.

The credit index is trained on a small city of 24 months; baselines and implied prices on the city itself,
part by part, by the functions that the training steps call.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.city_month.city import BILLED, Block, draw_block, months_until
from benchmarks.city_month.columns import RUN_ID, SIMULATED, day_number
from benchmarks.city_month.gold import day_energy_of
from benchmarks.city_month.silver import customers_of, events_of, payments_of
from pipelines.engine.step import Inputs
from pipelines.facts import load_facts
from pipelines.models.model import TrainedModel
from pipelines.models.registry import Registry
from pipelines.periods import utc_now
from pipelines.settings import Settings
from pipelines.storage.store import Store
from pipelines.tables.silver import SilverPayments
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.indicators.assemble import assemble_indicators
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load import load_indicators
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.training import train as train_scorer
from products.efficiency_bill.comparison.baseline import Baseline
from products.efficiency_bill.served_model import COEFFICIENTS, MODEL, write_coefficients
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.training import Days, fit_all
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.training import train_on

_LEARNED_FROM, _LEARNED_MONTHS = 800, 24
_REFERENCE_DAYS = 91
"""Days before the billed month that baselines learn from."""


@dataclass
class Fitted:
    """What was fitted of the city so far.

    weather  Rows of silver_weather.
    """

    settings: Settings
    weather: pa.Table
    baselines: dict[str, Baseline] = field(default_factory=dict)
    declared: list[pa.Table] = field(default_factory=list)

    def models(self, versions: Mapping[str, int]) -> list[TrainedModel]:
        """Baselines and implied prices as models."""
        prices = train_on(
            pa.concat_tables(self.declared), self.settings.section(TransferFeeCodeSettings), dict(versions)
        )
        first = sorted(self.baselines)[:1]
        baselines = TrainedModel(
            name=MODEL,
            files={COEFFICIENTS: write_coefficients(self.baselines)},
            loader_module="products.efficiency_bill.served_model",
            input_example={"customer_id": first, "mean_celsius": [20.0], "is_weekend": [False]},
            output_example={"expected_kwh": [self.baselines[first[0]].base_kwh]},
            metrics={"customers": float(len(self.baselines))},
            params={},
            inputs=dict(versions),
            tags={"provenance": SIMULATED},
        )
        return [baselines, prices]


def fit_block(fitted: Fitted, block: Block, customers: pa.Table, declared: pa.Table) -> None:
    """Fits the baselines of a part of the city on the days before the billed month."""
    before = len(block.city.days) - BILLED.day_count
    learned = slice(before - _REFERENCE_DAYS, before)
    stations = dict(
        zip(customers["customer_id"].to_pylist(), customers["weather_station_id"].to_pylist(), strict=True)
    )
    dates = fitted.weather["weather_date"].cast(pa.int32()).to_numpy()
    names, place = np.unique(fitted.weather["station_id"].to_pylist(), return_inverse=True)
    celsius = np.full((len(names), _REFERENCE_DAYS), np.nan)
    day = dates - day_number(block.city.days[learned][0])
    inside = (day >= 0) & (day < _REFERENCE_DAYS)
    celsius[place[inside], day[inside]] = fitted.weather["mean_celsius"].to_numpy()[inside]
    at = {name: row for row, name in enumerate(names.tolist())}
    rows = [at[stations[name]] for name in block.city.customer_ids]
    days = Days(
        tuple(block.city.customer_ids),
        block.city.days[learned],
        block.city.metering.day_kwh[:, learned],
        celsius[rows],
    )
    fitted.baselines |= fit_all(days, fitted.settings.section(EfficiencyBillSettings))
    fitted.declared.append(declared)


class _Held:
    """Rows in the place of Spark's frame of a table: training asks a frame for nothing else."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def toArrow(self) -> pa.Table:  # noqa: N802  # Spark's name
        return self.rows


@cache
def trained_scorer(conf_dir: Path, samples: Path, seed: int) -> TrainedModel:
    """The credit index, trained as its step does on a small city of 24 months."""
    settings = Settings(conf_dir, conf_dir)
    index = settings.section(CreditIndexSettings)
    block = draw_block(samples, seed + 1, 0, _LEARNED_FROM, _LEARNED_MONTHS)
    rng = np.random.default_rng([seed, *b"learned from"])
    calendar = Calendar(months_until(BILLED, _LEARNED_MONTHS))
    days = pa.concat_tables([day_energy_of(block, month) for month in calendar.months])
    payments = payments_of(block)
    load = load_indicators(days, calendar, index.operation)
    indicators = assemble_indicators(
        load, payments, events_of(block, rng), customers_of(block, rng), calendar
    )
    held: dict[Any, Any] = {GoldCustomerIndicators: _Held(indicators), SilverPayments: _Held(payments)}

    def no_session() -> Any:
        raise NotImplementedError

    return train_scorer(
        Inputs(
            frames=held,
            settings=settings,
            facts=load_facts(settings.facts_dir),
            months=[BILLED],
            bundles={},
            versions={table.name: 0 for table in held},
            run_id=RUN_ID,
            session=no_session,
            now=utc_now(),
            location=lambda table: table.name,
            files=lambda _: (),
        )
    )


def log_models(store: Store, models: Sequence[TrainedModel], run_id: str) -> None:
    """Registers the models and makes each the champion."""
    registry = Registry(store.settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's advice on examples
        for model in models:
            registry.promote(model, registry.log(model, run_id), "trained before the clock")
