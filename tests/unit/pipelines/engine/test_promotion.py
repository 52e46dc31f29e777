"""Who becomes champion: each case of the rule, and its neighbour."""

from __future__ import annotations

import pytest

from pipelines.engine.promotion import Promotion, promotion_of
from pipelines.models.model import ModelBundle, TrainedModel


def trained(content: bytes) -> TrainedModel:
    return TrainedModel(
        name="small",
        files={"model.json": content},
        loader_module="tests",
        params={},
        metrics={},
        plots={},
        inputs={},
        tags={},
        input_example={},
        output_example={},
    )


CHAMPION = ModelBundle("small", "3", "champion", {"model.json": b"old"}, "digest")


def test_the_first_version_is_champion_and_nobody_is_asked() -> None:
    found = promotion_of(trained(b"new"), None, lambda *_: pytest.fail("there is nobody to challenge"))
    assert (found.is_new, found.is_champion) == (True, True)


def test_what_equals_its_champion_is_no_new_model_whatever_a_challenge_would_say() -> None:
    found = promotion_of(trained(b"old"), CHAMPION, lambda *_: pytest.fail("they are the same"))
    assert (found.is_new, found.is_champion) == (False, False)


@pytest.mark.parametrize("wins", [True, False])
def test_a_challenge_decides(wins: bool) -> None:
    found = promotion_of(
        trained(b"new"), CHAMPION, lambda new, old: (wins, f"{new.name} against {old.version}")
    )
    assert found == Promotion(True, wins, "small against 3")


def test_without_a_challenge_the_newest_takes_the_place() -> None:
    assert promotion_of(trained(b"new"), CHAMPION).is_champion
