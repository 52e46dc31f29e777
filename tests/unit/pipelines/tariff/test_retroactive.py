"""A notice that arrives late: the issued bill stays, lines of correction come to it."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.codes import CustomerClass, DemandBasis, LineComponent, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import UsageError
from pipelines.facts import Facts, load_facts, load_prices
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import (
    Contract,
    Correction,
    PricedMonth,
    SupplyMonth,
    change_days,
    corrections_between,
    cut_month,
    price_supply,
    require_issuable,
)
from tests.measured_months import Measured, supply_of

D = Decimal
HEADER = "month,component,price_cny_per_kwh,document,published_on\n"
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
SPLIT = {TouPeriod.PEAK: D("600.00"), TouPeriod.VALLEY: D("400.00")}
MEASURED = Measured(BillingMonth(2026, 9), D("1000.00"), SPLIT, D(500), D("480.00"), D(0), D("0.01"))


def rows(month: str, purchase: str, document: str, published: str) -> str:
    prices = (("purchase", purchase), ("line_loss", "0.0100"), ("system_operation", "0.0500"))
    return "".join(f"{month},{component},{price},{document},{published}\n" for component, price in prices)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = Path(shutil.copytree(packaged("conf") / "facts", tmp_path / "facts"))
    first = tmp_path / "september.csv"
    first.write_text(HEADER + rows("2026-09", "0.4000", "notice 9", "2026-08-28"), encoding="utf-8")
    load_prices(first, copied)
    return copied


def corrected(folder: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.csv"
    late.write_text(HEADER + rows("2026-09", "0.4200", "notice 9 bis", "2026-10-20"), encoding="utf-8")
    load_prices(late, folder, corrects=True)


def difference(
    supply: SupplyMonth, facts: Facts, before: date = date(2026, 10, 5), after: date = date(2026, 10, 20)
) -> tuple[Correction, ...]:
    """What the month costs otherwise by what became known in between."""
    issued, now = (price_supply(supply, facts, known) for known in (before, after))
    return between(issued, now, facts, before, after)


def between(
    issued: PricedMonth, now: PricedMonth, facts: Facts, before: date, after: date
) -> tuple[Correction, ...]:
    found = corrections_between(issued.lines, now.lines, issued.month, facts, lambda _: before, after)
    assert sum((each.amount_cny for each in found), D(0)) == now.total_cny - issued.total_cny
    return found


def total(found: tuple[Correction, ...]) -> Decimal:
    return sum((each.amount_cny for each in found), D(0))


def test_a_correction_of_a_price_becomes_lines_and_leaves_the_issued_bill(
    folder: Path, tmp_path: Path
) -> None:
    issued = price_supply(
        supply_of(FACTORY, MEASURED),
        load_facts(folder),
        date(2026, 10, 5),
    )
    corrected(folder, tmp_path)
    facts = load_facts(folder)
    found = difference(supply_of(FACTORY, MEASURED), facts)
    # 0.02 x 1.85 x 600 and 0.02 x 0.4 x 400; the adjustment is 0 at the standard.
    assert [(each.line.component, each.line.period, each.amount_cny, each.notices) for each in found] == [
        (LineComponent.ENERGY_BASE, TouPeriod.PEAK, D("22.20"), ("notice 9 bis",)),
        (LineComponent.ENERGY_BASE, TouPeriod.VALLEY, D("3.20"), ("notice 9 bis",)),
    ]
    assert total(found) == D("25.40")
    assert price_supply(supply_of(FACTORY, MEASURED), facts, date(2026, 10, 19)) == issued


def test_the_adjustment_follows_its_base(folder: Path, tmp_path: Path) -> None:
    corrected(folder, tmp_path)
    poor = dataclasses.replace(MEASURED, lagging_kvarh=D("750.00"))
    found = difference(supply_of(FACTORY, poor), load_facts(folder))
    assert [(each.line.component, each.amount_cny) for each in found][-1] == (
        LineComponent.POWER_FACTOR_ADJUSTMENT,
        D("1.27"),
    )
    assert found[-1].notices == ()
    assert total(found) == D("26.67")


def test_a_late_notice_that_splits_the_month_corrects_the_bill_issued_whole(folder: Path) -> None:
    """The funds fall to 0.02 from the 16th, known on 2026-10-20: 500 of 1,000 kWh save 0.00923875 each; the
    issued bill had one line of each.
    """
    facts = load_facts(folder)
    published = facts.funds.versions[0]
    citation = dataclasses.replace(published.citation, document="notice on funds")
    late = dataclasses.replace(
        published,
        value=D("0.02"),
        citation=citation,
        effective_from=date(2026, 9, 16),
        known_from=date(2026, 10, 20),
    )
    facts = dataclasses.replace(facts, funds=dataclasses.replace(facts.funds, versions=(published, late)))
    plain = dataclasses.replace(FACTORY, is_time_of_use=False)
    before, after = date(2026, 10, 5), date(2026, 10, 20)
    issued = price_supply(supply_of(plain, MEASURED), facts, before)
    whole = dataclasses.replace(MEASURED, energy_by_period=None)
    supply = cut_month(supply_of(plain, whole), change_days(plain, whole.month, facts), [[1.0], [1.0]])
    now = price_supply(supply, facts, after)
    found = between(issued, now, facts, before, after)
    # 1000 x 0.02923875 = 29.24 before; 14.62 + 10.00 now.
    assert total(found) == D("-4.62")
    funds = [(each.amount_cny, each.notices) for each in found if each.line.component is LineComponent.FUNDS]
    assert funds == [
        (D("14.62"), ()),
        (D("10.00"), ("notice on funds",)),
        (D("-29.24"), ("notice on funds",)),
    ]
    assert total(difference(supply, facts, before, after)) == D("-4.62")


def test_nothing_new_corrects_nothing(folder: Path) -> None:
    assert difference(supply_of(FACTORY, MEASURED), load_facts(folder)) == ()


def test_an_illustrative_bill_is_issued_in_the_demo_only(folder: Path) -> None:
    def priced(known: date | None) -> PricedMonth:
        return price_supply(supply_of(FACTORY, MEASURED), load_facts(folder), known)

    illustrative = priced(date(2026, 8, 27))
    assert illustrative.is_illustrative
    with pytest.raises(UsageError, match="示意电价"):
        require_issuable(illustrative, is_demo=False)
    require_issuable(illustrative, is_demo=True)
    published = priced(None)
    assert not published.is_illustrative
    require_issuable(published, is_demo=False)


def test_a_market_price_takes_the_place_of_the_purchase(folder: Path) -> None:
    """0.45 + 0.45 x 0.0307 + 0.05 = 0.513815, in the peak x 1.85."""
    bill = price_supply(
        supply_of(dataclasses.replace(FACTORY, market_price_cny_per_kwh=D("0.45")), MEASURED),
        load_facts(folder),
    )
    assert [(line.unit_price, line.amount_cny) for line in bill.lines[:2]] == [
        (D("0.95055775"), D("570.33")),
        (D("0.205526"), D("82.21")),
    ]
    assert "market 0.45" in bill.lines[0].formula
    with pytest.raises(UsageError, match="market price must not be negative"):
        price_supply(
            supply_of(dataclasses.replace(FACTORY, market_price_cny_per_kwh=D("-0.01")), MEASURED),
            load_facts(folder),
        )
