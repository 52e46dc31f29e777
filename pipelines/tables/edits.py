"""Manual edits of load curves, each proposed by one person and approved by another."""

from __future__ import annotations

import pyarrow as pa

from pipelines.codes import Channel
from pipelines.tables.base import DATE, DOUBLE, INTEGER, STRING, TIMESTAMP, Field, Layer, Table
from pipelines.units import Unit


class BronzeManualEdits(Table):
    """Approved edits. What counts is the signed proposal; the columns beside it show the same to a reader and
    are compared with it.
    """

    name = "bronze_manual_edits"
    layer = Layer.BRONZE
    edit_id = Field(STRING, "First 16 hex digits of the SHA-256 of the proposal.", key=True)
    meter_point_id = Field(STRING, "Meter point.", nullable=False)
    channel_code = Field(STRING, "What is counted.", codes=Channel, nullable=False)
    curve_date = Field(DATE, "Local day.", nullable=False)
    interval_minutes = Field(INTEGER, "Length of an interval.", unit=Unit.MINUTES, nullable=False, minimum=1)
    first_slot = Field(INTEGER, "First interval, 0 beginning at midnight.", nullable=False, minimum=0)
    last_slot = Field(INTEGER, "Last interval, counted in.", nullable=False, minimum=0)
    check_id = Field(STRING, "The one check whose mark is taken back; empty where values are put in place.")
    values_kwh_or_kvarh = Field(
        pa.list_(DOUBLE), "Energy of each interval; empty where a check is accepted.", unit=Unit.KWH_OR_KVARH
    )
    edit_reason = Field(STRING, "Why, in the proposer's words.", nullable=False)
    proposed_by = Field(STRING, "Who proposed it.", nullable=False)
    approved_by = Field(STRING, "Who approved it, never the same person.", nullable=False)
    proposal = Field(STRING, "The proposal as it was signed: canonical JSON.", nullable=False)
    proposal_signature = Field(STRING, "The proposer's Ed25519 signature over it, hex.", nullable=False)
    approval_signature = Field(STRING, "The approver's over proposal and signature, hex.", nullable=False)
    approved_at_utc = Field(TIMESTAMP, "When it was approved.", run=True)
