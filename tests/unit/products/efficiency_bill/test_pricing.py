"""Bills of a month priced together: the same to the letter as each by itself, and what cannot be priced as
itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipelines.codes import CustomerClass, LineComponent, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import FactNotInForceError, UsageError, ZhixiangError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth, BillingPeriod
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, Segment, SupplyMonth, price_supply
from products.efficiency_bill.case.case import Case
from products.efficiency_bill.case.text import case_as_text, case_from_text
from products.efficiency_bill.issue import issue_bill, issue_bills
from products.efficiency_bill.page.words import missing_input
from products.efficiency_bill.pricing import concerns_everybody, price_case, price_supplies
from products.efficiency_bill.settings import EfficiencyBillSettings
from tests.correction_cases import FACTORY, MEASURED, SETTINGS, check_cases, factory_case
from tests.measured_months import supply_of

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
BILL_SETTINGS = SETTINGS.section(EfficiencyBillSettings)
SUPPLY = supply_of(FACTORY, MEASURED)
JULY = supply_of(FACTORY, dataclasses.replace(MEASURED, month=BillingMonth(2026, 7)))
SPLIT_OF_PART = {TouPeriod.PEAK: D(300), TouPeriod.VALLEY: D(200)}
NO_CURVE = supply_of(FACTORY, dataclasses.replace(MEASURED, energy_by_period=None))


NO_STANDARD = dataclasses.replace(FACTORY, power_factor_standard=D("0.95"))
ONE_PART = dataclasses.replace(
    FACTORY,
    pricing_scheme=PricingScheme.SINGLE_PART,
    demand_basis=None,
    power_factor_standard=None,
    is_time_of_use=False,
)
FARM = dataclasses.replace(ONE_PART, customer_class=CustomerClass.AGRICULTURE)
DWELLING_OF_TWO = dataclasses.replace(
    ONE_PART,
    customer_class=CustomerClass.RESIDENTIAL,
    household_persons=2,
    is_combined_meter=True,
    voltage_level=VoltageLevel.BELOW_1KV,
)


def odd_case(contract: Contract, month: BillingMonth = MEASURED.month) -> Case:
    """The factory's month under another contract."""
    supply = supply_of(contract, dataclasses.replace(MEASURED, month=month))
    return dataclasses.replace(factory_case(), month=month, supply=supply)


def in_two_parts() -> Case:
    """Two sections of one name and the same days."""
    part = Segment(
        FACTORY,
        SUPPLY.segments[0].first_day,
        SUPPLY.segments[0].last_day,
        D(500),
        SPLIT_OF_PART,
        D(500),
        section="shop",
    )
    return dataclasses.replace(factory_case(), supply=dataclasses.replace(SUPPLY, segments=(part, part)))


def cases() -> list[Case]:
    """Factories of other sizes, one without a contract, one without a curve, one without an August."""
    found = []
    for number in range(12):
        split = {period: energy + number for period, energy in (MEASURED.energy_by_period or {}).items()}
        measured = dataclasses.replace(
            MEASURED,
            energy_kwh=sum(split.values(), D(0)),
            energy_by_period=split,
            lagging_kvarh=D(480 + 20 * number),
        )
        found.append(factory_case(measured))
    found[3] = dataclasses.replace(found[3], supply=None)
    found[5] = factory_case(dataclasses.replace(MEASURED, energy_by_period=None))
    found[7] = dataclasses.replace(found[7], previous_supply=None, previous_energy_kwh=None)
    found[9] = dataclasses.replace(found[9], previous_supply=JULY)
    return [
        dataclasses.replace(case, terms={**case.terms, "customer_id": f"REAL-{number:04d}"})
        for number, case in enumerate(found)
    ]


def as_text(bills: Sequence[dict[str, Any]]) -> list[str]:
    """Every value of a bill but the scale of a decimal, which its column sets."""

    def plain(value: Any) -> Any:
        if isinstance(value, Decimal):
            return f"{value.normalize():f}"
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value

    return [repr(plain(bill)) for bill in bills]


