"""The gate on measured values: a silver that changed one of them is not committed, and its files do not
stay.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Runner
from pipelines.engine.step import Inputs, Step, WorkerFiles, WriteMode
from pipelines.errors import GateHaltedError
from pipelines.facts import load_facts
from pipelines.formats import FormatSettings, detect
from pipelines.incremental.by_bucket import with_run
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.steps.silver import judged_curves
from pipelines.storage.data_files import write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverDayCurves, SilverMeterPoints
from pipelines.transforms.curves.day_curves import refine_curves
from pipelines.vee import VeeSettings
from tests.step_runs import Silent

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def steel_september(settings: Settings) -> tuple[pa.Table, pa.Table]:
    """bronze_load_curves of a month of the steel works, and its meter point."""
    path = packaged("samples") / "steel" / "E_MP_POWER_CURVE_2026-09.csv"
    content = path.read_bytes()
    rows = detect(path.name, content).read(content, path.name, settings.section(FormatSettings)).rows
    names = [name for name in BronzeLoadCurves.business_columns() if name != "content_hash"]
    bronze = rows.select(names).append_column("content_hash", pa.array(["steel"] * rows.num_rows))
    schema = pa.schema(
        [SilverMeterPoints.arrow_schema().field(name) for name in SilverMeterPoints.business_columns()]
    )
    point = dict.fromkeys(schema.names) | {
        "meter_point_id": "MP-STEEL-0001",
        "valid_from_date": date(2026, 1, 1),
        "meter_id": "M",
        "multiplier_ratio": 1000.0,
        "provenance": "assumed",
    }
    return bronze, pa.Table.from_pylist([point], schema)


def scaled(rows: pa.Table, name: str, factor: float) -> pa.Table:
    column = rows[name].combine_chunks()
    place = rows.schema.get_field_index(name)
    values = pa.ListArray.from_arrays(column.offsets, pc.multiply(column.flatten(), factor))
    return rows.set_column(place, rows.schema.field(name), values.cast(rows.schema.field(name).type))


@pytest.mark.parametrize(("factor", "halts"), [(1.0, False), (1.0000001, True)])
def test_changed_measured_values_halt_before_silver(
    spark: SparkSession, settings: Settings, factor: float, halts: bool
) -> None:
    store = Store(settings, spark)

    def refine(inputs: Inputs) -> dict[type[Table], WorkerFiles]:
        bronze, points = steel_september(settings)
        outcome = refine_curves(
            bronze, points, {}, settings.section(VeeSettings), ["2026-09"], date(2026, 11, 1)
        )
        # Measured and final alike: only a comparison with bronze can tell.
        changed = scaled(
            scaled(outcome.curves, "measured_kwh_or_kvarh", factor), "final_kwh_or_kvarh", factor
        )
        judged = judged_curves(bronze, replace(outcome, curves=changed), points)
        rows = with_run(judged.rows, inputs.run_id)
        return {
            SilverDayCurves: WorkerFiles(
                tuple(write_files(rows, SilverDayCurves, inputs.location(SilverDayCurves))), judged.violations
            )
        }

    ledger, silent = Ledger(settings.home), Silent()
    run_id = ledger.begin("test", NOW)
    months = [BillingMonth(2026, 9)]
    runner = Runner(
        settings,
        load_facts(settings.facts_dir),
        store,
        Registry(settings),
        ledger,
        silent,
        run_id,
        months,
        NOW,
    )
    step = Step(
        stage="silver",
        name="tampered-curves",
        reads=(),
        writes={SilverDayCurves: WriteMode.REPLACE},
        apply=refine,
    )
    if not halts:
        runner.run([step])
        assert store.row_count(SilverDayCurves) == 90
        gate = silent.last.gates[SilverDayCurves.name]
        assert "measured_values_not_as_received lies in [0, 0]" in gate["rules"]
        return
    with pytest.raises(GateHaltedError) as caught:
        runner.run([step])
    assert caught.value.exit_code == 4
    assert [failure.split(":")[0] for failure in caught.value.failures] == [
        "measured_values_not_as_received lies in [0, 0]"
    ]
    assert store.version(SilverDayCurves) is None
    assert not list(Path(store.path(SilverDayCurves)).rglob("*.parquet"))
