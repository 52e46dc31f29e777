"""The same job in DuckDB: plain SQL, all cores, results persisted as Parquet."""

from __future__ import annotations

from pathlib import Path

from benchmarks.metering.measurement import Stages
from benchmarks.metering.rules import LIKE_DAYS, LINEAR_SLOTS, NIGHT_SLOTS, SPIKE_RATIO, ZERO_RUN_SLOTS

MEMORY_SHARE = 0.6

_LIKE = [f"l{number}" for number in range(len(LIKE_DAYS))]


def run_duckdb(folder: Path, home: Path, stages: Stages) -> None:
    """The whole job.

    folder  ``long/*.parquet`` and ``meters.parquet``.
    home    Empty folder; ``clean`` and ``measures.parquet`` are written there.
    """
    import duckdb

    home.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"SET temp_directory = '{home / 'spill'}'")
    connection.execute(f"SET memory_limit = '{available_gb() * MEMORY_SHARE:.1f}GB'")
    stages.facts["version"] = duckdb.__version__
    stages.facts["threads"] = connection.execute("SELECT current_setting('threads')").fetchone()[0]  # type: ignore[index]
    stages.done("start-up")
    for name, statement in statements(folder, home):
        connection.execute(statement)
        stages.done(name)


def available_gb() -> float:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise OSError("no MemAvailable in /proc/meminfo")


def statements(folder: Path, home: Path) -> list[tuple[str, str]]:
    """Name and SQL of each stage. Meters and slots are numbers from the first stage on; text would cost more
    in every later one.
    """
    lagged = ", ".join(
        f"{'lag' if days < 0 else 'lead'}(energy, {abs(days) * 96}) OVER series AS {name}"
        for name, days in zip(_LIKE, LIKE_DAYS, strict=True)
    )
    valued = [f"(CASE WHEN {name} >= 0 THEN {name} END)" for name in _LIKE]
    count = " + ".join(f"(CASE WHEN {name} >= 0 THEN 1 ELSE 0 END)" for name in _LIKE)
    return [
        (
            "meters",
            f"""CREATE TABLE points AS SELECT dense_rank() OVER (ORDER BY meter_id)::INTEGER AS meter, *,
                    date_diff('day', (SELECT min(valid_from) FROM '{folder}/meters.parquet'), valid_from) * 96 AS from_slot,
                    date_diff('day', (SELECT min(valid_from) FROM '{folder}/meters.parquet'), valid_to) * 96 + 95 AS to_slot
                FROM '{folder}/meters.parquet'""",
        ),
        ("names", "CREATE TABLE names AS SELECT DISTINCT meter, meter_id FROM points"),
        (
            "latest",
            f"""CREATE TABLE latest AS
                SELECT meter, slot, arg_max(kwh, received_at) AS kwh, arg_max(kvarh, received_at) AS kvarh
                FROM (SELECT meter, kwh, kvarh, received_at,
                          ((epoch_us(ts) - epoch_us((SELECT min(valid_from) FROM points)::TIMESTAMP)) // 900000000)::INTEGER AS slot
                      FROM '{folder}/long/*.parquet' JOIN names USING (meter_id))
                GROUP BY meter, slot""",
        ),
        (
            "grid",
            """CREATE TABLE grid AS
               SELECT g.meter, g.slot, kwh * multiplier AS energy, kvarh * multiplier AS reactive
               FROM (SELECT meter, multiplier, unnest(range(from_slot, to_slot + 1))::INTEGER AS slot FROM points) g
               LEFT JOIN latest USING (meter, slot)""",
        ),
        ("drop latest", "DROP TABLE latest"),
        (
            "zero runs",
            f"""CREATE TABLE resting AS
                SELECT meter, slot FROM (
                    SELECT meter, slot, count(*) OVER (PARTITION BY meter, run_id) AS width FROM (
                        SELECT meter, slot, slot - row_number() OVER (PARTITION BY meter ORDER BY slot) AS run_id FROM grid WHERE energy = 0))
                WHERE width >= {ZERO_RUN_SLOTS}""",
        ),
        (
            "flags",
            f"""CREATE TABLE flagged AS
                SELECT s.meter, s.slot, energy, reactive,
                    CASE WHEN energy IS NULL THEN 1 WHEN energy < 0 THEN 2
                         WHEN energy > {SPIKE_RATIO} * least({", ".join(valued)}) AND {count} >= 2
                              AND list_median([{", ".join(valued)}]) > 0
                              AND energy > {SPIKE_RATIO} * list_median([{", ".join(valued)}]) THEN 4
                         ELSE 0 END
                    | CASE WHEN r.slot IS NULL THEN 0 ELSE 8 END AS flags
                FROM (SELECT *, {lagged} FROM grid WINDOW series AS (PARTITION BY meter ORDER BY slot)) s
                LEFT JOIN resting r ON r.meter = s.meter AND r.slot = s.slot""",
        ),
        ("drop grid", "DROP TABLE grid"),
        *_estimation(home),
    ]


