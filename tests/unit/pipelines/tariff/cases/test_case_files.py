"""Cases from a file: the worked example to the fen, a curve, prices of one's own, and a line for every
mistake.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.errors import FactFileError, UsageError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import price_supply
from pipelines.tariff.cases.case_files import read_case, supplies_of_case
from pipelines.tariff.cases.month_curve import read_curve
from zhixiang.cli.main import app

pytestmark = pytest.mark.long

FACTS = load_facts(packaged("conf") / "facts")
EXAMPLE = Path(__file__).resolve().parents[5] / "docs" / "examples" / "steel_works.yaml"
HEAD = (
    "title: t\n"
    "contract: {customer_class: general_commercial, pricing_scheme: single_part, voltage_level: below_1kv, "
    "is_time_of_use: true}\nmonths:\n"
)


def answer(*arguments: str) -> dict[str, object]:
    found = CliRunner().invoke(app, ["tariff", *arguments, "--json"])
    assert found.exit_code == 0, found.output
    told: dict[str, object] = json.loads(found.stdout)
    return told


def write_curve(path: Path, value: str = "0.25") -> None:
    first = datetime(2026, 9, 1, tzinfo=UTC)
    rows = [f"{first + timedelta(minutes=15 * place):%Y-%m-%d %H:%M:%S},{value}" for place in range(30 * 96)]
    path.write_text("\n".join(["interval_start,energy_kwh", *rows]) + "\n", encoding="utf-8")


def test_the_example_costs_what_the_steel_works_pays() -> None:
    (month,) = answer("price", str(EXAMPLE))["months"]  # type: ignore[misc]
    assert (month["total_cny"], month["is_illustrative"], month["power_factor"]) == ("77504.18", True, "0.81")
    assert sum(Decimal(line["amount_cny"]) for line in month["lines"]) == Decimal("77504.18")
    compared = answer("what-if", str(EXAMPLE), "--target-power-factor", "0.9")
    rows = {row["alternative"]: row for row in compared["alternatives"]}  # type: ignore[attr-defined]
    assert (rows["basis capacity"]["saving_cny"], rows["now"]["saving_cny"]) == ("4932.40", "0.00")
    # Without a curve of reactive energy neither the size of a bank nor a saving is promised.
    bound = rows["power factor 0.9"]
    assert (bound["total_cny"], bound["saving_cny"], bound["saving_cny_at_most"]) == (None, None, "3260.80")
    assert "no promise" in bound["bound"]
    over, unknown = compared["remarks"]  # type: ignore[misc]
    assert "over-compensation: 8,885.74 kvarh" in over
    assert "power factor is 0.87" in over
    assert "no saving is promised" in unknown
    assert compared["alternatives"][-1] == bound  # type: ignore[index]


SMALL = (
    "title: t\n"
    "contract: {{customer_class: general_commercial, pricing_scheme: {scheme}, voltage_level: {level}, "
    "is_time_of_use: false, "
    "contract_capacity_kva: 200, running_capacity_kva: 200{more}}}\nmonths:\n"
)
THREE = "".join(
    f"  - {{month: 2026-{month:02d}, energy_kwh: 9000, max_demand_kw: 40}}\n" for month in (9, 10, 11)
)


def test_no_alternative_is_counted_before_the_request_can_take_effect(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    case.write_text(
        SMALL.format(scheme="two_part", level="1_to_20kv", more=", demand_basis: capacity") + THREE,
        encoding="utf-8",
    )
    told = answer("what-if", str(case), "--asked-on", "2026-08-20")
    rows = {row["alternative"]: row for row in told["alternatives"]}  # type: ignore[attr-defined]
    basis, single = rows["two-part, basis actual_demand"], rows["single-part"]
    # Fifteen working days from 2026-08-20 end on 10 September, and October begins the next quarter; a scheme
    # has no notice on record and begins with the month after the request.
    assert basis["saving_cny"] == rows["basis actual_demand"]["saving_cny"]
    assert (basis["from"], single["from"]) == ("2026-10", "2026-09")
    assert told["first_month_of_change"]["demand_basis"] == "2026-10"  # type: ignore[index]
    said = told["first_month_rests_on"]["demand_basis"]  # type: ignore[index]
    assert said["confidence"] == "secondary"
    assert "R18" in said["note"]
    whole = {row["alternative"]: row for row in answer("what-if", str(case))["alternatives"]}  # type: ignore[attr-defined]
    # Three equal months, of which the one change reaches all and the other two.
    assert single["saving_cny"] == whole["single-part"]["saving_cny"]
    assert Decimal(basis["saving_cny"]) * 3 == Decimal(whole["basis actual_demand"]["saving_cny"]) * 2


def test_an_old_single_part_customer_may_choose_two_part_and_a_home_has_no_scheme(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    kept = SMALL.format(scheme="single_part", level="1_to_20kv", more=", keeps_single_part: true").replace(
        "200", "400"
    )
    case.write_text(kept + THREE, encoding="utf-8")
    told = answer("what-if", str(case))
    names = {row["alternative"].split(",")[0] for row in told["alternatives"]}  # type: ignore[attr-defined]
    assert {"single-part", "two-part"} <= names
    assert all(row["is_illustrative"] for row in told["alternatives"])  # type: ignore[attr-defined]
    home = SMALL.format(scheme="single_part", level="below_1kv", more="").replace(
        "general_commercial", "residential"
    )
    case.write_text(
        home
        + THREE.replace(
            "max_demand_kw: 40", "year_to_date_kwh: 0, energy_by_period: {peak: 5000, valley: 4000}"
        ),
        encoding="utf-8",
    )
    told = answer("what-if", str(case))
    assert [row["alternative"] for row in told["alternatives"]] == ["time-of-use", "now", "one price all day"]  # type: ignore[attr-defined]
    assert told["not_planned"] == {}


def test_a_larger_contract_demand_waits_for_its_own_notice_only(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    agreed = SMALL.format(
        scheme="two_part", level="1_to_20kv", more=", demand_basis: contract_demand, contract_demand_kw: 150"
    )
    case.write_text(agreed + THREE, encoding="utf-8")
    told = answer("what-if", str(case), "--asked-on", "2026-09-10")
    firsts = told["first_month_of_change"]
    rows = {row["alternative"]: row for row in told["alternatives"]}  # type: ignore[attr-defined]
    assert rows["basis contract_demand"]["from"] == firsts["contract_demand"] == "2026-10"  # type: ignore[index]
    assert rows["basis capacity"]["from"] == firsts["demand_basis"] == "2027-01"  # type: ignore[index]


@pytest.mark.parametrize("option", ["--basis-since", "--contract-demand-since", "--time-of-use-since"])
@pytest.mark.parametrize("month", ["2026-05", "2026-13"])
def test_since_when_a_term_holds_is_not_taken_without_a_day_of_request(option: str, month: str) -> None:
    found = CliRunner().invoke(app, ["tariff", "what-if", str(EXAMPLE), option, month])
    assert isinstance(found.exception, UsageError)


def test_the_page_alone_has_no_way_back_and_needs_a_folder(tmp_path: Path) -> None:
    answer("page", "--out", str(tmp_path / "page"), "--month", "2026-09")
    assert "../index.html" not in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert isinstance(
        CliRunner().invoke(app, ["tariff", "page", "--out", str(tmp_path / "file")]).exception, UsageError
    )


def test_a_scheme_without_a_price_at_the_level_is_told_and_the_others_are_compared(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    case.write_text(SMALL.format(scheme="single_part", level="below_1kv", more="") + THREE, encoding="utf-8")
    told = answer("what-if", str(case))
    assert "transmission.two_part.energy.below_1kv" in told["not_planned"]["two_part"]  # type: ignore[index]
    assert "single-part" in {row["alternative"] for row in told["alternatives"]}  # type: ignore[attr-defined]


def test_where_only_one_scheme_has_a_price_its_bases_stand_once(tmp_path: Path) -> None:
    """At 220 kV no single-part price is published."""
    case = tmp_path / "case.yaml"
    agreed = SMALL.format(scheme="two_part", level="220kv_up", more=", demand_basis: capacity")
    case.write_text(agreed + THREE, encoding="utf-8")
    told = answer("what-if", str(case))
    assert "single_part" in told["not_planned"]  # type: ignore[operator]
    savings = [
        (row["saving_cny"], row["demand_basis"])
        for row in told["alternatives"]  # type: ignore[attr-defined]
        if "demand_basis" in row and not row.get("is_hindsight") and "month before" not in row["alternative"]
    ]
    assert len(savings) == len(set(savings)) == 3


@pytest.mark.parametrize("option", [("--target-power-factor", "nan"), ("--shift-share", "nan")])
def test_what_is_no_number_is_refused(option: tuple[str, str]) -> None:
    found = CliRunner().invoke(app, ["tariff", "what-if", str(EXAMPLE), *option])
    assert isinstance(found.exception, UsageError)


@pytest.mark.parametrize(
    ("month", "terms", "lacks"),
    [
        ("energy_kwh: 100, exported_kwh: 40", "", ["export_price_cny_per_kwh"]),
        ("energy_kwh: 100, exported_kwh: 40", ", export_price_cny_per_kwh: 0.4153", []),
        ("energy_kwh: 100, exported_kwh: 0", "", []),
        ("energy_kwh: 100", "", []),
    ],
)
def test_energy_fed_in_without_a_price_is_named_as_missing(
    tmp_path: Path, month: str, terms: str, lacks: list[str]
) -> None:
    case = tmp_path / "case.yaml"
    case.write_text(
        HEAD.replace("true}", "false" + terms + "}") + f"  - {{month: 2026-09, {month}}}\n", encoding="utf-8"
    )
    (priced,) = answer("price", str(case))["months"]  # type: ignore[misc]
    assert priced["missing_inputs"] == lacks
    # 40 kWh at 0.4153 are 16.612, which the grid pays.
    assert [line["amount_cny"] for line in priced["lines"] if Decimal(line["amount_cny"]) < 0] == (
        ["-16.61"] if terms else []
    )


@pytest.mark.parametrize(
    ("asked", "first", "saving"), [("2026-06-08", "2026-07", "4932.40"), ("2026-06-09", "2026-10", "0.00")]
)
def test_a_change_asked_for_too_late_saves_nothing_in_september(asked: str, first: str, saving: str) -> None:
    """Fifteen working days end on 2026-06-30 after the 8th, and in July, a day into the quarter, after the
    9th.
    """
    compared = answer(
        "what-if",
        str(EXAMPLE),
        "--asked-on",
        asked,
        "--basis-since",
        "2026-04",
        "--contract-demand-since",
        "2026-05",
    )
    savings = {row["alternative"]: row["saving_cny"] for row in compared["alternatives"]}  # type: ignore[attr-defined]
    assert savings["basis capacity"] == saving
    assert compared["first_month_of_change"]["demand_basis"] == first  # type: ignore[index]
    (plan,) = (row for row in compared["alternatives"] if "notice" in row["alternative"])  # type: ignore[attr-defined]
    assert Decimal(plan["saving_cny"]) >= Decimal(saving)


HOME = (
    "title: t\n"
    "contract: {customer_class: residential, pricing_scheme: single_part, voltage_level: below_1kv, "
    "is_time_of_use: false}\nmonths:\n"
)


@pytest.mark.parametrize(
    ("months", "totals"),
    [
        # 2,760 kWh at 0.538 fill the first tier; 100 more cost 0.588 each, and 0.538 each while a
        # kilowatt-hour of it is left.
        (["2026-08, energy_kwh: 2760", "2026-09, energy_kwh: 100"], ["1484.88", "58.80"]),
        (["2026-08, energy_kwh: 2660", "2026-09, energy_kwh: 100"], ["1431.08", "53.80"]),
        # 50 x 0.538 + 50 x 0.588; the next month wholly in the second tier, in whatever order they stand.
        (
            ["2026-10, energy_kwh: 100", "2026-08, energy_kwh: 2710", "2026-09, energy_kwh: 100"],
            ["58.80", "1457.98", "56.30"],
        ),
        # January begins anew.
        (["2026-12, energy_kwh: 2760", "2027-01, energy_kwh: 100"], ["1484.88", "53.80"]),
        # What the file says stands, and is carried on: 4,800 before August, the third tier from there.
        (
            ["2026-08, energy_kwh: 100, year_to_date_kwh: 4800", "2026-09, energy_kwh: 100"],
            ["83.80", "83.80"],
        ),
        (
            ["2026-08, energy_kwh: 2760", "2026-09, energy_kwh: 100, year_to_date_kwh: 0"],
            ["1484.88", "53.80"],
        ),
    ],
)
def test_tiers_run_on_through_the_months_of_a_case(
    tmp_path: Path, months: list[str], totals: list[str]
) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(HOME + "".join(f"  - {{month: {month}}}\n" for month in months), encoding="utf-8")
    told = answer("price", str(path))["months"]
    assert [month["total_cny"] for month in told] == totals  # type: ignore[attr-defined]


@pytest.mark.parametrize(("since", "first"), [("2025-10", "2026-10"), ("2025-11", "2026-11")])
def test_a_shop_is_told_when_it_may_choose_time_of_use_anew(tmp_path: Path, since: str, first: str) -> None:
    write_curve(tmp_path / "curve.csv")
    (tmp_path / "case.yaml").write_text(HEAD + "  - {month: 2026-09, curve: curve.csv}\n", encoding="utf-8")
    told = answer(
        "what-if", str(tmp_path / "case.yaml"), "--asked-on", "2026-09-23", "--time-of-use-since", since
    )
    assert told["first_month_of_change"]["time_of_use_option"] == first  # type: ignore[index]
    (other,) = (row for row in told["alternatives"] if row["alternative"] == "one price all day")  # type: ignore[attr-defined]
    assert other["bound_months"] == "12"


def test_a_curve_gives_energy_periods_and_demand(tmp_path: Path) -> None:
    write_curve(tmp_path / "curve.csv")
    (tmp_path / "case.yaml").write_text(HEAD + "  - {month: 2026-09, curve: curve.csv}\n", encoding="utf-8")
    case = read_case(tmp_path / "case.yaml")
    (month,) = supplies_of_case(case, tmp_path, FACTS)
    (whole,) = month.segments
    assert (whole.energy_kwh, whole.max_demand_kw) == (Decimal("720.00"), Decimal("1.0"))
    split = whole.energy_by_period or {}
    assert sum(split.values()) == month.energy_kwh
    slots = FACTS.time_of_use.slot_matrix(BillingMonth(2026, 9).days, case.contract.customer_class)
    valley = list(split)[3]
    assert split[valley] == Decimal(int((slots == 3).sum())) * Decimal("0.25")
    assert price_supply(month, FACTS).total_cny > 0


def test_a_curve_of_a_charging_point_is_split_by_its_own_hours(tmp_path: Path) -> None:
    """1 kWh a day from 10:30 to 11:00: flat for a shop, valley for a charging point."""
    write_curve(tmp_path / "curve.csv", "0")
    text = (tmp_path / "curve.csv").read_text(encoding="utf-8")
    text = text.replace(" 10:30:00,0", " 10:30:00,0.5").replace(" 10:45:00,0", " 10:45:00,0.5")
    (tmp_path / "curve.csv").write_text(text, encoding="utf-8")
    for extra, period in (("", "flat"), (", is_ev_charging: true", "valley")):
        head = HEAD.replace("is_time_of_use: true", f"is_time_of_use: true{extra}")
        (tmp_path / "case.yaml").write_text(
            head + "  - {month: 2026-09, curve: curve.csv}\n", encoding="utf-8"
        )
        case = read_case(tmp_path / "case.yaml")
        (month,) = supplies_of_case(case, tmp_path, FACTS)
        split = month.segments[0].energy_by_period or {}
        assert {name.value: energy for name, energy in split.items() if energy} == {period: Decimal("30.00")}
        assert price_supply(month, FACTS).total_cny > 0


def test_half_a_step_of_a_curves_energy_rounds_up(tmp_path: Path) -> None:
    write_curve(tmp_path / "curve.csv")
    rows = (tmp_path / "curve.csv").read_text().splitlines()
    (tmp_path / "curve.csv").write_text(
        "\n".join([rows[0], rows[1].replace("0.25", "0.255"), *rows[2:]]) + "\n"
    )
    (tmp_path / "case.yaml").write_text(HEAD + "  - {month: 2026-09, curve: curve.csv}\n", encoding="utf-8")
    (month,) = supplies_of_case(read_case(tmp_path / "case.yaml"), tmp_path, FACTS)
    assert month.energy_kwh == Decimal("720.01"), "720.005 kWh, counted in steps of 0.01"


def test_prices_of_ones_own(tmp_path: Path) -> None:
    write_curve(tmp_path / "curve.csv")
    day = "[" + ", ".join(["night"] * 8 + ["day"] * 16) + "]"
    hours = "[" + ", ".join([day] * 12) + "]"
    own = (
        "own_prices:\n  name: offer\n  document: letter\n  energy: {night: [0.3], day: [0.6]}\n"
        f"  weekday_hours: {hours}\n  weekend_hours: {hours}\n"
    )
    (tmp_path / "case.yaml").write_text(
        HEAD + "  - {month: 2026-09, curve: curve.csv}\n" + own + "  fixed_cny: 10\n", encoding="utf-8"
    )
    (month,) = answer("price", str(tmp_path / "case.yaml"))["months"]  # type: ignore[misc]
    assert month["total_cny"] == "370.00"  # 240 kWh x 0.3 + 480 kWh x 0.6 + 10


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (HEAD + "  - {month: 2026-09, energy_kwh: -1}\n", 4, "months.0.energy_kwh"),
        (HEAD + "  - month: 2026-09\n    energy: 5\n", 5, "not known"),
        ("title: t\nmonths: []\n", 2, "months"),
        ("title: t\nmonths:\n  - {month: 2026-09, energy_kwh: 1}\n", 1, "contract: the key is missing"),
        (HEAD.replace("below_1kv", "400v") + "  - {month: 2026-09, energy_kwh: 1}\n", 2, "voltage_level"),
    ],
)
def test_a_mistake_names_line_and_key(text: str, line: int, says: str, tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FactFileError, match=says) as caught:
        read_case(tmp_path / "case.yaml")
    assert caught.value.line == line


def test_a_month_without_energy_and_a_curve_with_a_hole_are_refused(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(HEAD + "  - {month: 2026-09}\n", encoding="utf-8")
    with pytest.raises(FactFileError, match="neither"):
        read_case(tmp_path / "case.yaml")
    write_curve(tmp_path / "curve.csv")
    rows = (tmp_path / "curve.csv").read_text().splitlines()
    (tmp_path / "curve.csv").write_text("\n".join(rows[:10] + rows[11:]) + "\n")
    with pytest.raises(FactFileError, match="02:15") as caught:
        read_curve(tmp_path / "curve.csv", BillingMonth(2026, 9))
    assert caught.value.line == 11
    (tmp_path / "curve.csv").write_text("\n".join(rows[:-1]) + "\n")
    with pytest.raises(FactFileError, match="2880 intervals"):
        read_curve(tmp_path / "curve.csv", BillingMonth(2026, 9))
