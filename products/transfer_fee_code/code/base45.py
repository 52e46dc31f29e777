"""Base45 (RFC 9285): bytes as the characters that a QR code stores most tightly. Only the one canonical text
of some bytes is read back.
"""

from __future__ import annotations

from pipelines.errors import UsageError

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}


def encode(content: bytes) -> str:
    """Two bytes become three characters, a last single one two.

    >>> encode(b"AB"), encode(b"Hello!!"), encode(b"base-45")
    ('BB8', '%69 VD92EX0', 'UJCLQE7W581')
    """
    text = []
    for start in range(0, len(content), 2):
        value = int.from_bytes(content[start : start + 2], "big")
        for _ in range(3 if start + 1 < len(content) else 2):
            value, digit = divmod(value, 45)
            text.append(ALPHABET[digit])
    return "".join(text)


def decode(text: str) -> bytes:
    """The inverse of encode; raises UsageError for any text that encode does not give.

    >>> decode("%69 VD92EX0")
    b'Hello!!'
    """
    content = bytearray()
    for start in range(0, len(text), 3):
        group = text[start : start + 3]
        width = len(group) - 1
        value = sum(_VALUE.get(character, 1 << 20) * 45**place for place, character in enumerate(group))
        if width == 0 or value >= 1 << (8 * width):
            raise UsageError("Not a Base45 text.")
        content += value.to_bytes(width, "big")
    return bytes(content)
