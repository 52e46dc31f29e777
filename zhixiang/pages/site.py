"""One look for all pages of a delivery: strict content policy, no script but the one it names, Chinese first."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

PROVENANCE_LABELS = {
    "real": ("真实数据", "real"),
    "dates_shifted": ("日期平移", "dates shifted"),
    "derived": ("推算", "derived"),
    "assumed": ("假定", "assumed"),
    "simulated": ("模拟", "simulated"),
    "illustrative": ("示意", "illustrative"),
}


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Jinja2 with autoescape; templates lie beside this file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["thousands"] = lambda value: f"{value:,}"
    made.globals["provenance_labels"] = PROVENANCE_LABELS
    return made


def script_hash(script: str) -> str:
    """What the content policy must name for this script, and no other, to run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def write_page(path: Path, template: str, **values: Any) -> None:
    """Renders a template and puts it in place at once."""
    write_bytes(path, environment().get_template(template).render(**values).encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Writes beside the target and renames, so that no reader ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)
