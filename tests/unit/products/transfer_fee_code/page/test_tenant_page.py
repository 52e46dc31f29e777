"""Pages of the simulated malls: what a tenant and what the regulator is told, and what is not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pipelines.codes import GreyReason
from products.transfer_fee_code.page.tenant_page import render_code_page, render_supplier_page


def test_pages_say_what_they_must_and_load_nothing(codes: dict[str, Any]) -> None:
    tenants = codes["2026-09"]
    red = tenants["SIM-TENANT-B-010"]
    page = render_code_page(red["row"], red["evidence"], "<svg></svg>")
    for text in (
        "红码",
        "Red",
        "风险提示，不是违法认定",
        "no legal finding",
        "示意电价",
        "数据来源：</b>模拟。 Data: simulated.",
        "模拟租户B-010",
        "default-src 'none'",
    ):
        assert text in page
    assert f"{red['row']['over_reference_cny']:,.2f} 元" in page
    assert "（示意 illustrative）" in page
    assert "（未核实 unverified）" in page
    grey = tenants["SIM-TENANT-A-011"]
    assert "请先核对电量和金额" in render_code_page(grey["row"], grey["evidence"], "<svg></svg>")
    own = [code for code in tenants.values() if code["row"]["supplier_customer_id"] == "SIM-MALL-B"]
    overview = render_supplier_page(
        [code["row"] for code in own], [code["evidence"] for code in own], {"SIM-TENANT-B-010": "B-010.html"}
    )
    assert 'href="B-010.html"' in overview
    for text in (page, overview):
        assert "<script" not in text
        assert " style=" not in text
        assert "http://" not in text
        assert "https://" not in text


def test_a_tenant_is_told_nothing_of_the_suppliers_account_nor_of_few_other_tenants(
    codes: dict[str, Any],
) -> None:
    """Twelve tenants: the price that they imply is the regulator's alone, and so are the master's figures."""
    for code in codes["2026-09"].values():
        evidence = code["evidence"]
        assert evidence["is_group_publishable"] is False
        page = render_code_page(code["row"], evidence, "<svg></svg>")
        for secret in (
            f"{evidence['master_total_cny']:,.2f}",
            f"{evidence['master_energy_kwh']:,.2f}",
            f"{evidence['implied_price_cny_per_kwh']:.4f}（",
            "与其他租户",
            "同一主体其他租户",
        ):
            assert secret not in page
        assert "不公布由各租户推算的价格" in page
    code = codes["2026-09"]["SIM-TENANT-B-010"]
    shown = render_code_page(code["row"], code["evidence"] | {"is_group_publishable": True}, "<svg></svg>")
    assert f"{code['evidence']['implied_price_cny_per_kwh']:.4f}（" in shown


def test_what_the_reading_day_explains_is_no_alarm(codes: dict[str, Any]) -> None:
    """Half a day of a month of 30: a sixtieth of the fee."""
    honest = 0
    for code in codes["2026-09"].values():
        row, evidence = code["row"], code["evidence"]
        page = render_code_page(row, evidence, "<svg></svg>")
        explained = evidence["fee_cny"] / 60
        assert abs(evidence["reading_day_cny"] - explained) <= Decimal("0.005")
        over = row["over_reference_cny"]
        other = evidence["other_charge_cny"]
        assert ('class="alarm"' in page) == bool(over and (other or over > evidence["reading_day_cny"]))
        if row["colour_code"] == "green" and over:
            honest += 1
            assert "可能只是抄表日不同造成的" in page
    assert honest >= 4


def test_tenants_that_declare_more_than_the_supplier_bought_are_told_to_the_regulator(
    codes: dict[str, Any],
) -> None:
    own = [code for code in codes["2026-09"].values() if code["row"]["supplier_customer_id"] == "SIM-MALL-B"]
    rows, evidence = [code["row"] for code in own], [code["evidence"] for code in own]
    assert {each["tenants_energy_kwh"] for each in evidence} == {sum(row["energy_kwh"] for row in rows)}
    assert "大于总表购电量" not in render_supplier_page(rows, evidence)
    above = [each | {"tenants_energy_kwh": each["master_energy_kwh"] + 1} for each in evidence]
    assert "大于总表购电量" in render_supplier_page(rows, above)


def test_a_real_supplier_with_a_simulated_declaration_is_not_called_simulated(codes: dict[str, Any]) -> None:
    tenants = codes["2026-09"]
    own = [code for code in tenants.values() if code["row"]["supplier_customer_id"] == "SIM-MALL-B"]
    rows = [code["row"] | {"provenance": "real"} for code in own]
    evidence = [code["evidence"] for code in own]
    rows[-1] = rows[-1] | {"provenance": "real+simulated"}
    for page in (
        render_code_page(rows[-1], evidence[-1], "<svg></svg>"),
        render_supplier_page(rows, evidence),
    ):
        assert "均为模拟" not in page
        assert "真实数据、模拟。 Data: real, simulated." in page
    real = render_code_page(rows[0], evidence[0], "<svg></svg>")
    assert "真实数据。 Data: real." in real
    assert "simulated" not in real


def test_names_are_escaped(codes: dict[str, Any]) -> None:
    code = codes["2026-09"]["SIM-TENANT-B-010"]
    row = code["row"] | {
        "tenant_name": "<script>x</script>",
        "supplier_name": '"><img src=x>',
        "tenant_id": "<b>t",
    }
    for page in (
        render_code_page(row, code["evidence"], "<svg></svg>"),
        render_supplier_page([row], [code["evidence"] | {"tenant_id": "<b>t"}]),
    ):
        assert "<script" not in page
        assert "<img" not in page
        assert "<b>t" not in page


def test_a_charge_under_another_name_is_explained_by_no_reading_day(codes: dict[str, Any]) -> None:
    """20 CNY above the reference of a green shop, all a service fee, were put down to the reading day."""
    code = codes["2026-09"]["SIM-TENANT-A-008"]
    row, evidence = code["row"] | {"over_reference_cny": Decimal(20)}, code["evidence"]
    page = render_code_page(row, evidence, "<svg></svg>")
    assert "可能只是抄表日不同造成的" in page
    page = render_code_page(row, evidence | {"other_charge_cny": Decimal(20)}, "<svg></svg>")
    assert 'class="alarm"' in page
    assert "其中 20.00 元以其他名目收取，抄表日不同解释不了" in page
    assert "可能只是抄表日不同造成的" not in page


@pytest.mark.parametrize("reason", list(GreyReason))
def test_a_grey_code_says_who_has_to_do_something(codes: dict[str, Any], reason: GreyReason) -> None:
    """A vacant shop that pays 300 CNY was told to wait for the supplier's data; a shop whose supplier was not
    metered to declare again.
    """
    code = codes["2026-09"]["SIM-TENANT-A-011"]
    is_suppliers = reason.value.startswith(("no_master", "master_", "estimated", "no_colour"))
    over = None if is_suppliers else Decimal(300)
    row = code["row"] | {"grey_reason_code": reason.value, "over_reference_cny": over}
    page = render_code_page(row, code["evidence"], "<svg></svg>")
    assert ("等总表数据" in page) is is_suppliers
    assert ("有误请更正后重新申报" in page) is not is_suppliers
    assert ("<b>300.00 元</b>本月高于参考价的金额" in page) is not is_suppliers


def test_a_slip_that_charges_too_little_shows_no_amount_that_it_should_be(codes: dict[str, Any]) -> None:
    """187,470.70 kWh for 17,396.17 CNY: 175,378.67 CNY 按参考价应为 is nothing that anybody owes."""
    code = codes["2026-09"]["SIM-TENANT-A-011"]
    assert code["row"]["over_reference_cny"] == 0
    page = render_code_page(code["row"], code["evidence"], "<svg></svg>")
    assert "按参考价应为" not in page
    assert f"{code['evidence']['fair_fee_cny']:,.2f}" not in page


def test_yuan_that_wait_for_a_check_are_not_added_to_those_that_stand(codes: dict[str, Any]) -> None:
    """A slip of a year in a month put its 14,445 CNY into what a mall is said to have overcharged."""
    own = [code for code in codes["2026-09"].values() if code["row"]["supplier_customer_id"] == "SIM-MALL-A"]
    rows, evidence = [code["row"] for code in own], [code["evidence"] for code in own]
    stands = sum(row["over_reference_cny"] for row in rows if not row["grey_reason_code"])
    page = render_supplier_page(rows, evidence)
    assert f"{stands:,.2f} 元" in page
    assert "另有灰码待核对" not in page
    slip = [row | {"over_reference_cny": Decimal(14_445)} if row["grey_reason_code"] else row for row in rows]
    page = render_supplier_page(slip, evidence)
    assert f"{stands:,.2f} 元" in page
    assert "另有灰码待核对" in page
    assert "14,445.00 元" in page
