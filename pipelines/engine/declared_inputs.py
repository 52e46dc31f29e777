"""Settings and facts as a step declared them: what it did not declare is not there, so that no fingerprint
misses what a step reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NoReturn

from pipelines.engine.step import Step, TrainStep
from pipelines.errors import ZhixiangError
from pipelines.facts import Facts
from pipelines.facts.facts import part_digest
from pipelines.settings import Section, Settings


class UndeclaredInputError(ZhixiangError):
    """A step reads settings or facts that it does not declare: an error of the program, not of its user."""


class DeclaredSettings:
    """The sections of ``conf/`` that a step declares, and the home, where people's public keys lie."""

    def __init__(self, settings: Settings, step: Step | TrainStep) -> None:
        self._settings, self._step = settings, step

    @property
    def home(self) -> Path:
        """Folder of all state."""
        return self._settings.home

    def section(self, kind: type[Section]) -> Section:
        """One declared section; raises UndeclaredInputError for any other."""
        if kind not in self._step.settings:
            raise UndeclaredInputError(
                f"The step {self._step.name} reads {kind.__name__} and does not declare it.",
                f"Add it to settings= of the step: a change of conf/{kind.file} would not run it again.",
            )
        return self._settings.section(kind)


def declared_facts(facts: Facts, step: Step | TrainStep) -> Facts:
    """The facts of a step that declares all of them; else with the declared subjects alone, the others
    raising UndeclaredInputError at their first use, here or on a worker.
    """
    if step.facts is True:
        return facts
    names = step.facts or ()
    missing: dict[str, Any] = {
        field.name: _UndeclaredFact(step.name, field.name)
        for field in fields(facts)
        if field.init and field.name not in names and field.name != "digest"
    }
    return replace(facts, digest=part_digest(facts, names), **missing)


class _UndeclaredFact:
    """Stands in the place of a subject that a step did not declare."""

    def __init__(self, step: str, name: str) -> None:
        self.__dict__.update(_step=step, _name=name)

    def _refuse(self) -> NoReturn:
        raise UndeclaredInputError(
            f"The step {self._step} uses the facts' {self._name} and does not declare it.",
            "Add it to facts= of the step: a change of these facts would not run it again.",
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") or name in ("_step", "_name"):  # pickling asks for methods there are not
            raise AttributeError(name)
        self._refuse()

    def __getitem__(self, _key: object) -> NoReturn:
        self._refuse()

    def __contains__(self, _key: object) -> bool:
        self._refuse()

    def __iter__(self) -> Iterator[Any]:
        self._refuse()

    def __len__(self) -> int:
        self._refuse()
