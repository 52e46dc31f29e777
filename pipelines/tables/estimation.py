"""Silver: how far the estimates of a run err."""

from __future__ import annotations

import pyarrow as pa

from pipelines.tables.base import BOOLEAN, DOUBLE, INTEGER, STRING, Field, Layer, Table
from pipelines.units import Unit


class SilverEstimationErrors(Table):
    """Errors of estimates on gaps masked in the run's own clean data: one row per customer class, interval
    length, gap length and method.
    """

    name = "silver_estimation_errors"
    layer = Layer.SILVER
    customer_class_code = Field(
        STRING, "Price class; `none` for meter points without a customer of a class.", key=True
    )
    interval_minutes = Field(INTEGER, "Length of an interval.", unit=Unit.MINUTES, key=True, minimum=1)
    gap_minutes = Field(INTEGER, "Length of the masked gaps.", unit=Unit.MINUTES, key=True, minimum=1)
    estimator_id = Field(
        STRING, "Estimator of the catalogue, or `chosen`: what estimation itself would have taken.", key=True
    )
    series_count = Field(INTEGER, "Load curves in the sample.", nullable=False, minimum=0)
    masked_gaps = Field(INTEGER, "Gaps that were masked and estimated.", nullable=False, minimum=0)
    error_ratio = Field(
        DOUBLE, "Mean absolute error over the series' mean interval.", unit=Unit.RATIO, minimum=0
    )
    linear_error_ratio = Field(
        DOUBLE, "Mean absolute error over that of the straight line.", unit=Unit.RATIO, minimum=0
    )
    energy_error_ratio = Field(
        DOUBLE,
        "Mean of a gap's summed absolute errors over its energy (MAPE); gaps without energy left out.",
        unit=Unit.RATIO,
        minimum=0,
    )
    bias_ratio = Field(
        DOUBLE, "Mean error over the series' mean interval; above 0: estimates are too high.", unit=Unit.RATIO
    )
    bias_error_ratio = Field(
        DOUBLE,
        "Standard error of that bias from masked gap to masked gap.",
        unit=Unit.RATIO,
        minimum=0,
        later=True,
    )
    covered_ratio = Field(
        DOUBLE,
        (
            "Share of truths inside the expected-error band, of those that have one; for `chosen` alone; "
            "empty: no band."
        ),
        unit=Unit.RATIO,
        minimum=0,
        maximum=1,
    )
    chosen_ratio = Field(
        DOUBLE, "Share of gaps for which the method would be taken.", unit=Unit.RATIO, minimum=0, maximum=1
    )
    is_flagged = Field(BOOLEAN, "Whether the MAPE of what is chosen lies over its limit.", nullable=False)
    is_band_flagged = Field(
        BOOLEAN,
        "Whether the band of what is chosen covers fewer or more truths than it should.",
        nullable=False,
    )
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


ERRORS_SCHEMA: pa.Schema = pa.schema(
    [field for field in SilverEstimationErrors.arrow_schema() if field.name != "computed_run_id"]
)
"""The table without its run."""

NO_CLASS = "none"
CHOSEN = "chosen"