def _estimation(home: Path) -> list[tuple[str, str]]:
    kept = [
        f"(CASE WHEN f{number}.flags & 7 = 0 THEN f{number}.energy END)" for number in range(len(LIKE_DAYS))
    ]
    total = " + ".join(f"coalesce({value}, 0)" for value in kept)
    count = " + ".join(f"(CASE WHEN {value} IS NULL THEN 0 ELSE 1 END)" for value in kept)
    joins = " ".join(
        f"LEFT JOIN flagged f{number} ON f{number}.meter = i.meter AND f{number}.slot = i.slot + {days * 96}"
        for number, days in enumerate(LIKE_DAYS)
    )
    return [
        (
            "estimates",
            f"""CREATE TABLE estimates AS
                WITH invalid AS (
                    SELECT meter, slot, slot - row_number() OVER (PARTITION BY meter ORDER BY slot) AS run_id FROM flagged WHERE flags & 7 > 0),
                runs AS (SELECT meter, run_id, min(slot) AS low, max(slot) AS high FROM invalid GROUP BY ALL),
                edges AS (SELECT runs.*, l.energy AS left_energy, r.energy AS right_energy FROM runs
                    LEFT JOIN flagged l ON l.meter = runs.meter AND l.slot = runs.low - 1
                    LEFT JOIN flagged r ON r.meter = runs.meter AND r.slot = runs.high + 1)
                SELECT i.meter, i.slot,
                    CASE WHEN high - low + 1 <= {LINEAR_SLOTS} AND left_energy IS NOT NULL AND right_energy IS NOT NULL
                         THEN left_energy + (right_energy - left_energy) * (i.slot - low + 1) / (high - low + 2)
                         WHEN {count} > 0 THEN ({total}) / ({count}) END AS estimate
                FROM invalid i JOIN edges USING (meter, run_id) {joins}""",
        ),
        (
            "clean",
            """CREATE TABLE clean AS
               SELECT f.meter, f.slot, f.energy AS measured, f.reactive, f.flags::UTINYINT AS flags,
                   CASE WHEN f.flags & 7 = 0 THEN f.energy ELSE estimate END AS final
               FROM flagged f LEFT JOIN estimates USING (meter, slot)""",
        ),
        ("drop flagged", "DROP TABLE flagged"),
        (
            "write clean",
            f"""COPY (SELECT meter_id, (SELECT min(valid_from) FROM points)::TIMESTAMP + to_microseconds(slot::BIGINT * 900000000) AS ts,
                    measured, final, flags FROM clean JOIN names USING (meter))
                TO '{home}/clean' (FORMAT parquet, COMPRESSION zstd, PER_THREAD_OUTPUT true)""",
        ),
        (
            "write measures",
            f"COPY ({_measures()}) TO '{home}/measures.parquet' (FORMAT parquet, COMPRESSION zstd)",
        ),
    ]


def _measures() -> str:
    return f"""
        WITH placed AS (
            SELECT *, (SELECT min(valid_from) FROM points) + (slot // 96) AS day, slot % 96 AS quarter FROM clean),
        summed AS (
            SELECT meter, strftime(day, '%Y-%m') AS month, sum(final) AS energy_kwh, coalesce(sum(reactive), 0) AS reactive_kvarh,
                max(final) * 4 AS max_kw, stddev_pop(final) * 4 AS std_kw, avg(final) AS mean_kwh,
                coalesce(sum(final) FILTER (quarter < {NIGHT_SLOTS}), 0) AS night_kwh,
                coalesce(sum(final) FILTER (isodow(day) >= 6), 0) AS weekend_kwh,
                count(*) FILTER (flags & 1 > 0) AS missing_intervals, count(*) FILTER (flags & 6 > 0) AS failed_intervals,
                count(*) FILTER (flags & 8 > 0) AS zero_run_intervals,
                count(*) FILTER (flags & 7 > 0 AND final IS NOT NULL) AS estimated_intervals
            FROM placed GROUP BY ALL)
        SELECT meter_id, month, energy_kwh, reactive_kvarh,
            coalesce(energy_kwh / nullif(sqrt(energy_kwh ** 2 + reactive_kvarh ** 2), 0), 0) AS power_factor_ratio,
            max_kw, std_kw, coalesce(mean_kwh * 4 / nullif(max_kw, 0), 0) AS load_factor_ratio, night_kwh, weekend_kwh,
            missing_intervals, failed_intervals, zero_run_intervals, estimated_intervals
        FROM summed JOIN names USING (meter)"""
