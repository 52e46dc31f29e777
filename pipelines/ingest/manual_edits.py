"""Manual edits: proposed with reason and signature, approved by another person, verified each time they are
applied.

A proposal waits as a file in ``edits/`` of the home. Approval puts it into bronze_manual_edits, from where
the step of the curves takes
it; a row whose signatures or columns do not hold stops that step, so that no forged edit ever reaches a bill.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import pyarrow as pa

from pipelines.errors import TamperedError, UnknownNameError, UsageError
from pipelines.identity.keys import SigningKey, key_id
from pipelines.identity.people import People
from pipelines.periods import DAY_MINUTES
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.base import rows_of_table
from pipelines.tables.edits import BronzeManualEdits
from pipelines.tables.rows.bronze import BronzeManualEditsRow
from pipelines.tables.rows.silver import SilverDayCurvesRow, SilverMeterPointsRow
from pipelines.tables.silver import SilverDayCurves, SilverMeterPoints
from pipelines.transforms.ground.in_force import histories, row_on
from pipelines.vee.editing.edit import ACCEPTABLE, Edit
from pipelines.vee.settings import VeeSettings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_SHOWN = (
    "meter_point_id",
    "channel_code",
    "curve_date",
    "interval_minutes",
    "first_slot",
    "last_slot",
    "check_id",
    "values_kwh_or_kvarh",
    "edit_reason",
)


@dataclass(frozen=True)
class Wish:
    """What somebody wants to change; see ``Edit``. Exactly one of ``check_id`` and ``values`` is given."""

    meter_point_id: str
    channel_code: str
    day: date
    begins_minute: int
    ends_minute: int
    check_id: str | None
    values: Sequence[float] | None
    reason: str


class Proposal(TypedDict):
    """What is signed of an edit: columns of its row, dates as ISO texts. [kWh or kvarh]"""

    meter_point_id: str
    channel_code: str
    curve_date: str
    interval_minutes: int
    first_slot: int
    last_slot: int
    check_id: str | None
    values_kwh_or_kvarh: list[float] | None
    edit_reason: str
    proposed_by: str
    proposed_at_utc: str


class NamedProposal(Proposal):
    """A proposal with the id that its text makes."""

    edit_id: str


class Seen(TypedDict):
    """What an approver has to see of an edit: its time of day, and the values of its intervals."""

    begins: str
    ends: str
    measured_kwh_or_kvarh: list[float | None]
    final_kwh_or_kvarh: list[float | None]


def propose(store: Store, wish: Wish, signer: SigningKey, now: datetime) -> NamedProposal:
    """Checks a wish against the curve, signs it and keeps it until somebody else approves it; returns the
    proposal with its ``edit_id``.

    Raises UsageError or UnknownNameError where the wish cannot be met.
    """
    row = _curve_row(store, wish.meter_point_id, wish.channel_code, wish.day)
    minutes = int(row["interval_minutes"])
    if (
        not 0 <= wish.begins_minute < wish.ends_minute <= DAY_MINUTES
        or wish.begins_minute % minutes
        or wish.ends_minute % minutes
    ):
        raise UsageError(
            f"The intervals of this curve are {minutes} minutes long; from and to must lie on their borders.",
            "Such as 10:00 to 10:30.",
        )
    first, last = wish.begins_minute // minutes, wish.ends_minute // minutes - 1
    _require_possible(wish, row["failed_check_bits"][first : last + 1])
    _require_carried(store, wish, minutes)
    proposal: Proposal = {
        "meter_point_id": wish.meter_point_id,
        "channel_code": wish.channel_code,
        "curve_date": wish.day.isoformat(),
        "interval_minutes": minutes,
        "first_slot": first,
        "last_slot": last,
        "check_id": wish.check_id,
        "values_kwh_or_kvarh": None if wish.values is None else list(wish.values),
        "edit_reason": wish.reason.strip(),
        "proposed_by": signer.name,
        "proposed_at_utc": now.isoformat(),
    }
    text = json.dumps(proposal, sort_keys=True, ensure_ascii=False)
    edit_id = hashlib.sha256(text.encode()).hexdigest()[:16]
    kept = {"proposal": text, "proposal_signature": signer.sign(text.encode()).hex()}
    path = _folder(store) / f"{edit_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
    return {"edit_id": edit_id, **proposal}


def _require_possible(wish: Wish, failed_bits: Sequence[int]) -> None:
    """Raises UsageError or UnknownNameError where the curve's intervals, each with the bits of the checks it
    failed, cannot be edited so.
    """
    if not wish.reason.strip():
        raise UsageError("An edit needs a reason.", "Give it with --reason.")
    if (wish.check_id is None) == (wish.values is None):
        raise UsageError(
            "An edit either accepts one check or puts values in place.", "Give --accept or --kwh, not both."
        )
    if wish.check_id is not None and wish.check_id not in ACCEPTABLE:
        raise UnknownNameError(
            "check that can be accepted", wish.check_id, sorted(ACCEPTABLE), is_public=True
        )
    if wish.check_id is not None and not any(bits >> ACCEPTABLE[wish.check_id] & 1 for bits in failed_bits):
        raise UsageError(
            f"{wish.check_id} did not fire on these intervals.",
            "See which checks did with `zhixiang table show silver_day_curves`.",
        )
    if wish.values is not None and len(wish.values) != len(failed_bits):
        raise UsageError(
            f"{len(wish.values)} values for {len(failed_bits)} intervals.",
            "Give one value for each interval, in kWh or kvarh.",
        )
    if wish.values is not None and any(not 0 <= value < float("inf") for value in wish.values):
        raise UsageError("Energy of an interval is 0 or more.", "Give what the meter should have counted.")


def _require_carried(store: Store, wish: Wish, minutes: int) -> None:
    """Raises UsageError for values that the meter point's capacity cannot carry, by the limit of the
    over-capacity check.
    """
    rows = store.arrow(
        SilverMeterPoints,
        ["meter_point_id", "valid_from_date", "capacity_kva"],
        [("meter_point_id", "==", wish.meter_point_id)],
    )
    by_point = histories(rows_of_table(rows, SilverMeterPointsRow), lambda row: row["meter_point_id"])
    in_force = row_on(by_point.get(wish.meter_point_id, []), wish.day)
    if wish.values is None or in_force is None or in_force["capacity_kva"] is None:
        return
    most = store.settings.section(VeeSettings).capacity.over_factor * in_force["capacity_kva"] * minutes / 60
    if max(wish.values) > most:
        raise UsageError(
            (
                f"{max(wish.values):g} in {minutes} minutes is more than the {in_force['capacity_kva']:g} "
                f"kVA of {wish.meter_point_id} carry ({most:g})."
            ),
            (
                "Values are kWh or kvarh of the interval, after the multiplier; correct the capacity first "
                "where that is wrong."
            ),
        )


def values_beside(store: Store, proposal: Proposal | BronzeManualEditsRow) -> Seen:
    """What an approver has to see of an edit: its time of day, and what was measured and stands now in its
    intervals. [kWh or kvarh]
    """
    minutes, slots = proposal["interval_minutes"], slice(proposal["first_slot"], proposal["last_slot"] + 1)
    begins, ends = proposal["first_slot"] * minutes, (proposal["last_slot"] + 1) * minutes
    told = proposal["curve_date"]
    day = told if isinstance(told, date) else date.fromisoformat(told)
    row = _curve_row(store, proposal["meter_point_id"], proposal["channel_code"], day)
    return {
        "begins": f"{begins // 60:02d}:{begins % 60:02d}",
        "ends": f"{ends // 60:02d}:{ends % 60:02d}",
        "measured_kwh_or_kvarh": row["measured_kwh_or_kvarh"][slots],
        "final_kwh_or_kvarh": row["final_kwh_or_kvarh"][slots],
    }


def approve(store: Store, edit_id: str, signer: SigningKey, now: datetime) -> BronzeManualEditsRow:
    """Verifies a proposal, signs it as another person and puts it into the table; returns its row.

    Raises UsageError for the proposer's own key and an edit that is approved already, TamperedError where the
    proposal is not what was signed.
    """
    path = _folder(store) / f"{edit_id}.json"
    if not path.is_file():
        raise UnknownNameError(
            "proposed edit",
            edit_id,
            [each["edit_id"] for each in pending(store)],
            "`zhixiang edit list` names them.",
        )
    kept = json.loads(path.read_text(encoding="utf-8"))
    people = People(store.settings.home).public_keys()
    proposal = _signed_proposal(edit_id, kept["proposal"], kept["proposal_signature"], people)
    if key_id(people[proposal["proposed_by"]]) == signer.key_id:
        raise UsageError(
            f"{signer.name} proposed this edit.", "Another person approves it, with their own key."
        )
    row = _row(edit_id, proposal, kept, signer, now)
    files = write_files(
        pa.Table.from_pylist([row], BronzeManualEdits.arrow_schema()),
        BronzeManualEdits,
        store.path(BronzeManualEdits),
    )
    if commit_files(store, BronzeManualEdits, files, f"edit:{edit_id}", 1, overwrite=False) is None:
        raise UsageError(f"Edit {edit_id} is approved already.")
    path.unlink()
    return row


def pending(store: Store) -> list[NamedProposal]:
    """Proposals that wait for approval, by id."""
    found: list[NamedProposal] = []
    for path in sorted(_folder(store).glob("*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        proposal: Proposal = json.loads(kept["proposal"])
        found.append({"edit_id": path.stem, **proposal})
    return found


def verified_edits(
    rows: Sequence[BronzeManualEditsRow], people: Mapping[str, Ed25519PublicKey]
) -> tuple[Edit, ...]:
    """The edits of bronze_manual_edits in the order of approval; raises TamperedError where a signature or a
    column does not hold.
    """
    found = []
    for row in sorted(rows, key=lambda row: (row["approved_at_utc"], row["edit_id"])):
        proposal = _signed_proposal(row["edit_id"], row["proposal"], row["proposal_signature"], people)
        _require(
            row["approved_by"] in people, row["edit_id"], f"nobody knows the key of {row['approved_by']}"
        )
        signed = _approval(row["proposal"], row["proposal_signature"], row["approved_by"])
        _require(
            _holds(people[row["approved_by"]], row["approval_signature"], signed),
            row["edit_id"],
            "the approver's signature does not hold",
        )
        same = key_id(people[row["approved_by"]]) == key_id(people[proposal["proposed_by"]])
        _require(not same, row["edit_id"], "one person proposed and approved it")
        shown: Mapping[str, object] = {**row, "curve_date": row["curve_date"].isoformat()}
        signed_of: Mapping[str, object] = proposal
        _require(
            all(shown[name] == signed_of[name] for name in _SHOWN),
            row["edit_id"],
            "its columns are not what was signed",
        )
        values = proposal["values_kwh_or_kvarh"]
        found.append(
            Edit(
                row["edit_id"],
                proposal["meter_point_id"],
                proposal["channel_code"],
                date.fromisoformat(proposal["curve_date"]),
                proposal["interval_minutes"],
                proposal["first_slot"],
                proposal["last_slot"],
                proposal["check_id"],
                None if values is None else tuple(values),
            )
        )
    return tuple(found)


def _curve_row(store: Store, meter_point: str, channel: str, day: date) -> SilverDayCurvesRow:
    wanted = [
        (SilverDayCurves.partition_column(), "==", f"{day:%Y-%m}"),
        ("meter_point_id", "==", meter_point),
        ("channel_code", "==", channel),
        ("curve_date", "==", day),
    ]
    columns = ["interval_minutes", "failed_check_bits", "measured_kwh_or_kvarh", "final_kwh_or_kvarh"]
    rows = rows_of_table(store.arrow(SilverDayCurves, columns, wanted), SilverDayCurvesRow)
    if not rows:
        raise UsageError(
            f"{meter_point} has no curve of {channel} on {day}.",
            "See `zhixiang table show silver_day_curves` for what there is.",
        )
    return rows[0]


def _row(
    edit_id: str, proposal: Proposal, kept: Mapping[str, str], signer: SigningKey, now: datetime
) -> BronzeManualEditsRow:
    signed = _approval(kept["proposal"], kept["proposal_signature"], signer.name)
    values = proposal["values_kwh_or_kvarh"]
    return {
        "meter_point_id": proposal["meter_point_id"],
        "channel_code": proposal["channel_code"],
        "curve_date": date.fromisoformat(proposal["curve_date"]),
        "interval_minutes": proposal["interval_minutes"],
        "first_slot": proposal["first_slot"],
        "last_slot": proposal["last_slot"],
        "check_id": proposal["check_id"],
        "values_kwh_or_kvarh": None if values is None else [*values],
        "edit_reason": proposal["edit_reason"],
        "edit_id": edit_id,
        "proposed_by": proposal["proposed_by"],
        "approved_by": signer.name,
        "proposal": kept["proposal"],
        "proposal_signature": kept["proposal_signature"],
        "approval_signature": signer.sign(signed).hex(),
        "approved_at_utc": now,
    }


def _signed_proposal(
    edit_id: str, text: str, signature: str, people: Mapping[str, Ed25519PublicKey]
) -> Proposal:
    _require(
        hashlib.sha256(text.encode()).hexdigest()[:16] == edit_id,
        edit_id,
        "its proposal is not the one that the id was made of",
    )
    proposal: Proposal = json.loads(text)
    _require(proposal["proposed_by"] in people, edit_id, f"nobody knows the key of {proposal['proposed_by']}")
    _require(
        _holds(people[proposal["proposed_by"]], signature, text.encode()),
        edit_id,
        "the proposer's signature does not hold",
    )
    return proposal


def _approval(proposal: str, signature: str, approver: str) -> bytes:
    return json.dumps([proposal, signature, approver], ensure_ascii=False).encode()


def _holds(public: Ed25519PublicKey, signature: str, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        public.verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _require(holds: bool, edit_id: str, what: str) -> None:
    if not holds:
        raise TamperedError(
            f"Manual edit {edit_id}: {what}.",
            "Restore bronze_manual_edits or edits/ from a backup; nothing is computed with it meanwhile.",
        )


def _folder(store: Store) -> Path:
    return store.settings.home / "edits"
