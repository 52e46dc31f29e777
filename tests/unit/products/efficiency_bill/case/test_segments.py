"""Bills of months in segments and sections: kept, replayed, corrected, audited and shown; and what earlier
versions kept.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from pipelines.codes import TouPeriod
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from pipelines.tariff import Segment, SupplyMonth, price_supply
from pipelines.tariff.whatif.changed_supplies import with_less_energy
from products.efficiency_bill.advice.advice import advise
from products.efficiency_bill.advice.situation import Situation
from products.efficiency_bill.audit import IssuedLine, audit
from products.efficiency_bill.case.case import Case, gather_cases
from products.efficiency_bill.case.same_month import same_but_for_cuts
from products.efficiency_bill.case.text import case_as_text, case_from_text
from products.efficiency_bill.comparison.days import Days
from products.efficiency_bill.issue import issue_bill, issue_bills
from products.efficiency_bill.page.bill import bill_days, bill_page
from products.efficiency_bill.page.rendering import render_bill_html
from products.efficiency_bill.pricing import price_case, price_supplies
from products.efficiency_bill.replay import replay
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.transfer_fee_code.price.lawful_reference import master_bills
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from tests.correction_cases import FACTORY, MEASURED, factory_case, run
from tests.correction_cases import SETTINGS as PACKAGED
from tests.supplies import FACTS, METER, SEPTEMBER, SHOP, WORKS, World, curves, registers
from tests.unit.pipelines.transforms.billing.terms_in_a_month import ELEVENTH, SHARE, funds_from_the_sixteenth

D = Decimal
SETTINGS = Settings(packaged("conf"), packaged("conf"))
BILL, LIMITS = SETTINGS.section(EfficiencyBillSettings), SETTINGS.section(PublicationSettings)
TERMS = {"peer_group": None, "floor_area_m2": None}


def case_of(world: World, customer: str = "C") -> Case:
    days = Days((customer,), SEPTEMBER.days, np.full((1, 30), 2400.0), np.full((1, 30), np.nan))
    (case,) = gather_cases(world.accounts, days, {}, SEPTEMBER, BILL, LIMITS, [customer])
    return case


@pytest.fixture(scope="module")
def reduced() -> Case:
    """800 kVA to the tenth of September, 500 from the eleventh; a fifth is a dormitory's."""
    smaller = WORKS | {
        "valid_from_date": ELEVENTH,
        "contract_capacity_kva": 500.0,
        "running_capacity_kva": 500.0,
    }
    return case_of(
        World(
            [WORKS | TERMS, smaller | TERMS],
            [METER],
            registers("2400.00"),
            curves(100),
            [SHARE | {"share_ratio": D("0.2")}],
        )
    )


def test_a_case_in_segments_is_kept_and_comes_again_exactly(reduced: Case) -> None:
    again = case_from_text(case_as_text(reduced))
    assert again.supply == reduced.supply
    assert case_as_text(again) == case_as_text(reduced)
    issued = run(reduced, FACTS, "20261005T010000Z-aaaaaa")
    assert issued is not None
    assert replay(issued, PACKAGED, FACTS) == ()
    parts = [
        (line["section_name"], line["first_date"])
        for line in issued["efficiency_bill_lines_v1"]
        if line["component_code"] in ("tier_1", "basic_capacity")
    ]
    # The dormitory's contract and price are the same all month: one line.
    assert parts == [("dormitory", None), (None, date(2026, 9, 1)), (None, ELEVENTH)]
    assert run(reduced, FACTS, "20261006T010000Z-bbbbbb", issued) is None, (
        "made from the same, it charges the same"
    )


def test_many_bills_are_priced_in_one_place_as_one_by_one(reduced: Case) -> None:
    cases = [reduced, factory_case(), dataclasses.replace(factory_case(), supply=None)]
    assert list(issue_bills(cases, FACTS, BILL, "m", "1")) == [
        issue_bill(case, FACTS, BILL, "m", "1") for case in cases
    ]
    assert [priced is None for priced in price_supplies([case.supply for case in cases], FACTS)] == [
        False,
        False,
        True,
    ]


