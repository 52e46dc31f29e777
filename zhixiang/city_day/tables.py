"""The kept profiles of the simulated city as a Delta table."""

from __future__ import annotations

import pyarrow as pa

from pipelines.tables.base import DOUBLE, STRING, Field, Layer, Table
from pipelines.units import Unit

AREA = "collection_area"


class SimulatedDayProfiles(Table):
    """What is kept of the days before, per meter point and kind of day; simulated. Laid out by the area whose
    curves arrive in one file.
    """

    name = "silver_simulated_day_profiles"
    layer = Layer.SILVER
    partition_by = (AREA,)
    meter_point_id = Field(STRING, "Meter point.", key=True)
    day_type_code = Field(STRING, "Kind of day.", key=True)
    usual_kwh = Field(
        pa.list_(pa.float32()),
        "Median over like-days of the largest value near each time of day.",
        unit=Unit.KWH,
        nullable=False,
    )
    likely_kwh = Field(
        pa.list_(pa.float32()), "Mean of the nearest clean like-days.", unit=Unit.KWH, nullable=False
    )
    level_kwh = Field(DOUBLE, "Mean of the intervals above zero.", unit=Unit.KWH, nullable=False)
    capacity_kva = Field(DOUBLE, "Limit of the connection.", unit=Unit.KVA)
    multiplier_ratio = Field(DOUBLE, "CT ratio x PT ratio.", unit=Unit.RATIO, nullable=False)
    collection_area = Field(STRING, "Area.", nullable=False)
