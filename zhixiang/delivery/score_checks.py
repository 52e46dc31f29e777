"""What a score has to stand before it is delivered: points follow from the probability, grade and warning
from points, veto and change, by the settings of the run that issued it.
"""

from __future__ import annotations

import numpy as np

from pipelines.errors import UnknownNameError, ZhixiangError
from pipelines.settings import Settings
from products.credit_index.reasons import VETOES
from products.credit_index.rows import CreditIndexV1Row
from products.credit_index.scoring import grade_of, score_points, warning_of
from products.credit_index.settings import CreditIndexSettings
from zhixiang.reports.kept_rules import RulesOfResults

_LAST_BITS = 1e-12


class ScoreChecks:
    """Checks of a home's scores; the settings of each run are read once.

    present  Settings of today, for a score whose rules the home does not know any more: it must follow from
             them or from one of those kept.
    """

    def __init__(self, present: Settings) -> None:
        self._present = present
        self._rules = RulesOfResults(present.home)

    def why_not(self, row: CreditIndexV1Row) -> str | None:
        """Why a score must not be delivered; none where it stands, or where the rules it was issued by are
        told and not kept any more.
        """
        possible = self._rules.of(row)
        try:
            told = possible.told()
        except UnknownNameError:
            return None
        except ZhixiangError as error:
            return f"无法核对 it cannot be checked: {error.message}"
        if told is not None:
            return wrong_score(row, told[0].section(CreditIndexSettings))
        by = [self._present, *(rules[0] for rules in possible.readable())]
        found = [wrong_score(row, settings.section(CreditIndexSettings)) for settings in by]
        return None if None in found else found[0]


def wrong_score(row: CreditIndexV1Row, settings: CreditIndexSettings) -> str | None:
    """What in a score does not follow from the rest of it under some settings; none where all does."""
    veto = next((veto for veto in VETOES if veto.id == row["veto_code"]), None)
    if veto is None and row["veto_code"] is not None:
        return f"未知否决 its veto {row['veto_code']} is none of the catalogue"
    # The last bit of a logarithm is the machine's; a point more or less at an edge is no contradiction.
    near = row["default_probability_ratio"] * np.array([1.0, 1 - _LAST_BITS, 1 + _LAST_BITS])
    points = score_points(near, settings).tolist()
    expected = {
        "score_points": row["score_points"] if row["score_points"] in points else points[0],
        "grade_code": grade_of(row["score_points"], veto, settings).value,
        "warning_code": warning_of(
            row["default_probability_ratio"], row["score_change_points"], veto, settings
        ).value,
        "horizon_months": settings.horizon_months,
        "scale_label": settings.scale_label,
    }
    stands: dict[str, object] = {**row}
    wrong = [f"{name}: {stands[name]} / {made}" for name, made in expected.items() if stands[name] != made]
    return f"评分自相矛盾 it is not what follows (stored / computed): {'; '.join(wrong)}" if wrong else None
