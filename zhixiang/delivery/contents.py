"""The list of everything that a delivery holds, so that each file is linked from somewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from zhixiang.delivery.folder import Written
from zhixiang.pages.site import PAGES

CONTENTS = "contents/index.html"
_FOLDERS = {
    "bills": ("能效账单", "efficiency bills"),
    "scores": ("信用指数页面", "credit index pages"),
    "scores/bank": ("银行文件", "bank files"),
    "codes": ("转供电费码", "fee codes"),
    "quality": ("数据质量", "data quality"),
    "prices": ("电价公开", "prices"),
}


def write_contents_page(out: Path, files: Mapping[str, Written]) -> None:
    """Writes ``contents/index.html``.

    files  Everything else that the delivery will hold, by name below ``out/``.
    """
    grouped: dict[str, list[dict[str, object]]] = {}
    for name in sorted(files):
        if name != CONTENTS:
            listed = {"name": name, "href": quote(name), "size": files[name].size}
            grouped.setdefault(str(Path(name).parent), []).append(listed)
    folders = []
    for folder, listed_files in grouped.items():
        top, _, rest = folder.partition("/")
        known = _FOLDERS.get(folder)
        zh, en = known or _FOLDERS.get(top, (top if top != "." else "总览与公钥", "overview and public keys"))
        month = "" if known or not rest else f" {rest}"
        folders.append({"zh": zh + month, "en": en + month, "files": listed_files})
    PAGES.write_page(
        out / CONTENTS, "contents.html.j2", folders=folders, count=sum(map(len, grouped.values()))
    )
