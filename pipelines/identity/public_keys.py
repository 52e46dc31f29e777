"""Files of public keys as others hand them over: what a delivery publishes, what 0.2 published, or one key as
PEM.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pipelines.errors import TamperedError, UsageError
from pipelines.identity.known_keys import KnownKey

_MOST_BYTES = 1_000_000
_HINT = "Get public_keys.json anew from whoever issued it, and give it with --key or --keys."


def read_public_keys(path: Path) -> list[KnownKey]:
    """The keys of a file; secrets that it names are left out.

    Raises UsageError where the file cannot be opened, TamperedError where it holds no keys, or one whose name
    is not its own hash.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise TamperedError(f"{path} is too large for a file of public keys.", _HINT)
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", _HINT) from None
    return public_keys_in(content, str(path))


def public_keys_in(content: bytes, where: str) -> list[KnownKey]:
    """The same of a file's bytes."""
    if content.lstrip().startswith(b"-----BEGIN"):
        return [_from_pem(content, where)]
    try:
        found: Any = json.loads(content.decode("utf-8"))
        if isinstance(found, dict) and isinstance(found.get("keys"), list):
            keys = [KnownKey(**{name: str(value) for name, value in row.items()}) for row in found["keys"]]
        else:
            keys = [KnownKey("", str(name), str(raw), "") for name, raw in dict(found).items()]
        for key in keys:
            if key.public and hashlib.sha256(bytes.fromhex(key.public)).hexdigest()[:16] != key.key_id:
                raise TamperedError(f"{where}: the key {key.key_id[:40]} is not what its name says.", _HINT)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise TamperedError(f"{where} holds no public keys that can be read.", _HINT) from None
    keys = [key for key in keys if key.public]
    if not keys:
        raise TamperedError(f"{where} holds no public key.", _HINT)
    for key in keys:
        _ = key.public_key
    return keys


def _from_pem(content: bytes, where: str) -> KnownKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = serialization.load_pem_public_key(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TamperedError(f"{where} holds no public key that can be read.", _HINT) from None
    if not isinstance(public, Ed25519PublicKey):
        raise TamperedError(f"{where} is not an Ed25519 key.", _HINT)
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return KnownKey("", hashlib.sha256(raw).hexdigest()[:16], raw.hex(), "")
