"""Runs every case of tests/field and writes docs/field.md: what is right, what came out."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> int:
    """Writes the page."""
    from tests.field.cases import read_cases
    from tests.field.page import render
    from tests.field.run_case import run_case

    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for place, case in enumerate(read_cases()):
            folder = Path(scratch) / str(place)
            folder.mkdir()
            found[case.name] = None if case.run == "test" else run_case(case, folder)
    (ROOT / "docs" / "field.md").write_text(render(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
