"""Gold: whether a month's data suffice for what is made of them."""

from __future__ import annotations

import pyarrow as pa

from pipelines.codes import Channel
from pipelines.tables.base import BOOLEAN, DOUBLE, INTEGER, STRING, Field, Layer, Table
from pipelines.units import Unit


class GoldDataSufficiency(Table):
    """How whole the data of a meter point and month are: by its curve where there is one, else by its daily
    registers.
    """

    name = "gold_data_sufficiency"
    layer = Layer.GOLD
    partition_by = ("data_month",)
    meter_point_id = Field(STRING, "Meter point.", key=True)
    data_month = Field(STRING, "Month of the data, YYYY-MM.", key=True)
    customer_id = Field(
        STRING, "Customer supplied at the end of the month; empty for a meter that is not billed."
    )
    channel_code = Field(
        STRING,
        "The channel judged: active energy drawn, or the first that the meter point has.",
        codes=Channel,
        nullable=False,
    )
    basis_code = Field(
        STRING, "curve or register; none where nothing came of a billed one all month.", nullable=False
    )
    interval_minutes = Field(
        INTEGER,
        "Length of an interval, the finest where it changed inside the month; 1440 for daily registers.",
        unit=Unit.MINUTES,
        nullable=False,
        minimum=1,
    )
    expected_days = Field(
        INTEGER,
        "Days of the month on which a meter was installed.",
        unit=Unit.DAYS,
        nullable=False,
        minimum=1,
        maximum=31,
    )
    valid_days = Field(
        INTEGER,
        "Days on which every interval is as measured.",
        unit=Unit.DAYS,
        nullable=False,
        minimum=0,
        maximum=31,
    )
    estimated_ratio = Field(
        DOUBLE,
        (
            "Share of the curve's energy that was estimated, as on bills; for registers the share of the "
            "days that only a span of several covers."
        ),
        unit=Unit.RATIO,
        nullable=False,
        minimum=0,
        maximum=1,
    )
    estimated_interval_ratio = Field(
        DOUBLE,
        "Share of the expected intervals whose final value is estimated.",
        unit=Unit.RATIO,
        nullable=False,
        minimum=0,
        maximum=1,
    )
    missing_ratio = Field(
        DOUBLE,
        "Share of the expected intervals without a final value.",
        unit=Unit.RATIO,
        nullable=False,
        minimum=0,
        maximum=1,
    )
    longest_gap_hours = Field(
        DOUBLE,
        "Longest run inside the month without a measured value.",
        unit=Unit.HOURS,
        nullable=False,
        minimum=0,
    )
    failed_info_checks = Field(
        INTEGER,
        "Days x checks of severity info that fired on the meter point's curves.",
        nullable=False,
        minimum=0,
    )
    failed_warn_checks = Field(INTEGER, "The same of severity warn.", nullable=False, minimum=0)
    failed_invalid_checks = Field(INTEGER, "The same of severity invalid.", nullable=False, minimum=0)
    is_sufficient = Field(
        BOOLEAN, "Whether the estimated and the missing share are within the limits.", nullable=False
    )
    insufficient_reasons = Field(
        pa.list_(STRING), "estimated, missing: which limit is broken.", nullable=False
    )
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


SUFFICIENCY_SCHEMA: pa.Schema = pa.schema(
    [field for field in GoldDataSufficiency.arrow_schema() if field.name != "computed_run_id"]
)
"""The table without its run."""
