"""``zhixiang code``: a fee code with the comparison behind it, and whether a code is genuine."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.products.bill_options import MonthOption, RevisionOption
from zhixiang.cli.products.issued_result import HIDDEN, issued_result, show_columns
from zhixiang.cli.screen import JsonOption, heading, say, show_json, show_record

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Transfer-supply fee codes 转供电费码.",
    no_args_is_help=True,
)
SupplierOption = Annotated[
    str | None,
    typer.Option("--supplier", help="Customer number of the supplier's master account 转供电主体户号."),
]
PREFIX = "ZX1:"
MOST_BYTES = 4_096
_AROUND = " \t\r\n\ufeff\u00a0\u3000"
"""What a clipboard or an editor puts around a code; within one it alters it."""
_MARKS = {
    "green": ("● 绿码 green", "green"),
    "yellow": ("▲ 黄码 yellow", "yellow"),
    "red": ("■ 红码 red", "red"),
    "grey": ("○ 灰码 grey", None),
}


@app.command("show")
def show(
    tenant_id: Annotated[str, typer.Argument(help="Tenant, for example SIM-TENANT-A-001.")],
    month: MonthOption,
    supplier: SupplierOption = None,
    revision: RevisionOption = None,
    json: JsonOption = False,
) -> None:
    """Colour, mark-up, and the comparison that they come from."""
    from products.transfer_fee_code.tables import TransferFeeCodeEvidenceV1, TransferFeeCodeV1

    found = issued_result(
        TransferFeeCodeV1,
        (TransferFeeCodeEvidenceV1,),
        tenant_id,
        month,
        revision,
        json=json,
        beside=supplier,
    )
    if found is None:
        return
    code = found["result"]
    mark, colour = _MARKS[code["colour_code"]]
    heading(
        f"转供电费码 {code['tenant_name']}  {tenant_id}  {month}  {mark}  修订 revision {code['revision']}  "
        f"({code['provenance']})",
        colour=colour,
    )
    hidden = HIDDEN | {"tenant_id", "tenant_name"}
    show_columns(code, hidden)
    (evidence,) = found["transfer_fee_code_evidence_v1"]
    show_columns(evidence, hidden | set(code), "依据 behind it")


@app.command("verify")
def verify(
    code: Annotated[
        str, typer.Argument(help="The code's text, or a file that holds it: the delivered .txt.")
    ],
    supplier: SupplierOption = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Tenant that shows the code 商户; needs --supplier.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(help="public_keys.json of the issuer; default: the delivery in the home folder."),
    ] = None,
    on: Annotated[
        str | None, typer.Option(help="Day to judge validity on, YYYY-MM-DD; default: today in China.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Whether a code is genuine and valid, without asking anybody; in the home that issued it also whose."""
    from dataclasses import asdict

    from pipelines.errors import UsageError
    from pipelines.identity.public_keys import read_public_keys
    from pipelines.periods import LOCAL_ZONE, utc_now
    from pipelines.settings import default_home
    from products.transfer_fee_code.code.signed_code import verify_code
    from products.transfer_fee_code.code.superseded import SUPERSEDED, superseded_in
    from zhixiang.cli.data.facts import parse_day

    path = keys or default_home() / "out" / "codes" / "public_keys.json"
    if not path.is_file():
        raise UsageError(
            f"{path} does not exist.",
            "Give the issuer's public keys with --keys, or deliver codes first: zhixiang demo",
        )
    known = {key.key_id: key for key in read_public_keys(path)}
    day = parse_day(on, "--on") if on else utc_now().astimezone(LOCAL_ZONE).date()
    beside = path.parent / SUPERSEDED
    verified = verify_code(
        _text_of(code),
        {name: key.public_key for name, key in known.items()},
        day,
        superseded_in(beside),
        _pseudonym(default_home(), tenant, supplier, known),
    )
    key = known[verified.payload.key_id]
    told: dict[str, Any] = asdict(verified)
    told["payload"] |= {"marks": sorted(verified.payload.marks)}
    # What was not asked is neither so nor otherwise.
    told |= {"tenant_id": tenant, "supplier_customer_id": supplier, "is_of_the_pair": tenant and True}
    told |= {"is_newest": True if beside.exists() else None}
    days = {"key_first_day": key.first_day, "key_last_day": key.last_day}
    if json:
        show_json({"genuine": True, **told, **days})
        return
    say("真码，有效 genuine and valid", colour="green")
    if tenant is None:
        say(
            "未核对是谁的码：在签发单位加 --supplier 户号 --tenant 商户。 "
            "Whose code it is was not asked: at the issuer's, add --supplier NUMBER --tenant TENANT."
        )
    if not beside.exists():
        say(
            f"旁边没有 {SUPERSEDED}，未核对此码是否已重新签发。 There is no {SUPERSEDED} beside the keys: "
            "whether the code was issued anew since was not asked."
        )
    said = _flat(told) | {"marks": ", ".join(sorted(verified.payload.marks))} | days
    show_record({name: value for name, value in said.items() if value != ""})


def _pseudonym(home: Path, tenant: str | None, supplier: str | None, public: Collection[str]) -> str | None:
    """What stands for a pair in its codes; None where none is asked for.

    public  Ids of the keys that the code is held against.
    Raises UsageError where half a pair is given, or where the home did not issue codes, or not those: it
    cannot tell.
    """
    from pipelines.errors import UsageError
    from pipelines.identity.keys import CODE_KEY, PSEUDONYM, KeyRing
    from products.transfer_fee_code.code.signed_code import tenant_pseudonym

    if tenant is None and supplier is None:
        return None
    if tenant is None or supplier is None:
        raise UsageError(
            "A code is of a tenant and its supplier together.", "Give both: --supplier NUMBER --tenant TENANT"
        )
    keys = KeyRing(home)
    if not keys.has(PSEUDONYM):
        raise UsageError(
            f"{home} issued no codes: it cannot tell whose a code is.",
            "Ask the issuer, or leave --supplier and --tenant out: the code's own signature is checked.",
        )
    if not {key.key_id for key in keys.public_keys(CODE_KEY)} & set(public):
        raise UsageError(
            f"The keys are not those of {home}: it cannot tell whose a code of another issuer is.",
            "Ask that issuer, or leave --supplier and --tenant out: the code's own signature is checked.",
        )
    return tenant_pseudonym(tenant, supplier, keys.secret(PSEUDONYM))


def _text_of(code: str) -> str:
    """The code's text as typed, or out of the file that it names.

    Raises UsageError for a file that cannot hold one, such as the picture.
    """
    from pipelines.errors import UsageError

    if code.strip(_AROUND).startswith(PREFIX):
        return code.strip(_AROUND)
    try:
        path = Path(code)
        if not path.exists():
            return code
        with path.open("rb") as handle:
            return handle.read(MOST_BYTES).decode("utf-8-sig").strip(_AROUND).encode("ascii").decode()
    except UnicodeError:
        raise UsageError(
            f"{code} holds no code as text.",
            "Give the .txt that is delivered beside the picture, or its text.",
        ) from None
    except (OSError, ValueError):
        # No name of a file, too long a one, or one that cannot be read: then it is a text.
        return code


def _flat(values: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= _flat(value) if isinstance(value, dict) else {name: value}
    return found
