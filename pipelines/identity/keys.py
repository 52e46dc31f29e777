"""Signing keys of a home: Ed25519, made once, mode 0600, known by the first characters of their public half's
hash.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import TamperedError
from pipelines.file_modes import PRIVATE_FILE, PRIVATE_FOLDER, make_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


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
    """The keys in ``keys/`` of a home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "keys"

    def signing_key(self, name: str) -> SigningKey:
        """The key of that name; made on first use."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        path = self.folder / f"{name}.pem"
        if not path.exists():
            make_folder(self.folder, PRIVATE_FOLDER)
            new_private_key(path)
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise TamperedError(
                f"{path} is not an Ed25519 key.",
                "Restore it from your backup; a new key would orphan what the old one signed.",
            )
        return SigningKey(name, key_id(private.public_key()), private)

    def secret(self, name: str) -> bytes:
        """32 random bytes of that name, for pseudonyms; made on first use."""
        path = self.folder / f"{name}.bin"
        if not path.exists():
            make_folder(self.folder, PRIVATE_FOLDER)
            _write_private(path, os.urandom(32))
        return path.read_bytes()

    def known(self) -> dict[str, str]:
        """Name -> key id of every key that exists; secrets show a hash of a hash."""
        found = {path.stem: self.signing_key(path.stem).key_id for path in sorted(self.folder.glob("*.pem"))}
        for path in sorted(self.folder.glob("*.bin")):
            found[path.stem] = hashlib.sha256(hashlib.sha256(path.read_bytes()).digest()).hexdigest()[:16]
        return found


def new_private_key(path: Path) -> Ed25519PrivateKey:
    """Makes an Ed25519 key and writes it to a new file that its owner alone reads; raises FileExistsError
    rather than overwrite one.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    _write_private(
        path,
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    return private


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as handle:
        os.fchmod(descriptor, PRIVATE_FILE)
        handle.write(content)


def key_id(public: Ed25519PublicKey) -> str:
    """First 16 hex digits of the SHA-256 of the raw public key."""
    from cryptography.hazmat.primitives import serialization

    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]
