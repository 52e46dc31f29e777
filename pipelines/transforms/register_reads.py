"""Received register reads to settled energy in one pass over buckets of meter points: one shuffle, no window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.codes import Channel, RejectReason
from pipelines.periods import EPOCH
from pipelines.tables.bronze import BronzeRegisterReads
from pipelines.transforms import settlement
from pipelines.transforms.buckets import by_bucket, in_buckets, spark_schema
from pipelines.transforms.micros import to_micros
from pipelines.transforms.received import count_accounts
from pipelines.transforms.registers import DERIVED_SCHEMA, ENERGY_SCHEMA, METER_COLUMNS, STAGE, derive_reads, quarantined_reads
from pipelines.transforms.settlement import NO_TIME, QUARANTINE_SCHEMA, VERDICTS, Verdict, ranks
from pipelines.vee.blocks import BoolArray, IntArray
from pipelines.vee.checks import future_dated
from pipelines.vee.settings import VeeSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DAY_SPAN = 1 << 22
READS_SCHEMA = pa.schema([*DERIVED_SCHEMA, pa.field("verdict", pa.string())])

_READ_COLUMNS = ("meter_point_id", "channel_code", "read_date", "register_unscaled", "content_hash", "line_number", "sent_at_utc")
_RATES = "rate_registers"

_FAULTS = (
    (RejectReason.MISSING_KEY, "meter_point_id", "Meter point, channel and day must not be empty."),
    (RejectReason.BAD_CODE, "channel_code", "The channel is not in the closed list."),
    (RejectReason.MISSING_VALUE, "register_unscaled", "A value is needed here."),
    (RejectReason.OUT_OF_RANGE, "register_unscaled", "Below 0."),
    (RejectReason.FUTURE_DATED, "read_date", "The local day lies after the day of the run."),
    (RejectReason.CONFLICTING_VALUES, "register_unscaled", "Other records for this day differ and none carries a sender's time."),
)
_CONFLICTING = len(_FAULTS)


@dataclass(frozen=True)
class RefinedReads:
    """What became of received register reads.

    energy      silver_register_energy without ``computed_run_id``.
    accounts    Records per file; a read that fell below the one before counts as quarantined.
    quarantine  silver_quarantine without ``source_file`` and ``run_id``.
    judged      What the three are views of: every read with ``verdict``; a runner that writes all three may keep it.
    """

    energy: DataFrame
    accounts: DataFrame
    quarantine: DataFrame
    judged: DataFrame


def refine_register_reads(bronze: DataFrame, meter_points: DataFrame, settings: VeeSettings, today: date, buckets: int = 16) -> RefinedReads:
    """Settles all received reads and derives the energy between those that stand.

    bronze        bronze_register_reads; meter_points: silver_meter_points.
    settings      How far a rollover may advance.
    today         Local day on which this runs; later days are held back.
    buckets       Groups of meter points that workers take one at a time; about 250 meter-years each is a good size.

    The rule of settlement is that of ``settlement``, the rules of energy are those of ``registers.derive_register_energy``.
    """
    from pyspark.sql import functions as F

    def refine(read_rows: pa.Table, meter_rows: pa.Table) -> pa.Table:
        return refine_reads(read_rows, meter_rows, settings, today)

    reads = bronze.select(*_READ_COLUMNS, F.col("rate_registers_unscaled").cast("string").alias(_RATES))
    meters = by_bucket(meter_points.select(*METER_COLUMNS), buckets)
    judged = by_bucket(reads, buckets).cogroup(meters).applyInArrow(in_buckets(refine), spark_schema(READS_SCHEMA))
    return RefinedReads(
        energy=judged.where(F.col("verdict") == Verdict.KEPT.value).select(*ENERGY_SCHEMA.names),
        accounts=count_accounts(judged, BronzeRegisterReads),
        quarantine=quarantined_reads(judged),
        judged=judged,
    )


def refine_reads(reads: pa.Table, meters: pa.Table, settings: VeeSettings, today: date) -> pa.Table:
    """The same for Arrow rows of one bucket: every read once, those that stand with their energy."""
    reads = reads.combine_chunks()
    faults, sent = _faults(reads, today), _sent(reads)
    verdicts = np.full(reads.num_rows, settlement.QUARANTINED, dtype=np.int8)
    fit = np.flatnonzero(faults == 0)
    meter_point, _ = ranks(pc.fill_null(reads["meter_point_id"], ""))
    channel, channel_names = ranks(pc.fill_null(reads["channel_code"], ""))
    day = pc.fill_null(reads["read_date"].cast(pa.int32()), 0).to_numpy().astype(np.int64)
    content, _ = ranks(reads["content_hash"])
    key = (meter_point * max(1, len(channel_names)) + channel) * DAY_SPAN + day
    groups, winners, _ = settlement.group_winners(key[fit], sent[fit], content[fit], reads["line_number"].to_numpy()[fit])
    register, _ = to_micros(reads["register_unscaled"])
    rates, _ = ranks(pc.fill_null(reads[_RATES], ""))
    winner_of = fit[winners[groups]]
    verdicts[fit] = settlement.settle(groups, winners, (register[fit] == register[winner_of]) & (rates[fit] == rates[winner_of]), sent[fit])
    faults[fit[verdicts[fit] == settlement.QUARANTINED]] = _CONFLICTING

    kept = np.flatnonzero(verdicts == settlement.KEPT)
    others = np.flatnonzero(verdicts != settlement.KEPT)
    derived = derive_reads(reads.take(pa.array(kept)), meters, settings)
    verdict = pc.if_else(pc.is_valid(derived["reason_code"]), Verdict.QUARANTINED.value, Verdict.KEPT.value)
    unsettled = _unsettled(reads.take(pa.array(others)), faults[others], verdicts[others])
    return pa.concat_tables([derived.append_column("verdict", verdict).cast(READS_SCHEMA), unsettled])


@dataclass(frozen=True)
class ReadsOutcome:
    """The same three results as Arrow tables: columns as in RefinedReads, rows in a fixed order."""

    energy: pa.Table
    accounts: pa.Table
    quarantine: pa.Table


def refine_read_rows(bronze: pa.Table, meter_points: pa.Table, settings: VeeSettings, today: date) -> ReadsOutcome:
    """For a worker that reads and writes files itself: all received reads of a set of meter points, without the JVM.

    bronze        Columns of bronze_register_reads (run columns may lack), the whole history of these meter points, in any order.
    meter_points  silver_meter_points, of these meter points at least.
    """
    rates = bronze["rate_registers_unscaled"].combine_chunks()
    rates = rates if isinstance(rates, pa.Array) else pa.array([], bronze.schema.field("rate_registers_unscaled").type)
    reads = bronze.select(list(_READ_COLUMNS)).append_column(_RATES, pc.binary_join(rates.cast(pa.list_(pa.string())), ","))
    judged = refine_reads(reads, meter_points, settings, today)
    held = judged.filter(pc.is_valid(judged["reason_code"])).sort_by([("content_hash", "ascending"), ("line_number", "ascending")])
    shown = [pc.fill_null(held[name].cast(pa.string()), "") for name in ("meter_point_id", "channel_code", "energy_date", "end_register_unscaled")]
    made = {
        "table_name": pa.array([BronzeRegisterReads.name] * held.num_rows, pa.string()),
        "raw_record": pc.binary_join_element_wise(*shown, ","),
        "stage": pa.array([STAGE] * held.num_rows, pa.string()),
    }
    content, hashes = ranks(judged["content_hash"])
    verdict = pc.index_in(judged["verdict"], value_set=pa.array([verdict.value for verdict in VERDICTS])).to_numpy().astype(np.int8)
    kept = judged.filter(pc.equal(judged["verdict"], Verdict.KEPT.value)).select(ENERGY_SCHEMA.names)
    return ReadsOutcome(
        energy=kept.cast(ENERGY_SCHEMA).combine_chunks(),
        accounts=settlement.count_verdicts(content, hashes, verdict, BronzeRegisterReads.name),
        quarantine=pa.table({name: made[name] if name in made else held[name] for name in QUARANTINE_SCHEMA.names}).cast(QUARANTINE_SCHEMA),
    )


def _faults(reads: pa.Table, today: date) -> NDArray[np.int8]:
    """0 where a read is fit, else 1 + place in the list of faults."""
    keys = [reads[name] for name in ("meter_point_id", "channel_code", "read_date")]
    register, present = to_micros(reads["register_unscaled"])
    day = pc.fill_null(reads["read_date"].cast(pa.int32()), 0).to_numpy().astype(np.int64)
    found = (
        np.logical_or.reduce([_bools(pc.is_null(key)) for key in keys]),
        ~_bools(pc.is_in(reads["channel_code"], value_set=pa.array([channel.value for channel in Channel]))),
        ~present,
        register < 0,
        future_dated(day, (today - EPOCH).days),
    )
    faults = np.zeros(reads.num_rows, dtype=np.int8)
    for place, unfit in reversed(list(enumerate(found))):
        faults[unfit] = place + 1
    return faults


def _sent(reads: pa.Table) -> IntArray:
    micros = reads["sent_at_utc"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return np.asarray(pc.fill_null(micros, NO_TIME).to_numpy())


def _bools(column: pa.ChunkedArray) -> BoolArray:
    return np.asarray(column.to_numpy(), dtype=np.bool_)


def _unsettled(reads: pa.Table, faults: NDArray[np.int8], verdicts: NDArray[np.int8]) -> pa.Table:
    """Reads that do not stand, in the columns of those that do."""
    fault = pa.array(faults.astype(np.int64) - 1, mask=faults == 0)
    reasons = {name: pa.array([str(row[part]) for row in _FAULTS]).take(fault) for part, name in enumerate(("reason_code", "column_name", "reason"))}
    columns = {
        **{name: reads[name] for name in ("meter_point_id", "channel_code", "content_hash", "line_number")},
        "energy_date": reads["read_date"],
        "end_register_unscaled": reads["register_unscaled"],
        "verdict": pa.array([verdict.value for verdict in VERDICTS]).take(pa.array(verdicts)),
        **reasons,
    }
    empty = {field.name: pa.nulls(reads.num_rows, field.type) for field in READS_SCHEMA if field.name not in columns}
    return pa.table({name: (columns | empty)[name] for name in READS_SCHEMA.names}).cast(READS_SCHEMA)
