"""The data-quality report: figures by hand, the 15/15 rule on classes, a page that runs one script and no
other.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.engine.ledger import Ledger
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from pipelines.storage.data_files import commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.estimation import SilverEstimationErrors
from pipelines.tables.silver import SilverCustomers, SilverDayCurves, SilverRegisterEnergy
from pipelines.tables.sufficiency import GoldDataSufficiency
from pipelines.vee import VeeSettings
from zhixiang.pages.quality import write_quality_page
from zhixiang.pages.quality_charts import error_chart, gap_label, heat_colour
from zhixiang.pages.quality_figures import (
    by_class,
    by_customer,
    customer_history,
    error_limits,
    error_lines,
    gap_classes,
    known_months,
    month_figures,
)

LIMITS = Settings(packaged("conf"), packaged("conf")).section(PublicationSettings)
EVIL = "模拟<script>alert(1)</script>"


def judged(point: str, customer: str | None = None, month: str = "2026-09", **more: Any) -> dict[str, Any]:
    return {
        "meter_point_id": point,
        "data_month": month,
        "customer_id": customer,
        "channel_code": "active_forward",
        "basis_code": "register",
        "interval_minutes": 1440,
        "expected_days": 30,
        "valid_days": 30,
        "estimated_ratio": 0.0,
        "estimated_interval_ratio": 0.0,
        "missing_ratio": 0.0,
        "longest_gap_hours": 0.0,
        "failed_info_checks": 0,
        "failed_warn_checks": 0,
        "failed_invalid_checks": 0,
        "is_sufficient": True,
        "insufficient_reasons": [],
        "computed_run_id": "r",
    } | more


def customer(name: str, klass: str = "general_commercial") -> dict[str, Any]:
    return {
        "customer_id": name,
        "valid_from_date": date(2026, 1, 1),
        "customer_name": f"模拟企业{name}",
        "customer_class_code": klass,
        "provenance": "simulated",
    }


def put(store: Store, table: type[Table], rows: list[dict[str, Any]]) -> None:
    names = table.columns()
    nullable = pa.schema([field.with_nullable(True) for field in table.arrow_schema()])
    found = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], nullable)
    commit_files(
        store,
        table,
        write_files(found.cast(table.arrow_schema()), table, store.path(table)),
        table.name,
        1,
        overwrite=True,
    )


@pytest.fixture
def store(settings: Settings) -> Store:
    """Twenty sound customers, one with a long gap, one nobody's meter, and a curve of one day."""
    made = Store(settings)
    bad = judged(
        "MP-BAD",
        "BAD",
        valid_days=20,
        missing_ratio=1 / 3,
        longest_gap_hours=240.0,
        is_sufficient=False,
        insufficient_reasons=["missing"],
    )
    sound = [judged(f"MP-{place:02d}", f"C{place:02d}") for place in range(20)]
    nobody = judged(
        "NEM12-1",
        basis_code="curve",
        interval_minutes=30,
        estimated_interval_ratio=0.05,
        valid_days=28,
        longest_gap_hours=36.0,
    )
    put(made, GoldDataSufficiency, [*sound, bad, nobody, judged("MP-00", "C00", "2026-08")])
    terms = [customer(f"C{place:02d}") for place in range(20)] + [
        customer("BAD", "large_industry") | {"customer_name": EVIL}
    ]
    put(made, SilverCustomers, [row | {"computed_run_id": "r"} for row in terms])
    status = [2] * 12 + [0] * 12 + [1] * 24
    put(
        made,
        SilverDayCurves,
        [
            {
                "meter_point_id": "NEM12-1",
                "channel_code": "active_forward",
                "curve_date": date(2026, 9, 2),
                "interval_minutes": 30,
                "measured_kwh_or_kvarh": [1.0] * 48,
                "final_kwh_or_kvarh": [1.0] * 48,
                "interval_status_codes": status,
                "failed_check_bits": [0] * 48,
                "failed_checks": ["VEE-V01"],
                "measured_intervals": 24,
                "estimated_intervals": 12,
                "missing_intervals": 12,
                "curve_month": "2026-09",
                "computed_run_id": "r",
            }
        ],
    )
    return made


def test_classes_below_fifteen_members_are_withheld(store: Store) -> None:
    classes = {row["class"]: row for row in month_figures(store, "2026-09")["classes"]}
    assert (classes["general_commercial"]["members"], classes["general_commercial"]["valid_ratio"]) == (
        20,
        1.0,
    )
    for name in ("large_industry", "none"):
        row = classes[name]
        assert (row["members"], row["is_published"]) == (1, False)
        assert [
            row[key] for key in ("valid_ratio", "estimated_ratio", "missing_ratio", "sufficient_ratio")
        ] == [None] * 4


