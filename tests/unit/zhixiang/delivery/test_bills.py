"""Which bills and codes may be written and signed: an illustrative price leaves the house only on demo
material.
"""

from __future__ import annotations

import pytest

from zhixiang.delivery.context import may_leave


@pytest.mark.parametrize(
    ("is_illustrative", "provenance", "leaves"),
    [
        (True, "real", False),
        (True, "real+derived+assumed", False),
        (True, "real+dates_shifted+derived+assumed", True),
        (True, "simulated", True),
        (False, "real", True),
    ],
)
def test_an_illustrative_price_leaves_only_on_demo_material(
    is_illustrative: bool, provenance: str, leaves: bool
) -> None:
    assert may_leave({"is_illustrative": is_illustrative, "provenance": provenance}) is leaves
