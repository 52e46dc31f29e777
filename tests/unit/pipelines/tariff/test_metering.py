"""Meters exchanged, losses added, shares taken out, by hand."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import UsageError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, Determinants, price_supply
from pipelines.tariff.metering import (
    RegisterSpan,
    Share,
    TransformerLoss,
    registered_energy,
    shared_supply,
    with_transformer_loss,
)

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
SEPTEMBER = BillingMonth(2026, 9)
FACTORY = Contract(
    CustomerClass.LARGE_INDUSTRY,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    True,
    D(800),
    D(800),
    DemandBasis.CAPACITY,
    None,
    D("0.90"),
)
SHOP = Contract(
    CustomerClass.GENERAL_COMMERCIAL, PricingScheme.SINGLE_PART, VoltageLevel.BELOW_1KV, is_time_of_use=False
)
DORMITORY = Contract(
    CustomerClass.RESIDENTIAL,
    PricingScheme.SINGLE_PART,
    VoltageLevel.BELOW_1KV,
    False,
    is_combined_meter=True,
)
SPLIT = {TouPeriod.PEAK: D("600.00"), TouPeriod.FLAT: D("300.00"), TouPeriod.VALLEY: D("100.00")}
MAIN = Determinants(SEPTEMBER, D("1000.00"), SPLIT, D(500), D("480.00"), D(0), D("0.01"))


def test_an_exchange_adds_the_energy_of_both_meters() -> None:
    old = RegisterSpan(D("9990.00"), D("10.50"), D(40), digits=4)
    new = RegisterSpan(D("0.00"), D("3.25"), D(60), digits=4)
    assert old.energy_kwh == D("820.00")
    assert registered_energy([old, new]) == D("1015.00")
    assert RegisterSpan(D("5.00"), D("5.00"), D(40), digits=4).energy_kwh == 0


@pytest.mark.parametrize("span", [("10000", "1", 40), ("-1", "1", 40), ("1", "10000", 40), ("1", "2", 0)])
def test_reads_that_do_not_fit_a_register_are_refused(span: tuple[str, str, int]) -> None:
    with pytest.raises(UsageError, match="do not fit"):
        RegisterSpan(D(span[0]), D(span[1]), D(span[2]), digits=4).energy_kwh  # noqa: B018


def test_losses_of_a_transformer_by_hand() -> None:
    """630 kVA, 0.81 kW without load, 6.2 kW at full load; 226,800 kVAh over 720 h are half of the rated load:
    (0.81 + 6.2/4) x 720.
    """
    loss = TransformerLoss(D(630), D("0.81"), D("6.2"), D("0.006"), D("0.045"))
    active, reactive = loss.energy(D(226800), D(0), D(720))
    assert active == D("1699.2")
    assert reactive == (D("0.006") + D("0.045") / 4) * 630 * 720
    peaky, _ = dataclasses.replace(loss, shape_factor=D("1.2")).energy(D(226800), D(0), D(720))
    assert peaky == D("0.81") * 720 + D("6.2") * 720 * D("0.3")
    idle, _ = loss.energy(D(0), D(0), D(720))
    assert idle == D("583.2")


def test_a_loss_is_added_to_energy_periods_and_lagging_energy() -> None:
    loss = TransformerLoss(D(630), D("0.81"), D(0), D("0.006"))
    added = with_transformer_loss(MAIN, loss)
    assert added.energy_kwh == D("1583.20")
    assert added.energy_by_period == {
        TouPeriod.PEAK: D("949.92"),
        TouPeriod.FLAT: D("474.96"),
        TouPeriod.VALLEY: D("158.32"),
    }
    assert added.lagging_kvarh == D("480.00") + D("2721.60")
    assert added.max_demand_kw == MAIN.max_demand_kw
    empty = dataclasses.replace(MAIN, energy_kwh=D("0.00"), energy_by_period=dict.fromkeys(SPLIT, D("0.00")))
    assert with_transformer_loss(empty, loss).energy_by_period == {
        **dict.fromkeys(SPLIT, D("0.00")),
        TouPeriod.FLAT: D("583.20"),
    }


def test_a_sub_meter_a_share_and_a_quantity_are_taken_out_of_the_main_meter() -> None:
    below = Determinants(SEPTEMBER, D("100.00"), None, None, None, None, D("0.01"))
    supply = shared_supply(
        FACTORY,
        MAIN,
        [
            Share("dormitory", DORMITORY, metered=below),
            Share("shop", SHOP, ratio=D("0.05")),
            Share("street", SHOP, quantity_kwh=D("50.00")),
        ],
    )
    assert [(segment.section, segment.energy_kwh) for segment in supply.segments] == [
        ("", D("800.00")),
        ("dormitory", D("100.00")),
        ("shop", D("50.00")),
        ("street", D("50.00")),
    ]
    assert supply.segments[0].energy_by_period == {
        TouPeriod.PEAK: D("480.00"),
        TouPeriod.FLAT: D("240.00"),
        TouPeriod.VALLEY: D("80.00"),
    }
    bill = price_supply(supply, FACTS)
    assert {line.section: line.amount_cny for line in bill.lines if line.component.value == "tier_1"} == {
        "dormitory": D("55.80")
    }
    assert [line.section for line in bill.lines if line.component.value == "transmission"] == [
        "",
        "",
        "",
        "shop",
        "street",
    ]
    # The main meter's power factor, 1000 / sqrt(1000^2 + 480^2); the base leaves out parts without a
    # standard, and funds.
    assert bill.power_factor == D("0.90")
    adjustment = bill.lines[-1]
    base = [line for line in bill.lines[:-1] if line.section == "" and line.component.value != "funds"]
    assert adjustment.quantity == sum(line.amount_cny for line in base)


def test_the_tiers_of_a_home_behind_the_main_meter_begin_at_its_own_year() -> None:
    home = dataclasses.replace(DORMITORY, is_combined_meter=False)
    below = Determinants(
        SEPTEMBER, D("100.00"), None, None, None, None, D("0.01"), year_to_date_kwh=D("5000.00")
    )
    bill = price_supply(shared_supply(FACTORY, MAIN, [Share("home", home, metered=below)]), FACTS)
    # Above 4,800 kWh of the year each costs 0.838.
    assert [(line.component.value, line.amount_cny) for line in bill.lines if line.section == "home"] == [
        ("tier_3", D("83.80"))
    ]


def test_a_sub_meter_with_a_curve_is_deducted_by_the_periods_of_the_main_contract() -> None:
    below = Determinants(SEPTEMBER, D("100.00"), None, None, None, None, D("0.01"))
    own = {TouPeriod.PEAK: D("0.00"), TouPeriod.VALLEY: D("100.00")}
    supply = shared_supply(FACTORY, MAIN, [Share("dormitory", DORMITORY, metered=below, main_periods=own)])
    assert supply.segments[0].energy_by_period == {
        TouPeriod.PEAK: D("600.00"),
        TouPeriod.FLAT: D("300.00"),
        TouPeriod.VALLEY: D("0.00"),
    }


@pytest.mark.parametrize(
    "share",
    [
        Share("a", SHOP),
        Share("a", SHOP, ratio=D("0.1"), quantity_kwh=D(1)),
        Share("a", SHOP, ratio=D("1.1")),
        Share("a", SHOP, quantity_kwh=D("1000.01")),
        Share("a", SHOP, quantity_kwh=D("0.005")),
        Share("a", SHOP, quantity_kwh=D(-1)),
        Share("", SHOP, quantity_kwh=D(1)),
        Share("a", SHOP, metered=dataclasses.replace(MAIN, month=BillingMonth(2026, 8))),
        Share("a", SHOP, metered=MAIN, main_periods={TouPeriod.FLAT: D(1)}),
        Share(
            "a",
            dataclasses.replace(DORMITORY, is_time_of_use=True, is_combined_meter=False),
            quantity_kwh=D(1),
        ),
    ],
)
def test_parts_that_cannot_be_taken_out_are_refused(share: Share) -> None:
    with pytest.raises(UsageError):
        shared_supply(FACTORY, MAIN, [share])


def test_two_parts_may_not_share_a_name() -> None:
    with pytest.raises(UsageError, match="name of its own"):
        shared_supply(
            FACTORY, MAIN, [Share("a", SHOP, quantity_kwh=D(1)), Share("a", SHOP, quantity_kwh=D(2))]
        )
