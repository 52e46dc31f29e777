"""What holds for every bill: exact lines, an exact total, one price whatever the split."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.codes import (
    Confidence,
    ContractNote,
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    TouPeriod,
    VoltageLevel,
)
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, PricedMonth, price_supply
from tests.measured_months import Measured, supply_of

FACTS = load_facts(packaged("conf") / "facts")
BASIC = (LineComponent.BASIC_CAPACITY, LineComponent.BASIC_DEMAND)
LEVELS = [VoltageLevel.KV_1_TO_20, VoltageLevel.KV_35, VoltageLevel.KV_110, VoltageLevel.KV_220_UP]
energies = st.decimals(min_value=0, max_value=5_000_000, places=2)
double_capacities = st.decimals(min_value=Decimal("100.001"), max_value=20_000, places=3)
single_capacities = st.decimals(min_value=1, max_value=Decimal("314.999"), places=3)
powers = st.decimals(min_value=1, max_value=20_000, places=3)


@st.composite
def months(draw: st.DrawFn) -> tuple[Contract, Measured]:
    two_part = draw(st.booleans())
    kind = draw(st.sampled_from([CustomerClass.LARGE_INDUSTRY, CustomerClass.GENERAL_COMMERCIAL]))
    contract = Contract(
        kind,
        PricingScheme.TWO_PART if two_part else PricingScheme.SINGLE_PART,
        draw(st.sampled_from(LEVELS))
        if two_part
        else draw(st.sampled_from([VoltageLevel.BELOW_1KV, VoltageLevel.KV_1_TO_20])),
        kind is CustomerClass.LARGE_INDUSTRY or draw(st.booleans()),
        draw(double_capacities if two_part else single_capacities),
        draw(powers),
        draw(st.sampled_from(list(DemandBasis))),
        draw(powers),
        draw(st.sampled_from([None, Decimal("0.90"), Decimal("0.85"), Decimal("0.80")])),
    )
    split = {period: draw(energies) for period in TouPeriod}
    determinants = Measured(
        draw(st.sampled_from([BillingMonth(2026, 8), BillingMonth(2026, 9)])),
        sum(split.values(), Decimal(0)),
        split,
        draw(powers),
        draw(energies),
        draw(energies),
        Decimal("0.01"),
        draw(st.one_of(st.none(), st.integers(0, 30))),
    )
    return contract, determinants


def half_up_fen(quantity: Decimal | Fraction, price: Decimal) -> int:
    """The product in whole fen, half away from zero, in whole numbers."""
    (quantity_up, quantity_down), (price_up, price_down) = (
        quantity.as_integer_ratio(),
        price.as_integer_ratio(),
    )
    up, down = quantity_up * price_up * 100, quantity_down * price_down
    fen = (2 * abs(up) + down) // (2 * down)
    return fen if up >= 0 else -fen


def priced(case: tuple[Contract, Measured]) -> PricedMonth:
    return price_supply(supply_of(*case), FACTS)


@settings(max_examples=150, deadline=None)
@given(months())
def test_every_amount_is_quantity_times_price_rounded_once_and_the_total_is_their_sum(
    case: tuple[Contract, Measured],
) -> None:
    bill = priced(case)
    running = case[1].running_days
    is_part = running is not None and running < bill.month.day_count
    for line in bill.lines:
        if is_part and line.component is LineComponent.DEMAND_EXCESS:
            assert abs(line.amount_cny - line.quantity * line.unit_price) <= Decimal(
                "0.005"
            ) + line.unit_price * Decimal("0.0000005")
            continue
        exact = Fraction(line.quantity)
        if is_part and line.component in BASIC:
            # Powers have three decimals, a raised contract demand has four: of thirtieths of these the shown
            # six decimals tell which.
            exact = Fraction(round(exact * 30 * 10_000), 30 * 10_000)
        assert line.amount_cny * 100 == half_up_fen(exact, line.unit_price)
    assert set(bill.notes) <= {ContractNote.POWER_FACTOR_NOT_ADJUSTED}
    assert bill.total_cny == sum((line.amount_cny for line in bill.lines), Decimal(0))
    assert [line.line_number for line in bill.lines] == list(range(1, len(bill.lines) + 1))
    assert len({(line.component, line.period) for line in bill.lines}) == len(bill.lines)


@settings(max_examples=100, deadline=None)
@given(months())
def test_quantities_and_prices_fit_the_columns_that_carry_them(case: tuple[Contract, Measured]) -> None:
    for line in priced(case).lines:
        assert line.quantity == line.quantity.quantize(Decimal("0.000001"))
        assert line.unit_price == line.unit_price.quantize(Decimal("0.0000000001"))


@settings(max_examples=100, deadline=None)
@given(months())
def test_energy_lines_carry_exactly_the_settled_energy(case: tuple[Contract, Measured]) -> None:
    bill = priced(case)
    for component in (LineComponent.ENERGY_BASE, LineComponent.TRANSMISSION, LineComponent.FUNDS):
        assert sum(line.quantity for line in bill.lines if line.component is component) == case[1].energy_kwh


@settings(max_examples=100, deadline=None)
@given(months())
def test_a_bill_is_as_sure_as_its_least_sure_line(case: tuple[Contract, Measured]) -> None:
    bill = priced(case)
    order = list(Confidence)
    assert order.index(bill.lowest_confidence) == max(
        order.index(line.fact_confidence) for line in bill.lines
    )
    assert bill.is_illustrative


@settings(max_examples=100, deadline=None)
@given(months(), st.decimals(min_value=0, max_value=1000, places=2))
def test_more_demand_never_costs_less(case: tuple[Contract, Measured], more: Decimal) -> None:
    contract, determinants = case
    assert determinants.max_demand_kw is not None
    values = {
        **determinants.__dict__,
        "max_demand_kw": determinants.max_demand_kw + more,
        "lagging_kvarh": None,
        "leading_kvarh": None,
    }
    without = Measured(**{**values, "max_demand_kw": determinants.max_demand_kw})
    assert (
        price_supply(supply_of(contract, Measured(**values)), FACTS).total_cny
        >= price_supply(supply_of(contract, without), FACTS).total_cny
    )
