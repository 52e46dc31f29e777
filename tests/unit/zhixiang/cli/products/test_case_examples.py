"""The examples of docs/examples as a reader runs them, and what a case is told that cannot be so."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.errors import FactFileError
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff.cases.case_files import read_case
from pipelines.tariff.cases.case_notes import CaseNote
from pipelines.tariff.cases.month_curve import read_curve
from zhixiang.cli.main import app

pytestmark = pytest.mark.long

EXAMPLES = packaged("docs") / "examples"
CURVE = EXAMPLES / "steel_works_2026-09.csv"


def answer(*arguments: str) -> dict[str, Any]:
    found = CliRunner().invoke(app, ["tariff", *arguments, "--json"])
    assert found.exit_code == 0, found.output
    told: dict[str, Any] = json.loads(found.stdout)
    return told


def priced(path: Path) -> list[dict[str, Any]]:
    months: list[dict[str, Any]] = answer("price", str(path))["months"]
    return months


@pytest.mark.parametrize(
    ("name", "totals"),
    [
        ("steel_works", ["77504.18"]),
        ("curve", ["77504.18"]),  # the same month, from its quarter hours
        # Tier 1 of five persons ends at 2,760 + 1,200 = 3,960 kWh: 620 x 0.538; 290 x 0.538 + 120 x 0.588;
        # 280 x 0.588.
        ("home", ["333.56", "226.58", "164.64"]),
        ("several_months", ["94905.13", "90432.69", "87843.72", "92601.64", "97923.96"]),
        # One month from reading to reading: 52,000 kWh x (0.5250 + 0.1250 + 0.02923875) + 800 kVA x 29.5.
        ("read_on_the_14th", ["58920.42"]),
        ("own_prices", ["57113.61"]),
    ],
)
def test_an_example_costs_what_it_says(name: str, totals: list[str]) -> None:
    months = priced(EXAMPLES / f"{name}.yaml")
    assert [month["total_cny"] for month in months] == totals
    said = [[remark["note"] for remark in month["remarks"]] for month in months]
    assert said == [["prices_of_each_day"] if name == "read_on_the_14th" else []] * len(totals)
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == {
        "steel_works",
        "curve",
        "home",
        "several_months",
        "read_on_the_14th",
        "own_prices",
    }


def test_an_offer_by_hand() -> None:
    """0.78 from seven to ten in the evening on working days, 0.42 else, 25 for each kW of the highest demand
    and 300: 505 kW x 25 = 12,625.00.
    """
    day = night = Decimal(0)
    with CURVE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["interval_start"])
            if at.weekday() < 5 and 7 <= at.hour < 22:
                day += Decimal(row["energy_kwh"])
            else:
                night += Decimal(row["energy_kwh"])
    (month,) = priced(EXAMPLES / "own_prices.yaml")
    expected = (day * Decimal("0.78")).quantize(Decimal("0.01")) + (night * Decimal("0.42")).quantize(
        Decimal("0.01")
    )
    assert Decimal(month["total_cny"]) == expected + Decimal("12625.00") + 300


def test_the_works_own_curve_says_what_capacitors_reach() -> None:
    """Over-compensation first among the reactive levers that cost nothing; cost and payback where a price is
    given.
    """
    arguments = "what-if", str(EXAMPLES / "curve.yaml"), "--target-power-factor", "0.95"
    told = answer(*arguments)
    rows = {row["alternative"]: row for row in told["alternatives"]}
    assert {
        name: (row.get("bank_kvar"), row["power_factor_reached"], row["saving_cny"])
        for name, row in rows.items()
        if "power_factor_reached" in row and "+" not in name
    } == {
        "no over-compensation": (None, "0.87", "2173.87"),
        "fixed bank": ("22", "0.86", "1811.55"),
        "switched bank": ("76", "0.95", "3804.27"),
        "no over-compensation, switched bank": ("32", "0.95", "3804.27"),
    }
    assert rows["fixed bank"]["bank_cost_cny"] is None
    over, cost = told["remarks"]
    assert "over-compensation" in over
    assert "--kvar-price" in cost
    # The best of each lever together, priced once.
    joined = rows["basis capacity + no over-compensation, switched bank"]
    assert joined["saving_cny"] == "8488.87"
    told = answer(*arguments, "--kvar-price", "80")
    rows = {row["alternative"]: row for row in told["alternatives"]}
    # 22 x 80 = 1,760.00, of which 1,811.55 a month are 0.97 months.
    assert (rows["fixed bank"]["bank_cost_cny"], rows["fixed bank"]["payback_months"]) == ("1760.00", "1.0")
    assert len(told["remarks"]) == 1


def test_several_months_rank_what_can_be_asked_for() -> None:
    told = answer("what-if", str(EXAMPLES / "several_months.yaml"), "--asked-on", "2026-07-10")
    rows = told["alternatives"]
    assert [row.get("is_hindsight", False) for row in rows] == [False] * 5 + [True] * 2
    by_name = {row["alternative"]: row for row in rows}
    # By actual demand from October on: 3 x 28,320.00 less (455 + 560 + 525) x 47.2.
    assert by_name["basis actual_demand"]["saving_cny"] == "12272.00"
    # 500 kW from August on: 5 x 100 kW less, 85 and 35 kW double above 525.
    assert by_name["basis contract_demand"]["saving_cny"] == "12272.00"
    assert by_name["basis contract_demand"]["margin_kw"] == "-85"
    assert told["first_month_of_change"] == {"demand_basis": "2026-10", "contract_demand": "2026-08"}


WORKS = (
    "title: t\ncontract: {customer_class: large_industry, pricing_scheme: two_part, "
    "voltage_level: 1_to_20kv, is_time_of_use: true, contract_capacity_kva: 800, running_capacity_kva: 800, "
    "demand_basis: actual_demand, power_factor_standard: 0.90}\nmonths:\n"
)
HOME = (
    "title: t\ncontract: {customer_class: residential, pricing_scheme: single_part, "
    "voltage_level: below_1kv, is_time_of_use: false}\nmonths:\n"
)
FLAT = "energy_kwh: 1000, energy_by_period: {flat: 1000}, max_demand_kw: 100"


@pytest.mark.parametrize(
    ("text", "note", "rule", "says"),
    [
        (
            WORKS
            + "  - {month: 2026-09, energy_kwh: 100, energy_by_period: {sharp: 100}, max_demand_kw: 9}\n",
            "period_not_in_month",
            "time_of_use.schedule.large_industry",
            "2026-09 has no hour of sharp 100 kWh",
        ),
        (
            WORKS
            + "  - {month: 2026-09, energy_kwh: 9, energy_by_period: {deep_valley: 9}, max_demand_kw: 9}\n",
            "period_not_in_month",
            "time_of_use.schedule.large_industry",
            "deep_valley",
        ),
        (
            WORKS
            + "  - {month: 2026-09, energy_kwh: 3000000, energy_by_period: {flat: 3000000}, "
            + "max_demand_kw: 5}\n",
            "demand_too_low_for_energy",
            "energy <= max_demand_kw x hours",
            "at 5 kW all month there are 3600 kWh",
        ),
        (
            WORKS
            + "  - {month: 2026-09, energy_kwh: 200000, energy_by_period: {valley: 200000}, "
            + "max_demand_kw: 600}\n",
            "demand_too_low_for_energy",
            "energy <= max_demand_kw x hours",
            "valley has 300 hours: at 600 kW 180000 kWh, not 200000 kWh",
        ),
        (
            WORKS + f"  - {{month: 2026-09, {FLAT}}}\n".replace("100}", "1201}"),
            "demand_above_capacity",
            "max_demand_kw <= 1.5 x running_capacity_kva",
            "a demand of 1201 kW is far more than the 800 kVA in operation",
        ),
        (
            WORKS.replace("running_capacity_kva: 800", "running_capacity_kva: 0")
            + f"  - {{month: 2026-09, {FLAT}}}\n",
            "energy_while_suspended",
            "basic_charge.suspension",
            "running_capacity_kva is 0",
        ),
        (
            WORKS.replace("800", "5000").replace("0.90", "0.80") + f"  - {{month: 2026-09, {FLAT}}}\n",
            "standard_beside_rule",
            "power_factor.standards_of_classes",
            "name a power factor standard of 0.90, this one 0.80",
        ),
        (
            WORKS.replace("800", "5000").replace(", power_factor_standard: 0.90", "")
            + f"  - {{month: 2026-09, {FLAT}}}\n",
            "standard_beside_rule",
            "power_factor.standards_of_classes",
            "this one none",
        ),
        (
            HOME
            + "  - {month: 2026-08, energy_kwh: 500, year_to_date_kwh: 1000}\n"
            + "  - {month: 2026-09, energy_kwh: 500, year_to_date_kwh: 1499}\n",
            "year_to_date_falls",
            "residential.tiers",
            "year_to_date_kwh is 1499, the months before it in the year come to 1500 kWh",
        ),
        (
            HOME.replace("is_time_of_use", "demand_basis: capacity, is_time_of_use")
            + "  - {month: 2026-01, energy_kwh: 500}\n",
            "key_not_used",
            "docs/tariff-case.md",
            "demand_basis",
        ),
        (
            WORKS + f"  - {{month: 2026-09, {FLAT}, year_to_date_kwh: 5}}\n",
            "key_not_used",
            "docs/tariff-case.md",
            "year_to_date_kwh",
        ),
    ],
)
def test_what_cannot_be_so_is_told_with_its_rule(
    text: str, note: str, rule: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(text, encoding="utf-8")
    month = priced(path)[-1]
    (remark,) = (each for each in month["remarks"] if each["note"] == note)
    assert (note in month["notes"], remark["rule"], says in remark["en"]) == (True, rule, True)
    said = CliRunner().invoke(app, ["tariff", "price", str(path)])
    assert f"注意 note {note} [{rule}]" in said.stdout


@pytest.mark.parametrize(
    "text",
    [
        WORKS + f"  - {{month: 2026-09, {FLAT}}}\n",
        # Sharp in a summer month, deep valley on the National Day, and the edge of the demand.
        WORKS + "  - {month: 2026-12, energy_kwh: 9, energy_by_period: {sharp: 9}, max_demand_kw: 9}\n",
        WORKS + "  - {month: 2026-10, energy_kwh: 9, energy_by_period: {deep_valley: 9}, max_demand_kw: 9}\n",
        WORKS
        + "  - {month: 2026-09, energy_kwh: 720, max_demand_kw: 1, "
        + "energy_by_period: {peak: 210, flat: 210, valley: 300}}\n",
        # No standard below 100 kVA, 0.85 up to 160 kVA.
        WORKS.replace("800", "99").replace(", power_factor_standard: 0.90", "")
        + f"  - {{month: 2026-09, {FLAT}}}\n",
        WORKS.replace("800", "160").replace("0.90", "0.85") + f"  - {{month: 2026-09, {FLAT}}}\n",
        HOME
        + "  - {month: 2026-08, energy_kwh: 500, year_to_date_kwh: 1000}\n"
        + "  - {month: 2026-09, energy_kwh: 500, year_to_date_kwh: 1500}\n",
    ],
)
def test_what_can_be_so_is_told_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(text, encoding="utf-8")
    told = {remark["note"] for month in priced(path) for remark in month["remarks"]}
    assert told & set(CaseNote) == set()


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ("energy_kwh: 100", ["energy_kwh"]),
        ("max_demand_kw: 5", ["max_demand_kw"]),
        ("lagging_kvarh: 1", ["lagging_kvarh"]),
        ("energy_kwh: 60000, max_demand_kw: 510", []),
    ],
)
def test_figures_beside_a_curve_that_tells_others(beside: str, told: list[str], tmp_path: Path) -> None:
    text = (EXAMPLES / "curve.yaml").read_text(encoding="utf-8")
    (tmp_path / CURVE.name).write_bytes(CURVE.read_bytes())
    path = tmp_path / "case.yaml"
    path.write_text(text + "".join(f"    {each}\n" for each in beside.split(", ")), encoding="utf-8")
    (month,) = priced(path)
    assert [remark["en"].split(" ")[0] for remark in month["remarks"]] == told
    assert {remark["rule"] for remark in month["remarks"]} == ({"R4"} if told else set())


def test_prices_of_ones_own_say_what_of_a_contract_they_leave_out(tmp_path: Path) -> None:
    (tmp_path / CURVE.name).write_bytes(CURVE.read_bytes())
    own = (EXAMPLES / "own_prices.yaml").read_text(encoding="utf-8")
    contract = WORKS.split("\n", 1)[1].split("\nmonths", 1)[0]
    path = tmp_path / "case.yaml"
    path.write_text(own.replace("months:", f"{contract}\nmonths:", 1), encoding="utf-8")
    (month,) = priced(path)
    assert (month["total_cny"], month["notes"]) == ("57113.61", ["contract_not_priced"])
    assert "pricing_scheme: two_part, power_factor_standard" in month["remarks"][0]["en"]
    # Without own prices a contract is needed.
    path.write_text(
        HOME.split("\n", 1)[0] + "\nmonths:\n  - {month: 2026-09, energy_kwh: 1}\n", encoding="utf-8"
    )
    with pytest.raises(FactFileError, match="contract: the key is missing"):
        read_case(path)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        (",2.59,", ",1e30,", 2, "energy_kwh: write the number in plain decimals"),
        (",2.59,", ",1000000000000000000000000,", 2, "at most 15 digits"),
        (",2.59,", ",-1,", 2, "must not be negative"),
        (",2.59,", ",nan,", 2, "plain decimals"),
        (",2.56,", ",,", 3, "plain decimals"),
        ("2026-09-01T00:15", "1.9.2026 0:15", 3, "expected a local time"),
        ("lagging_kvarh", "reactive", 1, "the header must be interval_start,energy_kwh"),
    ],
)
def test_a_curve_names_file_and_line(old: str, new: str, line: int, says: str, tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text(CURVE.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FactFileError, match=says) as caught:
        read_curve(path, BillingMonth(2026, 9))
    assert caught.value.line == line
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("title: t\nmore: " + "[" * 900 + "]" * 900 + "\n", 2, "nested more than 50 levels deep"),
        ("title: t\nmore:\n" + "- " * 100_000 + "x\n", 3, "nested more than 50 levels deep"),
        (HOME + "  - {month: 202609, energy_kwh: 1}\n", 4, "write the month as YYYY-MM, for example 2026-09"),
        (HOME + "  - {month: 2026-09-01, energy_kwh: 1}\n", 4, "write the month as YYYY-MM"),
    ],
)
def test_a_case_names_file_and_line(text: str, line: int, says: str, tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FactFileError, match=says) as caught:
        read_case(path)
    assert (caught.value.line, caught.value.exit_code) == (line, 2)


def test_a_case_in_another_encoding_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_bytes("title: t\ncontract: {}\nmonths: 九月\n".encode("gbk"))
    with pytest.raises(FactFileError, match="not UTF-8") as caught:
        read_case(path)
    assert caught.value.line == 3


def test_a_late_payment_of_nothing_is_not_told_as_in_time() -> None:
    def said(paid: str) -> str:
        found = CliRunner().invoke(
            app,
            ["tariff", "late-payment", "residential", "0", "--due", "2026-09-10", "--paid", paid],
        )
        assert found.exit_code == 0
        return found.stdout

    assert "paid late, but nothing was unpaid" in said("2026-09-11")
    assert "paid in time" in said("2026-09-10")


def test_a_split_beside_a_curve_is_held_against_it(tmp_path: Path) -> None:
    """All 60,916.39 kWh of the works in the valley: 27,000 CNY less, and not a word."""
    case = EXAMPLES / "curve.yaml"
    written = case.read_text(encoding="utf-8")
    curve = EXAMPLES / "steel_works_2026-09.csv"
    beside = written.replace(
        "curve: steel_works_2026-09.csv", f"curve: {curve}\n    energy_by_period: {{SPLIT}}"
    )

    def notes(split: str) -> list[str]:
        path = tmp_path / "case.yaml"
        path.write_text(beside.replace("SPLIT", split), encoding="utf-8")
        (month,) = priced(path)
        return [remark["en"] for remark in month["remarks"] if remark["note"] == "curve_differs"]

    (said,) = notes("valley: 60916.39, peak: 0, flat: 0")
    assert "peak 0 / 19798.27" in said
    assert "valley 60916.39 / 13613.86" in said
    assert notes("valley: 13613.86, peak: 19798.27, flat: 27504.26") == []


def test_a_month_without_energy_spoils_no_what_if(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    nothing = "energy_kwh: 0, energy_by_period: {flat: 0}, max_demand_kw: 0"
    reactive = "lagging_kvarh: 900, leading_kvarh: 0"
    idle = f"  - {{month: 2026-10, {nothing}, lagging_kvarh: 0, leading_kvarh: 0}}\n"
    path.write_text(WORKS + f"  - {{month: 2026-09, {FLAT}, {reactive}}}\n" + idle, encoding="utf-8")
    rows = answer("what-if", str(path), "--target-power-factor", "0.9")["alternatives"]
    (bound,) = (row for row in rows if row["alternative"] == "power factor 0.9")
    assert bound["power_factor_reached"] == "0.90"
