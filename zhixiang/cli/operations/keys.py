"""``zhixiang key home``, ``restore`` and ``replace``: the keys with which a home signs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhixiang.cli.data.edits import keys
from zhixiang.cli.screen import JsonOption, say, show_json, show_rows

if TYPE_CHECKING:
    from pipelines.identity.known_keys import KnownKey

STATE_WORDS = {
    "in place": "在 in place",
    "lost": "丢失 lost",
    "replaced": "已更换 replaced",
    "unreadable": "不可读 unreadable",
}


@keys.command("home")
def home_keys(json: JsonOption = False) -> None:
    """The keys with which this home signs: which are in place, lost or replaced, and what each signs."""
    from pipelines.identity.keys import KeyRing
    from pipelines.settings import load_settings

    rows = KeyRing(load_settings().home).states()
    if json:
        show_json(rows)
        return
    columns = ("name", "key_id", "state", "first_day", "last_day", "signs")
    said = [{**row, "state": STATE_WORDS[row["state"]]} for row in rows]
    show_rows([{name: row[name] for name in columns} for row in said], title="keys of this home")


@keys.command("restore")
def restore_key(
    file: Annotated[Path, typer.Argument(help="The key's file out of a backup, such as NAME.pem.")],
    json: JsonOption = False,
) -> None:
    """Puts a lost private key or secret of this home back from a backup."""
    from pipelines.identity.keys import KeyRing
    from pipelines.settings import load_settings
    from pipelines.storage.home_lock import sole_writer

    home = load_settings().home
    with sole_writer(home):
        found = KeyRing(home).restore(file)
    _tell(found, f"密钥已恢复 {found.name} {found.key_id} is in place again.", json=json)


@keys.command("replace")
def replace_key(
    name: Annotated[str, typer.Argument(help="Which key, as `zhixiang key home` names it.")],
    json: JsonOption = False,
) -> None:
    """Makes a new key in place of one that is lost or must not be used any more; the old public half stays
    published, so that what it signed can still be confirmed.
    """
    from pipelines.identity.keys import KeyRing
    from pipelines.settings import load_settings
    from pipelines.storage.home_lock import sole_writer

    home = load_settings().home
    with sole_writer(home):
        found = KeyRing(home).replace(name)
    _tell(
        found,
        f"新密钥 {found.name} is now {found.key_id}; the next run signs with it, and publishes the old "
        "public half beside it: zhixiang run --month YYYY-MM --from deliver",
        json=json,
    )


def _tell(key: KnownKey, said: str, *, json: bool) -> None:
    if json:
        show_json(asdict(key))
    else:
        say(said)
