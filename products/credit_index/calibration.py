"""How predicted probabilities compare with what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.arrays import FloatArray


@dataclass(frozen=True)
class Tenth:
    """A tenth of the rows, ordered by predicted probability. [1]"""

    rows: int
    predicted: float
    observed: float


def tenths(predicted: FloatArray, labels: FloatArray) -> list[Tenth]:
    """Mean predicted probability and observed default rate of each tenth of the rows, lowest first; fewer
    than ten rows give one each.
    """
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(10, len(predicted)))
    return [Tenth(len(part), float(predicted[part].mean()), float(labels[part].mean())) for part in parts]


def calibration_error(table: list[Tenth]) -> float:
    """Expected calibration error: mean distance of predicted from observed, weighted by rows. [1]"""
    return sum(tenth.rows * abs(tenth.predicted - tenth.observed) for tenth in table) / sum(
        tenth.rows for tenth in table
    )
