"""Curve or long input through the steps that ``zhixiang run`` runs: production code alone, with its whole
catalogue of checks and estimators.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.metering.measurement import Stages
from pipelines.tables.base import Table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RUN_ID = "benchmark"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


MAPPING = """\
id: benchmark
files: ["received_*.parquet"]
interval_minutes: 15
meter_point: {column: meter_id}
stamp: {column: ts, place: interval_start, zone: "+08:00"}
values:
  - {column: kwh, unit: kWh, channel: active_forward}
  - {column: kvarh, unit: kvarh, channel: reactive_lagging}
received_at: {column: received_at, zone: "+08:00"}
"""
"""What a sender of the long files would declare; both columns of numbers are taken."""


def run_production(folder: Path, home: Path, stages: Stages) -> None:
    """Ingest, curves to silver, energy of each day to gold; registers, customers and gates have nothing to do
    here.

    folder  ``curves/*.parquet`` and ``meters.parquet``.
    home    Empty folder for tables and state.
    """
    _run_steps(folder, "curves", home, stages)


def run_production_long(folder: Path, home: Path, stages: Stages) -> None:
    """The same on ``long/*.parquet``, read by a mapping."""
    _run_steps(folder, "long", home, stages)


def _run_steps(folder: Path, received: str, home: Path, stages: Stages) -> None:
    from pipelines.settings import Settings, packaged
    from pipelines.storage.session.lazy import LazySession

    settings = Settings(packaged("conf"), home)
    if received == "long":
        settings = Settings(shutil.copytree(packaged("conf"), home / "conf"), home)
        mapping = settings.conf_dir / "mappings" / "benchmark.yaml"
        mapping.parent.mkdir(exist_ok=True)
        mapping.write_text(MAPPING)
    inbox = home / "inbox"
    shutil.copytree(folder / received, inbox, copy_function=_link)

    def start() -> SparkSession:
        from pipelines.storage.session.spark import start_session

        return start_session(settings, "benchmark")

    session = LazySession(start)
    session.start_ahead()  # as ``zhixiang run`` does; meanwhile the steps are imported
    from pipelines.engine.step import Frames, Inputs, Step, WorkerFiles
    from pipelines.facts import load_facts
    from pipelines.ingest.read_files import ingest
    from pipelines.steps.every_step import PIPELINE_STEPS
    from pipelines.steps.gold import settle_day_energy
    from pipelines.storage.data_files import commit_files, write_files
    from pipelines.storage.store import Store
    from pipelines.tables.gold import GoldDayEnergy
    from pipelines.tables.silver import SilverDayCurves, SilverMeterPoints

    store = Store(settings, session)
    session()
    stages.done("start-up")
    summary = ingest(store, inbox, RUN_ID, NOW)
    stages.facts |= {
        "received_rows": summary.received_rows,
        "refused": len(summary.refused) + len(summary.halted),
    }
    points = _meter_points(folder / "meters.parquet", SilverMeterPoints)
    commit_files(
        store,
        SilverMeterPoints,
        write_files(points, SilverMeterPoints, store.path(SilverMeterPoints)),
        RUN_ID,
        1,
        overwrite=True,
    )
    stages.done("ingest")

    def inputs(step: Step) -> Inputs:
        return Inputs(
            frames=Frames(step.reads, store.frame),
            settings=settings,
            facts=load_facts(settings.facts_dir),
            months=[],
            bundles={},
            versions={},
            run_id=RUN_ID,
            session=session,
            now=NOW,
            location=store.path,
            files=store.data_files,
        )

    for name, target in (("silver-curves", SilverDayCurves), ("gold-day-energy", GoldDayEnergy)):
        step = next(step for step in PIPELINE_STEPS if step.name == name)
        written = (settle_day_energy if target is GoldDayEnergy else step.apply)(inputs(step))
        for table, result in written.items():
            if isinstance(result, WorkerFiles):
                stages.facts[f"{table.name} violations"] = sum(result.violations.values())
                commit_files(store, table, result.files, RUN_ID, 1, overwrite=True)
        stages.done(name)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def _meter_points(path: Path, table: type[Table]) -> pa.Table:
    meters = pq.read_table(path)
    count = meters.num_rows
    columns = {field.name: pa.nulls(count, field.type) for field in table.arrow_schema()}
    columns |= {
        "meter_point_id": meters["meter_id"],
        "valid_from_date": meters["valid_from"],
        "valid_to_date": meters["valid_to"],
        "meter_id": meters["meter_id"],
        "multiplier_ratio": meters["multiplier"],
        "provenance": pa.array(["simulated"] * count),
        "computed_run_id": pa.array([RUN_ID] * count),
    }
    return pa.table(columns).cast(table.arrow_schema())