def test_advice_prices_every_part_again(reduced: Case) -> None:
    """Moved: 560 + 1,120 kWh from 0.97125 to 0.21 CNY/kWh. Saved: a tenth of every energy line, each rounded
    by itself.

    A tenth of the works' energy is 1,005.90 + 240.00 + 56.15 CNY before the change and 2,011.80 + 480.00 +
    112.26 after it, and 774.72 of the dormitory's.
    Its basic charge changed inside the month, so nothing is said of another basis.
    """
    bill = issue_bill(dataclasses.replace(reduced, grounds=None), FACTS, BILL, "m", "1")
    found = {row["advice_id"]: row["saving_cny"] for row in bill["advice"]}
    assert found == {"EB-A07": D("4680.83"), "EB-A04": D("1278.90")}


def test_capacitors_are_advised_for_a_month_in_segments(reduced: Case) -> None:
    """54,000 kvarh beside 72,000 kWh: factor 0.80 against 0.90 asked for. tan of acos 0.9 is 0.48432, so
    34,871.19 kvarh may stay.
    """
    assert reduced.supply is not None
    parts = [
        part
        if part.section
        else dataclasses.replace(
            part, contract=dataclasses.replace(part.contract, power_factor_standard=D("0.90"))
        )
        for part in reduced.supply.segments
    ]
    supply = dataclasses.replace(
        reduced.supply, segments=tuple(parts), lagging_kvarh=D(54000), leading_kvarh=D(0)
    )
    now, then = (
        price_supply(supply, FACTS),
        price_supply(dataclasses.replace(supply, lagging_kvarh=D("34871.19")), FACTS),
    )
    assert (now.power_factor, then.power_factor) == (D("0.80"), D("0.90"))
    assert (now.adjustment_ratio, then.adjustment_ratio) == (D("0.05"), D(0))
    given = Situation(supply, reduced.energy_kwh, True, now, (), None, None, None)
    (advice,) = (row for row in advise(given, FACTS, BILL) if row["advice_id"] == "EB-A03")
    assert advice["saving_cny"] == now.total_cny - then.total_cny > 0
    assert json.loads(advice["advice_inputs"])["kvarh_compensated"] == "19128.81"
    dormitory = dataclasses.replace(
        parts[-1], contract=dataclasses.replace(parts[-1].contract, power_factor_standard=D("0.85"))
    )
    several = dataclasses.replace(
        given, supply=dataclasses.replace(supply, segments=(*parts[:-1], dormitory))
    )
    assert "EB-A03" not in {row["advice_id"] for row in advise(several, FACTS, BILL)}, (
        "two standards: there is no one factor to reach"
    )


def test_less_energy_keeps_shares_even_where_a_finer_meter_was_deducted() -> None:
    split = {TouPeriod.PEAK: D("1.05"), TouPeriod.VALLEY: D("3.00")}
    part = Segment.of_month(FACTORY, SEPTEMBER, D("4.05"), split)
    less = with_less_energy(SupplyMonth(SEPTEMBER, (part,), resolution_kwh=D("0.40")), D("0.40"))
    assert less.segments[0].energy_by_period == {TouPeriod.PEAK: D("0.95"), TouPeriod.VALLEY: D("2.70")}
    assert less.energy_kwh == D("3.65")


def test_the_month_before_is_priced_in_its_own_segments(reduced: Case) -> None:
    assert reduced.supply is not None
    now = issue_bill(reduced, FACTS, BILL, "m", "1")
    later = dataclasses.replace(
        factory_case(),
        previous_supply=reduced.supply,
    )
    assert issue_bill(later, FACTS, BILL, "m", "1")["previous_total_cny"] == now["total_cny"]


