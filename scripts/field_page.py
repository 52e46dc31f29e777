"""Runs every case of tests/field and writes docs/field.md: what is right, what came out.

With --mended, cases that are marked open and have come out right lose their mark first.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> int:
    """Writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mended", action="store_true", help="take `open` off the cases that are right")
    takes_marks_off = parser.parse_args().mended
    from tests.field.cases import CASES, read_cases
    from tests.field.judged import is_right
    from tests.field.page import render
    from tests.field.run_case import run_case

    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for place, case in enumerate(read_cases()):
            folder = Path(scratch) / str(place)
            folder.mkdir()
            found[case.name] = None if case.run == "test" else run_case(case, folder)
    if takes_marks_off:
        text = CASES.read_text(encoding="utf-8")
        for case in read_cases():
            got = found[case.name]
            if case.is_open and got is not None and is_right(case, got):
                entry = rf'(- case: "?{re.escape(case.name)}"?\n(?:  .*\n)*?)  open: true\n'
                text = re.sub(entry, r"\1", text)
        CASES.write_text(text, encoding="utf-8")
    (ROOT / "docs" / "field.md").write_text(render(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
