"""A month in which a price changes: priced in parts where the case has a curve, by every command; without one
the error says what to give.
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.codes import DemandBasis, LineComponent
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import SupplyMonth
from pipelines.tariff.cases.case_files import read_case, supplies_of_case
from pipelines.tariff.whatif.changed_supplies import under
from pipelines.tariff.whatif.choices import basic_charge_choices, best_contract_demand, planned
from zhixiang.cli.main import run_app

pytestmark = pytest.mark.long

D = Decimal
OCTOBER = BillingMonth(2026, 10)
CONTRACT = (
    "title: t\n"
    "contract: {customer_class: large_industry, pricing_scheme: two_part, voltage_level: 1_to_20kv, "
    "is_time_of_use: true,\n"
    "  contract_capacity_kva: 800, running_capacity_kva: 800, demand_basis: actual_demand, "
    "power_factor_standard: 0.90}\nmonths:\n"
)
LATER = """\
      - effective_from: 2026-10-16
        known_from: 2026-10-01
        document: a notice made for this test
        clause: none
        issuer: none
        source: none
        retrieved: not recorded
        confidence: unverified
        value: 0.03
"""


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """conf/ with funds of 0.03 from 2026-10-16 on."""
    folder = tmp_path_factory.mktemp("changed") / "conf"
    shutil.copytree(packaged("conf"), folder)
    path = folder / "facts" / "tariffs" / "funds.yaml"
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n"
    path.write_text(
        text.replace(
            "      - effective_from: 2026-08-01\n",
            "      - effective_from: 2026-08-01\n        effective_to: 2026-10-15\n",
        )
        + LATER,
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """100 kWh in each quarter of the first fifteen days and 200 in each of the sixteen after them."""
    rows = [
        f"2026-10-{day:02d}T{quarter // 4:02d}:{quarter % 4 * 15:02d},{100 if day < 16 else 200}"
        for day in range(1, 32)
        for quarter in range(96)
    ]
    (tmp_path / "curve.csv").write_text(
        "\n".join(["interval_start,energy_kwh", *rows]) + "\n", encoding="utf-8"
    )
    path = tmp_path / "case.yaml"
    path.write_text(
        CONTRACT + "  - {month: 2026-10, curve: curve.csv, lagging_kvarh: 300000, leading_kvarh: 0}\n",
        encoding="utf-8",
    )
    return path


def told(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setenv("ZHIXIANG_CONF", str(conf))
    monkeypatch.setattr(sys, "argv", ["zhixiang", "tariff", *arguments])
    code = run_app()
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_curve_prices_each_side_of_the_change(
    conf: Path, case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """144,000 kWh before and 307,200 after: funds 4,210.38 and 9,216.00; the demand of 800 kW is the whole
    month's: 37,760.00 x 0.9 (564 kWh/kVA).
    """
    code, out, _ = told(conf, monkeypatch, capsys, "price", str(case), "--json")
    assert code == 0
    (month,) = json.loads(out)["months"]
    by_component: dict[str, Decimal] = {}
    for line in month["lines"]:
        by_component[line["component"]] = by_component.get(line["component"], D(0)) + D(line["amount_cny"])
    assert abs(by_component["funds"] - D("13426.38")) <= D("0.05"), "each period is rounded by itself"
    assert by_component["basic_demand"] == D("33984.00")
    assert by_component["transmission"] == D("56400.00"), "451,200 kWh at 0.1250"
    energy = sum(D(line["quantity"]) for line in month["lines"] if line["component"] == "funds")
    assert energy == 451_200, "splitting conserves the energy"
    assert D(month["total_cny"]) == sum(by_component.values())


def test_without_a_curve_the_error_says_what_changes_and_what_to_give(
    conf: Path, case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case.write_text(
        CONTRACT + "  - {month: 2026-09, energy_kwh: 9, energy_by_period: {peak: 9}, max_demand_kw: 1}\n"
        "  - {month: 2026-10, energy_kwh: 9, energy_by_period: {peak: 9}, max_demand_kw: 1}\n",
        encoding="utf-8",
    )
    for command in ("price", "what-if"):
        code, _, err = told(conf, monkeypatch, capsys, command, str(case))
        assert code == 2
        assert f"{case}:6: funds changes on 2026-10-16, inside 2026-10 (tariffs/funds.yaml:" in " ".join(
            err.split()
        )
        assert "load curve" in err


def test_other_terms_are_compared_over_the_change(
    conf: Path, case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = told(
        conf,
        monkeypatch,
        capsys,
        "what-if",
        str(case),
        "--json",
        "--asked-on",
        "2026-08-03",
        "--shift-share",
        "0.1",
        "--target-power-factor",
        "0.95",
    )
    assert code == 0
    found = json.loads(out)
    rows = {row["alternative"]: row for row in found["alternatives"]}
    # 800 kVA x 29.5 are 23,600.00, against 33,984.00; the adjustment of 0.83 against 0.90 is 3.5 % of that
    # difference, too.
    assert D(rows["basis capacity"]["saving_cny"]) == D("10384.00") + D("363.44")
    # Contract demand: the least whole kW of which 105 % reach 800 is 762: 762 x 42.48 = 32,369.76.
    assert rows["basis contract_demand"]["contract_demand_kw"] == "762"
    assert all(
        D(row["saving_cny"] or row["saving_cny_at_most"]) >= 0
        for name, row in rows.items()
        if name.startswith(("0.1", "10", "power"))
    )
    assert found["not_planned"] == {}


def test_parts_are_what_the_engine_prices_of_them(conf: Path, case: Path) -> None:
    """The same month as two segments written by hand: two curves, two sums."""
    facts = load_facts(conf / "facts")
    read = read_case(case)
    (month,) = supplies_of_case(read, case.parent, facts)
    priced = planned(month, facts).priced
    firsts = [line.first_day for line in priced.lines if line.component is LineComponent.FUNDS]
    assert set(firsts) == {date(2026, 10, 1), date(2026, 10, 16)}
    plain = load_facts(packaged("conf") / "facts")
    (whole,) = supplies_of_case(read, case.parent, plain)
    assert (len(month.segments), whole.is_whole) == (2, True)
    assert planned(month, plain).priced == planned(whole, plain).priced, "nothing changes: one part, as ever"
    choices = basic_charge_choices([month], facts)
    assert {choice.name for choice in choices} == {f"basis {basis}" for basis in DemandBasis}
    assert min(choice.total_cny for choice in choices) == choices[0].total_cny


DEARER = """
      - effective_from: 2026-10-08
        known_from: 2026-10-01
        document: a notice made for this test
        clause: none
        issuer: none
        source: none
        retrieved: not recorded
        confidence: unverified
        value:
          corrected_labels: {1_to_20kv: 51.92, 35kv: 48.4, 110kv: 44.9, 220kv_up: 41.4}
          printed_labels: {below_1kv: 51.92, 1_to_20kv: 48.4, 110kv: 44.9, 220kv_up: 41.4}
