"""Tiers of a home whose main meter counts what others take: the energy of its year before September 2026, 243
days, by hand.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.periods import BillingMonth
from tests.supplies import METER, SEPTEMBER, SHOP, World, registers

D = Decimal
FIRST, AUGUST = date(2026, 1, 1), date(2026, 8, 1)
HOME = SHOP | {"customer_class_code": "residential", "voltage_level_code": "below_1kv"}
SUB = METER | {"meter_point_id": "N", "parent_meter_point_id": "M"}
SHARE: dict[str, Any] = {
    "share_id": "S",
    "valid_from_date": FIRST,
    "main_meter_point_id": "M",
    "section_name": "shop",
    "customer_class_code": "general_commercial",
    "voltage_level_code": "below_1kv",
    "is_time_of_use": False,
    "provenance": "simulated",
}
RATIO = SHARE | {"share_ratio": D("0.2")}


def year(kwh: str, meter_point: str = "M") -> list[dict[str, Any]]:
    return registers(kwh, meter_point, first=FIRST)


@pytest.mark.parametrize(
    ("share", "year_kwh"),
    [
        (RATIO, None),  # 2,673 counted, 2,138.4 of them the home's: no table tells
        (RATIO | {"share_ratio": D("0.5"), "ended_date": date(2026, 6, 30)}, None),
        (RATIO | {"ended_date": FIRST}, None),
        (RATIO | {"valid_from_date": date(2025, 1, 1), "ended_date": date(2025, 12, 31)}, D(2673)),
        (RATIO | {"valid_from_date": date(2026, 8, 31)}, None),
        (RATIO | {"valid_from_date": SEPTEMBER.first_day}, D(2673)),
        (SHARE | {"sub_meter_point_id": "N", "ended_date": date(2026, 6, 30)}, None),
    ],
)
def test_tiers_behind_which_a_share_took_energy_earlier_in_the_year_are_refused(
    share: dict[str, Any], year_kwh: Decimal | None
) -> None:
    account = World([HOME], [METER, SUB], [*year("11.00"), *year("1.00", "N")], (), [share]).account()
    if year_kwh is None:
        assert (account.supply, account.lacks) == (None, ("residential_tiers",))
    else:
        assert (account.lacks, account.totals.year_to_date_kwh) == ((), year_kwh)


def test_the_first_month_of_the_year_and_a_price_without_tiers_ask_for_no_year() -> None:
    january = BillingMonth(2026, 1)
    assert World([HOME], [METER], year("11.00"), (), [RATIO]).account(month=january).lacks == ()
    combined = World([HOME | {"is_combined_meter": True}], [METER], year("11.00"), (), [RATIO]).account()
    assert (combined.lacks, combined.supply is None) == ((), False)


def test_a_tenant_behind_a_metered_part_is_taken_out_of_the_year_once() -> None:
    """M 20 kWh a day, N 6, the tenant behind N 2: 4,860 - 1,458 = 3,402 are the home's."""
    tenant = SUB | {"meter_point_id": "X", "customer_id": "T", "parent_meter_point_id": "N"}
    settled = [*year("20.00"), *year("6.00", "N"), *year("2.00", "X")]
    by_sub = SHARE | {"sub_meter_point_id": "N"}
    world = World([HOME, SHOP | {"customer_id": "T"}], [METER, SUB, tenant], settled, (), [by_sub])
    assert world.account().totals.year_to_date_kwh == D(3402)
    # Where the part has the tiers, its year is 1,458 - 486 = 972.
    dwelling = by_sub | {"customer_class_code": "residential"}
    part = World([SHOP, SHOP | {"customer_id": "T"}], [METER, SUB, tenant], settled, (), [dwelling])
    assert part.account().totals.year_to_date_kwh == D(972)


@pytest.mark.parametrize(
    ("began", "of_part", "of_main", "lacks"),
    [
        (FIRST, D(2430), D(4860 - 2430), ()),
        (AUGUST, D(310), D(4860 - 310), ()),
        (date(2026, 8, 2), None, None, ("year_to_date",)),  # of August it is not known
        (SEPTEMBER.first_day, D(0), D(4860), ()),
    ],
)
def test_what_a_sub_meter_counted_before_its_share_was_the_main_parts(
    began: date, of_part: Decimal | None, of_main: Decimal | None, lacks: tuple[str, ...]
) -> None:
    """M 20 kWh a day, N 10 a day since January."""
    settled = [*year("20.00"), *year("10.00", "N")]
    shop = SHARE | {"sub_meter_point_id": "N", "valid_from_date": began}
    main = World([HOME], [METER, SUB], settled, (), [shop]).account()
    part = World([SHOP], [METER, SUB], settled, (), [shop | {"customer_class_code": "residential"}]).account()
    assert (main.behind_lacks, part.behind_lacks) == (lacks, lacks)
    if of_main is not None:
        assert (main.totals.year_to_date_kwh, part.totals.year_to_date_kwh) == (of_main, of_part)
    neither = World([SHOP], [METER, SUB], settled, (), [shop]).account()
    assert neither.behind_lacks == (), "without tiers nobody asks for the year"


@pytest.mark.parametrize(
    ("left", "read_until", "year_kwh"),
    [
        (None, SEPTEMBER.last_day, D(4860 - 1215)),  # the tenant's 5 kWh a day
        (None, date(2026, 8, 31), None),  # not read in September: no row tells the tenant's year
        (date(2026, 7, 1), SEPTEMBER.last_day, None),  # half of the year was the tenant's
        (date(2026, 1, 2), SEPTEMBER.last_day, None),
        (FIRST, SEPTEMBER.last_day, D(4860)),
    ],
)
def test_what_a_tenant_took_earlier_in_the_year_is_not_the_homes(
    left: date | None, read_until: date, year_kwh: Decimal | None
) -> None:
    """From the day on which the tenant has left the sub-meter is the home's own."""
    moved_in = SUB | {"customer_id": "T", "valid_from_date": date(2025, 1, 1)}
    points = [METER, moved_in, *([SUB | {"customer_id": None, "valid_from_date": left}] if left else [])]
    settled = [*year("20.00"), *registers("5.00", "N", first=FIRST, last=read_until)]
    account = World([HOME, SHOP | {"customer_id": "T"}], points, settled).account()
    if year_kwh is None:
        assert (account.supply, account.lacks) == (None, ("residential_tiers",))
    else:
        assert (account.lacks, account.totals.year_to_date_kwh) == ((), year_kwh)
