"""The page for another province: its commands, in its order, and the figures that it prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "another-province.md"
D = Decimal

# The page names the program; here it is this checkout's. Each command's exit code is noted.
PREAMBLE = """
zhixiang() {{
  "{python}" -m zhixiang.cli.main "$@"
  local code=$?
  echo "$code zhixiang $*" >> "{codes}"
  return $code
}}
cd "{place}"
"""


def run(script: str, place: Path) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ZHIXIANG")}
    return subprocess.run(
        [
            "bash",
            "-c",
            PREAMBLE.format(python=sys.executable, codes=place.parent / "codes.txt", place=place) + script,
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**plain, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], str]:
    """The folder after every command of the page, the commands with their exit codes, and what was shown."""
    place = tmp_path_factory.mktemp("province") / "my files 我的"
    place.mkdir()
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    answer = run("\n".join(blocks), place)
    assert "Traceback" not in answer.stderr
    codes = (place.parent / "codes.txt").read_text(encoding="utf-8").splitlines()
    return place, codes, answer.stdout + answer.stderr


def priced(place: Path, case: str) -> dict[str, Any]:
    answer = run(f'export ZHIXIANG_HOME="$PWD/jiangsu"\nzhixiang tariff price {case} --json', place)
    assert answer.returncode == 0, answer.stderr
    (month,) = json.loads(answer.stdout)["months"]
    found: dict[str, Any] = month
    return found


def base(month: dict[str, Any]) -> dict[str, Decimal]:
    return {
        line["period"]: D(line["amount_cny"]) for line in month["lines"] if line["component"] == "energy_base"
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_command_ends_as_the_page_says(walked: tuple[Path, list[str], str]) -> None:
    _, commands, shown = walked
    assert commands == [
        "0 zhixiang init jiangsu --no-examples",
        "2 zhixiang facts check",
        "0 zhixiang facts check",
        "0 zhixiang facts load-prices prices.csv",
        "0 zhixiang tariff price works.yaml",
        "0 zhixiang tariff price offer.yaml",
    ], shown[-3000:]
    assert "time_of_use.yaml" in shown
    assert "this file is of zhejiang, tariffs/energy_base.yaml is of jiangsu" in " ".join(shown.split())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_factory_costs_what_the_page_prints(walked: tuple[Path, list[str], str]) -> None:
    place, _, _ = walked
    month, offer = priced(place, "works.yaml"), priced(place, "offer.yaml")
    assert base(month) == {"peak": D("93091.20"), "flat": D("36384.00"), "valley": D("19402.00")}
    assert (month["total_cny"], offer["total_cny"]) == ("224250.62", "224250.62")
    assert month["is_illustrative"] is True
    assert (month["power_factor"], offer["power_factor"]) == ("0.95", "0.95")
    sums: dict[str, Decimal] = {}
    for line in month["lines"]:
        sums[line["component"]] = sums.get(line["component"], D(0)) + D(line["amount_cny"])
    page = PAGE.read_text(encoding="utf-8")
    for amount in (*base(month).values(), *(each for name, each in sums.items() if name != "energy_base")):
        assert f"| {amount:,} |".replace("-", "−") in page, amount
    assert "| total | | 224,250.62 |" in page


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_base_that_floats_as_a_whole_would_be_wrong_by_what_the_page_says(
    walked: tuple[Path, list[str], str],
) -> None:
    place, _, _ = walked
    hours = place / "jiangsu" / "conf" / "facts" / "time_of_use.yaml"
    right, text = base(priced(place, "works.yaml")), hours.read_text(encoding="utf-8")
    try:
        hours.write_text(text.replace("value: [purchase]", "value: [energy_base]"), encoding="utf-8")
        wrong = base(priced(place, "works.yaml"))
    finally:
        hours.write_text(text, encoding="utf-8")
    assert {period: wrong[period] - right[period] for period in right} == {
        "peak": D("5145.60"),
        "flat": D("0.00"),
        "valley": D("-3484.00"),
    }
    page = PAGE.read_text(encoding="utf-8")
    assert "5,145.60 too high" in page
    assert "3,484.00 too low" in page
