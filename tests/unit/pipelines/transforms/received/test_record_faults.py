"""What one record of customers, meter points and shares says against itself, and which fault is named
first.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipelines.codes import Provenance
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeCustomers, BronzeMeterPoints, BronzeSupplyShares
from pipelines.transforms.received.master_data import REFINEMENTS, Refinement, refine_received, refinement_of

DAY = date(2026, 3, 1)
NAN = float("nan")
RECEIVED = {"content_hash": "a", "line_number": 2, "valid_from_date": DAY, "provenance": "simulated"}
SOUND: dict[type[Table], dict[str, Any]] = {
    BronzeCustomers: RECEIVED | {"customer_id": "C1", "customer_name": "n"},
    BronzeMeterPoints: RECEIVED | {"meter_point_id": "MP1", "meter_id": "M1", "multiplier_ratio": 10.0},
    BronzeSupplyShares: RECEIVED
    | {
        "share_id": "S1",
        "main_meter_point_id": "MP1",
        "section_name": "part",
        "share_ratio": Decimal("0.5"),
        "customer_class_code": "large_industry",
        "voltage_level_code": "below_1kv",
        "is_time_of_use": True,
    },
}
PLATE = {"transformer_rated_kva": 400.0, "transformer_no_load_kw": 0.5, "transformer_load_kw": 4.0}
HOME = {"customer_class_code": "residential", "is_time_of_use": False}


def held(table: type[Table], **changes: Any) -> list[tuple[str, str]]:
    """Reason and column of what is held back of one record, sound but for the changes."""
    schema = pa.schema([field.with_nullable(True) for field in table.arrow_schema()])
    row = pa.Table.from_pylist([SOUND[table] | changes], schema)
    found = refine_received(row, refinement_of(table))
    assert found.rows.num_rows + found.quarantine.num_rows == 1
    return [(row["reason_code"], row["column_name"]) for row in found.quarantine.to_pylist()]


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        (BronzeCustomers, {}),
        (BronzeCustomers, {"is_ev_charging": True, "is_time_of_use": True}),
        (BronzeCustomers, {"market_price_cny_per_kwh": Decimal(0), "power_factor_standard_ratio": 1.0}),
        (BronzeMeterPoints, {"parent_meter_point_id": "MP0"}),
        (BronzeMeterPoints, PLATE | {"transformer_shape_ratio": 1.0}),
        (BronzeSupplyShares, {"share_ratio": Decimal(1), "ended_date": DAY}),
        (BronzeSupplyShares, {"share_ratio": None, "sub_meter_point_id": "MP2"}),
        (BronzeSupplyShares, HOME | {"is_combined_meter": True}),
        (
            BronzeSupplyShares,
            HOME | {"share_ratio": None, "sub_meter_point_id": "MP2", "is_time_of_use": True},
        ),
    ],
)
def test_a_sound_record_stands(table: type[Table], changes: dict[str, Any]) -> None:
    assert held(table, **changes) == []


@pytest.mark.parametrize(
    ("table", "changes", "reason", "column"),
    [
        (BronzeCustomers, {"customer_id": None, "customer_name": None}, "missing_key", "customer_id"),
        (BronzeCustomers, {"customer_name": None}, "missing_value", "customer_name"),
        (BronzeCustomers, {"customer_class_code": "large"}, "bad_code", "customer_class_code"),
        (BronzeCustomers, {"floor_area_m2": NAN}, "bad_number", "floor_area_m2"),
        (BronzeCustomers, {"floor_area_m2": -0.1}, "out_of_range", "floor_area_m2"),
        (
            BronzeCustomers,
            {"power_factor_standard_ratio": 1.01},
            "out_of_range",
            "power_factor_standard_ratio",
        ),
        (
            BronzeCustomers,
            {"market_price_cny_per_kwh": Decimal("-0.000001")},
            "out_of_range",
            "market_price_cny_per_kwh",
        ),
        (BronzeCustomers, {"is_ev_charging": True}, "bad_structure", "is_ev_charging"),
        (BronzeMeterPoints, {"multiplier_ratio": 0.0}, "out_of_range", "multiplier_ratio"),
        (BronzeMeterPoints, {"parent_meter_point_id": "MP1"}, "bad_structure", "parent_meter_point_id"),
        (
            BronzeMeterPoints,
            PLATE | {"transformer_rated_kva": 0.0},
            "out_of_range",
            "transformer_rated_kva",
        ),
        (BronzeMeterPoints, PLATE | {"transformer_load_kw": None}, "missing_value", "transformer_load_kw"),
        (
            BronzeMeterPoints,
            PLATE | {"transformer_rated_kva": None},
            "missing_value",
            "transformer_rated_kva",
        ),
        (BronzeMeterPoints, {"transformer_shape_ratio": 1.5}, "missing_value", "transformer_rated_kva"),
        (BronzeSupplyShares, {"share_kwh": Decimal(5)}, "bad_structure", "share_ratio"),
        (BronzeSupplyShares, {"share_ratio": None}, "bad_structure", "share_ratio"),
        (BronzeSupplyShares, {"share_ratio": Decimal("1.000001")}, "out_of_range", "share_ratio"),
        (BronzeSupplyShares, {"section_name": "  "}, "missing_value", "section_name"),
        (
            BronzeSupplyShares,
            {"share_ratio": None, "sub_meter_point_id": "MP1"},
            "bad_structure",
            "sub_meter_point_id",
        ),
        (BronzeSupplyShares, HOME, "bad_structure", "is_combined_meter"),
        (
            BronzeSupplyShares,
            HOME | {"is_combined_meter": True, "is_time_of_use": True},
            "bad_structure",
            "is_time_of_use",
        ),
        (BronzeSupplyShares, {"ended_date": date(2026, 2, 28)}, "bad_structure", "ended_date"),
        (
            BronzeSupplyShares,
            {"is_ev_charging": True, "is_time_of_use": False},
            "bad_structure",
            "is_ev_charging",
        ),
    ],
)
def test_a_record_with_a_fault_is_held_back(
    table: type[Table], changes: dict[str, Any], reason: str, column: str
) -> None:
    assert held(table, **changes) == [(reason, column)]


PROVENANCES_UNKNOWN = (
    *("Real", "真实", "Simulated", "real, simulated", "real + simulated", "real+", "+real", "real++assumed"),
    *("", " ", "simulated ", "simulated\n", "real;simulated", "really", "realsimulated"),
)


@pytest.mark.parametrize("text", PROVENANCES_UNKNOWN)
@pytest.mark.parametrize("table", list(SOUND), ids=lambda table: table.name)
def test_a_provenance_that_is_not_known_is_held_back(table: type[Table], text: str) -> None:
    assert held(table, provenance=text) == [("bad_code", "provenance")]


@pytest.mark.parametrize("text", ["real", "real+dates_shifted+derived+assumed", "simulated+real"])
@pytest.mark.parametrize("table", list(SOUND), ids=lambda table: table.name)
def test_known_provenances_stand_in_any_order(table: type[Table], text: str) -> None:
    assert held(table, provenance=text) == []


@pytest.mark.parametrize("refinement", REFINEMENTS, ids=lambda refinement: refinement.name)
def test_every_received_provenance_is_of_the_list(refinement: Refinement) -> None:
    (field,) = [field for field in refinement.silver.fields() if field.name == "provenance"]
    assert field.parts is Provenance
