"""Marks come from what a test starts, and no test starts a JVM without its mark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import Settings
from pipelines.storage.session import spark as spark_session
from tests import command_line
from tests.command_line import zhixiang
from tests.marks import marks_of


def the_command(home: Path) -> Any:
    return zhixiang(home, "status")


def through_a_maker(home: Path) -> Any:
    return [the_command(home) for _ in range(2)]


def through_a_module(home: Path) -> Any:
    return command_line.run_module(home, "benchmarks.tariff")


class Opened:
    def page(self) -> Any:
        from playwright.sync_api import sync_playwright

        return sync_playwright()


def browser() -> Any:
    return Opened().page()


def neither(home: Path) -> list[Path]:
    return sorted(home.iterdir())


@pytest.mark.parametrize(
    ("fixtures", "function", "marks"),
    [
        (["tmp_path"], neither, set()),
        (["store", "spark"], neither, {"spark"}),
        ([], the_command, {"chain"}),
        ([], through_a_maker, {"chain"}),
        ([], through_a_module, {"chain"}),
        ([], browser, {"browser"}),
        (["spark"], browser, {"browser", "spark"}),
    ],
)
def test_a_mark_follows_from_what_is_called(fixtures: list[str], function: Any, marks: set[str]) -> None:
    assert marks_of(fixtures, [function]) == marks


@pytest.fixture
def house(spark: Any) -> Any:
    return spark


def test_a_fixture_that_rests_on_the_session_marks_its_test(
    house: Any, request: pytest.FixtureRequest
) -> None:
    assert request.node.get_closest_marker("spark")


def test_a_test_without_the_fixture_cannot_start_a_session(settings: Settings) -> None:
    with pytest.raises(pytest.fail.Exception, match="take the session from the fixture `spark`"):
        spark_session.start_session(settings)
