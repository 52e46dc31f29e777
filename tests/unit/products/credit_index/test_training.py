"""The model on a small invented sample: monotone, additive, calibrated, honest about noise, refused where its
parts disagree.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import TamperedError, UsageError
from pipelines.models.model import ModelBundle
from pipelines.settings import Settings, packaged
from products.credit_index.calibration import calibration_error, tenths
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.promotion import challenge
from products.credit_index.reasons import INDICATORS, NAMES
from products.credit_index.scored_rows import reason_columns
from products.credit_index.scoring import Scorer
from products.credit_index.served_model import _load_pyfunc
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.training import Sample, fit, measure, split_samples, train

pytestmark = pytest.mark.long

CONF = Settings(packaged("conf"), Path("unused"))
SETTINGS = CONF.section(CreditIndexSettings)
RISKY = NAMES.index("late_bills_12m"), NAMES.index("operating_ratio")


def sample(seed, rows=2500, *, shuffled=False):
    """Risk grows with late bills and falls with operation; a tenth of all values is missing."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, len(NAMES)))
    features[:, RISKY[0]] = rng.poisson(1.5, rows)
    features[:, RISKY[1]] = rng.uniform(0, 1, rows)
    labels = (
        rng.random(rows) < 1 / (1 + np.exp(3.0 - 0.8 * features[:, RISKY[0]] + 2.0 * features[:, RISKY[1]]))
    ).astype(float)
    if shuffled:
        labels = rng.permutation(labels)
    features[rng.random(features.shape) < 0.1] = np.nan
    return Sample(features, labels)


@pytest.fixture(scope="module")
def samples():
    return {name: sample(seed) for seed, name in enumerate(("train", "tune", "test"))}


@pytest.fixture(scope="module")
def scorer(samples):
    return fit(samples, SETTINGS)


def test_every_indicator_is_declared_once_with_a_reason_of_its_own():
    assert set(NAMES) <= set(GoldCustomerIndicators.columns())
    assert len({indicator.id for indicator in INDICATORS}) == len(INDICATORS) == len(set(NAMES)) >= 20
    assert all(
        "{value}" in indicator.zh and "{value}" in indicator.en and indicator.risk in (-1, 0, 1)
        for indicator in INDICATORS
    )


def test_it_finds_the_risk_that_was_put_in(scorer, samples):
    figures = measure(scorer, samples)
    assert figures["test_auc"] > 0.75
    assert figures["test_mean_probability"] == pytest.approx(figures["test_default_rate"], abs=0.02)


def test_each_tenth_defaults_about_as_often_as_it_says(scorer, samples):
    """Within four standard errors of a proportion."""
    test = samples["test"]
    for tenth in tenths(scorer.probabilities(test.features), test.labels):
        error = np.sqrt(max(tenth.predicted * (1 - tenth.predicted), 0.01) / tenth.rows)
        assert abs(tenth.observed - tenth.predicted) < 4 * error


def test_tenths_of_a_worked_case():
    """Rows 0..19 predict i / 100; the upper half defaults. Tenth k holds rows 2k and 2k + 1.

    Its distances are 0.005, 0.025, 0.045, 0.065 and 0.085 below, then 0.895, 0.875, 0.855, 0.835 and 0.815:
    4.5 in ten.
    """
    predicted = np.arange(20)[::-1] / 100
    table = tenths(predicted, (predicted >= 0.10).astype(float))
    assert [tenth.predicted for tenth in table] == pytest.approx(
        [0.005 + 0.02 * place for place in range(10)]
    )
    assert [tenth.observed for tenth in table] == [0.0] * 5 + [1.0] * 5
    assert calibration_error(table) == pytest.approx(0.45)
    assert [tenth.rows for tenth in tenths(predicted[:3], np.zeros(3))] == [1, 1, 1]


def test_shuffled_labels_teach_it_nothing(samples):
    noise = {**samples, "train": sample(0, shuffled=True), "tune": sample(1, shuffled=True)}
    learned = fit(noise, SETTINGS)
    assert 0.44 < measure(learned, {"test": sample(2, shuffled=True)})["test_auc"] < 0.56


