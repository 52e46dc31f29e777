"""Training: split by time, monotone, stopped on the tuning months, calibrated there, judged on months it
never saw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray
from pipelines.engine.step import Inputs
from pipelines.errors import TooLittleDataError
from pipelines.models.model import TrainedModel
from pipelines.periods import BillingMonth
from pipelines.tables.silver import SilverPayments
from products.credit_index.calibration import calibration_error, tenths
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.labels import label_customers
from products.credit_index.model_plots import draw
from products.credit_index.reasons import INDICATORS, NAMES
from products.credit_index.scoring import Scorer, features_of, score_points
from products.credit_index.settings import CreditIndexSettings
from products.provenance import joined_provenance

MODEL = "credit_index"


@dataclass(frozen=True)
class Sample:
    """Rows of one span of months: features (rows x indicators) and labels."""

    features: FloatArray
    labels: FloatArray


_NOT_OF_THE_MODEL = {"operation", "compared_months"}
"""Settings that shape indicators or what is told beside a score; the model's own files do not change with
them.
"""


def train(inputs: Inputs) -> TrainedModel:
    """The credit index model from the indicators and payments of the store."""
    settings = inputs.settings.section(CreditIndexSettings)
    indicators, payments = rows_of_index(inputs)
    provenance = joined_provenance(pc.unique(payments["provenance"]).to_pylist())
    samples = split_samples(indicators, payments, settings)
    scorer = fit(samples, settings)
    metrics = measure(scorer, samples)
    test = samples["test"]
    shown = test.features[:5]
    return TrainedModel(
        name=MODEL,
        files={
            "model.ubj": bytes(scorer.booster.save_raw("ubj")),
            "calibration.json": json.dumps(
                {"slope": scorer.slope, "intercept": scorer.intercept, "features": list(NAMES)},
                sort_keys=True,
            ).encode(),
            "calibration_tenths.json": json.dumps(
                {
                    name: [
                        asdict(tenth) for tenth in tenths(scorer.probabilities(part.features), part.labels)
                    ]
                    for name, part in samples.items()
                }
            ).encode(),
            "settings.json": settings.model_dump_json(exclude=_NOT_OF_THE_MODEL).encode(),
        },
        loader_module="products.credit_index.served_model",
        input_example={name: shown[:, column].tolist() for column, name in enumerate(NAMES)},
        output_example={
            "default_probability_ratio": scorer.probabilities(shown).tolist(),
            "score_points": score_points(scorer.probabilities(shown), settings).tolist(),
        },
        metrics=metrics,
        params={
            name: value
            for name, value in settings.model_dump(mode="json").items()
            if not isinstance(value, dict | str)
        },
        plots=draw(scorer, test.features, test.labels, settings, provenance),
        inputs={
            table.name: inputs.versions[table.name] for table in (GoldCustomerIndicators, SilverPayments)
        },
        tags={
            "provenance": provenance,
            "split": (
                f"months 1-{settings.train_to_month} / -{settings.tune_to_month} / -{settings.test_to_month}"
            ),
        },
    )


def rows_of_index(inputs: Inputs) -> tuple[pa.Table, pa.Table]:
    """Indicators and payments as the training step reads them."""
    return inputs.frame(GoldCustomerIndicators).toArrow(), inputs.frame(SilverPayments).toArrow()


def split_samples(
    indicators: pa.Table, payments: pa.Table, settings: CreditIndexSettings, names: Sequence[str] = NAMES
) -> dict[str, Sample]:
    """Training, tuning and test samples by month; raises TooLittleDataError where the data are too short for
    the split.

    The horizon of the last tuning months reaches into the test months' dates: labels overlap in time, rows
    never do.
    Rows without enough history, closed accounts and customers in default already are neither learned from nor
    judged.
    """
    ordered = indicators.sort_by([("customer_id", "ascending"), ("indicator_month", "ascending")])
    months = [BillingMonth.parse(text) for text in sorted(pc.unique(ordered["indicator_month"]).to_pylist())]
    customers = pc.unique(ordered["customer_id"]).to_pylist()
    if len(months) < settings.test_to_month + settings.horizon_months:
        raise TooLittleDataError(
            (
                f"The credit index needs {settings.test_to_month + settings.horizon_months} months; there "
                f"are {len(months)}."
            ),
            "Shorten the split in credit_index.yaml, or deliver more history.",
        )
    # What happened after the last billed month may not have arrived yet.
    known_until = months[-1].last_day
    labels = label_customers(
        payments, customers, months, settings.default_overdue_days, settings.horizon_months, known_until
    ).ravel()
    features = features_of(ordered, names)
    usable = (
        np.isfinite(labels)
        & (ordered["history_months"].to_numpy() >= settings.min_history_months)
        & (ordered["is_closed"].to_numpy() == 0)
    )
    number = np.tile(np.arange(1, len(months) + 1), len(customers))
    edges = (0, settings.train_to_month, settings.tune_to_month, settings.test_to_month)
    found = {}
    for name, low, high in zip(("train", "tune", "test"), edges[:-1], edges[1:], strict=True):
        chosen = usable & (number > low) & (number <= high)
        if len(np.unique(labels[chosen])) < 2:
            raise TooLittleDataError(
                f"The {name} months hold no mixture of defaults and non-defaults.",
                "Check silver_payments and the split in credit_index.yaml.",
            )
        found[name] = Sample(features[chosen], labels[chosen])
    return found


def fit(samples: Mapping[str, Sample], settings: CreditIndexSettings) -> Scorer:
    """Monotone boosted trees with early stopping, then Platt's calibration on the tuning months."""
    import xgboost as xgb
    from sklearn.linear_model import LogisticRegression

    def matrix(sample: Sample) -> Any:
        return xgb.DMatrix(
            sample.features,
            sample.labels,
            feature_names=list(NAMES),
            missing=np.nan,
            nthread=settings.threads,
        )

    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "eta": settings.learning_rate,
        "max_depth": settings.max_depth,
        "min_child_weight": settings.min_child_weight,
        "nthread": settings.threads,
        "seed": settings.seed,
        "monotone_constraints": "(" + ",".join(str(indicator.risk) for indicator in INDICATORS) + ")",
    }
    booster = xgb.train(
        parameters,
        matrix(samples["train"]),
        settings.trees,
        evals=[(matrix(samples["tune"]), "tune")],
        early_stopping_rounds=settings.early_stopping_rounds,
        verbose_eval=False,
    )
    booster = booster[: booster.best_iteration + 1]
    margins = np.asarray(booster.predict(matrix(samples["tune"]), output_margin=True), dtype=float)
    platt = LogisticRegression(C=1e6, solver="lbfgs").fit(margins[:, None], samples["tune"].labels)
    slope = float(platt.coef_[0, 0])
    if slope <= 0:
        raise TooLittleDataError(
            "The model orders the tuning months backwards; it is not fit for use.",
            "Check labels and indicators.",
        )
    return Scorer(booster, slope, float(platt.intercept_[0]))


def measure(scorer: Scorer, samples: Mapping[str, Sample]) -> dict[str, float]:
    """AUC, KS, Brier score, calibration error, mean probability against the default rate, and rows, for each
    span of months.
    """
    from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

    found: dict[str, float] = {}
    for name, sample in samples.items():
        predicted = scorer.probabilities(sample.features)
        false, true, _ = roc_curve(sample.labels, predicted)
        found |= {
            f"{name}_auc": float(roc_auc_score(sample.labels, predicted)),
            f"{name}_ks": float(np.max(true - false)),
            f"{name}_brier": float(brier_score_loss(sample.labels, predicted)),
            f"{name}_calibration_error": calibration_error(tenths(predicted, sample.labels)),
            f"{name}_default_rate": float(sample.labels.mean()),
            f"{name}_mean_probability": float(predicted.mean()),
            f"{name}_rows": float(len(sample.labels)),
        }
    return found
