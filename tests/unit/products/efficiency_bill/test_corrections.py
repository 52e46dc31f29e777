"""A notice that becomes known after a bill was issued: the bill stays, the difference is a sheet of its own
(退补单).
"""

from __future__ import annotations

import copy
import dataclasses
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.codes import TouPeriod
from pipelines.facts import load_facts
from pipelines.periods import day_of_run
from products.efficiency_bill.comparison.peers import PeerView
from products.efficiency_bill.replay import replay
from tests.correction_cases import (
    MEASURED,
    SETTINGS,
    SPLIT,
    Issued,
    factory_case,
    facts_folder,
    funds_notice,
    price_notice,
    run,
)

D = Decimal
SHEET = "efficiency_bill_corrections_v1"
FUNDS_REFUNDED = [("funds", "peak", D("-5.54")), ("funds", "valley", D("-3.70"))]
ISSUE, SECOND, THIRD = "20261005T040000Z-aaaaaa", "20261021T040000Z-bbbbbb", "20261026T040000Z-cccccc"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return facts_folder(tmp_path)


def issue(folder: Path, **more: Any) -> Issued:
    bill = run(factory_case(**more), load_facts(folder), ISSUE)
    assert bill is not None
    assert bill[SHEET] == []
    return bill


def sheet(bill: Issued | None) -> list[tuple[Any, ...]]:
    assert bill is not None
    return [(row["component_code"], row["period_code"], row["difference_cny"]) for row in bill[SHEET]]


def test_a_notice_that_raises_is_collected_line_by_line(folder: Path) -> None:
    """0.46 becomes 0.48 CNY/kWh: 600 kWh x 0.02 x 1.85 = 22.20 at the peak, 400 kWh x 0.02 x 0.4 = 3.20 in
    the valley.
    """
    bill = issue(folder)
    facts = price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20")
    kept = copy.deepcopy(bill)
    second = run(factory_case(), facts, SECOND, bill)
    assert second is not None
    assert bill == kept
    peak, valley = second[SHEET]
    assert peak == {
        "customer_id": "REAL-0001",
        "billing_month": "2026-09",
        "correction_number": 1,
        "corrected_revision": 1,
        "corrected_date": date(2026, 10, 5),
        "cause_code": "prices",
        "component_code": "energy_base",
        "period_code": "peak",
        "issued_line_number": 1,
        "now_line_number": 1,
        "issued_quantity": D(600),
        "now_quantity": D(600),
        "quantity_unit": "kWh",
        "issued_unit_price": D("0.851"),
        "now_unit_price": D("0.888"),
        "price_unit": "CNY/kWh",
        "issued_amount_cny": D("510.60"),
        "now_amount_cny": D("532.80"),
        "difference_cny": D("22.20"),
        "issued_fact_id": "energy_base",
        "now_fact_id": "energy_base",
        "issued_documents": ["notice 9", *peak["issued_documents"][1:]],
        "now_documents": ["notice 9 bis", *peak["issued_documents"][1:]],
        "notices": ["notice 9 bis"],
        "revision": 2,
        "computed_run_id": SECOND,
    }
    assert (valley["issued_amount_cny"], valley["now_amount_cny"], valley["difference_cny"]) == (
        D("73.60"),
        D("76.80"),
        D("3.20"),
    )
    result, before = second["result"], bill["result"]
    assert (result["revision"], result["supersedes_revision"]) == (2, 1)
    assert result["total_cny"] - before["total_cny"] == D("25.40")
    assert sum(line["amount_cny"] for line in bill["efficiency_bill_lines_v1"]) == before["total_cny"]


def test_the_same_run_again_makes_no_second_sheet(folder: Path) -> None:
    bill = issue(folder)
    assert run(factory_case(), load_facts(folder), SECOND, bill) is None
    facts = price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20")
    second = run(factory_case(), facts, SECOND, bill)
    assert run(factory_case(), facts, THIRD, second) is None


def test_a_notice_that_lowers_is_refunded(folder: Path) -> None:
    """600 kWh x 0.02923875 = 17.54 become 12.00, 400 kWh x 0.02923875 = 11.70 become 8.00."""
    bill = issue(folder)
    facts = funds_notice(load_facts(folder), "0.02", "notice on funds", date(2026, 10, 25))
    second = run(factory_case(), facts, THIRD, bill)
    assert sheet(second) == FUNDS_REFUNDED
    assert second is not None
    assert second[SHEET][0]["notices"] == ["notice on funds"]
    # The price's document first; then that of the hours and of what floats, by which the line stands in the
    # peak and its price does not move.
    assert second[SHEET][0]["now_documents"] == ["notice on funds", "浙发改价格〔2026〕112号"]


