"""Delta tables of the comparison; only the benchmark knows them."""

from __future__ import annotations

import pyarrow as pa

from benchmarks.metering.rules import MEASURES
from pipelines.tables.base import DATE, DOUBLE, STRING, Field, Layer, Table

BUCKET = "meter_bucket"


class BenchmarkReceivedDays(Table):
    """Long rows as received, gathered by meter and local day; lossless: a slot's first reading stands in the
    arrays, any further one beside them.
    """

    name = "benchmark_received_days"
    layer = Layer.BRONZE
    partition_by = (BUCKET,)
    meter_id = Field(STRING, "Meter.", nullable=False)
    reading_date = Field(DATE, "Local day of the readings.", nullable=False)
    active = Field(pa.list_(DOUBLE), "kWh before the multiplier of each slot; null where nothing came.")
    reactive = Field(pa.list_(DOUBLE), "kvarh before the multiplier of each slot.")
    quality = Field(pa.list_(pa.int8()), "The sender's quality code.")
    received_second = Field(
        pa.list_(pa.int32()), "When it was received, in seconds since the local day began."
    )
    further_slot = Field(pa.list_(pa.int16()), "Slots of further readings.")
    further_active = Field(pa.list_(DOUBLE), "Their kWh before the multiplier.")
    further_reactive = Field(pa.list_(DOUBLE), "Their kvarh before the multiplier.")
    further_quality = Field(pa.list_(pa.int8()), "Their quality codes.")
    further_received_second = Field(
        pa.list_(pa.int32()), "When they were received, in seconds since the local day began."
    )
    meter_bucket = Field(STRING, "Bucket of the meter.", nullable=False)


class BenchmarkCleanDays(Table):
    """Clean curves: measured energy, final energy and flags."""

    name = "benchmark_clean_days"
    layer = Layer.SILVER
    partition_by = (BUCKET,)
    meter_id = Field(STRING, "Meter.", key=True)
    reading_date = Field(DATE, "Local day.", key=True)
    measured_energy = Field(
        pa.list_(DOUBLE), "kWh of each slot after the multiplier; null where nothing came.", nullable=False
    )
    final_energy = Field(
        pa.list_(DOUBLE), "kWh of each slot after estimation; null where there is none.", nullable=False
    )
    flags = Field(pa.list_(pa.uint8()), "What failed in each slot.", nullable=False)
    meter_bucket = Field(STRING, "Bucket of the meter.", nullable=False)


class BenchmarkMonthMeasures(Table):
    """Twelve measures per meter and month."""

    name = "benchmark_month_measures"
    layer = Layer.GOLD
    meter_id = Field(STRING, "Meter.", key=True)
    month = Field(STRING, "YYYY-MM.", key=True)
    measures = Field(pa.list_(DOUBLE), "In this order: " + ", ".join(MEASURES) + ".", nullable=False)
