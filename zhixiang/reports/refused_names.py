"""What a result that a delivery refused is called: CUSTOMER/MONTH of a bill, of others with their kind."""

from __future__ import annotations

BILL, CODE, SCORE = "bill", "code", "score"
KIND_OF_PRODUCT = {"efficiency-bill": BILL, "fee-code": CODE, "credit-index": SCORE}
"""Name of a product -> kind of its results, which is also that of the commands that show one."""


def refused_name(kind: str, subject: str, month: object) -> str:
    """The name of a refused result."""
    return f"{subject}/{month}" if kind == BILL else f"{kind} {subject}/{month}"


def kind_and_subject(name: str) -> tuple[str, str]:
    """The kind of a refused result, and its SUBJECT/MONTH."""
    kind, separator, subject = name.partition(" ")
    return (kind, subject) if separator and kind in (CODE, SCORE) else (BILL, name)
