"""Whether a delivered folder is what was signed: anywhere, without the home that wrote it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import LostKeyError, TamperedError, UsageError
from pipelines.identity.keys import DELIVERY_KEY, KeyRing
from pipelines.identity.known_keys import KnownKey
from pipelines.identity.public_keys import read_public_keys
from products.transfer_fee_code.code.signed_code import is_genuine
from zhixiang.delivery.folder import Deviation, deviations, entries_below
from zhixiang.delivery.manifest import (
    BESIDE_LIST,
    KEPT,
    LEDGER_PAGE,
    LEDGER_SIGNATURE,
    MANIFEST,
    SIGNATURE,
    is_newest,
    parsed_manifest,
    signed_manifest,
)

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
PUBLIC_KEYS = "public_keys.json"
CODE_KEYS = "codes/public_keys.json"
BANK_MANIFEST = ".manifest.json"
OTHER_ISSUER = "of another issuer? zhixiang verify FOLDER --key PUBLIC_KEYS"
TRUST_WORDS = {
    "given": "由 --key 给出 given with --key",
    "home": "本数据目录自己的记录 the record of this home",
    "known": "交付内公布，本数据目录认识 published in the delivery, and known to this home",
    "published": (
        "仅由交付自身公布：只证明完整，不证明来源；请另行核对公钥 published in the delivery itself: proves "
        "that it is whole, not whose it is; compare the key id with its issuer by another way"
    ),
}


@dataclass(frozen=True)
class Trust:
    """The keys that signatures are held to, and how they came to be trusted: a name of TRUST_WORDS."""

    keys: Sequence[KnownKey]
    how: str


@dataclass(frozen=True)
class Verification:
    """What was found in a delivered folder.

    key_id    The key that signed the manifest; none where no trusted one did. replaced_on: the day on which
              it was replaced, YYYY-MM-DD; empty where it signs today.
    trust     How that key is trusted, a name of TRUST_WORDS.
    files     Files that are listed; bank_files, codes: how many of them were held to their own signatures.
    found     What differs; empty where nothing does.
    """

    folder: Path
    key_id: str | None
    trust: str
    run_id: str
    months: tuple[str, ...]
    files: int
    bank_files: int
    codes: int
    found: tuple[Deviation, ...]
    replaced_on: str = ""


def next_step(found: Verification) -> str:
    """What to do about a delivery that differs: the command for its newest month, where a manifest tells
    one.
    """
    # Somebody may have written the manifest: what is no month stays out of a command.
    known = [month for month in found.months if _MONTH.fullmatch(month)]
    return (
        "In the home that wrote it, the next delivery writes it anew: zhixiang run --month "
        f"{max(known, default='YYYY-MM')} --from deliver; elsewhere ask the issuer for it again."
    )


def verify_folder(folder: Path, home: Path, key: Path | None = None) -> Verification:
    """Checks manifest, files, bank files, codes and published keys of a delivery.

    home  Home folder of whoever asks; where it has keys, it is they that are trusted. It need not exist.
    key   File of public keys to trust instead.
    Raises UsageError where there is no such folder, where it is no delivery, or where there is no key at all
    to hold it to.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is no folder.",
            "Name the folder of a delivery: zhixiang verify FOLDER; or deliver first: zhixiang run --month "
            "YYYY-MM",
        )
    is_own = folder.resolve() == (home / "out").resolve()
    _require_delivery(folder, home if is_own else None)
    trust, found = _trusted(folder, home, key, is_own=is_own)
    listed, signed_by, wrong = _manifest(folder, home, trust.keys, is_own=is_own)
    found += wrong
    if listed is not None:
        # Sizes and counts only tell where they are of a manifest that nobody altered.
        sizes = {
            name: size for name, size in dict(listed.get("bytes") or {}).items() if isinstance(size, int)
        }
        found += deviations(folder, listed["files"], sizes, BESIDE_LIST)
    names = [name for name, is_file in entries_below(folder).items() if is_file]
    bank = [name for name in names if name.endswith(BANK_MANIFEST)]
    for name in bank:
        found += _bank_file(folder, name, trust.keys)
    codes, wrong = _codes(folder, names)
    found += wrong + _ledger_page(folder, trust.keys)
    listed = listed or {}
    return Verification(
        folder,
        signed_by.key_id if signed_by else None,
        trust.how,
        str(listed.get("run_id", "")),
        tuple(map(str, listed.get("months", ()))),
        len(listed.get("files", ())),
        len(bank),
        codes,
        tuple(sorted(set(found), key=lambda each: (each.name, each.kind, each.what))),
        signed_by.last_day if signed_by else "",
    )