"""


@pytest.mark.parametrize("demands", [(900, 500), (500, 900), (900, 890), (300, 250)])
def test_the_contract_demand_of_a_month_whose_demand_price_changes_is_the_cheapest_of_all(
    tmp_path: Path, demands: tuple[int, int]
) -> None:
    """Each part has a highest demand of its own, and the cheapest contract demand may lie at either; every
    whole kW is tried.
    """
    folder = Path(shutil.copytree(packaged("conf") / "facts", tmp_path / "facts"))
    path = folder / "tariffs" / "transmission.yaml"
    text = path.read_text(encoding="utf-8")
    begin = text.index("fact_id: transmission.two_part.demand")
    end = text.index("\n  - fact_id", begin)
    own = text[begin:end].replace(
        "effective_from: 2026-08-01\n", "effective_from: 2026-08-01\n        effective_to: 2026-10-07\n"
    )
    path.write_text(text[:begin] + own.rstrip() + DEARER + text[end:], encoding="utf-8")
    rows = [
        (
            f"2026-10-{day:02d}T{quarter // 4:02d}:{quarter % 4 * 15:02d},"
            f"{demands[day >= 8] / 4 if quarter == 40 else 10}"
        )
        for day in range(1, 32)
        for quarter in range(96)
    ]
    (tmp_path / "curve.csv").write_text(
        "\n".join(["interval_start,energy_kwh", *rows]) + "\n", encoding="utf-8"
    )
    case = tmp_path / "case.yaml"
    terms = CONTRACT.replace("actual_demand", "contract_demand, contract_demand_kw: 400").replace(
        "800", "1000"
    )
    case.write_text(
        terms + "  - {month: 2026-10, curve: curve.csv, lagging_kvarh: 0, leading_kvarh: 0}\n",
        encoding="utf-8",
    )
    facts, read = load_facts(folder), read_case(case)
    (month,) = supplies_of_case(read, tmp_path, facts)

    def with_demand(kw: int) -> SupplyMonth:
        return under(month, contract_demand_kw=D(kw))

    assert len({line.first_day for line in planned(with_demand(400), facts).priced.lines}) > 1
    tried = {kw: planned(with_demand(kw), facts).priced.total_cny for kw in range(400, 1001)}
    best = best_contract_demand(month, facts)
    assert best.priced.total_cny == min(tried.values())
    assert best.supply.contract.contract_demand_kw == min(tried, key=lambda kw: (tried[kw], kw))


def test_a_term_that_the_calendar_does_not_reach_is_told_and_the_others_planned(
    conf: Path, case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Days off are known to the end of 2026: five working days from 2026-12-22 end within it, fifteen do
    not.
    """
    code, out, _ = told(conf, monkeypatch, capsys, "what-if", str(case), "--json", "--asked-on", "2026-12-22")
    assert code == 0
    found = json.loads(out)
    assert found["first_month_of_change"] == {"contract_demand": "2027-01"}
    assert set(found["not_planned"]) == {"demand_basis"}
    assert "2027" in found["not_planned"]["demand_basis"]


