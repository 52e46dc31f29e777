"""What checks of registers and of days found, one row each time a check fired."""

from __future__ import annotations

import pyarrow as pa

from pipelines.codes import Channel
from pipelines.tables.base import DATE, DOUBLE, STRING, Field, Layer, Table
from pipelines.units import Unit


class Findings:
    """Columns of a finding; the check's title, severity and source stand in the list of checks."""

    meter_point_id = Field(STRING, "Meter point.", key=True)
    channel_code = Field(STRING, "What is counted.", codes=Channel, key=True)
    finding_date = Field(DATE, "Local day that the check judged.", key=True)
    check_id = Field(STRING, "Check of the catalogue, VEE-V...", key=True)
    judged_kwh_or_kvarh = Field(
        DOUBLE, "Energy that was judged; empty where none could be settled.", unit=Unit.KWH_OR_KVARH
    )
    limit_text = Field(STRING, "Thresholds that the check went by, name=value; empty where it has none.")
    finding_month = Field(STRING, "Month of the day, YYYY-MM.", nullable=False)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class SilverRegisterFindings(Findings, Table):
    """Findings on frozen registers: decrease, rollover, meter exchange, sum of rates, registers of the
    rates.
    """

    name = "silver_register_findings"
    layer = Layer.SILVER
    partition_by = ("finding_month",)


class GoldDayFindings(Findings, Table):
    """Findings on days of settled energy: use, capacity, siblings, curve against register, inactivity,
    estimation, units.
    """

    name = "gold_day_findings"
    layer = Layer.GOLD
    partition_by = ("finding_month",)


FINDINGS_SCHEMA = pa.schema(
    [field for field in GoldDayFindings.arrow_schema() if field.name != "computed_run_id"]
)