def _require_delivery(folder: Path, home: Path | None) -> None:
    """Raises UsageError for a folder with nothing of a delivery in it.

    home  Whose own folder of deliveries it is; where that has delivered before, what was in it is lost.
    """
    places = [folder / name for name in (MANIFEST, SIGNATURE, PUBLIC_KEYS)]
    if home is not None:
        places.append(home / KEPT / MANIFEST)
    if not any(place.exists() or place.is_symlink() for place in places):
        raise UsageError(
            f"{folder} 不是交付目录 is no delivery: it has no {MANIFEST}.",
            "Name the folder that a run delivered, or a whole copy of it: zhixiang verify FOLDER; without "
            "FOLDER it is out/ of the home.",
        )


def _trusted(folder: Path, home: Path, key: Path | None, *, is_own: bool) -> tuple[Trust, list[Deviation]]:
    """Which keys to hold signatures to; and what is wrong with those that the delivery publishes."""
    own: list[KnownKey] = []
    try:
        own = KeyRing(home).public_keys(DELIVERY_KEY)
    except (LostKeyError, TamperedError):
        own = []
    published: list[KnownKey] = []
    found: list[Deviation] = []
    try:
        published = [each for each in read_public_keys(folder / PUBLIC_KEYS) if each.name == DELIVERY_KEY]
    except UsageError:
        pass  # a delivery of 0.2 publishes none; one that lists it is told that it is missing
    except TamperedError as error:
        found.append(Deviation("altered", PUBLIC_KEYS, f"公钥不可读 {error.message}"))
    if key is not None:
        given = [each for each in read_public_keys(key) if each.name in ("", DELIVERY_KEY)]
        if not given:
            raise UsageError(f"{key} holds no key of deliveries.", "Give the issuer's public_keys.json.")
        return Trust(given, "given"), found
    by_id = {each.key_id: each for each in own}
    foreign = [each.key_id for each in published if each.key_id not in by_id]
    if own and foreign:
        # A copy must not talk this home out of its own keys by publishing another.
        what = f"非本目录的公钥 keys that this home never made: {', '.join(foreign)}; {OTHER_ISSUER}"
        found.append(Deviation("altered", PUBLIC_KEYS, what))
    if own and (is_own or foreign):
        return Trust(own, "home"), found
    if published and own:
        return Trust([by_id[each.key_id] for each in published], "known"), found
    if published:
        return Trust(published, "published"), found
    if own:
        return Trust(own, "home"), found
    if found:
        return Trust([], "published"), found
    raise UsageError(
        f"{folder} publishes no key, and this home has none: nothing to hold its signature to.",
        "Give the issuer's public keys: zhixiang verify FOLDER --key public_keys.json",
    )


def _manifest(
    folder: Path, home: Path, keys: Sequence[KnownKey], *, is_own: bool
) -> tuple[dict[str, Any] | None, KnownKey | None, list[Deviation]]:
    """The manifest to hold the files to, who signed it, and what is wrong with it. Where it was altered, the
    home's own copy is taken, else what it says.
    """
    kept = signed_manifest(home / KEPT, keys) if is_own else None
    found: list[Deviation] = []
    parts: dict[str, bytes] = {}
    for name in (MANIFEST, SIGNATURE):
        path = folder / name
        if path.is_symlink():
            found.append(Deviation("altered", name, "是链接 it is a link"))
        if path.is_file():
            parts[name] = path.read_bytes()
        else:
            found.append(Deviation("missing", name, "缺失 a delivery without it proves nothing"))
    if MANIFEST not in parts:
        return kept, None, found
    raw, signature = parts[MANIFEST], parts.get(SIGNATURE)
    signed_by = next((key for key in keys if signature and key.has_signed(raw, signature)), None)
    if signature is not None and signed_by is None:
        what = "签名为空 the signature is empty" if not signature else _unsigned(raw, keys)
        found.append(Deviation("signature", SIGNATURE, what))
    try:
        content = parsed_manifest(raw)
    except TamperedError:
        found.append(Deviation("altered", MANIFEST, "不是清单 it cannot be read as a manifest"))
        return kept, signed_by, found
    if content.get("count") != len(content["files"]):
        what = f"数目不符 count is {content.get('count')}, {len(content['files'])} files are listed"
        found.append(Deviation("altered", MANIFEST, what))
    if signed_by is not None and content.get("key_id") != signed_by.key_id:
        what = f"key_id 不符 it names the key {content.get('key_id')}, {signed_by.key_id} signed it"
        found.append(Deviation("altered", MANIFEST, what))
    if kept is not None and is_own and not is_newest(home):
        fields = [name for name in {**kept, **content} if kept.get(name) != content.get(name)]
        named = ", ".join(sorted(fields)) or "its bytes"
        what = f"不是最近一次交付的清单 not as delivered last; differs in: {named}"
        found.append(Deviation("altered", MANIFEST, what))
        return kept, signed_by, found
    return content, signed_by, found


