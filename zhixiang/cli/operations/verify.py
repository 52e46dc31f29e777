"""``zhixiang verify``: whether a delivery is what was signed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhixiang.cli.screen import JsonOption, say, show_json, show_rows

KIND_WORDS = {
    "altered": "已改 altered",
    "cut": "截短 cut",
    "missing": "缺失 missing",
    "added": "外来 added",
    "signature": "签名 signature",
}


def verify(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of a delivery, a copy of it too; default: out in the home folder."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="Public keys of the issuer: public_keys.json or a PEM file."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Checks a delivery: manifest, every file, bank files, codes, signatures; exit code 4 where anything
    differs.
    """
    from dataclasses import asdict

    from pipelines.errors import DisagreementError
    from pipelines.settings import default_home
    from zhixiang.delivery.verification import TRUST_WORDS, next_step, verify_folder

    home = default_home()
    found = verify_folder((folder or home / "out").absolute(), home, key)
    if json:
        show_json({**asdict(found), "is_whole": not found.found, "trust_words": TRUST_WORDS[found.trust]})
    else:
        say(f"{found.folder}")
        replaced = (
            f", 已于 {found.replaced_on} 更换 replaced on {found.replaced_on}" if found.replaced_on else ""
        )
        signed_by = f"{found.key_id}{replaced}" if found.key_id else "无 none that is trusted has signed it"
        say(f"密钥 key {signed_by}: {TRUST_WORDS[found.trust]}")
        counts = (
            f"{found.files:,} 个文件 files, {found.bank_files} 银行文件 bank files, {found.codes} 费码 codes"
        )
        say(f"{counts}; {', '.join(found.months)}; {found.run_id}")
        if not found.found:
            say("完整，与签名一致 whole, and as it was signed", colour="green")
        else:
            show_rows(
                [
                    {
                        "发现 finding": KIND_WORDS[each.kind],
                        "文件 file": each.name,
                        "说明": each.what,
                    }
                    for each in found.found
                ]
            )
    if found.found:
        raise DisagreementError(
            f"{len(found.found)} 处不符 differences from what was signed.",
            next_step(found),
        )
