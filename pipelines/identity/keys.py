"""Signing keys of a home: Ed25519, made once, mode 0600, known by the first characters of their public half's
hash. A key that a home made and has no more is an error; only a home that never had it makes one.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import LostKeyError, TamperedError, UnknownNameError, UsageError
from pipelines.file_modes import PRIVATE_FOLDER, make_folder
from pipelines.identity.key_files import (
    SECRET_BYTES,
    as_pem,
    new_private_key,
    raw_public,
    read_private,
    read_secret,
    way_on,
    write_private,
)
from pipelines.identity.known_keys import KeyRecord, KnownKey
from pipelines.periods import local_day, utc_now

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MODEL_KEY, DELIVERY_KEY, CODE_KEY, PSEUDONYM = (
    "model_signing",
    "delivery_signing",
    "fee_code_signing",
    "tenant_pseudonym",
)
# Steps run beside each other, and each may ask for a key that none has made yet; the record is read and
# written anew. Of processes one alone writes to a home.
_MAKING = threading.Lock()


@dataclass(frozen=True)
class Purpose:
    """What a key is for.

    signs     In words, for whoever has lost it.
    traces    Patterns below the home of files that only this key can have made.
    manifest  Which of what a delivered manifest tells only this key can have made: entries of ``files`` below
              ``codes/``, or ``models``. Issued rows tell nothing: they stand before the first key is made.
    """

    signs: str
    traces: tuple[str, ...]
    manifest: str = ""


PURPOSES: Mapping[str, Purpose] = {
    MODEL_KEY: Purpose("模型 the bundles of promoted models", ("models/*/*/manifest.sig",), "models"),
    DELIVERY_KEY: Purpose(
        "交付清单与银行文件 the manifests of deliveries and bank files",
        ("out/manifest.json.sig", "out/scores/bank/*.sig", "delivered/manifest.json.sig"),
    ),
    CODE_KEY: Purpose("转供电费码 every fee code issued", ("out/codes/*/*.txt",), "codes"),
    PSEUDONYM: Purpose("商户代号 the tenants' pseudonyms in fee codes", ("out/codes/*/*.txt",), "codes"),
}


@dataclass(frozen=True)
class SigningKey:
    """A named key pair."""

    name: str
    key_id: str
    private: Ed25519PrivateKey

    @property
    def public(self) -> Ed25519PublicKey:
        """The half that anyone may have."""
        return self.private.public_key()

    def sign(self, content: bytes) -> bytes:
        """A detached signature of 64 bytes."""
        return self.private.sign(content)


class KeyRing:
    """The keys in ``keys/`` of a home, and the record of those that it ever made."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / "keys"
        self._record = KeyRecord(home)

    def signing_key(self, name: str) -> SigningKey:
        """The key of that name; made where the home never had one.

        Raises LostKeyError where it had one, TamperedError where the file holds another or none.
        """
        path = self._path(name, ".pem")
        with _MAKING:
            if not path.exists():
                self._refuse_lost(name)
                make_folder(self.folder, PRIVATE_FOLDER)
                new_private_key(path)
            private = read_private(path, name)
            found = SigningKey(name, key_id(private.public_key()), private)
            self._hold_to_record(name, found.key_id, raw_public(found.public).hex(), path)
        return found

    def secret(self, name: str) -> bytes:
        """32 random bytes of that name, for pseudonyms; made where the home never had them, else as
        ``signing_key``.
        """
        path = self._path(name, ".bin")
        with _MAKING:
            if not path.exists():
                self._refuse_lost(name)
                make_folder(self.folder, PRIVATE_FOLDER)
                write_private(path, os.urandom(SECRET_BYTES))
            content = read_secret(path, name)
            self._hold_to_record(name, secret_id(content), "", path)
        return content

    def has(self, name: str) -> bool:
        """Whether the home has a key or secret of that name, or had one: asking for it makes none then."""
        there = any(self._path(name, suffix).exists() for suffix in (".bin", ".pem"))
        return there or any(key.name == name for key in self._record.read())

    def public_keys(self, name: str) -> list[KnownKey]:
        """The public halves of all keys of that name, that which signs today first; needs no private half.

        Raises LostKeyError where the home knows none.
        """
        found = [key for key in self._record.read() if key.name == name and key.public]
        path = self._path(name, ".pem")
        if not found and path.exists():
            found = [self._known_file(path)]
        if not found:
            self._refuse_lost(name)
            raise LostKeyError(f"This home has no key {name}.", "Run the chain first: zhixiang run")
        return sorted(found, key=lambda key: key.last_day != "")

    def known(self) -> dict[str, str]:
        """Name -> key id of every key that signs today, lost ones too; secrets show a hash of a hash."""
        return {key.name: key.key_id for key in self._all_known() if not key.last_day}

    def states(self) -> list[dict[str, str]]:
        """Every key that the home ever had, with its days and whether its private half is there."""
        rows = []
        for key in self._all_known():
            state = "replaced" if key.last_day else "in place" if self._is_there(key) else "lost"
            purpose = PURPOSES.get(key.name)
            rows.append(
                {
                    "name": key.name,
                    "key_id": key.key_id,
                    "state": state,
                    "first_day": key.first_day,
                    "last_day": key.last_day,
                    "signs": purpose.signs if purpose else "",
                    "public": key.public,
                }
            )
        for path in self._unrecorded(self._record.read())[1]:
            told = {"name": path.stem, "state": "unreadable", "signs": PURPOSES[path.stem].signs}
            rows.append({"key_id": "", "first_day": "", "last_day": "", "public": ""} | told)
        return rows

    def check(self, names: Iterable[str] = tuple(PURPOSES)) -> None:
        """Raises LostKeyError or TamperedError for the first of the keys that the home had and has no more;
        makes none.
        """
        for name in names:
            suffix = _suffix(name)
            if not self._path(name, suffix).exists():
                self._refuse_lost(name)
            elif suffix == ".pem":
                self.signing_key(name)
            else:
                self.secret(name)

    def adopt(self) -> None:
        """Writes down the keys of a home that an earlier version made, and mends a record of which one place
        is gone; the codes' public half is taken from the delivery where its private half is gone. A file that
        holds no key is passed over: what needs it says so.
        """
        recorded = self._record.read()
        found = self._unrecorded(recorded)[0]
        if not self._record.exists and CODE_KEY not in {key.name for key in found}:
            found += self._published_code_keys()
        if found or recorded:
            self._record.write([*recorded, *found])

    def restore(self, path: Path) -> KnownKey:
        """Puts a private key or a secret back from a backup.

        Raises UsageError for a file that holds none, or none that this home made; a key that was replaced
        needs no restoring.
        """
        self.adopt()
        found, suffix, content = _read_backup(path)
        known = next((key for key in self._record.read() if key.key_id == found.key_id), None)
        if known is None:
            # Homes of before have no record: then the file's own name tells which key it was.
            recorded = {key.name for key in self._record.read()}
            if path.stem not in PURPOSES or path.stem in recorded:
                raise UsageError(
                    f"{path} holds no key that this home made (it is {found.key_id}).",
                    "See which keys are missed: zhixiang key home",
                )
            known = replace(found, name=path.stem)
        if known.last_day:
            raise UsageError(
                f"{known.name} {known.key_id} was replaced on {known.last_day}.",
                "What it signed is confirmed by its public half, which stays published; nothing to restore.",
            )
        target = self._path(known.name, suffix)
        if target.exists():
            if target.read_bytes() == content:
                return known
            self._set_aside(target)
        make_folder(self.folder, PRIVATE_FOLDER)
        write_private(target, content)
        self._record.write([*(key for key in self._record.read() if key.key_id != known.key_id), known])
        return known

    def replace(self, name: str) -> KnownKey:
        """Makes a new key or secret in place of one, deliberately; the public half of the old one stays in
        the record with its days, its private half, where there is one, goes to ``keys/retired/``.

        Raises UnknownNameError for a name that is no key of a home.
        """
        self.adopt()
        recorded = self._record.read()
        if name not in {*PURPOSES, *(key.name for key in recorded)}:
            raise UnknownNameError("key", name, {*PURPOSES, *(key.name for key in recorded)})
        suffix = _suffix(name)
        target, today = self._path(name, suffix), _today()
        make_folder(self.folder, PRIVATE_FOLDER)
        if target.exists():
            self._set_aside(target)
        # The record is told before the file is there: a run killed between is an error, not a silent key.
        made, content = _new_content(suffix)
        ended = [
            replace(key, last_day=today) if key.name == name and not key.last_day else key for key in recorded
        ]
        fresh = KnownKey(name, made.key_id, made.public, today)
        self._record.write([*ended, fresh])
        write_private(target, content)
        return fresh

    def _path(self, name: str, suffix: str) -> Path:
        return self.folder / f"{name}{suffix}"

    def _unrecorded(self, recorded: Iterable[KnownKey]) -> tuple[list[KnownKey], list[Path]]:
        """The keys of a home that no record tells, and the files in their places that hold none."""
        names, found, unreadable = {key.name for key in recorded}, [], []
        for name in sorted({*PURPOSES} - names):
            path = self._path(name, _suffix(name))
            try:
                found += [self._known_file(path)] if path.exists() else []
            except TamperedError:
                unreadable.append(path)
        return found, unreadable

    def _known_file(self, path: Path) -> KnownKey:
        first = local_day(datetime.fromtimestamp(path.stat().st_mtime, UTC)).isoformat()
        if path.suffix == ".bin":
            return KnownKey(path.stem, secret_id(read_secret(path, path.stem)), "", first)
        public = read_private(path, path.stem).public_key()
        return KnownKey(path.stem, key_id(public), raw_public(public).hex(), first)

    def _all_known(self) -> list[KnownKey]:
        recorded = self._record.read()
        return [*recorded, *self._unrecorded(recorded)[0]]

    def _is_there(self, key: KnownKey) -> bool:
        path = self._path(key.name, ".pem" if key.public else ".bin")
        try:
            return path.exists() and self._known_file(path).key_id == key.key_id
        except TamperedError:
            return False

    def _published_code_keys(self) -> list[KnownKey]:
        """What an earlier version published of the key of codes: ``{key id: public half}``."""
        from pipelines.identity.public_keys import read_public_keys

        path = self.home / "out" / "codes" / "public_keys.json"
        try:
            return [replace(key, name=CODE_KEY) for key in read_public_keys(path)] if path.is_file() else []
        except TamperedError:
            return []

    def _refuse_lost(self, name: str) -> None:
        """Raises LostKeyError where the home had a key of that name."""
        had = [key for key in self._record.read() if key.name == name and not key.last_day]
        purpose = PURPOSES.get(name)
        patterns = purpose.traces if purpose else ()
        traces = sum(1 for pattern in patterns for _ in self.home.glob(pattern))
        traces = traces or (self._delivered(purpose.manifest) if purpose else 0)
        if not had and not traces:
            return
        what = f"; it made {purpose.signs}" if purpose else ""
        told = f" ({had[0].key_id}, since {had[0].first_day})" if had else ""
        files = f" ({traces} of them known here)" if traces else ""
        raise LostKeyError(
            f"密钥丢失 The key {name}{told} is gone from {self.folder}{what}{files}.", way_on(name)
        )

    def _delivered(self, part: str) -> int:
        """How many of a part the home's copy of its newest manifest tells of; 0 where there is none."""
        try:
            told = json.loads((self.home / "delivered" / "manifest.json").read_text(encoding="utf-8"))
            if part != "codes":
                return len(told.get(part, {}))
            return sum(name.startswith("codes/") and name.endswith(".txt") for name in told["files"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return 0

    def _hold_to_record(self, name: str, found: str, public: str, path: Path) -> None:
        """Writes a new key down; raises TamperedError where the record names another one."""
        recorded = self._record.read()
        active = [key.key_id for key in recorded if key.name == name and not key.last_day]
        if not active:
            self.adopt()
            if not any(key.name == name for key in self._record.read() if not key.last_day):
                self._record.write([*self._record.read(), KnownKey(name, found, public, _today())])
        elif found not in active:
            raise TamperedError(
                f"{path} holds the key {found}, not {active[0]} that this home made.", way_on(name)
            )

    def _set_aside(self, path: Path) -> None:
        try:
            found = self._known_file(path).key_id
        except TamperedError:
            found = "unreadable"
        retired = self.folder / "retired"
        retired.mkdir(parents=True, exist_ok=True, mode=0o700)
        number, target = 1, retired / f"{path.stem}-{found}{path.suffix}"
        while target.exists():
            number, target = number + 1, retired / f"{path.stem}-{found}-{number}{path.suffix}"
        path.rename(target)


def _suffix(name: str) -> str:
    return ".bin" if name == PSEUDONYM else ".pem"


def _new_content(suffix: str) -> tuple[KnownKey, bytes]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if suffix == ".bin":
        content = os.urandom(SECRET_BYTES)
        return KnownKey("", secret_id(content), "", _today()), content
    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    return KnownKey("", key_id(public), raw_public(public).hex(), _today()), as_pem(private)


def _read_backup(path: Path) -> tuple[KnownKey, str, bytes]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", "Give the file of a backup, such as NAME.pem."
        ) from None
    if len(content) == SECRET_BYTES:
        return KnownKey("", secret_id(content), "", _today()), ".bin", content
    try:
        public = read_private(path, path.stem).public_key()
    except TamperedError as error:
        raise UsageError(error.message, "Give the file of a backup, such as NAME.pem or NAME.bin.") from None
    return KnownKey("", key_id(public), raw_public(public).hex(), _today()), ".pem", content


def _today() -> str:
    return local_day(utc_now()).isoformat()


def key_id(public: Ed25519PublicKey) -> str:
    """First 16 hex digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(raw_public(public)).hexdigest()[:16]


def secret_id(content: bytes) -> str:
    """First 16 hex digits of the hash of a secret's hash."""
    return hashlib.sha256(hashlib.sha256(content).digest()).hexdigest()[:16]