def _unsigned(raw: bytes, keys: Sequence[KnownKey]) -> str:
    """Why a signature does not hold, as far as it can be told."""
    try:
        named = str(parsed_manifest(raw).get("key_id"))
    except TamperedError:
        named = ""
    if named and named not in {key.key_id for key in keys}:
        known = ", ".join(key.key_id for key in keys) or "none"
        return f"由另一把密钥签名 signed with the key {named[:40]}, trusted are: {known}"
    return "签名不符：清单或签名已改 the signature does not hold: the manifest or its signature was altered"


def _bank_file(folder: Path, name: str, keys: Sequence[KnownKey]) -> list[Deviation]:
    """What is wrong with one bank file: its manifest's signature, its hash, its rows."""
    signature_name = f"{name}.sig"
    raw = (folder / name).read_bytes()
    try:
        signature = (folder / signature_name).read_bytes()
    except OSError:
        return [Deviation("missing", signature_name, "银行文件的签名缺失 the bank file's signature")]
    if not any(key.has_signed(raw, signature) for key in keys):
        what = "银行文件签名为空 empty" if not signature else "银行文件签名不符 the bank file's does not hold"
        return [Deviation("signature", signature_name, what)]
    try:
        content: Mapping[str, Any] = json.loads(raw)
        file, sha, size, rows = (content[part] for part in ("file", "sha256", "bytes", "rows"))
        is_shaped = isinstance(file, str) and isinstance(size, int) and isinstance(rows, int)
    except (ValueError, KeyError, TypeError, RecursionError):
        is_shaped = False
    if not is_shaped:
        return [Deviation("altered", name, "不是银行文件清单 it is no manifest of a bank file")]
    shown = f"{name.rpartition('/')[0]}/{Path(file).name}".removeprefix("/")
    path = folder / shown
    if path.is_symlink() or not path.is_file():
        return [Deviation("missing", shown, "银行文件缺失 the bank file of its manifest")]
    listed = deviations(path.parent, {path.name: str(sha)}, {path.name: size})
    found = [Deviation(each.kind, shown, each.what) for each in listed if each.name == path.name]
    counted = sum(1 for _ in csv.reader(io.StringIO(path.read_text(encoding="utf-8", errors="replace")))) - 1
    if counted != rows:
        what = f"行数不符 {counted:,} rows, {rows:,} in its manifest"
        found.append(Deviation("altered", shown, what))
    return found


def _codes(folder: Path, names: Sequence[str]) -> tuple[int, list[Deviation]]:
    """How many codes were held to the published keys, and what is wrong with them."""
    codes = [name for name in names if name.startswith("codes/") and name.endswith(".txt")]
    if not codes and not (folder / CODE_KEYS).exists():
        return 0, []
    try:
        keys = {key.key_id: key.public_key for key in read_public_keys(folder / CODE_KEYS)}
    except UsageError:
        return 0, [Deviation("missing", CODE_KEYS, "费码公钥缺失 the codes' public keys")]
    except TamperedError as error:
        return 0, [Deviation("altered", CODE_KEYS, f"费码公钥不可读 {error.message}")]
    found = []
    for name in codes:
        text = (folder / name).read_bytes().decode("ascii", errors="replace").rstrip("\r\n")
        if not is_genuine(text, keys):
            found.append(Deviation("signature", name, "费码签名不符 no published key has signed this code"))
    return len(codes), found


def _ledger_page(folder: Path, keys: Sequence[KnownKey]) -> list[Deviation]:
    """The ledger's page has a signature of its own, because it changes with every run."""
    page, signature = folder / LEDGER_PAGE, folder / LEDGER_SIGNATURE
    if not page.is_file() or page.is_symlink():
        return [Deviation("missing", LEDGER_PAGE, "运行台账缺失 the ledger's page")]
    if not signature.is_file():
        return [Deviation("missing", LEDGER_SIGNATURE, "运行台账的签名缺失 the ledger page's signature")]
    if any(key.has_signed(page.read_bytes(), signature.read_bytes()) for key in keys):
        return []
    return [Deviation("signature", LEDGER_PAGE, "运行台账签名不符 the ledger page's signature does not hold")]
