"""Which codes were issued anew: a list that is published beside the public keys, so that an earlier code of
the same tenant, supplier and month does not go on as a valid one. Nobody is named in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pipelines.errors import TamperedError

SUPERSEDED = "superseded.json"
FORMAT = "zhixiang.superseded_codes/1"
_MOST_BYTES = 50_000_000


def superseded_as_json(newest: Mapping[tuple[str, str], int]) -> bytes:
    """Canonical bytes of the list.

    newest  Pseudonym and month -> revision that stands; those of a first issue are left out.
    """
    codes = [
        {"tenant_pseudonym": pseudonym, "billing_month": month, "revision": revision}
        for (pseudonym, month), revision in sorted(newest.items())
        if revision > 1
    ]
    return (json.dumps({"format": FORMAT, "codes": codes}, indent=1) + "\n").encode()


def superseded_in(path: Path) -> dict[tuple[str, str], int]:
    """The inverse of superseded_as_json; nothing where there is no such file.

    Raises TamperedError for a file that is none.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        read = json.loads(path.read_bytes())
        if read["format"] != FORMAT:
            raise ValueError(read["format"])
        return {
            (str(code["tenant_pseudonym"]), str(code["billing_month"])): int(code["revision"])
            for code in read["codes"]
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise TamperedError(
            f"{path} is no list of superseded codes: {error}.",
            "Get it anew from the issuer, with public_keys.json, and give that with --keys.",
        ) from None
