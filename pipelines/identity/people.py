"""People who sign: each keeps a private key in a file of their own, and the home knows the public half under
a name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import TamperedError, UsageError
from pipelines.file_modes import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, put_file
from pipelines.identity.key_files import new_private_key
from pipelines.identity.keys import SigningKey, key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_NAME = re.compile(r"[\w.@-]{1,64}")


class People:
    """The public keys in ``keys/people/`` of a home, by the person's name."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "keys" / "people"

    def add(self, name: str, path: Path) -> str:
        """Makes a key pair: the private half goes to ``path`` (mode 0600), the public half to the home;
        returns the key id.

        Raises UsageError where the name is known, is no name, or the file exists.
        """
        from cryptography.hazmat.primitives import serialization

        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name for a key.", "Use letters, digits, dots, @ and dashes.")
        public_path = self.folder / f"{name}.pem"
        if public_path.exists():
            raise UsageError(
                f"{name} has a key already.",
                "Choose another name; a key is never replaced, because edits were signed with it.",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            private = new_private_key(path)
        except FileExistsError:
            raise UsageError(
                f"{path} exists.", "Give another file with --out; no key is ever overwritten."
            ) from None
        make_folder(self.folder, PRIVATE_FOLDER)
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        put_file(public_path, public, PRIVATE_FILE)
        return key_id(private.public_key())

    def public_keys(self) -> dict[str, Ed25519PublicKey]:
        """Name -> public key of everyone the home knows."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        found = {}
        for path in sorted(self.folder.glob("*.pem")):
            public = serialization.load_pem_public_key(path.read_bytes())
            if not isinstance(public, Ed25519PublicKey):
                raise TamperedError(f"{path} is not an Ed25519 key.", "Restore it from your backup.")
            found[path.stem] = public
        return found

    def signer(self, path: Path) -> SigningKey:
        """The person whose private key lies in a file; raises UsageError for a file that is no key or a key
        that the home does not know.
        """
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        try:
            private = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError):
            raise UsageError(
                f"{path} holds no private key that can be read.",
                "Make one with: zhixiang key new NAME --out FILE",
            ) from None
        if not isinstance(private, Ed25519PrivateKey):
            raise UsageError(
                f"{path} is not an Ed25519 key.", "Make one with: zhixiang key new NAME --out FILE"
            )
        wanted = key_id(private.public_key())
        for name, public in self.public_keys().items():
            if key_id(public) == wanted:
                return SigningKey(name, wanted, private)
        raise UsageError(
            f"This home does not know the key in {path}.",
            "Make one that it knows with: zhixiang key new NAME --out FILE",
        )
