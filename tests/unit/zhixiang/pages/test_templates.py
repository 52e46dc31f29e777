"""What holds for the templates of all pages, wherever they lie: the kit's colours, no way around its policy,
nothing wider than a telephone that does not scroll inside itself.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import products
import zhixiang
from products.page_kit.palette import PAGE, custom_properties

ROOTS = tuple(Path(module.__file__ or "").parent for module in (products, zhixiang))
TEMPLATES = sorted(
    path
    for root in ROOTS
    for path in root.rglob("templates/*")
    if path.name.endswith((".html.j2", ".css", ".css.j2"))
)
PALETTE = Path("page_kit/palette.py")
# These become cards on a narrow screen.
STACKED = {"lines", "corrections"}


def named(path: Path) -> str:
    return "/".join(path.parts[-4:])


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_every_custom_property_is_declared(path: Path) -> None:
    declared = set(re.findall(r"--([\w-]+):", custom_properties(PAGE)))
    sheets = [path, *path.parent.glob("*.css"), *path.parent.glob("base.html.j2")]
    for sheet in sheets:
        declared |= set(re.findall(r"--([\w-]+)\s*:", sheet.read_text(encoding="utf-8")))
    used = set(re.findall(r"var\(--([\w-]+)(?=[,)])", path.read_text(encoding="utf-8"))) - {"cell"}
    assert used <= declared


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.suffix == ".j2"], ids=named)
def test_no_template_goes_around_the_policy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|url\(|@import", text)
    if named(path).endswith("page_kit/templates/base.html.j2"):
        return
    assert "<style" not in text
    assert not re.search(r"<script(?! type=\"application/json\")", text)


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.suffix == ".j2"], ids=named)
def test_every_table_scrolls_inside_itself(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for found in re.finditer(r"<table(?: [^>]*)?>", text):
        kinds = re.search(r'class="([^"]+)"', found[0])
        if kinds and STACKED & set(kinds[1].split()):
            continue
        assert re.search(r'<div class="[^"]*\bscroll\b[^"]*">$', text[: found.start()]), found[0]


def test_colours_stand_in_the_palette_alone() -> None:
    strays = [
        (named(path), found)
        for root in ROOTS
        for path in root.rglob("*.py")
        if not path.match(str(PALETTE))
        for found in re.findall(r'"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?"', path.read_text(encoding="utf-8"))
    ]
    assert strays == []
