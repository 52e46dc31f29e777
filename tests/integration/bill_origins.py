"""What a line of a bill rests on, read once more from the files as they were received."""

from __future__ import annotations

import csv
import gzip
import hashlib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.periods import BillingMonth


class Delivered:
    """The received files as they lie in the inbox, line by line."""

    def __init__(self, inbox: Path) -> None:
        self._inbox = inbox
        self._files: dict[str, list[list[str]]] = {}

    def record(self, row: dict[str, Any]) -> dict[str, str]:
        """The record on the line that a row names, by the names in the file's header."""
        name = row["source_file"]
        if name not in self._files:
            content = (self._inbox / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == row["content_hash"]
            text = gzip.decompress(content) if name.endswith(".gz") else content
            self._files[name] = list(csv.reader(text.decode().splitlines()))
        lines = self._files[name]
        return dict(zip(lines[0], lines[row["line_number"] - 1], strict=True))


def is_founded(way: dict[str, Any], bill: dict[str, Any]) -> None:
    """The fact says where it stands and how sure it is, the figure of it is in the formula, and the
    determinant is the line's quantity.
    """
    line, component = way["line"], way["line"]["component_code"]
    for fact in (way["fact"], *way["named_facts"]):
        assert fact["document"]
        assert fact["clause"]
        assert fact["confidence"] in {
            "official",
            "secondary",
            "derived",
            "medium",
            "unverified",
            "illustrative",
        }
        assert fact["file"]
    if component != "power_factor_adjustment":
        assert way["fact"]["fact_id"] == line["fact_id"]
        assert way["fact"]["value"] in line["formula"]
    # The hours that make an hour sharp, what floats, the rule of the billed demand, what the adjustment
    # leaves out; some are several figures.
    season = "1_7_8_12" if bill["billing_month"] == "2026-08" else "2_3_4_5_6_9_10_11"
    period = (
        ["time_of_use.floating", f"time_of_use.schedule.large_industry.months_{season}"]
        if line["period_code"]
        else []
    )
    demand = [
        f"basic_charge.demand.{name}"
        for name in ("tolerance_ratio", "excess_multiple", "minimum_capacity_ratio")
    ]
    expected = {
        "energy_base": [f"time_of_use.ratios.large_industry.{line['period_code']}", *period]
        if period
        else [],
        "basic_demand": demand,
        "demand_excess": demand,
        "power_factor_adjustment": ["power_factor.base_excludes"],
    }
    assert [fact["fact_id"] for fact in way["named_facts"]] == expected.get(component, period)
    order = ["official", "secondary", "medium", "derived", "unverified", "illustrative"]
    assert line["fact_confidence_code"] == max(
        (fact["confidence"] for fact in (way["fact"], *way["named_facts"])), key=order.index
    )
    (determinants,) = way["determinants"]
    assert way["contract"]["pricing_scheme"] == bill["pricing_scheme_code"]
    if line["period_code"]:
        assert determinants[f"{line['period_code']}_kwh"] == line["quantity"]
    elif component == "basic_demand":
        assert (
            determinants["max_demand_kw"]
            == bill["max_demand_kw"]
            <= float(line["quantity"])
            == float(way["contract"]["contract_demand_kw"])
        )
    elif component == "power_factor_adjustment":
        assert determinants["power_factor_ratio"] == bill["power_factor_ratio"]
    else:
        assert determinants["energy_kwh"] == line["quantity"]
    if way["intervals"]:
        assert sum(row["final_kwh"] for row in way["intervals"]) == pytest.approx(
            # The highest demand is that of one quarter of an hour; a period is the curve's split, scaled to
            # the registers.
            bill["max_demand_kw"] / 4 if component == "basic_demand" else float(line["quantity"]),
            rel=1e-3,
        )


def is_received(way: dict[str, Any], bill: dict[str, Any], delivered: Delivered, month: BillingMonth) -> None:
    """The energy of the bill is the last register less the first, as they stand in the files; the contract
    and the curves lie there too.
    """
    by_table: dict[str, list[dict[str, Any]]] = {}
    for row in way["received"]:
        by_table.setdefault(row["table"], []).append({**row, "record": delivered.record(row)})
    (terms,) = by_table.pop("bronze_customers")
    assert terms["record"]["customer_id"] == bill["customer_id"]
    assert terms["record"]["pricing_scheme_code"] == bill["pricing_scheme_code"]
    channels = {"active_forward"} | (
        {"reactive_lagging", "reactive_leading"}
        if way["line"]["component_code"] == "power_factor_adjustment"
        else set()
    )
    counters: dict[str, dict[date, Decimal]] = {}
    for row in by_table.pop("bronze_register_reads"):
        assert (row["record"]["ID"], row["record"]["DATA_DATE"]) == (row["meter_point_id"], str(row["day"]))
        counters.setdefault(row["channel_code"], {})[row["day"]] = Decimal(row["record"]["R"])
    assert counters.keys() == channels
    for channel, registers in counters.items():
        (multiplier,) = {row["multiplier_ratio"] for row in way["days"] if row["channel_code"] == channel}
        energy = (registers[max(registers)] - registers[min(registers)]) * Decimal(repr(multiplier))
        assert (min(registers), max(registers)) == (month.previous().last_day, month.last_day)
        assert energy == (
            bill["energy_kwh"]
            if channel == "active_forward"
            else way["determinants"][0][channel.replace("reactive_", "") + "_kvarh"]
        )
    curves = by_table.pop("bronze_load_curves", [])
    assert [row["day"] for row in curves] == [row["curve_date"] for row in way["intervals"]]
    assert all(
        (row["record"]["ID"], row["record"]["DATA_DATE"]) == (row["meter_point_id"], str(row["day"]))
        for row in curves
    )
    assert not by_table
    if way["line"]["period_code"] and len(curves) != month.day_count:
        assert way["line"]["period_code"] == "sharp"