@pytest.mark.parametrize(
    "place",
    [place for place, indicator in enumerate(INDICATORS) if indicator.risk],
    ids=lambda place: NAMES[place],
)
def test_risk_moves_one_way_only(scorer, samples, place):
    steps = np.linspace(-4, 8, 25)
    row = np.nan_to_num(samples["test"].features[:40])
    grid = np.repeat(row, len(steps), axis=0)
    grid[:, place] = np.tile(steps, len(row))
    moved = np.diff(scorer.probabilities(grid).reshape(len(row), -1), axis=1) * INDICATORS[place].risk
    assert moved.min() >= -1e-12


def test_reasons_and_bias_sum_to_the_log_odds(scorer, samples):
    features = samples["test"].features[:500]
    probability = scorer.probabilities(features)
    assert scorer.contributions(features).sum(axis=1) == pytest.approx(
        np.log(probability / (1 - probability)), abs=1e-4
    )


def reasons_of(contributions, values, names):
    return pa.table(reason_columns(contributions, values, names, SETTINGS)).to_pylist()


def test_reasons_are_the_strongest_in_points(scorer, samples):
    features = samples["test"].features[:1]
    contributions = scorer.contributions(features)
    reasons = reasons_of(contributions, features, scorer.features)
    points = -contributions[0, :-1] * SETTINGS.points_to_double_odds / np.log(2)
    assert [reason["reason_rank"] for reason in reasons] == list(range(1, SETTINGS.reasons_per_score + 1))
    assert [abs(reason["effect_points"]) for reason in reasons] == pytest.approx(
        sorted(np.abs(points), reverse=True)[: len(reasons)], abs=0.051
    )
    assert [reason["effect_points"] for reason in reasons] == pytest.approx(
        [points[NAMES.index(reason["indicator_name"])] for reason in reasons], abs=0.051
    )


def test_a_missing_value_is_said_to_be_missing(scorer):
    features = np.full((1, len(NAMES)), np.nan)
    reasons = reasons_of(scorer.contributions(features), features, scorer.features)
    assert all(
        reason["indicator_value"] is None
        and "无数据" in reason["text_zh"]
        and "not known" in reason["text_en"]
        for reason in reasons
    )


def test_the_same_sample_gives_the_same_bytes(scorer, samples):
    assert bytes(fit(samples, SETTINGS).booster.save_raw("ubj")) == bytes(scorer.booster.save_raw("ubj"))


# A store of few customers for training as the chain does it.


class Frame:
    def __init__(self, rows):
        self.rows = rows

    def toArrow(self):
        return self.rows


class Store:
    """What train and challenge read of Inputs."""

    def __init__(self, months=24, customers=300):
        rng = np.random.default_rng(5)
        names = [f"SIM-{number:04d}" for number in range(customers)]
        health = rng.normal(size=customers)
        span = [f"{2024 + (9 + month) // 12}-{(9 + month) % 12 + 1:02d}" for month in range(months)]
        size = customers * months
        columns = {name: rng.normal(size=size) for name in NAMES}
        columns["late_bills_12m"] = np.repeat(np.round(np.exp(-health)), months)
        columns |= {
            "customer_id": np.repeat(names, months),
            "indicator_month": span * customers,
            "history_months": np.full(size, 12),
            "is_closed": np.zeros(size),
        }
        due = np.datetime64("2024-11-20") + np.arange(months) * 30
        defaults = rng.random((customers, months)) < 1 / (1 + np.exp(3.5 + 1.5 * health[:, None]))
        delay = np.where(defaults, 45, -5)
        payments = pa.table(
            {
                "customer_id": np.repeat(names, months),
                "due_date": pa.array(np.tile(due, customers), pa.date32()),
                "paid_date": pa.array((due[None, :] + delay).ravel(), pa.date32()),
                "provenance": ["simulated"] * size,
            }
        )
        self.rows = {"gold_customer_indicators": pa.table(columns), "silver_payments": payments}
        self.settings, self.versions = CONF, {"gold_customer_indicators": 3, "silver_payments": 7}

    def frame(self, table):
        return Frame(self.rows[table.name])


@pytest.fixture(scope="module")
def trained():
    return train(Store())


def bundle(files):
    return ModelBundle("credit_index", "1", "champion", files, "digest")


