"""The pipelines' own steps in the order in which they depend on each other."""

from __future__ import annotations

from pipelines.engine.step import Step
from pipelines.steps.gold import GOLD_STEPS
from pipelines.steps.silver import SILVER_STEPS

PIPELINE_STEPS: tuple[Step, ...] = (*SILVER_STEPS, *GOLD_STEPS)
