"""Spark's daemon of Python workers with what they need already in it: ``spark.python.daemon.module`` of
``platform.yaml`` names it.

Workers are forked from the daemon. What is imported and compiled before stands in each of them, and in memory
once; a worker that begins with nothing takes three seconds of its core for the same, and so does the next one
beside it.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa

from pipelines.codes import Channel, CurveMeasure
from pipelines.tables.base import Table

_FIRST, _DAYS, _SLOTS, _POINT = date(2026, 1, 1), 59, 96, "MP-1"


def main() -> None:
    """Loads, then serves as Spark's own daemon does.

    Spark reads the port off the standard output: nothing else may be said there meanwhile.
    """
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        with suppress(Exception):  # it is for speed alone; what is wrong the first task tells
            load()
        sys.stdout.flush()
    finally:
        os.dup2(answers, 1)
        os.close(answers)
    gc.collect()
    gc.freeze()  # a fork shares memory until it writes there, which looking for garbage does
    from pyspark.daemon import manager

    manager()


def load() -> None:
    """Imports what the workers of ingestion, silver and gold need, and takes the kernels of curves from their
    cache by refining some days.
    """
    import pyspark.sql.pandas.serializers
    import pyspark.worker  # noqa: F401

    import pipelines.ingest.read_files
    import pipelines.steps.gold  # noqa: F401
    from pipelines.settings import Settings, packaged
    from pipelines.steps.silver import judged_curves
    from pipelines.tables.silver import SilverRegisterEnergy
    from pipelines.transforms.curves.day_curves import refine_curves
    from pipelines.transforms.days.day_findings import judge_days
    from pipelines.vee.settings import VeeSettings

    vee = Settings(packaged("conf"), packaged("conf")).section(VeeSettings)
    bronze, points = example()
    months = sorted(set(bronze["curve_month"].to_pylist()))
    outcome = refine_curves(bronze, points, {}, vee, months, _FIRST + timedelta(days=_DAYS))
    judged = judged_curves(bronze, outcome, points)
    judge_days(SilverRegisterEnergy.empty(), judged.rows, points, {}, vee)


def example() -> tuple[pa.Table, pa.Table]:
    """bronze_load_curves with gaps of both kinds, spikes, and a day that came twice; silver_meter_points."""
    from pipelines.tables.bronze import BronzeLoadCurves
    from pipelines.tables.silver import SilverMeterPoints

    values = np.random.default_rng(0).uniform(1.0, 2.0, (_DAYS, _SLOTS))
    values[20, 30] *= 50
    values[10, 40:42] = values[30, 50:] = values[31] = np.nan
    days = [*range(_DAYS), _DAYS - 1]
    records = [
        {
            "content_hash": "a",
            "line_number": line,
            "sent_at_utc": datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=line),
            "meter_point_id": _POINT,
            "channel_code": Channel.ACTIVE_FORWARD.value,
            "curve_date": _FIRST + timedelta(days=day),
            "interval_minutes": 24 * 60 // _SLOTS,
            "measure_code": CurveMeasure.ENERGY.value,
            "values_unscaled": values[day].tolist(),
            "curve_month": f"{_FIRST + timedelta(days=day):%Y-%m}",
        }
        for line, day in enumerate(days)
    ]
    meter = {
        "meter_point_id": _POINT,
        "valid_from_date": _FIRST,
        "meter_id": "M",
        "multiplier_ratio": 2.0,
        "provenance": "simulated",
    }
    # As many files give it: an array put together of several chunks may be written to, one chunk may not, and
    # kernels tell these apart.
    first, rest = (_rows(BronzeLoadCurves, part) for part in (records[:30], records[30:]))
    return pa.concat_tables([first, rest]), _rows(SilverMeterPoints, [meter])


def _rows(table: type[Table], rows: list[dict[str, object]]) -> pa.Table:
    schema = pa.schema([field.with_nullable(True) for field in table.arrow_schema()])
    return pa.Table.from_pylist(rows, schema)


if __name__ == "__main__":
    main()
