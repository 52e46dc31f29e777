"""What a step does not declare it does not get: an error says so, here and on a worker."""

from __future__ import annotations

import pickle
from datetime import date
from typing import Any

import pytest

from pipelines.engine.declared_inputs import DeclaredSettings, UndeclaredInputError, declared_facts
from pipelines.engine.step import Step, TrainStep
from pipelines.facts import load_facts
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from pipelines.vee.settings import VeeSettings


def step_of(**declared: Any) -> Step:
    return Step("gold", "small", (), {}, lambda _inputs: {}, **declared)


@pytest.mark.parametrize(
    "step",
    [
        step_of(settings=(VeeSettings,)),
        TrainStep("train", "small", "model", (), lambda _inputs: None, settings=(VeeSettings,)),  # type: ignore[arg-type,return-value]
    ],
)
def test_an_undeclared_section_is_named_with_its_step(settings: Settings, step: Step | TrainStep) -> None:
    seen = DeclaredSettings(settings, step)
    assert (seen.section(VeeSettings), seen.home) == (settings.section(VeeSettings), settings.home)
    with pytest.raises(
        UndeclaredInputError, match=r"step small reads PublicationSettings.*publication\.yaml"
    ):
        seen.section(PublicationSettings)
    assert not hasattr(seen, "platform")


@pytest.mark.parametrize("travels", [False, True])
def test_undeclared_facts_raise_at_their_first_use(travels: bool) -> None:
    facts = load_facts(packaged("conf") / "facts")
    assert declared_facts(facts, step_of(facts=True)) is facts
    seen = declared_facts(facts, step_of(facts=("holidays",)))
    if travels:
        seen = pickle.loads(pickle.dumps(seen))
    assert seen.holidays.day_type(date(2026, 10, 1)) == facts.holidays.day_type(date(2026, 10, 1))
    for use in (
        lambda: seen.funds.on(date(2026, 9, 1)),
        lambda: seen.by_id["funds"],
        lambda: "steel" in seen.industries,
        lambda: list(seen.by_id),
        lambda: len(seen.by_id),
        lambda: seen.describe(date(2026, 9, 1)),
    ):
        with pytest.raises(UndeclaredInputError, match="step small uses the facts' "):
            use()
    with pytest.raises(UndeclaredInputError, match="time_of_use"):
        _ = declared_facts(facts, step_of()).time_of_use.slot_matrix
