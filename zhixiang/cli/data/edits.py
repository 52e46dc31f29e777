"""``zhixiang edit`` and ``zhixiang key``: manual edits of load curves by two people, each with a key of their
own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.periods import DAY_MINUTES
from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.screen import JsonOption, say, show_json, show_rows

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Manual edits of load curves: proposed by one person, approved by another.",
    no_args_is_help=True,
)
keys = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Keys of the people who sign edits, and of this home.",
    no_args_is_help=True,
)

KeyOption = Annotated[
    Path, typer.Option("--key", help="File with your own private key, from `zhixiang key new`.")
]
_VALUES = ["values_kwh_or_kvarh", "measured_kwh_or_kvarh", "final_kwh_or_kvarh"]
_SHOWN = [
    "edit_id",
    "meter_point_id",
    "curve_date",
    "begins",
    "ends",
    "check_id",
    *_VALUES,
    "edit_reason",
    "proposed_by",
    "state",
]


@keys.command("new")
def new_key(
    name: Annotated[str, typer.Argument(help="Who signs with it.")],
    out: Annotated[
        Path, typer.Option("--out", help="File for the private key; keep it where only this person reads.")
    ],
    json: JsonOption = False,
) -> None:
    """Makes a key pair for a person; the home keeps the public half under the name."""
    from pipelines.identity.people import People
    from pipelines.settings import load_settings

    key_id = People(load_settings().home).add(name, out)
    if json:
        show_json({"name": name, "key_id": key_id, "file": str(out)})
    else:
        say(f"{name}: key {key_id}; the private half is in {out}, readable by you alone")


@keys.command("list")
def list_keys(json: JsonOption = False) -> None:
    """The people whose keys this home knows."""
    from pipelines.identity.keys import key_id
    from pipelines.identity.people import People
    from pipelines.settings import load_settings

    rows = [
        {"name": name, "key_id": key_id(public)}
        for name, public in People(load_settings().home).public_keys().items()
    ]
    show_json(rows) if json else show_rows(rows, title="people")


@app.command("propose")
def propose(
    meter_point_id: Annotated[str, typer.Argument(help="Meter point, for example MP-STEEL-0001.")],
    day: Annotated[str, typer.Argument(help="Local day, YYYY-MM-DD.")],
    begins: Annotated[str, typer.Option("--from", help="Begin of the first interval, HH:MM.")],
    ends: Annotated[
        str, typer.Option("--to", help="End of the last interval, HH:MM; 24:00 is the end of the day.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is signed and kept.")],
    key: KeyOption,
    accept: Annotated[
        str | None,
        typer.Option(
            "--accept", help="Check whose mark is taken back, for example VEE-V06; no other check's."
        ),
    ] = None,
    kwh: Annotated[
        str | None, typer.Option("--kwh", help="Energy of each interval, kWh or kvarh, with commas between.")
    ] = None,
    channel: Annotated[str, typer.Option(help="What is counted.")] = "active_forward",
    json: JsonOption = False,
) -> None:
    """Proposes an edit; nothing changes until another person approves it."""
    from pipelines.identity.people import People
    from pipelines.ingest.manual_edits import Wish
    from pipelines.ingest.manual_edits import propose as propose_edit
    from pipelines.periods import utc_now
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.cli.data.facts import parse_day

    settings = load_settings()
    values = None if kwh is None else [_number(part) for part in kwh.split(",")]
    wish = Wish(
        meter_point_id,
        channel,
        parse_day(day, "the day"),
        _minute(begins, "--from"),
        _minute(ends, "--to"),
        accept,
        values,
        reason,
    )
    proposal = propose_edit(Store(settings), wish, People(settings.home).signer(key), utc_now())
    if json:
        show_json(proposal)
    else:
        say(
            f"proposed edit {proposal['edit_id']}; another person approves it with: zhixiang edit approve "
            f"{proposal['edit_id']} --key FILE"
        )


@app.command("approve")
def approve(
    edit_id: Annotated[str, typer.Argument(help="Edit, as propose and list show it.")],
    key: KeyOption,
    json: JsonOption = False,
) -> None:
    """Approves another person's edit; the next run takes it on."""
    from pipelines.identity.people import People
    from pipelines.ingest.manual_edits import approve as approve_edit
    from pipelines.ingest.manual_edits import values_beside
    from pipelines.periods import utc_now
    from pipelines.settings import load_settings
    from pipelines.storage.home_lock import sole_writer
    from pipelines.storage.store import Store
    from zhixiang.chain import adopt_declarations

    settings = load_settings()
    signer = People(settings.home).signer(key)
    with sole_writer(settings.home):
        adopt_declarations(settings)
        row = approve_edit(Store(settings), edit_id, signer, utc_now())
        seen = values_beside(Store(settings), row)
    if json:
        show_json({**row, **seen})
    else:
        signed = (
            f"takes back {row['check_id']}"
            if row["check_id"]
            else f"puts {_in_short(row['values_kwh_or_kvarh'])} in place"
        )
        say(
            f"{row['meter_point_id']} {row['curve_date']} {seen['begins']}-{seen['ends']}: {signed} of "
            f"measured {_in_short(seen['measured_kwh_or_kvarh'])}"
        )
        say(
            f"approved edit {edit_id}; `zhixiang run --month {row['curve_date']:%Y-%m} --from silver` takes "
            "it on"
        )


@app.command("list")
def list_edits(json: JsonOption = False) -> None:
    """Proposed and approved edits: when, what was measured, what stands now, and what is to be put in
    place.
    """
    from pipelines.ingest.manual_edits import pending, values_beside
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from pipelines.tables.base import rows_of_table
    from pipelines.tables.edits import BronzeManualEdits
    from pipelines.tables.rows.bronze import BronzeManualEditsRow

    store = Store(load_settings())
    # Nobody should sign what they cannot see: the values proposed stand beside those measured and those in
    # place.
    rows: list[dict[str, Any]] = [
        {**waiting, "state": "proposed", **values_beside(store, waiting)} for waiting in pending(store)
    ]
    rows += [
        {**edit, "state": f"approved by {edit['approved_by']}", **values_beside(store, edit)}
        for edit in rows_of_table(store.arrow(BronzeManualEdits), BronzeManualEditsRow)
    ]
    rows.sort(key=lambda row: str(row["edit_id"]))
    if json:
        show_json(rows)
    else:
        show_rows(
            [row | {name: _in_short(row[name]) for name in _VALUES} for row in rows],
            _SHOWN,
            title="edits, values in kWh or kvarh",
        )


def _in_short(values: list[float | None] | None) -> str | None:
    return (
        None if values is None else ", ".join("none" if value is None else f"{value:g}" for value in values)
    )


def _minute(text: str, option: str) -> int:
    from pipelines.errors import UsageError

    hour, _, minute = text.partition(":")
    if not (
        hour.isdigit()
        and minute.isdigit()
        and len(minute) == 2
        and int(minute) < 60
        and int(hour) * 60 + int(minute) <= DAY_MINUTES
    ):
        raise UsageError(f"{option} {text} is no time of day.", "Write it as HH:MM, 00:00 to 24:00.")
    return int(hour) * 60 + int(minute)


def _number(text: str) -> float:
    from pipelines.errors import UsageError

    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--kwh: {text!r} is no number.", "Such as --kwh 1.25,1.30") from None