@pytest.mark.parametrize(("members", "is_published"), [(14, False), (15, True)])
def test_the_edge_of_fifteen_members(members: int, is_published: bool) -> None:
    (row,) = by_class([judged(f"P{place}", f"C{place}") for place in range(members)], {}, LIMITS)
    assert (row["members"], row["is_published"], row["valid_ratio"] is not None) == (
        members,
        is_published,
        is_published,
    )


@pytest.mark.parametrize(("points", "is_published"), [(3, True), (4, False)])
def test_a_member_with_many_meter_points_is_one_member(points: int, is_published: bool) -> None:
    """17 others of one point each: 3 of 20 is 15 %, 4 of 21 is more."""
    rows = [judged(f"P{place}", f"C{place}") for place in range(17)] + [
        judged(f"Q{place}", "LARGE") for place in range(points)
    ]
    (row,) = by_class(rows, {}, LIMITS)
    assert (row["members"], row["is_published"]) == (18, is_published)


def test_gap_classes_take_their_upper_edge() -> None:
    found = gap_classes([0.0, 0.25, 2.0, 2.5, 24.0, 24.25, 72.0, 168.0, 168.5], 2.0)
    assert [row["count"] for row in found] == [1, 2, 2, 2, 1, 1]
    assert [gap_label(row) for row in found] == ["无 none", "≤ 2 h", "≤ 24 h", "≤ 3 d", "≤ 7 d", "> 7 d"]


def test_worst_come_first_and_days_add_curves_and_registers(store: Store) -> None:
    spans = [(date(2026, 9, 2), 1), (date(2026, 9, 4), 2), (date(2026, 10, 1), 2)]
    rows = [
        {
            "meter_point_id": "MP-00",
            "channel_code": "active_forward",
            "energy_date": day,
            "span_days": span,
            "end_register_unscaled": 1,
            "multiplier_ratio": 1.0,
            "resolution_kwh_or_kvarh": 1,
            "register_rule_code": "normal",
            "energy_month": f"{day:%Y-%m}",
            "computed_run_id": "r",
        }
        for day, span in spans
    ]
    put(store, SilverRegisterEnergy, rows)
    figures = month_figures(store, "2026-09")
    assert [row["meter_point_id"] for row in figures["rows"]][:3] == ["MP-BAD", "NEM12-1", "MP-00"]
    assert (figures["count"], figures["sufficient"], figures["insufficient"]) == (22, 21, 1)
    days = {row["day"]: row for row in figures["days"]}
    assert len(days) == 30
    assert days["2026-09-01"] == {
        "day": "2026-09-01",
        "series": 0,
        "estimated_ratio": None,
        "missing_ratio": None,
    }
    assert days["2026-09-02"] == {
        "day": "2026-09-02",
        "series": 2,
        "estimated_ratio": 0.125,
        "missing_ratio": 0.125,
    }
    assert [days[f"2026-09-{day:02d}"]["estimated_ratio"] for day in (3, 4, 5, 29, 30)] == [
        1.0,
        1.0,
        None,
        None,
        1.0,
    ]
    assert [(check["id"], check["days"]) for check in figures["checks"] if check["days"]] == [("VEE-V01", 1)]


def test_the_history_of_a_customer_or_of_nobodys_meter(store: Store) -> None:
    assert [row["data_month"] for row in customer_history(store, "C00")] == ["2026-08", "2026-09"]
    assert [row["meter_point_id"] for row in customer_history(store, "NEM12-1")] == ["NEM12-1"]
    assert customer_history(store, "NOBODY") == []
    assert known_months(store) == ["2026-08", "2026-09"]


def test_the_page_runs_its_own_script_and_no_other(store: Store, tmp_path: Path) -> None:
    error = {
        "customer_class_code": "large_industry",
        "interval_minutes": 15,
        "gap_minutes": 120,
        "series_count": 3,
        "masked_gaps": 96,
        "error_ratio": 0.2,
        "linear_error_ratio": 0.7,
        "energy_error_ratio": 0.16,
        "bias_ratio": 0.0,
        "covered_ratio": 0.9,
        "chosen_ratio": 1.0,
        "is_flagged": True,
        "is_band_flagged": False,
        "computed_run_id": "r",
    }
    put(store, SilverEstimationErrors, [error | {"estimator_id": name} for name in ("VEE-E01", "chosen")])
    page = tmp_path / "quality" / "index.html"
    write_quality_page(store, Ledger(store.settings.home), page, ["2026-08", "2026-09", "2027-01"])
    text = page.read_text(encoding="utf-8")
    assert text == (page.parent / "2026-09.html").read_text(encoding="utf-8")
    assert (page.parent / "2026-08.html").exists()
    assert not (page.parent / "2027-01.html").exists()
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    allowed = re.search(r"script-src '(sha256-[^']+)'", text)
    assert allowed is not None
    assert allowed.group(1) == "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "模拟&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "src=" not in text
    assert text.index("MP-BAD</td>") < text.index("NEM12-1</td>") < text.index("MP-00</td>")
    assert text.count("模拟 simulated") == 2 * 21
    assert "实际采用 chosen" in text
    assert "偏大 flagged" in text
    assert "大工业 15 min<small>large_industry, 96 masked gaps" in text
    assert text.count('aria-label="Masked error by length of gap and method"') == 2  # wide and narrow
    assert "is flagged (15 % up to 2 h, 25 % beyond" in text
    assert text.count("withheld") == 2


