"""Customers whose months are more than one contract and one meter: received files to gold, to the lines of
their bills, and the way back.

The figures of every supply are those worked by hand in
``tests/unit/pipelines/transforms/billing/test_supply.py``: 2,400 kWh a day at 100 kW.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Runner
from pipelines.facts import load_facts
from pipelines.ingest.read_files import ingest
from pipelines.models.model import ModelBundle
from pipelines.models.registry import Registry
from pipelines.money import round_to_fen
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.silver import SilverQuarantine
from products.efficiency_bill.product import EFFICIENCY_BILL
from products.efficiency_bill.replay import replay
from products.efficiency_bill.served_model import COEFFICIENTS, MODEL, write_coefficients
from tests.issued_rows import issued_rows
from tests.step_runs import Silent
from zhixiang.chain import all_steps
from zhixiang.reports.explain import explain
from zhixiang.reports.traces import traces_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

D = Decimal
NOW = datetime(2026, 11, 9, 4, tzinfo=UTC)
SEPTEMBER = BillingMonth(2026, 9)
SENT = "2026-10-02 08:00:00"
CUSTOMERS = f"""customer_id,valid_from_date,customer_name,city,industry_code,peer_group,customer_class_code,\
pricing_scheme_code,voltage_level_code,\
contract_capacity_kva,running_capacity_kva,demand_basis_code,contract_demand_kw,power_factor_standard_ratio,\
is_time_of_use,floor_area_m2,\
weather_station_id,opened_date,closed_date,provenance,sent_at,export_price_cny_per_kwh,household_persons,is_combined_meter,\
market_price_cny_per_kwh
BDG-CAP,2026-01-01,works,,,,large_industry,two_part,1_to_20kv,800,800,capacity,,,true,,,,,simulated,{SENT},,,,
BDG-CAP,2026-09-11,works,,,,large_industry,two_part,1_to_20kv,500,500,capacity,,,true,,,,,simulated,{SENT},,,,
BDG-MAIN,2026-01-01,park,,,,large_industry,two_part,1_to_20kv,800,800,capacity,,0.90,true,,,,,simulated,{SENT},0.4153,,,
BDG-TENANT,2026-01-01,tenant,,,,general_commercial,single_part,1_to_20kv,,,,,,false,,,,,simulated,{SENT},,,,
BDG-BAD,2026-01-01,nobody,,,,residential,single_part,below_1kv,,,,,,false,,,,,simulated,{SENT},,0,,
BDG-WORSE,2026-01-01,nobody,,,,residential,single_part,below_1kv,,,,,,false,,,,,simulated,{SENT},,,,dear
"""
METER_POINTS = f"""meter_point_id,valid_from_date,customer_id,meter_id,multiplier_ratio,register_digits,\
register_decimals,start_register_unscaled,previous_end_register_unscaled,\
capacity_kva,provenance,sent_at,parent_meter_point_id,transformer_rated_kva,transformer_no_load_kw,\
transformer_load_kw,\
transformer_no_load_ratio,transformer_short_circuit_ratio
MP-CAP,2026-01-01,BDG-CAP,A,1,8,2,0,,800,simulated,{SENT},,,,,,
MP-MAIN,2026-01-01,BDG-MAIN,B,1,8,2,0,,1000,simulated,{SENT},,1000,1,10,0.005,0.05
MP-HOME,2026-01-01,,C,1,8,2,0,,,simulated,{SENT},MP-MAIN,,,,,
MP-TENANT,2026-01-01,BDG-TENANT,E,1,8,2,0,,,simulated,{SENT},MP-MAIN,,,,,
MP-BAD,2026-01-01,BDG-BAD,F,1,8,2,0,,,simulated,{SENT},,,1,10,,
"""
SHARES = f"""share_id,valid_from_date,main_meter_point_id,section_name,share_ratio,share_kwh,\
sub_meter_point_id,customer_class_code,voltage_level_code,\
is_time_of_use,power_factor_standard_ratio,ended_date,provenance,sent_at,is_combined_meter
S-1,2026-01-01,MP-MAIN,dormitory,0.2,,,residential,1_to_20kv,false,,,simulated,{SENT},true
S-2,2026-08-01,MP-MAIN,household,,,MP-HOME,residential,below_1kv,false,,,simulated,{SENT},
S-3,2026-01-01,MP-MAIN,both,0.1,100,,general_commercial,1_to_20kv,false,,,simulated,{SENT},
S-4,2026-01-01,MP-MAIN,tiers,0.1,,,residential,below_1kv,false,,,simulated,{SENT},false
"""


def reads(
    meter_point: str, kind: int, kwh: Callable[[date], str], first: date = date(2026, 8, 31)
) -> Iterator[str]:
    """Frozen registers of every day up to the end of September, cumulated from what each day adds."""
    register, day = D("1000.00"), first
    while day <= SEPTEMBER.last_day:
        register += D(kwh(day)) if day > first else D(0)
        yield f"{meter_point},{kind},{day},{day + timedelta(days=1)} 00:00:00,{register},,,,,,{SENT}"
        day += timedelta(days=1)


def constant(kwh: str) -> Callable[[date], str]:
    return lambda _day: kwh


def curve(meter_point: str) -> Iterator[str]:
    """100 kW on the average of every half hour, 1 kW up and down."""
    points = ",".join(["101", "99"] * 48)
    for day in SEPTEMBER.days:
        yield f"{meter_point},{day},1,1,{'1' * 96},{points},{SENT}"


def received(inbox: Path) -> None:
    inbox.mkdir(parents=True)
    for name, text in (("customers", CUSTOMERS), ("meter_points", METER_POINTS), ("supply_shares", SHARES)):
        (inbox / f"{name}.csv").write_text(text, encoding="utf-8")
    lines = [
        *reads("MP-CAP", 1, constant("2400.00")),
        *reads("MP-MAIN", 1, constant("2400.00")),
        *reads("MP-MAIN", 2, constant("1200.00")),
        *reads("MP-MAIN", 6, constant("0.00")),
        *reads("MP-MAIN", 5, constant("12.34")),
        *reads("MP-TENANT", 1, constant("240.00")),
        *reads("MP-HOME", 1, lambda day: "10.00" if day.month < 9 else "20.00", date(2026, 7, 31)),
    ]
    header = "ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME"
    (inbox / "E_MP_DAY_READ_2026-09.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    points = ",".join(f"P{number}" for number in range(1, 97))
    header = f"ID,DATA_DATE,DATA_TYPE,DATA_POINT_FLAG,DATA_WHOLE_FLAG,{points},INSERT_TIME"
    (inbox / "E_MP_POWER_CURVE_2026-09.csv").write_text(
        "\n".join([header, *curve("MP-CAP"), *curve("MP-MAIN")]) + "\n", encoding="utf-8"
    )


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """All customers at once, up to gold."""
    store = Store(Settings(packaged("conf"), tmp_path_factory.mktemp("contracts")), spark)
    received(store.settings.home / "inbox")
    assert ingest(store, store.settings.home / "inbox", "all", NOW).accepted == 5
    ledger, facts = Ledger(store.settings.home), load_facts(packaged("conf") / "facts")
    runner = Runner(
        store.settings,
        facts,
        store,
        Registry(store.settings),
        ledger,
        Silent(),
        ledger.begin("all", NOW),
        [SEPTEMBER],
        NOW,
    )
    runner.run(
        [
            step
            for step in all_steps()
            if step.stage in ("silver", "gold")
            and step.name not in ("silver-estimation-errors", "gold-data-sufficiency")
        ]
    )
    return store


@pytest.fixture(scope="module")
def bills(store: Store) -> dict[str, dict[str, Any]]:
    """What the product issues, by customer, each as it is stored."""
    product = EFFICIENCY_BILL
    bundle = ModelBundle(MODEL, "1", "champion", {COEFFICIENTS: write_coefficients({})}, "digest")
    given: Any = SimpleNamespace(
        settings=store.settings,
        bundles={MODEL: bundle},
        paths=store.data_paths,
        standing=lambda _table: [],
        location=store.path,
        run_id="run",
        rules_digest="rules",
    )
    found = issued_rows(given, product.compute(given, SEPTEMBER, load_facts(packaged("conf") / "facts")))
    evidence = {table.name: rows for table, rows in found.items() if table is not product.result}
    return {
        row["customer_id"]: {"result": row | {"computed_run_id": None}}
        | {
            name: [each for each in rows if each["customer_id"] == row["customer_id"]]
            for name, rows in evidence.items()
        }
        for row in found[product.result]
    }


def said(bill: dict[str, Any], component: str) -> list[tuple[Any, ...]]:
    """Section, first day, quantity and amount of the lines of a component."""
    return [
        (line["section_name"], line["first_date"], line["quantity"], line["amount_cny"])
        for line in bill["efficiency_bill_lines_v1"]
        if line["component_code"] == component
    ]


def test_what_cannot_be_is_held_back_with_line_and_column(store: Store) -> None:
    rows = store.arrow(
        SilverQuarantine, ["table_name", "line_number", "column_name", "reason_code"]
    ).to_pylist()
    assert sorted(tuple(row.values()) for row in rows) == [
        ("bronze_customers", 6, "household_persons", "out_of_range"),
        ("bronze_customers", 7, "market_price_cny_per_kwh", "bad_number"),
        ("bronze_meter_points", 6, "transformer_rated_kva", "missing_value"),
        ("bronze_supply_shares", 4, "share_ratio", "bad_structure"),
        ("bronze_supply_shares", 5, "is_combined_meter", "bad_structure"),
    ]


def test_a_capacity_reduced_inside_the_month(bills: dict[str, Any]) -> None:
    bill = bills["BDG-CAP"]
    eleventh = date(2026, 9, 11)
    assert said(bill, "basic_capacity") == [
        (None, date(2026, 9, 1), D("266.666667"), D("7866.67")),
        (None, eleventh, D("333.333333"), D("9833.33")),
    ]
    assert [line[2] for line in said(bill, "energy_base")] == [
        D(7000),
        D(7000),
        D(10000),
        D(14000),
        D(14000),
        D(20000),
    ]
    assert (bill["result"]["total_cny"], bill["result"]["energy_kwh"]) == (D("66526.44"), D(72000))
    assert "advice" in bill["result"]["missing_inputs"]


def test_a_park_with_a_transformer_a_dormitory_a_household_a_tenant_and_panels(bills: dict[str, Any]) -> None:
    """72,000 and 810 kWh of loss: a fifth for the dormitory, 600 for the household, 7,200 for the tenant,
    50,448 are left.
    """
    bill = bills["BDG-MAIN"]
    assert sum(line[2] for line in said(bill, "funds")) == D(50448)
    assert said(bill, "tier_1") == [
        ("household", None, D(600), D("322.80")),
        ("dormitory", None, D(14562), D("7834.36")),
    ]
    assert said(bill, "exported_energy") == [(None, None, D("370.20"), D("-153.74"))]
    assert bill["result"]["energy_kwh"] == D(50448 + 14562 + 600)
    assert bill["result"]["day_kwh"] == pytest.approx([2160.0] * 30), (
        "without the tenant's; the household's is inside"
    )
    # 72,810 kWh beside 36,000 + 4,050 kvarh is 0.88, of the standard 0.90 one per cent more on all of the
    # main part but the funds.
    ((_, _, base, amount),) = said(bill, "power_factor_adjustment")
    own = [line for line in bill["efficiency_bill_lines_v1"] if line["section_name"] is None]
    assert bill["result"]["power_factor_ratio"] == D("0.88")
    assert base == sum(
        line["amount_cny"]
        for line in own
        if line["component_code"] in ("energy_base", "transmission", "basic_capacity")
    )
    assert amount == round_to_fen(base * D("0.01"))
    # Its transformer is metered on the low side, and what that takes is spread over the periods.
    marked = {
        name for name in bills if "transformer_loss_by_period" in bills[name]["result"]["missing_inputs"]
    }
    assert marked == {"BDG-MAIN"}
    assert [line[2:] for line in said(bills["BDG-TENANT"], "energy_base")] == [(D(7200), D("3780.00"))]


def test_every_bill_comes_again_from_its_evidence(store: Store, bills: dict[str, Any]) -> None:
    facts = load_facts(packaged("conf") / "facts")
    assert sorted(bills) == ["BDG-CAP", "BDG-MAIN", "BDG-TENANT"]
    for bill in bills.values():
        assert replay(bill, store.settings, facts) == ()


def test_every_line_leads_back_to_file_and_line(store: Store, bills: dict[str, Any]) -> None:
    facts = load_facts(packaged("conf") / "facts")
    inbox = store.settings.home / "inbox"
    files = {
        path.name: list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        for path in inbox.glob("*.csv")
    }
    traces = traces_of(store, [bill["result"] for bill in bills.values()])
    ways = {
        (
            name,
            line["component_code"],
            line["section_name"],
            line["period_code"],
            line["first_date"],
        ): explain(traces, facts, bill, line["line_number"])
        for name, bill in bills.items()
        for line in bill["efficiency_bill_lines_v1"]
    }
    for (name, component, section, *_), way in ways.items():
        records = [
            (row["table"], files[row["source_file"]][row["line_number"] - 1]) for row in way["received"]
        ]
        assert {"bronze_customers", "bronze_register_reads"} <= {table for table, _ in records}, (
            name,
            component,
        )
        assert all(record[0] == name for table, record in records if table == "bronze_customers")
        if section is not None:
            assert [record[3] for table, record in records if table == "bronze_supply_shares"] == [section]
    early = ways["BDG-CAP", "energy_base", None, "peak", date(2026, 9, 1)]
    assert early["contract"]["running_capacity_kva"] == D("800.0")
    assert {row["energy_date"].day for row in early["days"]} == set(range(1, 11))
    assert early["determinants"][-1]["peak_kwh"] == early["line"]["quantity"] == D(7000)
    assert sum(row["final_kwh"] for row in early["intervals"]) == pytest.approx(7000)
    late = ways["BDG-CAP", "basic_capacity", None, None, date(2026, 9, 11)]
    assert [row["line_number"] for row in late["received"] if row["table"] == "bronze_customers"] == [3]
    household = ways["BDG-MAIN", "tier_1", "household", None, None]
    assert (
        household["determinants"][0]["year_to_date_kwh"],
        {row["meter_point_id"] for row in household["days"]},
    ) == (D(310), {"MP-HOME"})
    assert household["contract"]["customer_class"] == "residential"
    assert [row["line_number"] for row in household["received"] if row["table"] == "bronze_meter_points"] == [
        4
    ]
    dormitory = ways["BDG-MAIN", "tier_1", "dormitory", None, None]
    assert [row["share_ratio"] for row in dormitory["determinants"] if "share_ratio" in row] == [D("0.2")]
    main = ways["BDG-MAIN", "funds", None, "flat", None]
    assert main["determinants"][0]["transformer_loss_kwh"] == D(810)
    assert [row["meter_point_id"] for row in main["determinants"] if "meter_point_id" in row] == [
        "MP-MAIN",
        "MP-HOME",
        "MP-TENANT",
    ]
    assert {row["line_number"] for row in main["received"] if row["table"] == "bronze_meter_points"} == {
        3,
        4,
        5,
    }
    adjustment = ways["BDG-MAIN", "power_factor_adjustment", None, None, None]
    assert adjustment["determinants"][0]["transformer_loss_kvarh"] == D(4050)
    fed_in = ways["BDG-MAIN", "exported_energy", None, None, None]
    assert (fed_in["determinants"][0]["exported_kwh"], {row["channel_code"] for row in fed_in["days"]}) == (
        D("370.20"),
        {"active_reverse"},
    )
