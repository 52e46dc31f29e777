"""Losses added, parts taken out, by hand."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from pipelines.codes import TouPeriod
from pipelines.transforms.billing.metering import TransformerLoss, deducted, with_added_energy

D = Decimal
SPLIT = {TouPeriod.PEAK: D("600.00"), TouPeriod.FLAT: D("300.00"), TouPeriod.VALLEY: D("100.00")}


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


def test_a_loss_is_added_over_the_periods() -> None:
    """0.81 kW x 720 h = 583.20 kWh by what the periods hold; flat where they hold none."""
    assert with_added_energy(SPLIT, D("583.20"), D("0.01")) == {
        TouPeriod.PEAK: D("949.92"),
        TouPeriod.FLAT: D("474.96"),
        TouPeriod.VALLEY: D("158.32"),
    }
    nothing = dict.fromkeys(SPLIT, D("0.00"))
    assert with_added_energy(nothing, D("583.20"), D("0.01")) == {**nothing, TouPeriod.FLAT: D("583.20")}


def test_what_is_taken_out_goes_in_proportion_or_by_its_own_periods() -> None:
    assert deducted(SPLIT, D("200.00"), None, D("0.01")) == {
        TouPeriod.PEAK: D("480.00"),
        TouPeriod.FLAT: D("240.00"),
        TouPeriod.VALLEY: D("80.00"),
    }
    own = {TouPeriod.PEAK: D("0.00"), TouPeriod.VALLEY: D("100.00")}
    assert deducted(SPLIT, D("100.00"), own, D("0.01")) == {
        TouPeriod.PEAK: D("600.00"),
        TouPeriod.FLAT: D("300.00"),
        TouPeriod.VALLEY: D("0.00"),
    }
    assert min(deducted(SPLIT, D("1000.01"), None, D("0.01")).values()) < 0