def test_the_page_says_which_days_and_which_part(reduced: Case) -> None:
    issued = run(reduced, FACTS, "20261005T010000Z-aaaaaa")
    assert issued is not None
    bill, lines = issued["result"], issued["efficiency_bill_lines_v1"]
    page = bill_page(bill, lines, [], bill_days(bill))
    parts = [line["part"]["zh"] if line["part"] else None for line in page["lines"]]
    assert (parts[0], parts[9], parts[-1]) == ("9月1日—9月10日", "9月11日—9月30日", "9月11日—9月30日")
    assert "dormitory" in parts
    html = render_bill_html(bill, lines, [], bill_days(bill))
    assert '<small class="part">dormitory</small>' in html
    plain = run(factory_case(), FACTS, "20261005T010000Z-aaaaaa")
    assert plain is not None
    assert 'class="part"' not in render_bill_html(
        plain["result"], plain["efficiency_bill_lines_v1"], [], bill_days(plain["result"])
    )


def test_a_correction_matches_lines_by_days_and_part(reduced: Case) -> None:
    """The register of a day was wrong: 3,000 kWh more, all in the second part; the first part and its basic
    charge stay as issued.
    """
    issued = run(reduced, FACTS, "20261005T010000Z-aaaaaa")
    smaller = WORKS | {
        "valid_from_date": ELEVENTH,
        "contract_capacity_kva": 500.0,
        "running_capacity_kva": 500.0,
    }
    settled = registers(lambda day: "2400.00" if day < ELEVENTH else "2550.00")
    more = [
        row | {"final_kwh_or_kvarh": [25.0 if row["curve_date"] < ELEVENTH else 26.5625] * 96}
        for row in curves(100)
    ]
    world = World(
        [WORKS | TERMS, smaller | TERMS], [METER], settled, more, [SHARE | {"share_ratio": D("0.2")}]
    )
    corrected = run(case_of(world), FACTS, "20261105T010000Z-bbbbbb", issued)
    assert corrected is not None
    rows = corrected["efficiency_bill_corrections_v1"]
    by_number = {line["line_number"]: line for line in corrected["efficiency_bill_lines_v1"]}
    assert {by_number[row["now_line_number"]]["first_date"] for row in rows} == {ELEVENTH, None}
    assert {row["component_code"] for row in rows} == {"energy_base", "transmission", "funds", "tier_1"}
    assert (
        sum(row["difference_cny"] for row in rows)
        == corrected["result"]["total_cny"] - issued["result"]["total_cny"]
    )


def test_an_audit_holds_each_part_against_its_own(reduced: Case) -> None:
    priced = price_case(reduced, FACTS)
    assert priced is not None
    day = {line.line_number: line.first_day.isoformat() if line.first_day else "" for line in priced.lines}
    issued = [
        IssuedLine(
            line.line_number,
            line.component,
            line.period,
            line.quantity,
            line.unit_price,
            line.amount_cny,
            day[line.line_number],
            line.section,
        )
        for line in priced.lines
    ]
    assert audit(issued[::-1], priced.lines) == []
    wrong = [
        dataclasses.replace(line, quantity=D(300))
        if line.component == "basic_capacity" and line.first_day == "2026-09-11"
        else line
        for line in issued
    ]
    (finding,) = audit(wrong, priced.lines)
    assert finding.computed_cny == D("9833.33"), "the days tell the line, not the nearest quantity"


def test_a_master_account_that_changes_inside_the_month_gives_the_lawful_reference() -> None:
    """1,000 kWh at 1-20 kV and 1,000 kWh below 1 kV: 765.64 and 795.44 CNY by hand."""
    later = SHOP | {"valid_from_date": ELEVENTH, "voltage_level_code": "below_1kv"}
    world = World([SHOP, later], [METER], registers(lambda day: "100.00" if day < ELEVENTH else "50.00"))
    settings = SETTINGS.section(TransferFeeCodeSettings)
    bill = master_bills({"C"}, world.in_gold, SEPTEMBER, FACTS, settings, LIMITS)["C"]
    assert (bill.refusal, bill.energy_kwh, bill.total_cny) == (None, D(2000), D("1561.08"))


