"""The credit model's rule of promotion: a challenger against the champion on the same test rows."""

from __future__ import annotations

from pipelines.engine.step import Inputs
from pipelines.models.model import ModelBundle, TrainedModel
from products.credit_index.scoring import Scorer
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.training import rows_of_index, split_samples


def challenge(trained: TrainedModel, champion: ModelBundle, inputs: Inputs) -> tuple[bool, str]:
    """Whether the challenger may take the champion's place: judged on the same test rows, by a stated margin.
    No comparison, no promotion.
    """
    from sklearn.metrics import roc_auc_score

    settings = inputs.settings.section(CreditIndexSettings)
    indicators, payments = rows_of_index(inputs)
    found = []
    for files in (champion.files, trained.files):
        scorer = Scorer.from_files(files)
        unknown = sorted(set(scorer.features) - set(indicators.column_names))
        if unknown:
            return (
                False,
                f"not compared: the champion reads {', '.join(unknown)}, which the store no longer has",
            )
        test = split_samples(indicators, payments, settings, scorer.features)["test"]
        found.append(float(roc_auc_score(test.labels, scorer.probabilities(test.features))))
    old, new = found
    verdict = new >= old - settings.promotion_margin_auc
    return (
        verdict,
        (
            f"test AUC {new:.4f} against the champion's {old:.4f} on the same {len(test.labels)} rows, "
            f"margin {settings.promotion_margin_auc}"
        ),
    )
