"""What MLflow's pyfunc loads: indicators in, probability and score out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.settings import in_todays_shape
from products.credit_index.reasons import NAMES
from products.credit_index.scoring import FILES, Scorer, score_points
from products.credit_index.settings import CreditIndexSettings


class ServedModel:
    """The scorer behind MLflow's ``predict``."""

    def __init__(self, scorer: Scorer, settings: CreditIndexSettings) -> None:
        self.scorer, self.settings = scorer, settings

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Probability and score of each row."""
        probabilities = self.scorer.probabilities(frame[list(NAMES)].to_numpy(dtype=np.float64))
        return pd.DataFrame(
            {
                "default_probability_ratio": probabilities,
                "score_points": score_points(probabilities, self.settings),
            },
            index=frame.index,
        )


def _load_pyfunc(path: str) -> ServedModel:
    folder = Path(path)
    scorer = Scorer.from_files({name: (folder / name).read_bytes() for name in FILES})
    # A model lives longer than the shape of conf/: what it was logged with is read in the shape of its time.
    kept = json.loads((folder / "settings.json").read_bytes())
    return ServedModel(scorer, CreditIndexSettings.model_validate(in_todays_shape(CreditIndexSettings, kept)))