def test_a_month_not_covered_names_the_case_and_the_fact(
    conf: Path, case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case.write_text(
        CONTRACT + "  - {month: 2026-07, energy_kwh: 9, energy_by_period: {peak: 9}, max_demand_kw: 1}\n",
        encoding="utf-8",
    )
    for command in ("price", "what-if"):
        code, _, err = told(conf, monkeypatch, capsys, command, str(case))
        assert code == 5
        said = " ".join(err.split())
        assert (
            f"{case}:5: No transmission.two_part.energy in force on 2026-07-01; tariffs/transmission.yaml:"
            in said
        )


def test_what_a_month_lacks_is_printed(
    conf: Path, case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case.write_text(
        CONTRACT + "  - {month: 2026-09, energy_kwh: 9, energy_by_period: {peak: 9}, max_demand_kw: 1}\n",
        encoding="utf-8",
    )
    code, out, _ = told(conf, monkeypatch, capsys, "price", str(case))
    assert code == 0
    assert "missing, so the total may lack something" in out
    assert "reactive" in out


def test_show_names_rules_clauses_and_days(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = told(conf, monkeypatch, capsys, "show", "--json")
    assert code == 0
    rows: list[dict[str, Any]] = json.loads(out)
    named = {row["fact_id"].split(".")[0] for row in rows}
    assert {"basic_charge", "power_factor", "pricing_scheme", "late_payment", "funds"} <= named
    (adjusted,) = (row for row in rows if row["fact_id"] == "power_factor.adjustment")
    assert (adjusted["clause"] != "", adjusted["known_from"][:4].isdigit()) == (True, True)
    shown = told(conf, monkeypatch, capsys, "show", "--on", "2026-09-01")[1]
    assert "prices on 2026-09-01" in shown
    assert "clause" in shown
    assert "known_from" in shown


def test_the_page_is_made_without_a_store(
    conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = told(
        conf, monkeypatch, capsys, "page", "--month", "2026-10", "--out", str(tmp_path / "page"), "--json"
    )
    assert code == 0
    answer = json.loads(out)
    assert [span["first"] for span in answer["spans"]] == ["2026-10-01", "2026-10-16"]
    assert answer["spans"][0]["illustrative"] == ["energy_base"]
    assert "电价公开" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert told(conf, monkeypatch, capsys, "page", "--month", "2026-13", "--out", str(tmp_path))[0] == 2
