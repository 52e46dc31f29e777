"""From indicators to probability, score, grade, warning and reasons. Free of MLflow and Spark."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray, IntArray
from pipelines.errors import TamperedError
from products.credit_index.reasons import NAMES, VETOES, Veto
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import CreditGrade, WarningLevel

FILES = ("model.ubj", "calibration.json")


@dataclass(frozen=True)
class Scorer:
    """A booster with its calibration: probability = 1 / (1 + exp(-(slope x margin + intercept))).

    Platt's form keeps the order of customers and the monotone directions, because the slope is positive.
    features   The indicators that the booster reads, in its order.
    """

    booster: Any
    slope: float
    intercept: float
    features: tuple[str, ...] = NAMES

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Scorer:
        """From the bytes of a verified bundle; raises TamperedError where its parts contradict each other."""
        import xgboost as xgb

        booster = xgb.Booster()
        booster.load_model(bytearray(files["model.ubj"]))
        calibration = json.loads(files["calibration.json"])
        features = tuple(calibration["features"])
        if tuple(booster.feature_names or ()) != features or float(calibration["slope"]) <= 0:
            raise TamperedError(
                "The credit index model and its calibration do not belong together.",
                "Promote a version whose files come from one training.",
            )
        return cls(booster, float(calibration["slope"]), float(calibration["intercept"]), features)

    def margins(self, features: FloatArray) -> FloatArray:
        """Raw margins (log odds before calibration)."""
        return np.asarray(self.booster.predict(self._matrix(features), output_margin=True), dtype=float)

    def probabilities(self, features: FloatArray) -> FloatArray:
        """Calibrated probability of default within the horizon. [1]"""
        return probability(self.slope * self.margins(features) + self.intercept)

    def contributions(self, features: FloatArray) -> FloatArray:
        """Calibrated log odds split over indicators; the last column is the bias. Rows sum to the calibrated
        log odds.
        """
        raw = (
            np.asarray(self.booster.predict(self._matrix(features), pred_contribs=True), dtype=float)
            * self.slope
        )
        raw[:, -1] += self.intercept
        return raw

    def _matrix(self, features: FloatArray) -> Any:
        import xgboost as xgb

        # One thread: scoring runs inside Spark's workers, which are as many as there are cores.
        return xgb.DMatrix(features, feature_names=list(self.features), missing=np.nan, nthread=1)


def probability(log_odds: FloatArray) -> FloatArray:
    """The logistic function, safe at both ends."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -60, 60)))


def features_of(indicators: pa.Table, names: Sequence[str] = NAMES) -> FloatArray:
    """The model's inputs in the order of ``names``; NaN for a missing value. (rows x indicators)"""
    return np.column_stack(
        [pc.fill_null(indicators[name].cast(pa.float64()), np.nan).to_numpy() for name in names]
    )


def score_points(default_probability: FloatArray, settings: CreditIndexSettings) -> IntArray:
    """Score on the project's own scale: the base score at the base odds, a fixed number of points per
    doubling. [points]
    """
    safe = np.clip(default_probability, 1e-9, 1 - 1e-9)
    odds = (1 - safe) / safe
    points = settings.base_score_points + settings.points_to_double_odds * np.log2(odds / settings.base_odds)
    return np.clip(np.floor(points + 0.5), settings.min_score_points, settings.max_score_points).astype(
        np.int64
    )


def grade_of(points: int, veto: Veto | None, settings: CreditIndexSettings) -> CreditGrade:
    """The best grade whose floor the score reaches; no better than the veto allows."""
    order = list(CreditGrade)
    grade = next(grade for grade in order if points >= settings.grade_floors[grade])
    return grade if veto is None else max(grade, settings.veto_best_grades[veto.id], key=order.index)


def warning_of(
    default_probability: float, change: int | None, veto: Veto | None, settings: CreditIndexSettings
) -> WarningLevel:
    """Alert by probability or a severe veto; watch by probability, by a fall of the score or a mild veto."""
    order = list(CreditGrade)
    severe = veto is not None and order.index(settings.veto_best_grades[veto.id]) >= order.index(
        settings.veto_alert_grade
    )
    if severe or default_probability >= settings.warning_alert_probability:
        return WarningLevel.ALERT
    fell = change is not None and change <= -settings.warning_drop_points
    watched = veto is not None or fell or default_probability >= settings.warning_watch_probability
    return WarningLevel.WATCH if watched else WarningLevel.NONE


def veto_of(row: Mapping[str, object], settings: CreditIndexSettings) -> Veto | None:
    """The strictest veto that holds, by the best grade it allows, then by id."""
    order = list(CreditGrade)
    holding = [veto for veto in VETOES if veto_value(row, veto) > settings.veto_limits[veto.id]]
    return min(
        holding, key=lambda veto: (-order.index(settings.veto_best_grades[veto.id]), veto.id), default=None
    )


def veto_value(row: Mapping[str, object], veto: Veto) -> float:
    """What a row of indicators holds for a veto; 0 where it is not known."""
    value = row[veto.name]
    return float(value) if isinstance(value, int | float) else 0.0


def veto_words(veto: Veto, value: float) -> tuple[str, str]:
    """The veto with its value, in Chinese and English."""
    return veto.zh.replace("{value}", f"{value:.0f}"), veto.en.replace("{value}", f"{value:.0f}")
