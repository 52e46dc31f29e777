"""The same job in Polars: lazy, in buckets of meters so that memory stays in bounds, results persisted as
Parquet.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.metering.measurement import Stages
from benchmarks.metering.rules import LIKE_DAYS, LINEAR_SLOTS, NIGHT_SLOTS, SLOTS, SPIKE_RATIO, ZERO_RUN_SLOTS

if TYPE_CHECKING:
    import polars as pl

METERS_PER_BUCKET = 250
_MICROSECONDS = 900_000_000


def run_polars(folder: Path, home: Path, stages: Stages) -> None:
    """The whole job.

    folder  ``long/*.parquet`` and ``meters.parquet``.
    home    Empty folder; ``clean`` and ``measures.parquet`` are written there.
    """
    import polars as pl

    (home / "clean").mkdir(parents=True, exist_ok=True)
    stages.facts["version"] = pl.__version__
    stages.facts["threads"] = pl.thread_pool_size()
    points = pl.read_parquet(folder / "meters.parquet")
    first: date = points["valid_from"].min()  # type: ignore[assignment]
    names = points["meter_id"].unique().sort()
    origin = (first - date(1970, 1, 1)).days * SLOTS
    stages.done("start-up")
    measures = []
    for low in range(0, len(names), METERS_PER_BUCKET):
        mine = pl.DataFrame({"meter_id": names[low : low + METERS_PER_BUCKET]}).with_row_index("meter")
        latest = (
            pl.scan_parquet(folder / "long" / "*.parquet")
            .join(mine.lazy(), on="meter_id")
            .select(
                "meter",
                "kwh",
                "kvarh",
                "received_at",
                slot=(pl.col("ts").dt.epoch("us") // _MICROSECONDS - origin).cast(pl.Int32),
            )
            .group_by("meter", "slot")
            .agg(pl.col("kwh", "kvarh").sort_by("received_at").last())
            .collect(engine="streaming")
        )
        stages.done("latest")
        grid = _grid(points.join(mine, on="meter_id"), first).join(
            latest, on=["meter", "slot"], how="left", maintain_order="left"
        )
        grid = grid.with_columns(
            energy=pl.col("kwh") * pl.col("multiplier"), reactive=pl.col("kvarh") * pl.col("multiplier")
        )
        stages.done("grid")
        clean = _clean(grid.drop("kwh", "kvarh", "multiplier"))
        stages.done("flags and estimates")
        ts = (pl.lit(origin, pl.Int64) + pl.col("slot").cast(pl.Int64)) * _MICROSECONDS
        placed = clean.join(mine, on="meter", maintain_order="left").with_columns(
            ts=ts.cast(pl.Datetime("us"))
        )
        placed.select("meter_id", "ts", "measured", "final", "flags").write_parquet(
            home / "clean" / f"{low:06d}.parquet", compression="zstd"
        )
        stages.done("write clean")
        measures.append(_measures(placed))
        stages.done("measures")
    pl.concat(measures).write_parquet(home / "measures.parquet")
    stages.done("write measures")


def _grid(points: pl.DataFrame, first: date) -> pl.DataFrame:
    """Every meter and slot with the multiplier in force, by meter and slot."""
    import polars as pl

    ranges = points.select(
        "meter",
        "multiplier",
        slot=pl.int_ranges(
            (pl.col("valid_from") - first).dt.total_days() * SLOTS,
            ((pl.col("valid_to") - first).dt.total_days() + 1) * SLOTS,
        ),
    )
    return ranges.explode("slot").with_columns(pl.col("slot").cast(pl.Int32)).sort("meter", "slot")


def _clean(grid: pl.DataFrame) -> pl.DataFrame:
    """Flags and estimates; rows stand by meter and slot without a hole, so that a shift is a time."""
    import polars as pl

    def like(column: str) -> list[pl.Expr]:
        return [pl.col(column).shift(-days * SLOTS).over("meter") for days in LIKE_DAYS]

    names = [f"l{number}" for number in range(len(LIKE_DAYS))]
    valued = [pl.when(pl.col(name) >= 0).then(pl.col(name)) for name in names]
    lazy = grid.lazy().with_columns(**dict(zip(names, like("energy"), strict=True)))
    lazy = lazy.with_columns(least=pl.min_horizontal(valued)).with_columns(
        maybe=pl.col("energy") > SPIKE_RATIO * pl.col("least")
    )
    lazy = lazy.with_columns(zero=(pl.col("energy") == 0).fill_null(value=False)).with_columns(
        run=pl.col("zero").rle_id().over("meter")
    )
    rows = lazy.with_columns(
        width=pl.when(pl.col("zero")).then(pl.len().over("meter", "run")).otherwise(0)
    ).collect()
    # Few slots can be spikes at all; the median is taken of those alone.
    maybe = rows.filter("maybe").select(
        "meter",
        "slot",
        median=pl.concat_list(valued).list.drop_nulls().list.median(),
        there=pl.concat_list(valued).list.drop_nulls().list.len(),
    )
    rows = rows.join(maybe, on=["meter", "slot"], how="left", maintain_order="left")
    spike = (
        (pl.col("there") >= 2) & (pl.col("median") > 0) & (pl.col("energy") > SPIKE_RATIO * pl.col("median"))
    )
    first = (
        pl.when(pl.col("energy").is_null())
        .then(1)
        .when(pl.col("energy") < 0)
        .then(2)
        .when(spike)
        .then(4)
        .otherwise(0)
    )
    rows = rows.with_columns(
        flags=(first | pl.when(pl.col("width") >= ZERO_RUN_SLOTS).then(8).otherwise(0)).cast(pl.UInt8)
    )
    rows = rows.select("meter", "slot", "energy", "reactive", "flags").with_columns(
        invalid=(pl.col("flags") & 7) > 0
    )
    rows = rows.with_columns(
        valid=pl.when(~pl.col("invalid")).then(pl.col("energy")), run=pl.col("invalid").rle_id().over("meter")
    )
    rows = rows.with_columns(**dict(zip(names, like("valid"), strict=True)))
    edges = rows.with_columns(
        left=pl.col("valid").shift(1).over("meter"), right=pl.col("valid").shift(-1).over("meter")
    ).filter("invalid")
    runs = edges.group_by("meter", "run").agg(
        low=pl.col("slot").min(),
        high=pl.col("slot").max(),
        left=pl.col("left").sort_by("slot").first(),
        right=pl.col("right").sort_by("slot").last(),
    )
    edges = edges.drop("left", "right").join(runs, on=["meter", "run"])
    width = pl.col("high") - pl.col("low") + 1
    short = (width <= LINEAR_SLOTS) & pl.col("left").is_not_null() & pl.col("right").is_not_null()
    straight = pl.col("left") + (pl.col("right") - pl.col("left")) * (pl.col("slot") - pl.col("low") + 1) / (
        width + 1
    )
    count = pl.sum_horizontal([pl.col(name).is_not_null().cast(pl.Int32) for name in names])
    total = pl.sum_horizontal([pl.col(name).fill_null(0.0) for name in names])
    estimate = pl.when(short).then(straight).when(count > 0).then(total / count)
    estimates = edges.select("meter", "slot", estimate=estimate)
    rows = rows.select("meter", "slot", "reactive", "flags", "valid", measured="energy")
    rows = rows.join(estimates, on=["meter", "slot"], how="left", maintain_order="left")
    return rows.with_columns(final=pl.coalesce("valid", "estimate"))


def _measures(clean: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    rows = clean.lazy().with_columns(month=pl.col("ts").dt.truncate("1mo"))
    final, flags = pl.col("final"), pl.col("flags")
    summed = rows.group_by("meter_id", "month").agg(
        energy_kwh=final.sum(),
        reactive_kvarh=pl.col("reactive").sum(),
        max_kw=final.max() * 4,
        std_kw=final.std(ddof=0) * 4,
        mean_kw=final.mean() * 4,
        night_kwh=final.filter(pl.col("slot") % SLOTS < NIGHT_SLOTS).sum(),
        weekend_kwh=final.filter(pl.col("ts").dt.weekday() >= 6).sum(),
        missing_intervals=((flags & 1) > 0).sum(),
        failed_intervals=((flags & 6) > 0).sum(),
        zero_run_intervals=((flags & 8) > 0).sum(),
        estimated_intervals=(((flags & 7) > 0) & final.is_not_null()).sum(),
    )
    apparent = (pl.col("energy_kwh") ** 2 + pl.col("reactive_kvarh") ** 2).sqrt()
    return summed.with_columns(
        month=pl.col("month").dt.strftime("%Y-%m"),
        power_factor_ratio=pl.when(apparent > 0).then(pl.col("energy_kwh") / apparent).otherwise(0.0),
        load_factor_ratio=pl.when(pl.col("max_kw") > 0)
        .then(pl.col("mean_kw") / pl.col("max_kw"))
        .otherwise(0.0),
    ).collect()
