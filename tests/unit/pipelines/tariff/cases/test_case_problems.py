"""What is wrong with a case names file, line and key, whichever part of the program finds it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pipelines.codes import TouPeriod
from pipelines.errors import FactFileError, FactNotInForceError
from pipelines.facts import load_facts
from pipelines.settings import packaged
from pipelines.tariff.cases.case_files import read_case, supplies_of_case
from zhixiang.cli.main import run_app

FACTS = load_facts(packaged("conf") / "facts")
SHOP = [
    "title: t",
    (
        "contract: {customer_class: general_commercial, pricing_scheme: single_part, voltage_level: "
        "below_1kv, is_time_of_use: false}"
    ),
]
WORKS = [
    "title: t",
    "contract:",
    (
        "  {customer_class: large_industry, pricing_scheme: two_part, voltage_level: 1_to_20kv, "
        "is_time_of_use: false, contract_capacity_kva: 800,"
    ),
    "   running_capacity_kva: 800,",
    "   demand_basis: actual_demand}",
]
HOURS = "&h [" + ", ".join(["&d [" + ", ".join(["a"] * 24) + "]", *["*d"] * 11]) + "]"
OWN = [
    "own_prices:",
    "  name: n",
    "  document: d",
    "  energy: {a: [0.5]}",
    f"  weekday_hours: {HOURS}",
    "  weekend_hours: *h",
]


def written(folder: Path, *lines: str) -> Path:
    path = folder / "case.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["zhixiang", "tariff", "price", *arguments])
    code = run_app()
    return code, capsys.readouterr().err.splitlines()[0]


def curve(folder: Path, month: str, days: int) -> None:
    rows = [
        f"{month}-{day:02d}T{quarter // 4:02d}:{quarter % 4 * 15:02d},1"
        for day in range(1, days + 1)
        for quarter in range(96)
    ]
    (folder / "curve.csv").write_text(
        "\n".join(["interval_start,energy_kwh", *rows]) + "\n", encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("lines", "line", "says"),
    [
        (
            [*SHOP, "months:", "  - month: 2026-13", "    energy_kwh: 1"],
            4,
            "months.0.month: 2026-13 is not a billing month",
        ),
        (
            [*SHOP, "months:", "  - month: 2026-09", "    energy_kwh: 5", "    energy_by_period: {peak: 4}"],
            6,
            "months.0.energy_by_period: the periods sum to 4 kWh, energy_kwh is 5",
        ),
        (
            [*SHOP, "months:", "  - month: 2026-09", "    energy_kwh: 1", "  - month: 2026-10"],
            6,
            "months.1: neither energy_kwh nor a curve",
        ),
        (
            [SHOP[0], SHOP[1].replace("false", "true"), "months:", "  - {month: 2026-09, energy_kwh: 1}"],
            4,
            "months.0: time-of-use prices need",
        ),
        ([*SHOP, "months:", "  - month: 2026-09", "    curve: none.csv"], 5, "months.0.curve: "),
        (
            [*WORKS, "months:", "  - {month: 2026-09, energy_kwh: 1}"],
            7,
            "months.0: the contract's demand basis needs max_demand_kw",
        ),
        (
            [
                *WORKS[:4],
                "   contract_demand_kw: 5}",
                "months:",
                "  - {month: 2026-09, energy_kwh: 1, max_demand_kw: 1}",
            ],
            2,
            (
                "contract.demand_basis: a two-part contract needs one of capacity, contract_demand, "
                "actual_demand"
            ),
        ),
        (
            [
                *WORKS[:4],
                "   demand_basis: contract_demand}",
                "months:",
                "  - {month: 2026-09, energy_kwh: 1, max_demand_kw: 1}",
            ],
            2,
            "contract.contract_demand_kw: the demand basis contract_demand needs it",
        ),
        (
            [*SHOP, "months:", "  - {month: 2026-09}", *OWN],
            4,
            "months.0: prices of one's own need energy_by_period or a curve",
        ),
        (
            [
                *SHOP,
                "months:",
                "  - {month: 2026-09, energy_kwh: 1}",
                "  - {month: 2026-10, energy_kwh: 1}",
                "  - month: 2026-09",
                "    energy_kwh: 1",
            ],
            6,
            "months.2.month: 2026-09 stands twice",
        ),
        (
            [
                *WORKS[:3],
                "   running_capacity_kva: 801,",
                WORKS[4],
                "months:",
                "  - {month: 2026-09, energy_kwh: 1, max_demand_kw: 1}",
            ],
            4,
            "contract.running_capacity_kva: 801 kVA in operation are more than the 800 kVA",
        ),
        (
            [
                SHOP[0],
                SHOP[1]
                .replace("general_commercial", "residential")
                .replace("false", "false, supply_began: 2026-10-05"),
                "months:",
                "  - {month: 2026-10, energy_kwh: 1}",
                "  - {month: 2026-09, energy_kwh: 1}",
            ],
            5,
            "months.1.month: the supply began on 2026-10-05, after 2026-09",
        ),
        (
            [*SHOP, "months:", "  - {month: 2026-09, energy_kwh: 1}", *OWN, "  energy_limits: [5]"],
            8,
            "own_prices.energy: The energy period 'a' has 1",
        ),
        (
            [*SHOP, "months:", "  - {month: 2026-09, energy_kwh: 1}", *OWN, "  demand: {a: [10]}"],
            5,
            "own_prices.demand_weekday_hours: ",
        ),
        (
            [
                *SHOP,
                "months:",
                "  - {month: 2026-09, energy_kwh: 1}",
                *OWN,
                "  demand: {b: [10]}",
                "  demand_weekday_hours: *h",
            ],
            12,
            "own_prices.demand_weekday_hours: The demand period 'a' has no price",
        ),
    ],
)
def test_each_mistake_names_file_line_and_key(lines: list[str], line: int, says: str, tmp_path: Path) -> None:
    path = written(tmp_path, *lines)
    with pytest.raises(FactFileError) as caught:
        read_case(path)
    assert (caught.value.path, caught.value.line) == (str(path), line)
    assert caught.value.message.startswith(f"{path}:{line}: {says}")


@pytest.mark.parametrize(
    "key", ["energy_kwh: 1", "max_demand_kw: 9", "exported_kwh: 2", "energy_by_period: {peak: 1}"]
)
def test_prices_of_ones_own_refuse_a_figure_that_they_do_not_look_at(key: str, tmp_path: Path) -> None:
    curve(tmp_path, "2026-09", 30)
    path = written(
        tmp_path, *SHOP, "months:", "  - month: 2026-09", "    curve: curve.csv", f"    {key}", *OWN
    )
    with pytest.raises(
        FactFileError,
        match=r"case\.yaml:6: months\.0\.\w+: prices of one's own (take it from the curve|have no price)",
    ):
        read_case(path)


def test_what_only_pricing_finds_names_the_months_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = SHOP[1].replace("general_commercial", "residential").replace("false", "true")
    path = written(
        tmp_path,
        SHOP[0],
        home,
        "months:",
        "  - {month: 2026-09, energy_kwh: 1, energy_by_period: {peak: 1}}",
        "  - {month: 2026-10, energy_kwh: 1, energy_by_period: {sharp: 1}}",
    )
    assert told(monkeypatch, capsys, str(path)) == (
        2,
        f"zhixiang: {path}:5: Residential prices know no period sharp.",
    )


def test_no_file_and_a_folder_are_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "nowhere.yaml"
    with pytest.raises(FactFileError) as caught:
        read_case(missing)
    assert "Name a case" in caught.value.hint
    assert told(monkeypatch, capsys, str(missing)) == (2, f"zhixiang: {missing}: the file does not exist")
    assert told(monkeypatch, capsys, str(tmp_path)) == (2, f"zhixiang: {tmp_path}: is a folder, not a file")


def test_a_fact_that_is_not_in_force_names_the_line_of_its_nearest_version() -> None:
    from datetime import date

    lines = (packaged("conf") / "facts" / "time_of_use.yaml").read_text(encoding="utf-8").splitlines()
    with pytest.raises(FactNotInForceError) as caught:
        FACTS.time_of_use.floating.on(date(2024, 2, 29))
    at = caught.value.line
    assert at is not None
    fact = lines.index("  - fact_id: time_of_use.floating")
    assert lines[at - 1].strip() == "- effective_from: 2024-03-01"
    assert 0 < at - 1 - fact < 6
    assert f"time_of_use.yaml:{at} covers from 2024-03-01" in caught.value.message


def test_a_demand_by_period_is_priced_on_the_highest_of_its_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    curve(tmp_path, "2026-09", 30)
    path = written(
        tmp_path,
        *SHOP,
        "months:",
        "  - {month: 2026-09, curve: curve.csv}",
        *OWN,
        "  demand: {a: [10]}",
        "  demand_weekday_hours: *h",
        "  demand_weekend_hours: *h",
    )
    monkeypatch.setattr(sys, "argv", ["zhixiang", "tariff", "price", str(path), "--json"])
    assert run_app() == 0
    (month,) = json.loads(capsys.readouterr().out)["months"]
    # 2,880 quarters of 1 kWh at 0.50, and 4 kW at 10.
    assert [line["amount_cny"] for line in month["lines"]] == ["1440.00", "40.00"]


def test_a_curve_without_time_of_use_needs_no_schedule(tmp_path: Path) -> None:
    """No schedule of general commerce is in force in April 2018; the same contract with time of use is
    refused for it.
    """
    curve(tmp_path, "2018-04", 30)
    path = written(tmp_path, *SHOP, "months:", "  - {month: 2018-04, curve: curve.csv}")
    (month,) = supplies_of_case(read_case(path), tmp_path, FACTS)
    (whole,) = month.segments
    assert (whole.energy_kwh, whole.energy_by_period, whole.max_demand_kw) == (2880, None, 4)
    written(
        tmp_path,
        SHOP[0],
        SHOP[1].replace("false", "true"),
        "months:",
        "  - {month: 2018-04, curve: curve.csv}",
    )
    with pytest.raises(FactNotInForceError, match="general_commercial"):
        supplies_of_case(read_case(path), tmp_path, FACTS)
    # Periods that the case gives itself need none either.
    written(
        tmp_path,
        *SHOP,
        "months:",
        "  - {month: 2018-04, curve: curve.csv, energy_kwh: 2880, energy_by_period: {peak: 2880}}",
    )
    (month,) = supplies_of_case(read_case(path), tmp_path, FACTS)
    assert month.segments[0].energy_by_period == {TouPeriod.PEAK: 2880}


@pytest.mark.parametrize(
    ("kv", "code", "says"),
    [
        # 1-10 kV is printed at 0.7897, 20 kV at 0.7697, which no row here holds.
        ("10", 0, "789.70"),
        ("10.01", 5, "No catalogue.general_commercial.energy at 10.01 kV in force on 2018-04-01"),
        ("20", 5, "No catalogue.general_commercial.energy at 20 kV in force on 2018-04-01"),
        (None, 2, "The catalogue of 2018-04 prices 20 kV otherwise than 1 to 10 kV."),
    ],
)
def test_20_kv_is_not_billed_at_the_catalogues_price_of_10_kv(
    kv: str | None,
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    contract = SHOP[1].replace("below_1kv", "1_to_20kv" + (f", supply_kv: {kv}" if kv else ""))
    path = written(tmp_path, SHOP[0], contract, "months:", "  - {month: 2018-04, energy_kwh: 1000}")
    monkeypatch.setattr(sys, "argv", ["zhixiang", "tariff", "price", str(path)])
    assert run_app() == code
    told = capsys.readouterr()
    assert says in (told.err if code else told.out)


def test_from_2026_on_one_price_holds_from_1_to_20_kv(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        SHOP[0],
        SHOP[1].replace("below_1kv", "1_to_20kv"),
        "months:",
        "  - {month: 2026-09, energy_kwh: 1000}",
    )
    assert len(supplies_of_case(read_case(path), tmp_path, FACTS)) == 1


def test_json_gives_the_formula_of_each_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, *SHOP, "months:", "  - {month: 2026-09, energy_kwh: 100}")
    monkeypatch.setattr(sys, "argv", ["zhixiang", "tariff", "price", str(path), "--json"])
    assert run_app() == 0
    (month,) = json.loads(capsys.readouterr().out)["months"]
    assert "100 kWh × 0.02923875 CNY/kWh" in [line["formula"] for line in month["lines"]]
