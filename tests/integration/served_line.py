"""What MLflow loads for the small test model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class _Line:
    def __init__(self, slope: float) -> None:
        self.slope = slope

    def predict(self, frame: Any, params: Any = None) -> Any:
        return frame["x"] * self.slope


def _load_pyfunc(path: str) -> _Line:
    return _Line(json.loads(Path(path, "line.json").read_text())["slope"])
