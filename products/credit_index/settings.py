"""Settings of the credit index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from pipelines.settings import FrozenSettings, SettingsFile
from products.credit_index.reasons import VETOES
from products.credit_index.tables import CreditGrade


class OperationSettings(FrozenSettings):
    """What counts as a day of operation, and as one that stands still."""

    operating_ratio: float = Field(
        gt=0,
        lt=1,
        description=(
            "A day counts as operating from this share of the own baseline day on; 30 % is the rule of the "
            "published power indices."
        ),
    )
    stop_ratio: float = Field(
        gt=0, lt=1, description="A day below this share of the own baseline day stands still."
    )
    baseline_months: int = Field(
        ge=1, description="The baseline day is the mean day of so many months before."
    )


class CreditIndexSettings(SettingsFile):
    """``conf/credit_index.yaml``."""

    file: ClassVar[str] = "credit_index.yaml"
    later: ClassVar[Mapping[str, Any]] = {
        "operation.operating_ratio": 0.30,
        "operation.stop_ratio": 0.10,
        "operation.baseline_months": 6,
        "compared_months": 3,
    }

    default_overdue_days: int = Field(
        ge=0, description="A bill overdue by more than this is a payment default. [d]"
    )
    horizon_months: int = Field(
        ge=1, le=24, description="Months after the score's month in which a default counts."
    )
    min_history_months: int = Field(
        ge=1, description="Months of metering that a customer needs before it is scored or learned from."
    )
    operation: OperationSettings
    train_to_month: int = Field(ge=1, description="Training uses months 1 to this one of the data.")
    tune_to_month: int = Field(
        description="Early stopping and calibration use the months after training up to this one."
    )
    test_to_month: int = Field(description="Figures are published on the months after tuning up to this one.")
    seed: int = Field(description="Seed of training.")
    trees: int = Field(ge=1, description="At most so many trees.")
    learning_rate: float = Field(gt=0, le=1, description="Shrinkage.")
    max_depth: int = Field(ge=1, le=12, description="Depth of a tree.")
    min_child_weight: float = Field(ge=0, description="Least weight of a leaf.")
    early_stopping_rounds: int = Field(
        ge=1, description="Stop after so many rounds without a better log loss on the tuning months."
    )
    threads: int = Field(ge=1, description="Threads of training.")
    base_score_points: int = Field(description="Score at the base odds. [points]")
    base_odds: float = Field(gt=0, description="Odds of no default against default at the base score.")
    points_to_double_odds: float = Field(gt=0, description="Points that double the odds.")
    min_score_points: int = Field(description="Lowest score.")
    max_score_points: int = Field(description="Highest score.")
    scale_label: str = Field(description="Whose scale it is; printed beside every score.")
    grade_floors: dict[CreditGrade, int] = Field(description="Lowest score of each grade.")
    veto_best_grades: dict[str, CreditGrade] = Field(
        description="Best grade while a veto holds, by the veto's id."
    )
    veto_limits: dict[str, float] = Field(
        description="Largest value at which a veto still sleeps, by the veto's id."
    )
    veto_alert_grade: CreditGrade = Field(
        description="A veto that allows this grade at best, or worse, is an alert; a milder one: watch."
    )
    warning_watch_probability: float = Field(ge=0, le=1, description="From this probability on: watch.")
    warning_alert_probability: float = Field(ge=0, le=1, description="From this probability on: alert.")
    compared_months: int = Field(
        ge=1, description="A score is compared with that of the same model so many months before."
    )
    warning_drop_points: int = Field(
        ge=1, description="A score that fell by at least this in ``compared_months``: watch. [points]"
    )
    promotion_margin_auc: float = Field(
        ge=0,
        description=(
            "A challenger may be worse than the champion by no more than this AUC on the same test rows."
        ),
    )
    reasons_per_score: int = Field(ge=1, le=10, description="Reasons told with each score.")

    @field_validator("veto_best_grades", "veto_limits")
    @classmethod
    def _every_veto(cls, given: dict[str, Any]) -> dict[str, Any]:
        known = {veto.id for veto in VETOES}
        if set(given) != known:
            raise ValueError(f"must name {', '.join(sorted(known))} and nothing else")
        return given

    @model_validator(mode="after")
    def _in_order(self) -> CreditIndexSettings:
        if not self.train_to_month < self.tune_to_month < self.test_to_month:
            raise ValueError("train_to_month < tune_to_month < test_to_month must hold")
        floors = [self.grade_floors.get(grade) for grade in CreditGrade]
        if (
            None in floors
            or floors != sorted(floors, key=lambda floor: -(floor or 0))
            or floors[-1] != self.min_score_points
        ):
            raise ValueError(
                "grade_floors must name every grade, fall from AAA to D, and end at min_score_points"
            )
        return self
