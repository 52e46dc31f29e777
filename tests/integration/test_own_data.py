"""A utility's own files: neutral numbers, two months of registers, no weather, no payments, no declarations.
Bills come out, what they lack is named, and who has none is told with the reason.
"""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.ledger import Ledger
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from products.efficiency_bill.tables import EfficiencyBillV1
from tests.command_line import zhixiang

pytestmark = pytest.mark.slow

SENT = "2026-10-02 08:00:00"
FIRST, LAST = date(2026, 7, 31), date(2026, 9, 30)
SHOP = "general_commercial,single_part,1_to_20kv,,,,,,false"
CUSTOMERS = f"""customer_id,valid_from_date,customer_name,city,industry_code,peer_group,customer_class_code,\
pricing_scheme_code,voltage_level_code,contract_capacity_kva,running_capacity_kva,demand_basis_code,\
contract_demand_kw,power_factor_standard_ratio,is_time_of_use,floor_area_m2,weather_station_id,opened_date,\
closed_date,provenance,sent_at
310001,2026-01-01,第一商店,,,,{SHOP},,,,,real,{SENT}
310002,2026-01-01,第二工厂,,,,large_industry,two_part,1_to_20kv,800,800,capacity,,,true,,,,,real,{SENT}
310003,2026-01-01,第三商店,,,,{SHOP},,,,,real,{SENT}
310004,2026-01-01,第四商店,,,,{SHOP},,,,,real,{SENT}
310005,2026-10-01,第五商店,,,,{SHOP},,,,,real,{SENT}
310006,2026-01-01,第六商店,,,,general_commercial,,1_to_20kv,,,,,,false,,,,,real,{SENT}
"""
METER_POINTS = f"""meter_point_id,valid_from_date,customer_id,meter_id,multiplier_ratio,register_digits,\
register_decimals,start_register_unscaled,previous_end_register_unscaled,capacity_kva,provenance,sent_at
P1,2026-01-01,310001,M1,1,8,2,,,,real,{SENT}
P2,2026-01-01,310002,M2,1,8,2,,,,real,{SENT}
P4,2026-01-01,310004,M4,1,8,2,,,,real,{SENT}
P6,2026-01-01,310006,M6,1,8,2,,,,real,{SENT}
P7,2026-01-01,310007,M7,1,8,2,,,,real,{SENT}
"""
PRICES = "month,component,price_cny_per_kwh,document,published_on\n" + "".join(
    f"2026-{month},{part},{price},notice of the month,2026-{month}-01\n"
    for month in ("08", "09")
    for part, price in (("purchase", "0.4380"), ("line_loss", "0.0180"), ("system_operation", "0.0690"))
)
REASONS = {
    "310002": "input_missing",
    "310003": "no_meter_point",
    "310004": "no_readings",
    "310005": "no_terms",
    "310006": "contract_incomplete",
    "310007": "no_terms",
}
NOT_OURS = ("模拟", "simulated", "日期平移", "shifted", "钢铁", "steel", "示意", "STEEL")


