"""Settings of the efficiency bill."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipelines.codes import CustomerClass, Provenance
from pipelines.settings import FrozenSettings, SettingsFile


class BaselineSettings(FrozenSettings):
    """What a fit of the baseline needs."""

    block_days: int = Field(
        ge=7,
        description=(
            "Days of the blocks that are left out in turn, about a month of whole weeks; one with "
            "less than half of them known tells nothing of the bands. [d]"
        ),
    )
    least_days: int = Field(
        ge=2,
        description="Known days below which nothing is fitted and nothing is said of a month's days. [d]",
    )
    least_weather_ratio: float = Field(
        gt=0,
        le=1,
        description="Share of a customer's days that must have a temperature before the weather is used.",
    )


class BilledSettings(FrozenSettings):
    """Who is billed; every part left empty lets everybody in who has terms in the month."""

    classes: tuple[CustomerClass, ...] = Field(
        description="Price classes that are billed; empty: all, and customers whose class is not known."
    )
    left_out_provenances: tuple[Provenance, ...] = Field(
        description="Customers whose terms name one of these kinds of provenance are not billed."
    )
    prefixes: tuple[str, ...] = Field(
        description="Customers whose number begins with one of these are billed; empty: all."
    )

    @property
    def is_narrowed(self) -> bool:
        """Whether anybody is left out."""
        return bool(self.classes or self.left_out_provenances or self.prefixes)


class EfficiencyBillSettings(SettingsFile):
    """``conf/efficiency_bill.yaml``."""

    file: ClassVar[str] = "efficiency_bill.yaml"
    moved: ClassVar[Mapping[str, str]] = {"billed_prefixes": "billed.prefixes"}
    later: ClassVar[Mapping[str, Any]] = {
        "billed.classes": [],
        "billed.left_out_provenances": [],
        "billed.prefixes": [],
        "baseline.block_days": 28,
        "baseline.least_days": 10,
        "baseline.least_weather_ratio": 0.8,
        "demand_months": 3,
        "least_band_coverage": 0.0,
        "least_coverage_customers": 30,
        "implausible_quartile_ranges": 1000.0,
        "praised_percentile_pct": 0.0,
        "moved_break_minutes": 60,
        "standstill_ratio": 0.5,
        "night_hours": [1, 4],
        "night_load_ratios": [0.2, 0.6],
        "most_peers_cut_ratio": 1.0,
    }

    billed: BilledSettings
    reference_to: date | None = Field(
        description=(
            "Last day that the baseline learns from, the same whatever month is billed; empty: the last day "
            "before the first month that a run bills."
        )
    )
    least_reference_days: int = Field(ge=14, description="Days that a baseline needs.")
    baseline: BaselineSettings
    holdout_days: int = Field(
        ge=7, description="Last days of the reference kept back to measure how often the band holds."
    )
    band_level: float = Field(
        gt=0, lt=1, description="Share of days or months that the band is meant to hold."
    )
    least_band_coverage: float = Field(
        ge=0,
        lt=1,
        description=(
            "Share of customers whose billed months must really have lain in their bands; below it no bill "
            "is judged by its baseline. 0: every bill is."
        ),
    )
    least_coverage_customers: int = Field(
        ge=1, description="Customers of a billed month below which that share is not measured."
    )
    change_points_celsius: tuple[float, ...] = Field(description="Temperatures tried as change points.")
    emission_region: Literal["east_china", "national"] = Field(
        description="Which published emission factor is used."
    )
    advice_count: int = Field(ge=1, description="Advices on a bill.")
    least_saving_cny: float = Field(ge=0, description="Smaller savings are no advice. [CNY]")
    lowest_day_ratio: float = Field(
        gt=0, lt=0.5, description="Share of a month's days, the lowest, that tell the base load."
    )
    highest_day_ratio: float = Field(
        gt=0, lt=0.5, description="Share of a month's days, the highest, that the advice on high days lowers."
    )
    demand_months: int = Field(
        ge=2,
        le=10,
        description=(
            "Latest months, that of the bill among them, whose highest demands the advised contract "
            "demand is tried on."
        ),
    )
    contract_demand_step_kw: int = Field(
        ge=1, description="An advised contract demand is a multiple of this. [kW]"
    )
    capacitor_step_kvar: int = Field(
        ge=1, description="An advised capacitor bank is a multiple of this. [kvar]"
    )
    shifted_peak_ratio: float = Field(
        gt=0,
        le=1,
        description=(
            "Of bills up to 0.4.0: share of peak and sharp energy that the shifting advice moved into the "
            "valley."
        ),
    )
    moved_break_minutes: int = Field(
        ge=15,
        le=240,
        multiple_of=15,
        description="Length of the break that the advice on hours moves. [min]",
    )
    standstill_ratio: float = Field(
        gt=0,
        lt=1,
        description="A quarter hour with less than this share of the busy ones' energy stands still.",
    )
    night_hours: tuple[int, int] = Field(
        description="First hour of the night and the hour at which it ends, for the base-load advice. [h]"
    )
    night_load_ratios: tuple[float, float] = Field(
        description=(
            "The base-load advice stands where the night has this share of the busy hours' load: from, "
            "to. Below it little is left on; above it the night is worked."
        )
    )
    implausible_quartile_ranges: float = Field(
        gt=0,
        description=(
            "An energy per floor area so many interquartile ranges outside the quartiles of its peers, on a "
            "logarithmic scale, is a question to the record of the area: no rank, no saving."
        ),
    )
    most_peers_cut_ratio: float = Field(
        gt=0,
        le=1,
        description=(
            "Share of the month's energy that the advice on peers asks to save at most: a comparison by "
            "floor area shows no more than where to look."
        ),
    )
    praised_percentile_pct: float = Field(
        ge=0, lt=50, description="Who uses less than all but this share of the peers is praised. [%]"
    )
    base_load_cut_ratio: float = Field(
        gt=0, le=1, description="Share of the night load that the base-load advice saves."
    )
    weekend_cut_ratio: float = Field(
        gt=0,
        le=1,
        description="Share of the weekend's use above the base load that the weekend advice saves.",
    )
    use_above_base_cut_ratio: float = Field(
        gt=0,
        le=1,
        description=(
            "Share of the use above the base load that an advice saves where nothing more telling fills the "
            "bill's places."
        ),
    )
