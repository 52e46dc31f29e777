"""Files of private keys and secrets: a file that stands is whole, and its owner alone reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import TamperedError
from pipelines.file_modes import PRIVATE_FILE, give_name

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SECRET_BYTES = 32


def way_on(name: str) -> str:
    """The two commands that go on where a key is gone."""
    return (
        f"Bring it back from a backup: zhixiang key restore FILE; or make a new one deliberately: "
        f"zhixiang key replace {name} (the old public half stays published)."
    )


def new_private_key(path: Path) -> Ed25519PrivateKey:
    """Makes an Ed25519 key and writes it to a new file that its owner alone reads; raises FileExistsError
    rather than overwrite one.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    write_private(path, as_pem(private))
    return private


def as_pem(private: Ed25519PrivateKey) -> bytes:
    """The unencrypted PEM of a private key."""
    from cryptography.hazmat.primitives import serialization

    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_private(path: Path, name: str) -> Ed25519PrivateKey:
    """The Ed25519 key in a file; raises TamperedError where it holds none. name: the key, for the hint."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TamperedError(f"{path} holds no private key that can be read.", way_on(name)) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise TamperedError(f"{path} is not an Ed25519 key.", way_on(name))
    return private


def read_secret(path: Path, name: str) -> bytes:
    """The secret in a file; raises TamperedError where it has another length. name: its own, for the hint."""
    content = path.read_bytes()
    if len(content) != SECRET_BYTES:
        raise TamperedError(f"{path} is not the secret that it was.", way_on(name))
    return content


def raw_public(public: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    from cryptography.hazmat.primitives import serialization

    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def write_private(path: Path, content: bytes) -> None:
    """Writes a new file beside its place, on the disk, and names it then: a run killed between leaves no
    half a key. Raises FileExistsError rather than overwrite one.
    """
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as handle:
        os.fchmod(descriptor, PRIVATE_FILE)
        handle.write(content)
        handle.flush()
        os.fsync(descriptor)
    try:
        give_name(partial, path)
    finally:
        partial.unlink(missing_ok=True)