def received(inbox: Path) -> None:
    inbox.mkdir(parents=True)
    (inbox / "customers.csv").write_text(CUSTOMERS, encoding="utf-8")
    (inbox / "meter_points.csv").write_text(METER_POINTS, encoding="utf-8")
    lines = ["ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME"]
    for point in ("P1", "P2", "P6", "P7"):
        for number in range((LAST - FIRST).days + 1):
            day = FIRST + timedelta(days=number)
            lines.append(
                f"{point},1,{day},{day + timedelta(days=1)} 00:00:00,{1000 + 120 * number}.00,,,,,,{SENT}"
            )
    (inbox / "E_MP_DAY_READ_own.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def answer(home: Path, *arguments: str) -> Any:
    found = zhixiang(home, *arguments, "--json")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """August before the prices are loaded, September with them; each run ends with 0."""
    home = tmp_path_factory.mktemp("own") / "home"
    received(home / "inbox")
    shutil.copytree(packaged("conf"), home / "conf")
    first = zhixiang(home, "run", "--month", "2026-08")
    assert first.returncode == 0, first.stderr
    (home / "prices.csv").write_text(PRICES, encoding="utf-8")
    loaded = zhixiang(home, "facts", "load-prices", str(home / "prices.csv"))
    assert loaded.returncode == 0, loaded.stderr
    found = zhixiang(home, "run", "--month", "2026-09")
    assert found.returncode == 0, found.stderr
    return home


def bills(home: Path, month: str) -> dict[str, dict[str, Any]]:
    rows = Store(Settings(home / "conf", home)).arrow(
        EfficiencyBillV1, filters=[("billing_month", "=", month)]
    )
    newest: dict[str, dict[str, Any]] = {}
    for row in sorted(rows.to_pylist(), key=lambda row: row["revision"]):
        newest[row["customer_id"]] = row
    return newest


@pytest.mark.parametrize("month", ["2026-08", "2026-09"])
def test_bills_come_out_and_name_what_they_lack(home: Path, month: str) -> None:
    found = bills(home, month)
    assert set(found) == {"310001", "310002", "310006"}
    bill = found["310001"]
    assert bill["total_cny"] > 0
    assert bill["is_illustrative"] is (month == "2026-08")
    assert bill["energy_kwh"] == Decimal(120) * (31 if month == "2026-08" else 30)
    assert (bill["model_name"], bill["model_version"], bill["baseline_verdict_code"]) == ("", "", None)
    assert {"baseline_model", "baseline"} <= set(bill["missing_inputs"])


def test_the_page_names_what_the_comparisons_lack(home: Path) -> None:
    page = (home / "out" / "bills" / "2026-09" / "310001.html").read_text(encoding="utf-8")
    assert "还没有一户在账单月份之前有足够天数可供学习" in page
    assert "没有建筑面积" in page
    assert "电量来自真实的电表记录" in page


def test_who_was_not_billed_is_told_once_with_the_reason(home: Path) -> None:
    told = answer(home, "bill", "unbilled", "--month", "2026-09")
    assert {row["customer_id"]: row["reason_code"] for row in told["customers"]} == REASONS
    assert len(told["customers"]) == len(REASONS)
    detail = {row["customer_id"]: (row["detail_zh"], row["detail_en"]) for row in told["customers"]}
    assert "2026-10-01" in detail["310005"][0]
    assert "curve" in detail["310002"][1]
    screen = zhixiang(home, "bill", "unbilled", "--month", "2026-09")
    assert screen.returncode == 0
    assert all(name in screen.stdout for name in REASONS)
    assert "310001" not in screen.stdout


def test_a_bill_on_an_illustrative_price_counts_as_not_billed(home: Path) -> None:
    told = answer(home, "bill", "unbilled", "--month", "2026-08")
    assert {row["customer_id"]: row["reason_code"] for row in told["customers"]} == REASONS | {
        "310001": "illustrative_price"
    }


def test_every_stage_says_what_it_lacks(home: Path) -> None:
    ledger = Ledger(home)
    steps = {step["step"]: step for step in ledger.steps(ledger.runs(1)[0]["run_id"])}
    assert steps["train-baseline"]["status"] == "no model"
    assert "60 days of energy" in steps["train-baseline"]["gates"]["note"]
    assert steps["train-credit-index"]["status"] == "no input"
    assert "silver_payments" in steps["train-credit-index"]["gates"]["note"]
    assert steps["credit-index"]["status"] in {"no model", "no input"}
    assert steps["fee-code"]["status"] == "no input"
    assert "silver_transfer_declarations" in steps["fee-code"]["gates"]["note"]
    index = (home / "out" / "index.html").read_text(encoding="utf-8")
    assert "收到的缴费记录不足以训练" in index


def test_what_is_said_of_provenance_is_true_of_the_data(home: Path) -> None:
    manifest = json.loads((home / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["provenance"] == {"bills": "real"}
    for name in ("index.html", "bills/index.html"):
        text = (home / "out" / name).read_text(encoding="utf-8")
        body = text[text.index("<body") :]
        assert [word for word in NOT_OURS if word in body] == [], name
    assert "真实数据 · real" in (home / "out" / "bills" / "index.html").read_text(encoding="utf-8")


def test_a_month_never_billed_and_a_wrong_one_are_named(home: Path) -> None:
    for month, code in (("2026-07", 2), ("September", 2)):
        found = zhixiang(home, "bill", "unbilled", "--month", month)
        assert (found.returncode, "Traceback" in found.stderr) == (code, False)


def test_a_second_run_finds_everything_as_it_stands(home: Path) -> None:
    before = answer(home, "table", "hash", "all")
    again = zhixiang(home, "run", "--month", "2026-09")
    assert again.returncode == 0, again.stderr
    assert answer(home, "table", "hash", "all") == before


def test_a_setting_narrows_it_and_is_named(home: Path, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(home / "conf", conf)
    path = conf / "efficiency_bill.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("classes: []", "classes: [large_industry]"), encoding="utf-8")
    found = zhixiang(home, "run", "--month", "2026-09", "--to", "efficiency-bill", ZHIXIANG_CONF=str(conf))
    assert found.returncode == 0, found.stderr
    told = {
        row["customer_id"]: row for row in answer(home, "bill", "unbilled", "--month", "2026-09")["customers"]
    }
    assert told["310001"]["reason_code"] == "left_out_by_setting"
    assert "billed.classes: large_industry" in told["310001"]["detail_en"]
    assert told["310002"]["reason_code"] == "input_missing"
    assert len(bills(home, "2026-09")) == 3, "what was issued stays"