def test_a_notice_that_cuts_an_issued_month_is_a_correction_by_prices() -> None:
    """Funds of 0.03 from the sixteenth: 27.42 CNY on the funds, and a fen where the energy base at the peak
    is rounded twice.
    """
    as_issued = World([WORKS | TERMS], [METER], registers("2400.00"), curves(100))
    issued = run(case_of(as_issued), FACTS, "20261005T010000Z-aaaaaa")
    assert issued is not None
    facts = funds_from_the_sixteenth(FACTS)
    now = World([WORKS | TERMS], [METER], registers("2400.00"), curves(100), facts=facts)
    corrected = run(case_of(now), facts, "20261105T010000Z-bbbbbb", issued)
    assert corrected is not None
    rows = corrected["efficiency_bill_corrections_v1"]
    assert {row["cause_code"] for row in rows} == {"prices"}
    assert (
        sum(row["difference_cny"] for row in rows)
        == corrected["result"]["total_cny"] - issued["result"]["total_cny"]
        == D("27.43")
    )


def october(september: Case) -> Case:
    """The factory's October after a September of the works."""
    case = factory_case(dataclasses.replace(MEASURED, month=SEPTEMBER.plus(1)))
    return dataclasses.replace(
        case,
        month=SEPTEMBER.plus(1),
        previous_supply=september.supply,
        previous_energy_kwh=september.energy_kwh,
    )


def september_of(
    contract_kva: float = 800.0,
    daily: str = "2400.00",
    *,
    is_cut: bool,
    shares: tuple[dict[str, object], ...] = (),
) -> Case:
    terms = WORKS | TERMS | {"contract_capacity_kva": contract_kva, "running_capacity_kva": contract_kva}
    facts = funds_from_the_sixteenth(FACTS) if is_cut else FACTS
    return case_of(World([terms], [METER], registers(daily), curves(float(daily) / 24), shares, facts=facts))


@pytest.mark.parametrize(
    "shares", [(), (SHARE | {"share_ratio": D("0.2")},)], ids=["whole", "a fifth is a dormitory's"]
)
def test_a_notice_that_cuts_the_month_before_issues_nothing_anew(
    shares: tuple[dict[str, object], ...],
) -> None:
    """Funds change on 16 September after October's bill: September gets its correction, October stays, whose
    total of the month before was true.
    """
    whole, cut = september_of(is_cut=False, shares=shares), september_of(is_cut=True, shares=shares)
    assert whole.supply != cut.supply, "the notice cuts September"
    issued = run(october(whole), FACTS, "20261105T010000Z-aaaaaa")
    assert issued is not None
    assert case_as_text(october(cut)) != case_as_text(october(whole))
    assert run(october(cut), FACTS, "20261205T010000Z-bbbbbb", issued) is None
    # The notice is withdrawn again.
    later = run(october(cut), FACTS, "20261105T010000Z-aaaaaa")
    assert run(october(whole), FACTS, "20261205T010000Z-bbbbbb", later) is None


def test_another_september_is_told_with_or_without_a_cut() -> None:
    issued = run(october(september_of(is_cut=False)), FACTS, "20261105T010000Z-aaaaaa")
    for is_cut in (False, True):
        for other in (september_of(500.0, is_cut=is_cut), september_of(daily="2400.24", is_cut=is_cut)):
            again = run(october(other), FACTS, "20261205T010000Z-bbbbbb", issued)
            assert again is not None
            assert again["result"]["revision"] == 2


def test_a_cut_of_its_own_month_is_corrected_where_it_charges_otherwise(reduced: Case) -> None:
    """Cases that differ by a cut alone are made from the same, a change of terms is no such cut; what counts
    then are the charges.
    """
    whole, cut = september_of(is_cut=False), september_of(is_cut=True)
    issued = run(whole, FACTS, "20261005T010000Z-aaaaaa")
    assert issued is not None
    assert same_but_for_cuts(case_as_text(whole), case_as_text(cut))
    assert not same_but_for_cuts(case_as_text(whole), case_as_text(reduced))
    assert not same_but_for_cuts(case_as_text(whole), "{}")
    facts = funds_from_the_sixteenth(FACTS)
    corrected = run(cut, facts, "20261105T010000Z-bbbbbb", issued)
    assert corrected is not None
    assert sum(row["difference_cny"] for row in corrected["efficiency_bill_corrections_v1"]) == D("27.43")
