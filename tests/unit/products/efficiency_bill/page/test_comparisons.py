"""What a bill says of the month: comparisons, praise, questions, days that stand out, documents."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipelines.periods import BillingMonth
from products.efficiency_bill.page.basis import basis_of
from products.efficiency_bill.page.bill import bill_days
from products.efficiency_bill.page.charts import DayPoint
from products.efficiency_bill.page.rendering import render_bill_html
from tests.unit.products.efficiency_bill.page.shown_bills import ADVICE, FACTS, page
from tests.unit.products.efficiency_bill.page.test_bill import OFFICE, STEEL

D = Decimal
SEPTEMBER = BillingMonth(2026, 9)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"peer_percentile_pct": 30.4}, "高于 30% 的同行（办公），共 74 户"),
        (
            {"peer_percentile_pct": None, "peer_count": 14, "peers_hidden_code": "too_few"},
            "同行（办公）共 14 户，户数太少，不作比较",
        ),
        (
            {"peer_percentile_pct": None, "peer_count": 54, "peers_hidden_code": "one_too_large"},
            "同行（办公）共 54 户，其中一户用电占比过大",
        ),
        ({"peer_percentile_pct": None, "peer_count": 54}, "户数太少或其中一户占比过大，不作比较"),
        ({"peer_group": "丙类"}, "高于 30% 的同行（丙类），共 74 户"),
        ({"peer_group": "Simulated industry 31"}, "高于 30% 的同行（模拟行业 31），共 74 户"),
        (
            {"record_question_code": "floor_area", "peer_percentile_pct": None, "intensity_kwh_per_m2": 53.2},
            "每平方米 53.20 kWh，与同类相差悬殊；请核对登记的建筑面积",
        ),
        (
            {"peer_percentile_pct": 4.0, "praise_codes": ["among_lowest_peers"]},
            "高于 4% 的同行（办公），共 74 户。单位面积用电属于同类中最省的一批，做得好。",
        ),
        (
            {"baseline_verdict_code": "below", "praise_codes": ["below_baseline"]},
            "低于基线。预期 60,000 kWh（50,000～70,000）。比往常省",
        ),
        (
            {"baseline_verdict_code": None, "band_coverage_ratio": 0.773},
            "基线区间只容纳了 77% 的用户",
        ),
        (
            {"day_kwh": [None] * 3 + [1000.0] * 27},
            "在基线区间内。预期 60,000 kWh（50,000～70,000），只按有电量的 27 天。",
        ),
        ({"intensity_kwh_per_m2": None}, "没有建筑面积"),
        ({"baseline_verdict_code": "above"}, "高于基线。预期 60,000 kWh（50,000～70,000）"),
        ({"baseline_kwh": None, "baseline_verdict_code": None}, "这一户在账单月份之前可供学习的天数不足"),
        (
            {"baseline_kwh": None, "baseline_verdict_code": None, "missing_inputs": ["weather", "baseline"]},
            "基线要用气温",
        ),
        (
            {"baseline_kwh": None, "baseline_verdict_code": None, "missing_inputs": ["baseline_model"]},
            "还没有一户在账单月份之前有足够天数",
        ),
        ({"peer_percentile_pct": None, "peer_group": None, "peer_count": 0}, "没有登记同行分组"),
        ({"previous_energy_kwh": None}, "没有上月的账单可比"),
        ({"previous_total_cny": None}, "上月用电 66,724.53 kWh，本月 −39.4%"),
    ],
)
def test_comparisons_in_words(changed: dict[str, Any], said: str) -> None:
    assert said in page(OFFICE[0] | changed, OFFICE[1])


def test_a_day_below_its_band_is_marked_too_and_one_on_it_is_not() -> None:
    """Idle days, 270 kWh against a lower edge of 1,490."""
    idle, on = (DayPoint(date(2026, 9, 26), energy, 1800.0, 1490.0, 2100.0) for energy in (270.0, 1490.0))
    assert (idle.is_below, on.is_below) == (True, False)
    assert idle.colour != on.colour
    bill = OFFICE[0] | {"day_kwh": [1000.0] * 25 + [270.0] * 5}
    assert "低于区间 5 天" in page(bill, OFFICE[1])


def test_days_of_missed_reads_are_marked() -> None:
    bill = OFFICE[0] | {"day_is_spread": [False] * 10 + [True] * 4 + [False] * 16}
    assert "漏抄 4 天，按后一次抄表均摊" in page(bill, OFFICE[1])
    assert "漏抄" not in page(*OFFICE)


def test_energy_is_bought_and_not_fed_in() -> None:
    shown = page(*STEEL)
    assert "上网电量" not in shown
    assert "电能量电费（代理购电、线损、系统运行，示意）" in shown
    market = [
        line | {"fact_id": "contract.market_price_cny_per_kwh", "fact_confidence_code": "unverified"}
        if line["component_code"] == "energy_base"
        else line
        for line in STEEL[1]
    ]
    assert "电能量电费（市场购电、线损、系统运行）" in page(STEEL[0], market)


def test_a_basis_is_a_document_where_the_facts_are_known() -> None:
    bill, lines = STEEL
    basis = basis_of(lines, FACTS, SEPTEMBER)
    shown = render_bill_html(bill, lines, ADVICE, bill_days(bill), basis)
    assert "发改价格〔2026〕1077号" in shown
    assert "水电财字[1983]215号" in shown
    assert "示意价，没有公布文件" in shown
    assert not [line["fact_id"] for line in lines if f">{line['fact_id']}<" in shown]
    assert ">energy_base<" in page(bill, lines), "without facts their ids stand"


def test_savings_are_said_together_where_they_were_priced_so() -> None:
    shown = page(STEEL[0] | {"joint_saving_cny": D("10871.16")}, STEEL[1])
    assert "以上全部做到，本月约可少付 11,000 元" in shown
    assert "全部做到" not in page(*STEEL)


def test_terms_without_time_of_use_say_so() -> None:
    assert "未执行分时电价" in page(*OFFICE)
    assert "不分时" not in page(*OFFICE)