def test_masked_errors_are_drawn_by_class_gap_and_method() -> None:
    rows = [
        {
            "customer_class_code": name,
            "interval_minutes": 15,
            "gap_minutes": gap,
            "estimator_id": method,
            "masked_gaps": 32,
            "energy_error_ratio": error,
        }
        for name, method, errors in (
            ("a", "chosen", (0.1, 0.2)),
            ("a", "VEE-E01", (0.1, 1.6)),
            ("b", "chosen", (0.3, None)),
        )
        for gap, error in zip((120, 1440), errors, strict=True)
    ]
    other = [rows[0] | {"interval_minutes": 5}]
    parts = error_lines([*rows, *other])
    assert [(part["class"], part["interval_minutes"], part["masked_gaps"]) for part in parts] == [
        ("a", 5, 32),
        ("a", 15, 64),
        ("b", 15, 64),
    ]
    assert parts[1]["lines"] == {"VEE-E01": [(2.0, 0.1), (24.0, 1.6)], "chosen": [(2.0, 0.1), (24.0, 0.2)]}
    assert parts[2]["lines"] == {"chosen": [(2.0, 0.3)]}
    limits = error_limits(Settings(packaged("conf"), packaged("conf")).section(VeeSettings))
    assert [(row["above_hours"], row["to_hours"], row["limit_ratio"]) for row in limits] == [
        (0.0, 2.0, 0.15),
        (2.0, None, 0.25),
    ]
    drawn, narrow = str(error_chart(parts[1]["lines"], limits)).split('<div class="for-narrow">')
    assert narrow.count("<circle") == 4
    # 160 % stands out of the others: it stands at the upper edge, with its figure. The scale is for them, and
    # 75 % is 178 high: 10 % stands 23.7 above the foot at 190, 20 % 47.5.
    places = re.findall(r'<polyline points="([^"]+)"', drawn)
    assert places == ["73,166.27 127,12", "73,166.27 127,142.53"]
    assert ">160%</text>" in drawn
    assert re.findall(r'y1="([\d.]+)" x2="[\d.]+" y2="[\d.]+" stroke="#b3261e"', drawn) == ["154.4", "130.67"]
    assert drawn.count("<circle") == 4
    assert "实际采用 chosen" in drawn
    assert "VEE-E01 线性插值" in drawn
    # A scale of 30 % holds both limits; nothing is cut.
    assert ">30.0%</text>" in str(error_chart(parts[2]["lines"], limits))


def test_months_without_data_still_make_a_page(settings: Settings, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    write_quality_page(Store(settings), Ledger(settings.home), page, ["2026-09"])
    assert "所选月份没有数据" in page.read_text(encoding="utf-8")


def test_heat_colours_at_their_stops() -> None:
    assert [heat_colour(share) for share in (None, 0.0, 0.7, 1.0)] == [
        "#eef2f0",
        "#b3261e",
        "#f6a821",
        "#66bb96",
    ]
    assert heat_colour(0.9999) != heat_colour(0.9)


def test_a_customer_is_judged_over_all_its_meter_points() -> None:
    """30 days at 10 % and 10 days at 50 % missing are 8 days of 40: 20 %; the gap is the longer one."""
    rows = [
        judged("A", "C", valid_days=27, missing_ratio=0.1, longest_gap_hours=72.0, failed_warn_checks=2),
        judged(
            "B",
            "C",
            expected_days=10,
            valid_days=5,
            missing_ratio=0.5,
            longest_gap_hours=120.0,
            failed_warn_checks=1,
            is_sufficient=False,
            insufficient_reasons=["missing"],
        ),
        judged("D", "E"),
        judged("NEM12-1"),
    ]
    first, second = by_customer(rows, {"C": customer("C")})
    assert (first["customer_id"], first["meter_points"], first["valid_days"], first["expected_days"]) == (
        "C",
        2,
        32,
        40,
    )
    assert (first["missing_ratio"], first["longest_gap_hours"], first["failed_warn_checks"]) == (
        pytest.approx(0.2),
        120.0,
        3,
    )
    assert (first["is_sufficient"], first["insufficient_reasons"], first["customer_name"]) == (
        False,
        ["missing"],
        "模拟企业C",
    )
    assert (second["customer_id"], second["is_sufficient"]) == ("E", True)
