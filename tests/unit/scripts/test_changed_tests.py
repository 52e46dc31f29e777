"""Which tests a change can break: by imports near and far, wherever they stand in a file."""

from __future__ import annotations

import pytest

from scripts.changed_tests import affected_tests

SOURCES = {
    "pipelines/__init__.py": "",
    "pipelines/money.py": "",
    "pipelines/tariff/__init__.py": "from pipelines.tariff.lines import line",
    "pipelines/tariff/lines.py": "import pipelines.money",
    "pipelines/late.py": "def late():\n    from pipelines import money",
    "pipelines/alone.py": "from . import late",
    "tests/supplies.py": "from pipelines.tariff import line",
    "tests/unit/test_supply.py": "from tests.supplies import supply",
    "tests/unit/test_late.py": "from pipelines.late import late",
    "tests/unit/near/conftest.py": "from pipelines.alone import late",
    "tests/unit/near/test_near.py": "",
    "tests/unit/test_nothing.py": "import decimal",
}
LATE, NEAR = "tests/unit/test_late.py", "tests/unit/near/test_near.py"
NOTHING, SUPPLY = "tests/unit/test_nothing.py", "tests/unit/test_supply.py"


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        ([], []),
        (["pipelines/money.py"], [NEAR, LATE, SUPPLY]),
        (["pipelines/tariff/lines.py"], [SUPPLY]),
        (["pipelines/tariff/__init__.py"], [SUPPLY]),
        (["pipelines/late.py"], [NEAR, LATE]),
        (["pipelines/alone.py"], [NEAR]),
        (["pipelines/__init__.py"], [NEAR, LATE, SUPPLY]),
        (["tests/supplies.py"], [SUPPLY]),
        ([NOTHING], [NOTHING]),
        (["tests/conftest.py"], [NEAR, LATE, NOTHING, SUPPLY]),
        (["conf/vee.yaml"], []),
    ],
)
def test_a_test_is_affected_where_its_imports_hold_a_changed_file(
    changed: list[str], tests: list[str]
) -> None:
    assert affected_tests(changed, SOURCES) == tests
