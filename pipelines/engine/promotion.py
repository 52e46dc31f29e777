"""Which trained model becomes the champion: the rule of promotion, free of the registry that carries it
out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.models.model import ModelBundle, TrainedModel

Challenge = Callable[[TrainedModel, ModelBundle], tuple[bool, str]]
"""(trained, champion) -> whether the challenger takes its place, and why."""


@dataclass(frozen=True)
class Promotion:
    """What becomes of a trained model.

    is_new       Whether it is a model of its own; one that equals its champion gets no number.
    is_champion  Whether it takes the champion's place.
    reason       Why, for the registry and the ledger.
    """

    is_new: bool
    is_champion: bool
    reason: str


def promotion_of(
    trained: TrainedModel, champion: ModelBundle | None, challenge: Challenge | None = None
) -> Promotion:
    """The rule, case by case.

    A first version is champion. One whose files equal the champion's byte for byte is the champion: a new
    number for the same model would issue anew every result that names it. Where the step has a challenge, the
    challenge decides. Otherwise what was fitted anew on changed inputs takes the place.
    """
    if champion is None:
        return Promotion(True, True, "the first version; there is no champion to compare with")
    if dict(trained.files) == dict(champion.files):
        return Promotion(False, False, "came out as it stands")
    if challenge is not None:
        return Promotion(True, *challenge(trained, champion))
    return Promotion(True, True, "fitted anew because its inputs changed")
