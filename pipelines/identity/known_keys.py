"""What a home remembers of its keys: name, key id, public half and days. No private half is in it, so that it
may be published; it stands in two places, so that deleting ``keys/`` is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import TamperedError
from pipelines.file_modes import DELIVERED_FILE, PRIVATE_FILE, PRIVATE_FOLDER, make_folder, put_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

BESIDE_KEYS = Path("keys") / "known_keys.json"
OUTSIDE_KEYS = Path("public_keys.json")


@dataclass(frozen=True)
class KnownKey:
    """A key that a home made once.

    key_id     First 16 hex digits of the SHA-256 of the raw public key; of a secret, of its hash.
    public     The raw public key in hex; empty for a secret.
    first_day  Day from which it signed, YYYY-MM-DD; last_day: day on which it was replaced; empty: it signs
               today.
    """

    name: str
    key_id: str
    public: str
    first_day: str
    last_day: str = ""

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The half that checks signatures; raises TamperedError where the text is none."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            return Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public))
        except ValueError:
            raise TamperedError(
                f"{self.public[:80]!r} is no public key.", "Get the file of public keys anew from its issuer."
            ) from None

    def has_signed(self, content: bytes, signature: bytes) -> bool:
        """Whether a detached signature of some bytes is by this key."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.public_key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


class KeyRecord:
    """The two files of a home that name its keys."""

    def __init__(self, home: Path) -> None:
        self._places = (home / BESIDE_KEYS, home / OUTSIDE_KEYS)

    @property
    def exists(self) -> bool:
        """Whether the home ever wrote down its keys; homes of 0.2 and before did not."""
        return any(path.exists() for path in self._places)

    def read(self) -> list[KnownKey]:
        """All keys that either place names; raises TamperedError where none of the places can be read."""
        found: dict[tuple[str, str], KnownKey] = {}
        unreadable = []
        for path in self._places:
            if not path.exists():
                continue
            try:
                rows = json.loads(path.read_text(encoding="utf-8"))["keys"]
                keys = [KnownKey(**{name: str(value) for name, value in row.items()}) for row in rows]
            except (OSError, ValueError, TypeError, KeyError, AttributeError):
                unreadable.append(path)
                continue
            for key in keys:
                before = found.get((key.name, key.key_id))
                # A replaced key stays replaced though only one of the places was told.
                ended = key.last_day or (before.last_day if before else "")
                found[key.name, key.key_id] = replace(key, last_day=ended)
        if unreadable and not found:
            raise TamperedError(
                f"{' and '.join(str(path) for path in unreadable)} cannot be read.",
                "Bring one of them back from a backup; it names the keys that this home made.",
            )
        return sorted(found.values(), key=lambda key: (key.name, key.first_day, not key.last_day, key.key_id))

    def write(self, keys: Iterable[KnownKey]) -> None:
        """Writes both places anew."""
        content = keys_as_json(keys)
        for path in self._places:
            is_private = path.name == BESIDE_KEYS.name
            if is_private:
                make_folder(path.parent, PRIVATE_FOLDER)
            path.parent.mkdir(parents=True, exist_ok=True)
            put_file(path, content, PRIVATE_FILE if is_private else DELIVERED_FILE)


def keys_as_json(keys: Iterable[KnownKey]) -> bytes:
    """The file of public keys, as a home keeps it and as a delivery publishes it."""
    rows: list[dict[str, Any]] = [asdict(key) for key in keys]
    return json.dumps({"keys": rows}, ensure_ascii=False, indent=1).encode()