def test_two_notices_in_sequence_each_correct_what_stood_before(folder: Path) -> None:
    bill = issue(folder)
    raised = price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20")
    second = run(factory_case(), raised, SECOND, bill)
    both = funds_notice(raised, "0.02", "notice on funds", date(2026, 10, 25))
    third = run(factory_case(), both, THIRD, second)
    assert third is not None and second is not None  # noqa: PT018
    assert sheet(second) == [("energy_base", "peak", D("22.20")), ("energy_base", "valley", D("3.20"))]
    assert sheet(third) == FUNDS_REFUNDED
    assert (third[SHEET][0]["corrected_revision"], third[SHEET][0]["corrected_date"]) == (
        2,
        date(2026, 10, 21),
    )
    assert third["result"]["total_cny"] - bill["result"]["total_cny"] == D("25.40") - D("9.24")
    at_once = run(factory_case(), both, THIRD, bill)
    assert at_once is not None
    assert sheet(at_once) == [
        ("energy_base", "peak", D("22.20")),
        ("energy_base", "valley", D("3.20")),
        *FUNDS_REFUNDED,
    ]
    assert at_once["efficiency_bill_lines_v1"] == [
        line | {"revision": 2} for line in third["efficiency_bill_lines_v1"]
    ]


def test_a_second_notice_on_the_same_price_corrects_the_first(folder: Path) -> None:
    """0.42 becomes 0.39 CNY/kWh: 600 x −0.03 x 1.85 = −33.30 at the peak and 400 x −0.03 x 0.4 = −4.80 in the
    valley; 12.70 below the first bill.
    """
    bill = issue(folder)
    second = run(factory_case(), price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20"), SECOND, bill)
    facts = price_notice(folder, "0.3900", "notice 9 ter", "2026-10-25")
    third = run(factory_case(), facts, THIRD, second)
    assert third is not None
    assert sheet(third) == [("energy_base", "peak", D("-33.30")), ("energy_base", "valley", D("-4.80"))]
    assert [
        (row["issued_documents"][0], row["now_documents"][0], row["notices"]) for row in third[SHEET]
    ] == [("notice 9 bis", "notice 9 ter", ["notice 9 ter"])] * 2
    assert (
        third["result"]["total_cny"] - bill["result"]["total_cny"] == D("25.40") - D("38.10") == D("-12.70")
    )
    assert run(factory_case(), facts, THIRD, third) is None


def test_a_notice_entered_after_a_later_one_is_corrected_like_any_other(folder: Path) -> None:
    """Funds published on 25 October are entered first, the price of 20 October after them: no day knows the
    one and not the other.
    """
    bill = issue(folder)
    second = run(
        factory_case(),
        funds_notice(load_facts(folder), "0.02", "notice on funds", date(2026, 10, 25)),
        THIRD,
        bill,
    )
    both = funds_notice(
        price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20"),
        "0.02",
        "notice on funds",
        date(2026, 10, 25),
    )
    third = run(factory_case(), both, "20261030T040000Z-dddddd", second)
    assert third is not None
    assert sheet(third) == [("energy_base", "peak", D("22.20")), ("energy_base", "valley", D("3.20"))]
    assert [
        (row["issued_documents"][0], row["now_documents"][0], row["notices"]) for row in third[SHEET]
    ] == [("notice 9", "notice 9 bis", ["notice 9 bis"])] * 2


def test_the_adjustment_follows_its_base(folder: Path) -> None:
    """750 kvarh to 1,000 kWh are a power factor of 0.80, 5 % more: 25.40 x 0.05 = 1.27; no notice names
    it.
    """
    poor = dataclasses.replace(MEASURED, lagging_kvarh=D("750.00"))
    bill = issue(folder, measured=poor)
    second = run(
        factory_case(poor), price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20"), SECOND, bill
    )
    assert second is not None
    last = second[SHEET][-1]
    assert (last["component_code"], last["difference_cny"], last["notices"]) == (
        "power_factor_adjustment",
        D("1.27"),
        [],
    )
    assert last["now_quantity"] - last["issued_quantity"] == D("25.40")
    assert last["issued_unit_price"] == last["now_unit_price"] == D("0.05")


@pytest.mark.parametrize(
    ("published", "entered"), [("2026-10-04", SECOND), ("2026-10-05", SECOND), ("2026-10-06", ISSUE)]
)
def test_what_counts_is_what_the_bill_shows_not_the_day_printed_on_the_notice(
    folder: Path, published: str, entered: str
) -> None:
    """Published before, on and after the day of issue, each entered only after the bill was made."""
    bill = issue(folder)
    second = run(factory_case(), price_notice(folder, "0.4200", "notice 9 bis", published), entered, bill)
    assert second is not None
    assert [row["issued_documents"][0] for row in second[SHEET]] == ["notice 9", "notice 9"]
    assert [row["now_documents"][0] for row in second[SHEET]] == ["notice 9 bis", "notice 9 bis"]
    assert [row["notices"] for row in second[SHEET]] == [["notice 9 bis"], ["notice 9 bis"]]


def test_of_documents_that_set_the_same_price_the_last_one_before_the_issue_is_named(folder: Path) -> None:
    """0.42 in two documents, the second published on the day of issue; 0.39 comes after it."""
    price_notice(folder, "0.4200", "notice 9 bis", "2026-10-02")
    price_notice(folder, "0.4200", "notice 9 bis again", "2026-10-05")
    bill = issue(folder)
    later = run(factory_case(), price_notice(folder, "0.3900", "notice 9 ter", "2026-10-20"), SECOND, bill)
    assert later is not None
    assert {row["issued_documents"][0] for row in later[SHEET]} == {"notice 9 bis again"}


def test_of_documents_entered_late_the_latest_that_the_bill_shows_is_named(folder: Path) -> None:
    price_notice(folder, "0.4200", "notice 9 bis", "2026-10-02")
    price_notice(folder, "0.4200", "notice 9 bis again", "2026-10-03")
    bill = issue(folder)
    late = run(factory_case(), price_notice(folder, "0.3900", "notice 9 ter", "2026-10-04"), SECOND, bill)
    assert late is not None
    assert {row["issued_documents"][0] for row in late[SHEET]} == {"notice 9 bis again"}


def test_notices_entered_ahead_of_their_day_are_told_apart(folder: Path) -> None:
    """Both entered on the day of issue, days before they were published."""
    bill = issue(folder)
    second = run(factory_case(), price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20"), ISSUE, bill)
    third = run(factory_case(), price_notice(folder, "0.3900", "notice 9 ter", "2026-10-25"), ISSUE, second)
    assert third is not None
    assert [
        (row["issued_documents"][0], row["now_documents"][0], row["notices"]) for row in third[SHEET]
    ] == [("notice 9 bis", "notice 9 ter", ["notice 9 ter"])] * 2


def test_what_a_bill_compares_with_may_change_without_a_sheet(folder: Path) -> None:
    bill = issue(folder)
    among_peers = dataclasses.replace(factory_case(), peers=PeerView(40, 3.0, 50.0, 3.0, 2.0))
    second = run(among_peers, load_facts(folder), SECOND, bill)
    assert second is not None
    assert (second["result"]["peer_count"], second["result"]["total_cny"], second[SHEET]) == (
        40,
        bill["result"]["total_cny"],
        [],
    )


def test_another_version_of_the_baseline_issues_nothing_anew(folder: Path) -> None:
    """A later month moves the model on; the month before stays as told, unless its metering changes."""
    facts, bill = load_facts(folder), issue(folder)
    days = [1.0] * 30
    judged = dataclasses.replace(
        factory_case(),
        baseline=(1000.0, 900.0, 1100.0, "flat"),
        day_columns=factory_case().day_columns | {"day_expected_kwh": days},
        lacks=("weather",),
    )
    assert run(judged, facts, SECOND, bill, version="2") is None
    again = run(judged, facts, SECOND, bill, version="1")
    assert again is not None, "the same model on other weather"
    assert again["result"]["baseline_verdict_code"] == "within"
    read_again = dataclasses.replace(judged, day_columns=judged.day_columns | {"day_kwh": [2.0] * 30})
    assert run(read_again, facts, SECOND, bill, version="2") is not None


def test_a_run_whose_id_tells_no_day_is_still_corrected(folder: Path) -> None:
    bill = run(factory_case(), load_facts(folder), "first")
    second = run(factory_case(), price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20"), "second", bill)
    assert second is not None
    assert (second[SHEET][0]["corrected_date"], second[SHEET][0]["issued_documents"][0]) == (None, "notice 9")
    assert day_of_run("20261231T155959Z-aaaaaa") == date(2026, 12, 31)
    assert day_of_run("20261231T160000Z-aaaaaa") == date(2027, 1, 1)


def test_a_notice_for_another_month_leaves_the_bill_alone(folder: Path) -> None:
    """August's price moves last month's total, which September's bill shows; what was told on the day of
    issue stays.
    """
    bill = issue(folder)
    facts = price_notice(folder, "0.4200", "notice 8 bis", "2026-10-20", month="2026-08")
    anew = run(factory_case(), facts, SECOND)
    assert anew is not None
    assert anew["result"]["previous_total_cny"] - bill["result"]["previous_total_cny"] == D("25.40")
    assert run(factory_case(), facts, SECOND, bill, version="2") is None


@pytest.mark.parametrize(("kwh", "due"), [("0.10", []), ("0.19", [("energy_base", "peak", D("0.01"))])])
def test_a_price_that_comes_to_the_same_fen_settles_nothing(
    folder: Path, kwh: str, due: list[tuple[Any, ...]]
) -> None:
    """0.10 kWh x 0.851 = 0.09 = 0.10 x 0.888 and 0.10 x 0.184 = 0.02 = 0.10 x 0.192; 0.19 x 0.851 = 0.16,
    0.19 x 0.888 = 0.17.
    """
    small = {TouPeriod.PEAK: D(kwh), TouPeriod.VALLEY: D("0.10")}
    measured = dataclasses.replace(
        MEASURED, energy_kwh=sum(small.values(), D(0)), energy_by_period=small, lagging_kvarh=D(0)
    )
    bill = issue(folder, measured=measured)
    second = run(
        factory_case(measured), price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20"), SECOND, bill
    )
    assert (sheet(second)[:1] if second else []) == due


def test_a_bill_without_energy_leaves_the_illustrative_price_behind(folder: Path) -> None:
    """Nothing is due either way, but only a bill on a published price may be issued."""
    monthly = folder / "tariffs" / "energy_base_monthly.csv"
    published = monthly.read_text(encoding="utf-8")
    monthly.write_text(published.splitlines()[0] + "\n", encoding="utf-8")
    none = dict.fromkeys(SPLIT, D("0.00"))
    measured = dataclasses.replace(MEASURED, energy_kwh=D("0.00"), energy_by_period=none, lagging_kvarh=D(0))
    bill = run(factory_case(measured), load_facts(folder), ISSUE)
    assert bill is not None
    monthly.write_text(published, encoding="utf-8")
    second = run(factory_case(measured), load_facts(folder), SECOND, bill)
    assert second is not None
    assert (bill["result"]["is_illustrative"], second["result"]["is_illustrative"], second[SHEET]) == (
        True,
        False,
        [],
    )


def test_another_metering_is_told_apart_from_another_price(folder: Path) -> None:
    """10 kWh more in the valley: 10 x 0.184 = 1.84 of energy; with the notice 410 x 0.192 − 400 x 0.184 =
    5.12.
    """
    bill = issue(folder)
    more = dataclasses.replace(
        MEASURED,
        energy_kwh=D("1010.00"),
        energy_by_period={
            period: kwh + 10 * (kwh == 400) for period, kwh in (MEASURED.energy_by_period or {}).items()
        },
    )
    late = run(factory_case(more), load_facts(folder), SECOND, bill)
    both = run(factory_case(more), price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20"), SECOND, bill)
    assert late is not None and both is not None  # noqa: PT018
    assert {row["cause_code"] for row in (*late[SHEET], *both[SHEET])} == {"inputs"}
    assert sheet(late)[0] == ("energy_base", "valley", D("1.84"))
    assert sheet(both)[:2] == [("energy_base", "peak", D("22.20")), ("energy_base", "valley", D("5.12"))]
    assert both["result"]["total_cny"] - bill["result"]["total_cny"] == sum(
        row["difference_cny"] for row in both[SHEET]
    )


def test_a_sheet_follows_from_its_evidence_and_what_was_altered_shows(folder: Path) -> None:
    bill = issue(folder)
    facts = price_notice(folder, "0.4200", "notice 9 bis", "2026-10-20")
    second = run(factory_case(), facts, SECOND, bill)
    assert second is not None
    assert replay({**second, "corrected": bill}, SETTINGS, facts) == ()
    altered = {
        **second,
        SHEET: [{**second[SHEET][0], "difference_cny": D("22.21")}, second[SHEET][1]],
        "corrected": bill,
    }
    (found,) = replay(altered, SETTINGS, facts)
    assert (found.place, found.column, found.issued, found.computed) == (
        f"{SHEET}[1]",
        "difference_cny",
        D("22.21"),
        D("22.20"),
    )
    (short,) = replay(second, SETTINGS, facts)
    assert (short.place, short.column, short.issued, short.computed) == (SHEET, "rows", 2, 0)
