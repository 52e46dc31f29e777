"""The simulated malls' files: readable by the formats, consistent, the same for the same seed, and marked as
simulated.
"""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.facts import load_facts
from pipelines.formats.contract import FormatSettings
from pipelines.formats.day_read import DayReadCsv
from pipelines.formats.declared import DeclaredCsv
from pipelines.formats.power_curve import PowerCurveCsv
from pipelines.periods import BillingMonth
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeCustomers, BronzeMeterPoints, BronzeTransferDeclarations
from zhixiang.simulation.malls import write_malls

MONTHS = [BillingMonth(2026, month) for month in (7, 8, 9)]
SAMPLES = packaged("samples")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("malls")
    return write_malls(folder / "inbox", SAMPLES, 3, MONTHS)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_record_is_read_by_its_format(written: list[Path]) -> None:
    readers = {
        "E_MP_POWER_CURVE": PowerCurveCsv(),
        "E_MP_DAY_READ": DayReadCsv(),
        "simulated_malls_customers": DeclaredCsv(BronzeCustomers),
        "simulated_malls_meter_points": DeclaredCsv(BronzeMeterPoints),
        "simulated_malls_transfer_declarations": DeclaredCsv(BronzeTransferDeclarations),
    }
    settings = load_settings().section(FormatSettings)
    for path in written:
        (reader,) = [reader for stem, reader in readers.items() if path.name.startswith(stem)]
        content = path.read_bytes()
        others = [other for other in readers.values() if other is not reader]
        assert reader.sniff(path.name, content[:4096])
        assert not any(other.sniff(path.name, content[:4096]) for other in others)
        found = reader.read(content, path.name, settings)
        assert found.rows.num_rows == len(_rows(path))
        assert (found.rejects.num_rows, found.notes) == (0, ())


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(written: list[Path], tmp_path: Path) -> None:
    again = write_malls(tmp_path / "again", SAMPLES, 3, MONTHS)
    other = write_malls(tmp_path / "other", SAMPLES, 4, MONTHS)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in written]
    assert [path.name for path in other] == [path.name for path in written]
    assert other[2].read_bytes() != written[2].read_bytes()


def test_registers_are_the_sum_of_the_curves_to_the_last_digit(written: list[Path]) -> None:
    curves = [row for path in written if path.name.startswith("E_MP_POWER") for row in _rows(path)]
    reads = [row for path in written if path.name.startswith("E_MP_DAY") for row in _rows(path)]
    for data_type, read_type in (("1", "1"), ("5", "2"), ("9", "6")):
        for point in ("MP-SIM-MALL-A", "MP-SIM-MALL-B"):
            series = sorted(
                (row["DATA_DATE"], Decimal(row["R"]))
                for row in reads
                if (row["ID"], row["READ_TYPE"]) == (point, read_type)
            )
            assert series[0][0] == "2026-06-30"
            assert len(series) == 93
            running, start = Decimal(0), series[0][1]
            own = {
                row["DATA_DATE"]: row for row in curves if (row["ID"], row["DATA_TYPE"]) == (point, data_type)
            }
            for day, register in series[1:]:
                running += sum((Decimal(own[day][f"P{number}"]) for number in range(1, 97)), Decimal(0)) / 4
                assert 0 <= start + running - register < Decimal("0.00001")


def test_the_contracts_fit_the_rule_on_schemes_and_say_that_they_are_simulated(written: list[Path]) -> None:
    rule = load_facts(load_settings().facts_dir).pricing_scheme.on(MONTHS[2].first_day)
    customers = {row["customer_id"]: row for row in _rows(written[0])}
    two, single = customers["SIM-MALL-A"], customers["SIM-MALL-B"]
    assert (two["pricing_scheme_code"], two["demand_basis_code"], two["is_time_of_use"]) == (
        "two_part",
        "actual_demand",
        "true",
    )
    assert (
        Decimal(two["contract_capacity_kva"])
        >= rule.two_part_from_kva
        > Decimal(single["contract_capacity_kva"])
    )
    assert single["pricing_scheme_code"] == "single_part"
    for path in written:
        for row in _rows(path):
            assert row.get("provenance", "simulated") == "simulated"
            for name in ("customer_name", "tenant_name"):
                assert row.get(name, "模拟").startswith("模拟")


def test_demand_stays_below_the_capacity(written: list[Path]) -> None:
    capacity = {"MP-SIM-MALL-A": (2000, 1250), "MP-SIM-MALL-B": (300, 250)}
    for path in written:
        for row in _rows(path) if path.name.startswith("E_MP_POWER") else []:
            multiplier, limit = capacity[row["ID"]]
            assert max(float(row[f"P{number}"]) for number in range(1, 97)) * multiplier < limit


def test_declarations_stay_within_what_the_master_bought_but_for_the_slip(written: list[Path]) -> None:
    for path in written:
        if path.name.startswith("simulated_malls_transfer"):
            rows = _rows(path)
            assert len({row["tenant_id"] for row in rows}) == len(rows) == 24
            assert any(row["other_charge_cny"] for row in rows)
            assert any(row["fee_cny"].isdigit() for row in rows)


def test_the_truth_lies_outside_the_inbox(written: list[Path]) -> None:
    inbox = written[0].parent
    assert sorted(inbox.iterdir()) == sorted(written)
    truth = json.loads((inbox.parent / "simulation_truth" / "malls.json").read_text())
    assert len(truth["prices"]) == 6
    assert {"tenant_id": "SIM-TENANT-A-011", "energy_slip": "10", "month_number": "9"} in truth["quirks"]


def test_months_with_a_gap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_malls(tmp_path, SAMPLES, 1, [MONTHS[0], MONTHS[2]])
    with pytest.raises(UsageError):
        write_malls(tmp_path, SAMPLES, 1, [])
