"""Writes the generated pages of docs/; with --check, says which differ and exits 1."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zhixiang.generated_docs import generated_pages

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Writes or checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page differs")
    check = parser.parse_args().check
    stale = []
    for name, text in generated_pages().items():
        path = ROOT / "docs" / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if stale:
        sys.stderr.write(f"{'differs' if check else 'written'}: {', '.join(stale)}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