def test_bills_issued_together_are_those_issued_one_by_one() -> None:
    every = cases()
    one_by_one = [issue_bill(case, FACTS, BILL_SETTINGS, "m", "1") for case in every]
    together = list(issue_bills(every, FACTS, BILL_SETTINGS, "m", "1"))
    assert as_text(together) == as_text(one_by_one)
    assert [bill["total_cny"] is None for bill in together] == [number in (3, 5) for number in range(12)]
    assert [bill["previous_total_cny"] is None for bill in together] == [
        number in (7, 9) for number in range(12)
    ]
    assert len({bill["total_cny"] for bill in together}) == 11


def test_only_what_is_asked_for_and_metered_is_priced() -> None:
    supplies = [SUPPLY, None, NO_CURVE] * 4
    assert price_supplies(supplies, FACTS) == [price_supply(SUPPLY, FACTS), None, None] * 4
    assert price_supplies([], FACTS) == []


@pytest.mark.parametrize("count", [1, 10])
def test_what_cannot_be_priced_stands_as_itself_beside_what_can(count: int) -> None:
    *priced, july, wrong = price_supplies([SUPPLY] * count + [JULY, supply_of(NO_STANDARD, MEASURED)], FACTS)
    assert priced == [price_supply(SUPPLY, FACTS)] * count
    assert isinstance(july, FactNotInForceError)
    assert (july.exit_code, july.fact_id, concerns_everybody(july)) == (
        5,
        "transmission.two_part.energy",
        True,
    )
    assert isinstance(wrong, UsageError)
    assert (wrong.message, concerns_everybody(wrong)) == ("0.95 is no power factor standard.", False)


ODD: dict[str, tuple[Case, str, str]] = {
    "two parts of one name": (in_two_parts(), "contract_refused", "Two segments"),
    "a combined meter for two": (odd_case(DWELLING_OF_TWO), "contract_refused", "combined meter"),
    "no such standard": (odd_case(NO_STANDARD), "contract_refused", r"0\.95 is no power factor standard"),
    "a market price": (
        odd_case(dataclasses.replace(FACTORY, market_price_cny_per_kwh=D("0.4"))),
        "price_not_published",
        "No energy_composition",
    ),
    "agriculture": (odd_case(FARM), "price_not_published", r"No agriculture\.energy"),
}


@pytest.mark.parametrize(("odd", "name", "said"), ODD.values(), ids=ODD)
@pytest.mark.parametrize("count", [1, 10])
def test_one_odd_contract_stops_nobodys_bill(odd: Case, name: str, said: str, count: int) -> None:
    """The others cost what they cost without it: 600 and 400 kWh of a factory of 800 kVA; its own bill says
    what it lacks and why.
    """
    every = [odd, *[factory_case()] * count]
    check_cases(every)
    its, *others = issue_bills(every, FACTS, BILL_SETTINGS, "m", "1")
    assert [bill["total_cny"] for bill in others] == [price_supply(SUPPLY, FACTS).total_cny] * count
    assert all("price" not in bill["missing_inputs"] for bill in others)
    assert (its["total_cny"], its["lines"], its["advice"]) == (None, [], [])
    assert its["missing_inputs"] == ["baseline", name, "price"]
    assert missing_input(name).en.endswith(("needs a look.", "is published, so nothing is charged here."))
    with pytest.raises(ZhixiangError, match=said):
        price_case(odd, FACTS)


def test_a_month_of_which_nothing_can_be_priced_surfaces_its_fact() -> None:
    farm, refused = ODD["agriculture"][0], ODD["no such standard"][0]
    for cases in ([farm], [refused, farm], [farm, refused]):
        with pytest.raises(FactNotInForceError, match=r"No agriculture\.energy"):
            check_cases(cases)
    # Nothing that a notice could mend: the bills say so themselves.
    check_cases([refused])


