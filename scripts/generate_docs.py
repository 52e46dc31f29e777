"""Writes the generated pages of docs/ and the types of the tables' rows; with --check, says which differ and
exits 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from zhixiang.generated_rows import generated_rows

ROOT = Path(__file__).resolve().parent.parent


def _written(files: Mapping[str, str], check: bool) -> list[str]:
    """Names of the files that differ from their text, which they now hold unless this is a check."""
    stale = []
    for name, text in files.items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    return stale


def main() -> int:
    """Writes or checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page differs")
    check = parser.parse_args().check
    # First the rows, by declarations alone: what the pages need may name a row that is new.
    stale = _written(generated_rows(), check)
    from zhixiang.generated_docs import generated_pages

    stale += [name for name in _written(generated_pages(), check) if name not in stale]
    if stale:
        sys.stderr.write(f"{'differs' if check else 'written'}: {', '.join(stale)}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
