"""Monthly mean power factor to two decimals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipelines.errors import UsageError
from pipelines.facts import load_facts
from pipelines.settings import packaged
from pipelines.tariff import power_factor


@pytest.mark.parametrize(
    ("lagging", "leading", "active", "expected"),
    [
        ("34985.37", "8885.74", "60916.39", "0.81"),
        ("34985.37", "-8885.74", "60916.39", "0.81"),
        ("0", "0", "100", "1.00"),
        ("75", "0", "100", "0.80"),
        ("0", "75", "100", "0.80"),
        ("133", "0", "0", "0.00"),
    ],
)
def test_worked_examples(lagging: str, leading: str, active: str, expected: str) -> None:
    assert str(power_factor(Decimal(lagging), Decimal(leading), Decimal(active))) == expected


@pytest.mark.parametrize("thousandths", [895, 905, 805, 995, 545, 845])
def test_half_a_hundredth_is_the_edge(thousandths: int) -> None:
    """The largest reactive energy (in 1/1000 kvarh on 1000 kWh) that still rounds up, found in whole
    numbers.
    """
    active = 1_000_000
    inside = 0
    for step in (10**exponent for exponent in range(7, -1, -1)):
        while active**2 * 1000**2 >= thousandths**2 * (active**2 + (inside + step) ** 2):
            inside += step
    upper = Decimal(thousandths + 5) / 1000
    assert power_factor(Decimal(inside) / 1000, Decimal(0), Decimal(1000)) == upper
    assert power_factor(Decimal(inside + 1) / 1000, Decimal(0), Decimal(1000)) == upper - Decimal("0.01")


@pytest.mark.parametrize(("lagging", "active"), [("0", "0"), ("-1", "10"), ("1", "-10")])
def test_what_has_no_power_factor_is_refused(lagging: str, active: str) -> None:
    with pytest.raises(UsageError):
        power_factor(Decimal(lagging), Decimal(0), Decimal(active))


def test_the_published_bill_of_a_factory_implies_that_funds_are_left_out() -> None:
    rule = load_facts(packaged("conf") / "facts").power_factor_adjustment.versions[-1].value
    assert rule.ratio(Decimal("0.77"), Decimal("0.90")) == Decimal("0.065")
    base = Decimal("1555.37") / Decimal("0.065")
    assert Decimal("23928") < base < Decimal("25617.85")
