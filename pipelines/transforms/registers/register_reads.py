"""Received register reads to settled energy: one pass over the reads of a set of meter points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, Int8Array, IntArray
from pipelines.codes import Channel, RejectReason
from pipelines.periods import EPOCH
from pipelines.tables.bronze import BronzeRegisterReads
from pipelines.tables.identifiers import EXPECTED, breaks_rule
from pipelines.transforms.ground.keyed_rows import ranks
from pipelines.transforms.ground.local_days import DAY_SPAN
from pipelines.transforms.ground.micros import to_micros
from pipelines.transforms.received import precedence
from pipelines.transforms.received.precedence import NO_TIME, QUARANTINE_SCHEMA, VERDICTS, Verdict
from pipelines.transforms.registers.register_energy import DERIVED_SCHEMA, ENERGY_SCHEMA, STAGE, derive_reads
from pipelines.transforms.registers.register_findings import find_in_reads
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.checks import future_dated

READS_SCHEMA = pa.schema([*DERIVED_SCHEMA, pa.field("verdict", pa.string())])

_READ_COLUMNS = (
    "meter_point_id",
    "channel_code",
    "read_date",
    "register_unscaled",
    "rate_registers_unscaled",
    "content_hash",
    "line_number",
    "sent_at_utc",
)
_RATES = "rate_registers"

_FAULTS = (
    (RejectReason.MISSING_KEY, "meter_point_id", "Meter point, channel and day must not be empty."),
    (RejectReason.BAD_ID, "meter_point_id", f"Expected {EXPECTED}."),
    (RejectReason.BAD_CODE, "channel_code", "The channel is not in the closed list."),
    (RejectReason.MISSING_VALUE, "register_unscaled", "A value is needed here."),
    (RejectReason.OUT_OF_RANGE, "register_unscaled", "Below 0."),
    (RejectReason.FUTURE_DATED, "read_date", "The local day lies after the day of the run."),
    (
        RejectReason.CONFLICTING_VALUES,
        "register_unscaled",
        "Other records for this day differ and none carries a sender's time.",
    ),
)
_CONFLICTING = len(_FAULTS)


def refine_reads(reads: pa.Table, meters: pa.Table, settings: VeeSettings, today: date) -> pa.Table:
    """Every read once with its ``verdict``, those that stand with their energy; the rules are those of
    ``settlement`` and ``derive_reads``.
    """
    reads = reads.combine_chunks()
    faults, sent = _faults(reads, today), _sent(reads)
    verdicts = np.full(reads.num_rows, precedence.QUARANTINED, dtype=np.int8)
    fit = np.flatnonzero(faults == 0)
    meter_point, _ = ranks(pc.fill_null(reads["meter_point_id"], ""))
    channel, channel_names = ranks(pc.fill_null(reads["channel_code"], ""))
    day = pc.fill_null(reads["read_date"].cast(pa.int32()), 0).to_numpy().astype(np.int64)
    content, _ = ranks(reads["content_hash"])
    key = (meter_point * max(1, len(channel_names)) + channel) * DAY_SPAN + day
    groups, winners, _ = precedence.group_winners(
        key[fit], sent[fit], content[fit], reads["line_number"].to_numpy()[fit]
    )
    register, _ = to_micros(reads["register_unscaled"])
    rates, _ = ranks(pc.fill_null(reads[_RATES], ""))
    winner_of = fit[winners[groups]]
    verdicts[fit] = precedence.settle(
        groups, winners, (register[fit] == register[winner_of]) & (rates[fit] == rates[winner_of]), sent[fit]
    )
    faults[fit[verdicts[fit] == precedence.QUARANTINED]] = _CONFLICTING

    kept = np.flatnonzero(verdicts == precedence.KEPT)
    others = np.flatnonzero(verdicts != precedence.KEPT)
    derived = derive_reads(reads.take(pa.array(kept)), meters, settings)
    verdict = pc.if_else(pc.is_valid(derived["reason_code"]), Verdict.QUARANTINED.value, Verdict.KEPT.value)
    unsettled = _unsettled(reads.take(pa.array(others)), faults[others], verdicts[others])
    return pa.concat_tables([derived.append_column("verdict", verdict).cast(READS_SCHEMA), unsettled])


@dataclass(frozen=True)
class ReadsOutcome:
    """What became of received register reads, rows in a fixed order.

    energy      silver_register_energy without ``computed_run_id``.
    accounts    Records per file; a read that fell below the one before counts as quarantined.
    quarantine  silver_quarantine without ``source_file`` and ``run_id``, one row for each line.
    findings    silver_register_findings without ``computed_run_id``.
    """

    energy: pa.Table
    accounts: pa.Table
    quarantine: pa.Table
    findings: pa.Table


def refine_read_rows(
    bronze: pa.Table, meter_points: pa.Table, settings: VeeSettings, today: date
) -> ReadsOutcome:
    """Settles all received reads of a set of meter points and derives the energy between those that stand.

    bronze        Columns of bronze_register_reads (run columns may lack), the whole history of these meter
                  points, in any order.
    meter_points  silver_meter_points, of these meter points at least.
    settings      How far a rollover may advance.
    today         Local day on which this runs; later days are held back.
    """
    rates = bronze["rate_registers_unscaled"].combine_chunks()
    rates = (
        rates
        if isinstance(rates, pa.Array)
        else pa.array([], bronze.schema.field("rate_registers_unscaled").type)
    )
    reads = bronze.select(list(_READ_COLUMNS)).append_column(
        _RATES, pc.binary_join(rates.cast(pa.list_(pa.string())), ",")
    )
    judged = refine_reads(reads, meter_points, settings, today)
    held = judged.filter(pc.is_valid(judged["reason_code"])).sort_by(
        [(name, "ascending") for name in ("content_hash", "line_number", "channel_code")]
    )
    shown = [
        pc.fill_null(held[name].cast(pa.string()), "")
        for name in ("meter_point_id", "channel_code", "energy_date", "end_register_unscaled")
    ]
    made = {
        "table_name": pa.array([BronzeRegisterReads.name] * held.num_rows, pa.string()),
        "raw_record": pc.binary_join_element_wise(*shown, ","),
        "stage": pa.array([STAGE] * held.num_rows, pa.string()),
    }
    content, hashes = ranks(judged["content_hash"])
    verdict = (
        pc.index_in(judged["verdict"], value_set=pa.array([verdict.value for verdict in VERDICTS]))
        .to_numpy()
        .astype(np.int8)
    )
    kept = judged.filter(pc.equal(judged["verdict"], Verdict.KEPT.value)).select(ENERGY_SCHEMA.names)
    walked = judged.filter(pc.is_valid(judged["register_rule_code"]))
    return ReadsOutcome(
        energy=kept.cast(ENERGY_SCHEMA).combine_chunks(),
        accounts=precedence.count_verdicts(content, hashes, verdict, BronzeRegisterReads.name),
        quarantine=precedence.one_row_a_line(
            pa.table({name: made[name] if name in made else held[name] for name in QUARANTINE_SCHEMA.names})
        ),
        findings=find_in_reads(walked, bronze, settings),
    )


def _faults(reads: pa.Table, today: date) -> Int8Array:
    """0 where a read is fit, else 1 + place in the list of faults."""
    keys = [reads[name] for name in ("meter_point_id", "channel_code", "read_date")]
    register, present = to_micros(reads["register_unscaled"])
    day = pc.fill_null(reads["read_date"].cast(pa.int32()), 0).to_numpy().astype(np.int64)
    found = (
        np.logical_or.reduce([_bools(pc.is_null(key)) for key in keys]),
        _bools(breaks_rule(reads["meter_point_id"])),
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


def _unsettled(reads: pa.Table, faults: Int8Array, verdicts: Int8Array) -> pa.Table:
    """Reads that do not stand, in the columns of those that do."""
    fault = pa.array(faults.astype(np.int64) - 1, mask=faults == 0)
    reasons = {
        name: pa.array([str(row[part]) for row in _FAULTS]).take(fault)
        for part, name in enumerate(("reason_code", "column_name", "reason"))
    }
    columns = {
        **{name: reads[name] for name in ("meter_point_id", "channel_code", "content_hash", "line_number")},
        "energy_date": reads["read_date"],
        "end_register_unscaled": reads["register_unscaled"],
        "verdict": pa.array([verdict.value for verdict in VERDICTS]).take(pa.array(verdicts)),
        **reasons,
    }
    empty = {
        field.name: pa.nulls(reads.num_rows, field.type)
        for field in READS_SCHEMA
        if field.name not in columns
    }
    return pa.table({name: (columns | empty)[name] for name in READS_SCHEMA.names}).cast(READS_SCHEMA)