def test_a_kind_whose_first_is_odd_counts_as_priced_where_another_of_it_is() -> None:
    """Contracts of one kind: the number of persons tells them apart in no fact."""
    first, second = (
        odd_case(DWELLING_OF_TWO),
        odd_case(dataclasses.replace(DWELLING_OF_TWO, is_combined_meter=False)),
    )
    check_cases([first, second, ODD["agriculture"][0]])
    with pytest.raises(FactNotInForceError, match=r"No agriculture\.energy"):
        check_cases([first, ODD["agriculture"][0]])


def test_a_notice_that_ordinary_contracts_need_stops_the_month_though_dwellings_have_their_prices() -> None:
    """Prices of dwellings hold in July, those of transmission from August on."""
    july = BillingMonth(2026, 7)
    dwelling = odd_case(dataclasses.replace(DWELLING_OF_TWO, is_combined_meter=False), july)
    check_cases([dwelling])
    every = [dwelling, odd_case(FACTORY, july)]
    with pytest.raises(
        FactNotInForceError,
        match=r"^No transmission\.two_part\.energy in force on 2026-07-01; .* covers from 2026-08-01 on\.",
    ):
        check_cases(every)
    with pytest.raises(FactNotInForceError, match=r"^No transmission\.two_part\.energy"):
        list(issue_bills(every, FACTS, BILL_SETTINGS, "m", "1"))


def test_a_case_s_text_gives_it_to_the_last_bit() -> None:
    for case in cases()[:2]:
        again = case_from_text(case_as_text(case))
        assert case_as_text(again) == case_as_text(case)
        assert (again.supply, again.energy_kwh) == (case.supply, case.energy_kwh)


def test_a_bill_without_a_price_is_shown_with_the_rule_that_refuses_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from zhixiang.cli.products.bills import say_refusal

    for case, said in (
        (ODD["no such standard"][0], "0.95 is no power factor standard"),
        (ODD["agriculture"][0], "agriculture.energy"),
    ):
        (bill,) = issue_bills([case], FACTS, BILL_SETTINGS, "m", "1")
        say_refusal(bill, bill["inputs"])
        assert said in capsys.readouterr().out
    (priced,) = issue_bills([factory_case()], FACTS, BILL_SETTINGS, "m", "1")
    say_refusal(priced, priced["inputs"])
    assert capsys.readouterr().out == ""
    # Another revision of the facts may price what was refused.
    say_refusal(bill, priced["inputs"])
    assert "issues it anew" in capsys.readouterr().out


def of_two_months(month: BillingMonth, contract: Contract) -> SupplyMonth:
    """A period that is read on the 25th, in its two calendar months."""
    period, first = BillingPeriod.of(month, 25), month.first_day
    segments = (
        Segment(contract, period.first_day, first - timedelta(days=1), D(600), None, D(100)),
        Segment(contract, first, period.last_day, D(2500), None, D(90)),
    )
    return SupplyMonth(month, segments, period=period)


def test_a_price_of_the_month_before_concerns_those_alone_whose_period_began_there() -> None:
    """The shipped prices begin on 1 August: the period from 26 July has none, all others of August have."""
    (found,) = price_supplies([of_two_months(BillingMonth(2026, 8), ONE_PART)], FACTS)
    assert isinstance(found, FactNotInForceError)
    assert found.on < date(2026, 8, 1)
    assert not concerns_everybody(found)
    # What its own month lacks, everybody lacks.
    (own,) = price_supplies([JULY], FACTS)
    assert concerns_everybody(own)


def test_months_of_a_period_with_the_same_prices_are_one_part() -> None:
    (found,) = price_supplies([of_two_months(BillingMonth(2026, 9), ONE_PART)], FACTS)
    assert isinstance(found, PricedMonth)
    assert [line.quantity for line in found.lines if line.component is LineComponent.ENERGY_BASE] == [D(3100)]