def test_training_leaves_a_model_that_can_be_served(trained, tmp_path):
    for name, content in trained.files.items():
        (tmp_path / name).write_bytes(content)
    import pandas as pd

    answer = _load_pyfunc(str(tmp_path)).predict(pd.DataFrame(trained.input_example))
    assert answer["score_points"].tolist() == trained.output_example["score_points"]
    assert answer["default_probability_ratio"].tolist() == trained.output_example["default_probability_ratio"]
    assert trained.inputs == {"gold_customer_indicators": 3, "silver_payments": 7}
    table = json.loads(trained.files["calibration_tenths.json"])
    assert {name: len(rows) for name, rows in table.items()} == {"train": 10, "tune": 10, "test": 10}
    assert sum(row["rows"] for row in table["test"]) == trained.metrics["test_rows"]
    assert all(picture.startswith(b"\x89PNG") for picture in trained.plots.values())
    assert set(trained.plots) == {"roc.png", "calibration.png", "scores.png", "importance.png"}


def test_a_model_says_on_what_kind_of_truth_it_rests(trained):
    store = Store()
    payments = store.rows["silver_payments"]
    mixed = pa.array(["real+dates_shifted", "simulated"] + ["simulated"] * (payments.num_rows - 2))
    store.rows["silver_payments"] = payments.set_column(
        payments.column_names.index("provenance"), "provenance", mixed
    )
    assert trained.tags["provenance"] == "simulated"
    assert train(store).tags["provenance"] == "real+dates_shifted+simulated"


def test_training_reads_the_rows_in_any_order(trained):
    store = Store()
    rows = store.rows["gold_customer_indicators"]
    store.rows["gold_customer_indicators"] = rows.take(np.random.default_rng(1).permutation(rows.num_rows))
    assert train(store).files == trained.files


def test_the_split_is_by_month(trained):
    store = Store()
    parts = split_samples(store.rows["gold_customer_indicators"], store.rows["silver_payments"], SETTINGS)
    sizes = {name: len(part.labels) for name, part in parts.items()}
    assert sizes["train"] <= 300 * 15
    assert sizes["tune"] <= 300 * 3
    assert 0 < sizes["test"] <= 300 * 3


@pytest.mark.parametrize(("months", "is_enough"), [(24, True), (23, False)])
def test_too_little_history_is_refused(months, is_enough):
    store = Store(months)
    if is_enough:
        assert set(split_samples(*store.rows.values(), SETTINGS)) == {"train", "tune", "test"}
    else:
        with pytest.raises(UsageError, match="needs 24 months; there are 23"):
            split_samples(*store.rows.values(), SETTINGS)


def test_an_equal_challenger_is_promoted_and_a_worse_one_is_not(trained):
    promoted, reason = challenge(trained, bundle(trained.files), Store())
    assert promoted
    assert "same" in reason
    blind = Store()
    rows = blind.rows["gold_customer_indicators"]
    at = rows.column_names.index("late_bills_12m")
    blind.rows["gold_customer_indicators"] = rows.set_column(
        at, "late_bills_12m", pa.array(np.zeros(rows.num_rows))
    )
    promoted, reason = challenge(train(blind), bundle(trained.files), Store())
    assert not promoted, reason


def test_a_champion_that_cannot_be_compared_stays(trained):
    store = Store()
    store.rows["gold_customer_indicators"] = store.rows["gold_customer_indicators"].drop_columns(
        ["load_ratio"]
    )
    promoted, reason = challenge(trained, bundle(trained.files), store)
    assert not promoted
    assert "load_ratio" in reason


@pytest.mark.parametrize("change", [{"slope": -1.0}, {"features": list(reversed(NAMES))}])
def test_a_calibration_of_another_model_is_refused(trained, change):
    calibration = json.loads(trained.files["calibration.json"]) | change
    with pytest.raises(TamperedError):
        Scorer.from_files({**trained.files, "calibration.json": json.dumps(calibration).encode()})


def test_platt_keeps_the_order(scorer, samples):
    steep = replace(scorer, slope=2.5, intercept=-1.0)
    features = samples["test"].features[:200]
    assert (
        np.argsort(steep.probabilities(features), kind="stable")
        == np.argsort(scorer.probabilities(features), kind="stable")
    ).all()
