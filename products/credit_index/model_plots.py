"""Pictures of a model for the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.arrays import FloatArray
from products.credit_index.calibration import tenths
from products.credit_index.reasons import NAMES
from products.credit_index.scoring import Scorer, score_points
from products.credit_index.settings import CreditIndexSettings
from products.page_kit.palette import NEUTRAL, OUTLIER, PAGE
from products.page_kit.plots import new_figure, png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(
    scorer: Scorer, features: FloatArray, labels: FloatArray, settings: CreditIndexSettings, provenance: str
) -> dict[str, bytes]:
    """ROC, calibration, score distribution and importance on the test months, as PNG; each says what kind of
    truth it rests on.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    predicted = scorer.probabilities(features)
    pictures = {}

    figure, axes = _axes()
    false, true, _ = roc_curve(labels, predicted)
    axes.plot(false, true, color=PAGE.brand, label=f"AUC {roc_auc_score(labels, predicted):.3f}")
    axes.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.8)
    axes.set(
        xlabel="false positive rate", ylabel="true positive rate", title=f"Test months: ROC ({provenance})"
    )
    axes.legend()
    pictures["roc.png"] = png(figure)

    figure, axes = _axes()
    table = tenths(predicted, labels)
    axes.plot(
        [tenth.predicted for tenth in table], [tenth.observed for tenth in table], "o-", color=PAGE.brand
    )
    top = max(0.05, float(predicted.max()))
    axes.plot([0, top], [0, top], color=NEUTRAL, linewidth=0.8)
    axes.set(
        xlabel="mean predicted probability",
        ylabel="observed default rate",
        title=f"Test months: calibration by tenths ({provenance})",
    )
    pictures["calibration.png"] = png(figure)

    figure, axes = _axes()
    points = score_points(predicted, settings)
    edges = np.linspace(settings.min_score_points, settings.max_score_points, 45).tolist()
    axes.hist(points[labels == 0], bins=edges, color=PAGE.brand, alpha=0.7, density=True, label="no default")
    axes.hist(points[labels == 1], bins=edges, color=OUTLIER, alpha=0.6, density=True, label="default")
    axes.set(xlabel="score", ylabel="density", title=f"Test months: scores ({provenance})")
    axes.legend()
    pictures["scores.png"] = png(figure)

    figure, axes = _axes(height=6.5)
    gain = scorer.booster.get_score(importance_type="total_gain")
    ordered = sorted(NAMES, key=lambda name: gain.get(name, 0.0))[-18:]
    axes.barh(ordered, [gain.get(name, 0.0) for name in ordered], color=PAGE.brand)
    axes.set(xlabel="total gain", title=f"What the model uses ({provenance})")
    pictures["importance.png"] = png(figure)
    return pictures


def _axes(height: float = 4.5) -> tuple[Figure, Any]:
    figure = new_figure(7, height)
    return figure, figure.subplots()
