"""The simulated city's files: readable by the formats, metered as meters do, the same for the same seed, and
marked as simulated.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.codes import EventCode, PricingScheme
from pipelines.errors import UsageError
from pipelines.facts import load_facts
from pipelines.formats.contract import FormatSettings
from pipelines.formats.day_read import COLUMNS, DayReadCsv
from pipelines.formats.declared import DeclaredCsv
from pipelines.periods import BillingMonth
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeCustomers, BronzeEvents, BronzeMeterPoints, BronzePayments
from zhixiang.simulation.city import READ_HEADER, simulate_city, write_city
from zhixiang.simulation.city_health import simulate_health, simulate_payments
from zhixiang.simulation.city_load import REGISTER_DIGITS
from zhixiang.simulation.city_records import event_rows

SAMPLES = packaged("samples")
SEED, ENTERPRISES, MONTHS, LAST = 3, 60, 24, BillingMonth(2026, 9)
SPAN = tuple(LAST.plus(offset - MONTHS + 1) for offset in range(MONTHS))
OPENING = date(2024, 9, 30)
KNOWN_UNTIL = date(2026, 10, 31)
READERS = {
    "E_MP_DAY_READ": DayReadCsv(),
    "simulated_city_customers": DeclaredCsv(BronzeCustomers),
    "simulated_city_meter_points": DeclaredCsv(BronzeMeterPoints),
    "simulated_city_payments": DeclaredCsv(BronzePayments),
    "simulated_city_events": DeclaredCsv(BronzeEvents),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("city")
    return write_city(folder / "inbox", SAMPLES, SEED, ENTERPRISES, truth=folder / "truth")


@pytest.fixture(scope="module")
def received(written: list[Path]) -> dict[str, pa.Table]:
    """The rows of each kind as the formats read them; any reject or note is an error."""
    settings = load_settings().section(FormatSettings)
    tables: dict[str, list[pa.Table]] = {}
    for path in written:
        (stem,) = [stem for stem in READERS if path.name.startswith(stem)]
        content = path.read_bytes()
        assert [other for other in READERS if READERS[other].sniff(path.name, content[:4096])] == [stem]
        found = READERS[stem].read(content, path.name, settings)
        assert (found.rejects.num_rows, found.notes) == (0, ()), path.name
        assert found.rows.num_rows == content.count(b"\n") - 1
        tables.setdefault(stem, []).append(found.rows)
    return {stem: pa.concat_tables(parts) for stem, parts in tables.items()}


def _series(received: dict[str, pa.Table]) -> dict[str, list[tuple[date, Decimal]]]:
    reads = received["E_MP_DAY_READ"]
    series: dict[str, list[tuple[date, Decimal]]] = {}
    for point, day, register in zip(
        *(reads[name].to_pylist() for name in ("meter_point_id", "read_date", "register_unscaled")),
        strict=True,
    ):
        series.setdefault(point, []).append((day, register))
    return {point: sorted(rows) for point, rows in series.items()}


def test_the_same_arguments_give_the_same_bytes_and_another_seed_does_not(
    written: list[Path], tmp_path: Path
) -> None:
    again = write_city(tmp_path / "again", SAMPLES, SEED, ENTERPRISES, truth=tmp_path / "truth")
    other = write_city(tmp_path / "other", SAMPLES, SEED + 1, ENTERPRISES)
    assert [(path.name, path.read_bytes()) for path in again] == [
        (path.name, path.read_bytes()) for path in written
    ]
    assert (tmp_path / "truth" / "city_truth.parquet").read_bytes() == (
        written[0].parent.parent / "truth" / "city_truth.parquet"
    ).read_bytes()
    assert [path.name for path in other] == [path.name for path in written]
    assert all(one.read_bytes() != two.read_bytes() for one, two in zip(other, written, strict=True))


def test_everything_says_that_it_is_simulated(written: list[Path], received: dict[str, pa.Table]) -> None:
    assert all("simulated" in path.name for path in written)
    for stem, table in received.items():
        if stem != "E_MP_DAY_READ":
            assert set(table["provenance"].to_pylist()) == {"simulated"}
    customers = received["simulated_city_customers"]
    assert customers["customer_id"].to_pylist() == [
        f"SIM-CITY-{number:05d}" for number in range(1, ENTERPRISES + 1)
    ]
    assert customers["customer_name"].to_pylist() == [
        f"模拟企业{number:05d}" for number in range(1, ENTERPRISES + 1)
    ]
    assert set(received["E_MP_DAY_READ"]["meter_point_id"].to_pylist()) == {
        f"MP-SIM-CITY-{number:05d}" for number in range(1, ENTERPRISES + 1)
    }


def test_reads_come_in_one_file_a_month_in_the_format_s_columns(
    written: list[Path], received: dict[str, pa.Table]
) -> None:
    names = [path.name for path in written if path.name.startswith("E_MP")]
    assert names == [f"E_MP_DAY_READ_simulated_city_{month}.csv" for month in SPAN]
    assert tuple(READ_HEADER.split(",")) == COLUMNS
    assert set(received["E_MP_DAY_READ"]["channel_code"].to_pylist()) == {"active_forward"}


def test_every_series_opens_the_day_before_and_has_each_month_s_end_but_some_days_never_come(
    received: dict[str, pa.Table],
) -> None:
    missing = 0
    for series in _series(received).values():
        days = {day for day, _ in series}
        assert len(days) == len(series)
        assert (series[0][0], series[-1][0]) == (OPENING, LAST.last_day)
        assert {month.last_day for month in SPAN} <= days
        missing += (LAST.last_day - OPENING).days + 1 - len(days)
    assert 0 < missing < 0.01 * ENTERPRISES * 730


def test_a_register_goes_back_only_over_its_end_or_with_another_meter(received: dict[str, pa.Table]) -> None:
    meters = received["simulated_city_meter_points"].to_pylist()
    exchanges = {row["meter_point_id"]: row for row in meters if row["valid_from_date"] > OPENING}
    assert len(meters) == ENTERPRISES + len(exchanges)
    span, rollovers = Decimal(10) ** REGISTER_DIGITS, 0
    for point, series in _series(received).items():
        for (day_before, before), (day, register) in pairwise(series):
            assert 0 <= register < span
            assert register == round(register, 2)
            exchange = exchanges.get(point)
            if exchange is not None and day_before < exchange["valid_from_date"] <= day:
                # The old meter's last register is the read of the day before.
                assert (day_before + timedelta(days=1), exchange["previous_end_register_unscaled"]) == (
                    exchange["valid_from_date"],
                    before,
                )
                assert register - exchange["start_register_unscaled"] < span / 100
            elif register < before:
                rollovers += 1
                assert register + span - before < span / 100
    assert rollovers >= 1
    assert len(exchanges) >= 1


def test_registers_times_multiplier_are_the_energy_that_the_bills_are_made_of(
    received: dict[str, pa.Table],
) -> None:
    city = simulate_city(SAMPLES, SEED, ENTERPRISES, MONTHS, LAST)
    month_kwh = city.metering.month_kwh(city.months, city.days)
    meters: dict[str, list[dict[str, Any]]] = {}
    for row in received["simulated_city_meter_points"].to_pylist():
        meters.setdefault(row["meter_point_id"], []).append(row)
    series = _series(received)
    span, exchanges = Decimal(10) ** REGISTER_DIGITS, 0
    for index, customer in enumerate(city.customer_ids):
        registers = dict(series[f"MP-{customer}"])
        for place, month in enumerate(SPAN):
            begin, counted = registers[month.previous().last_day], Decimal(0)
            for meter in meters[f"MP-{customer}"]:
                if month.first_day <= meter["valid_from_date"] <= month.last_day:
                    exchanges += 1
                    counted += (meter["previous_end_register_unscaled"] - begin + span) % span
                    begin = meter["start_register_unscaled"]
            counted += (registers[month.last_day] - begin + span) % span
            multiplier = Decimal(str(meters[f"MP-{customer}"][0]["multiplier_ratio"]))
            assert float(counted * multiplier) == pytest.approx(month_kwh[index, place], abs=0.005)
    assert exchanges >= 1


def test_the_spring_festival_stops_most_of_the_load(received: dict[str, pa.Table]) -> None:
    city = simulate_city(SAMPLES, SEED, ENTERPRISES, MONTHS, LAST)
    total = dict(zip(city.days, city.metering.day_kwh.sum(axis=0), strict=True))
    festival = [total[date(2026, 2, 15) + timedelta(days=offset)] for offset in range(9)]
    ordinary = [total[date(2026, 3, 15) + timedelta(days=offset)] for offset in range(9)]
    assert 0.2 < sum(festival) / sum(ordinary) < 0.75


def test_contracts_fit_the_rule_on_schemes_and_carry_the_load(received: dict[str, pa.Table]) -> None:
    facts = load_facts(load_settings().facts_dir)
    rule = facts.pricing_scheme.on(LAST.first_day)
    city = simulate_city(SAMPLES, SEED, ENTERPRISES, MONTHS, LAST)
    capacity = {
        row["customer_id"]: row["capacity_kva"] for row in received["simulated_city_meter_points"].to_pylist()
    }
    schemes = set()
    for row, energy in zip(
        received["simulated_city_customers"].to_pylist(), city.metering.day_kwh, strict=True
    ):
        scheme = PricingScheme(row["pricing_scheme_code"])
        schemes.add(scheme)
        assert scheme in rule.allowed(Decimal(str(row["contract_capacity_kva"])))
        assert (row["demand_basis_code"] == "capacity") == (scheme is PricingScheme.TWO_PART)
        assert row["customer_class_code"] == (
            "large_industry"
            if scheme is PricingScheme.TWO_PART and row["industry_code"] < "51"
            else "general_commercial"
        )
        assert row["is_time_of_use"] is (row["customer_class_code"] == "large_industry"), (
            "the rule asks for it"
        )
        assert (
            row["contract_capacity_kva"]
            == row["running_capacity_kva"]
            == capacity[row["customer_id"]]
            >= energy.max() / 24
        )
        assert row["opened_date"] < OPENING
        assert row["city"] == "杭州"
    assert schemes == set(PricingScheme)


def test_bills_fall_due_on_the_20th_and_nothing_is_known_after_the_data_end(
    received: dict[str, pa.Table],
) -> None:
    payments = received["simulated_city_payments"].to_pylist()
    assert len({(row["customer_id"], row["billing_month"]) for row in payments}) == len(payments)
    for row in payments:
        month = BillingMonth.parse(row["billing_month"])
        assert row["due_date"] == month.plus(1).first_day.replace(day=20)
        assert row["paid_date"] is None or month.last_day < row["paid_date"] <= KNOWN_UNTIL
        assert row["paid_cny"] == (row["billed_cny"] if row["paid_date"] else 0)
    last = [row for row in payments if row["billing_month"] == "2026-09"]
    assert any(row["paid_date"] is None for row in last)
    assert any(row["paid_date"] is not None for row in last)


def test_no_row_is_sent_before_what_it_tells(tmp_path: Path) -> None:
    # More enterprises for fewer months: closures and lasting events are rare.
    write_city(tmp_path, SAMPLES, SEED, 1500, 16)
    settings = load_settings().section(FormatSettings)
    tables = {}
    for stem in ("simulated_city_customers", "simulated_city_events", "simulated_city_payments"):
        path = tmp_path / f"{stem}.csv"
        tables[stem] = READERS[stem].read(path.read_bytes(), path.name, settings).rows
    told = {
        "simulated_city_customers": ("valid_from_date", "closed_date"),
        "simulated_city_events": ("started_date", "ended_date"),
        "simulated_city_payments": ("paid_date",),
    }
    for stem, columns in told.items():
        local = pc.cast(
            pc.add(tables[stem]["sent_at_utc"], pa.scalar(timedelta(hours=8))), pa.date32(), safe=False
        )
        for column in columns:
            assert pc.all(pc.greater_equal(local, tables[stem][column]), skip_nulls=True).as_py(), (
                stem,
                column,
            )
    events = tables["simulated_city_events"]
    assert pc.max(events["ended_date"]).as_py() <= KNOWN_UNTIL
    assert {
        code.value
        for code in (
            EventCode.CONTRACT_VIOLATION,
            EventCode.OVER_CAPACITY,
            EventCode.CAPACITY_INCREASE,
            EventCode.CLOSURE,
        )
    } <= set(events["event_code"].to_pylist())
    closed = {
        row["customer_id"]: row["closed_date"]
        for row in tables["simulated_city_customers"].to_pylist()
        if row["closed_date"]
    }
    assert closed == {
        row["customer_id"]: row["started_date"]
        for row in events.to_pylist()
        if row["event_code"] == "closure"
    }
    assert len(closed) >= 1
    assert all(
        BillingMonth.parse(row["billing_month"]).first_day < closed.get(row["customer_id"], date.max)
        for row in tables["simulated_city_payments"].to_pylist()
    )


def test_an_event_that_outlasts_the_data_has_no_end_yet() -> None:
    city = simulate_city(SAMPLES, SEED, 6000, 1, LAST)
    _, rows = event_rows(city, np.random.default_rng(SEED))
    lasting = [row for row in rows if row["event_code"] in ("suspension", "safety_notice_open")]
    ended = [row["ended_date"] for row in lasting if row["ended_date"] is not None]
    assert all(isinstance(day, date) and day <= KNOWN_UNTIL for day in ended)
    assert 0 < len(ended) < len(lasting)


@pytest.mark.parametrize("seed", [1, 2, 20261001])
def test_a_few_enterprises_in_a_hundred_default_in_a_quarter_and_the_weak_ones_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    health = simulate_health(rng, 3000, MONTHS)
    payments = simulate_payments(rng, health, np.full((3000, MONTHS), 1000.0), SPAN)
    # A default is a bill more than 30 days overdue: day 30 is none, never paid is one.
    late = np.where(np.isnan(payments.paid_days_after_due), np.inf, payments.paid_days_after_due)
    is_open = np.arange(MONTHS)[None, :] < health.closed[:, None]
    assert np.array_equal(payments.is_default, (late > 30) & is_open)
    quarters = payments.is_default.reshape(3000, MONTHS // 3, 3).any(axis=2)
    assert 0.02 < quarters.mean() < 0.09
    # Mann-Whitney: how often a defaulter's health before the quarter lies below another's. Linked, yet no
    # certainty.
    before = health.level[:, 2:-1:3].ravel()
    hit = quarters[:, 1:].ravel()
    rank = np.empty(before.size)
    rank[np.argsort(-before)] = np.arange(1, before.size + 1)
    auc = (rank[hit].sum() - hit.sum() * (hit.sum() + 1) / 2) / (hit.sum() * (~hit).sum())
    assert 0.80 < auc < 0.95


def test_load_declines_before_a_default() -> None:
    city = simulate_city(SAMPLES, SEED, 600, MONTHS, LAST)
    month_kwh = city.metering.month_kwh(city.months, city.days)
    is_default = city.payments.is_default
    change = month_kwh[:, 12:] / np.maximum(month_kwh[:, :-12], 1) - 1
    assert np.median(change[is_default[:, 12:]]) < np.median(change[~is_default[:, 12:]]) - 0.05


def test_the_truth_lies_outside_the_inbox(
    written: list[Path], received: dict[str, pa.Table], tmp_path: Path
) -> None:
    inbox = written[0].parent
    assert sorted(inbox.iterdir()) == sorted(written)
    truth = pq.read_table(inbox.parent / "truth" / "city_truth.parquet").to_pylist()
    assert len(truth) == ENTERPRISES * MONTHS
    bills = {
        (row["customer_id"], row["billing_month"]): row
        for row in received["simulated_city_payments"].to_pylist()
    }
    for row in truth:
        bill = bills.get((row["customer_id"], row["billing_month"]))
        if row["is_default"]:
            assert bill is not None
            assert (bill["paid_date"] or date.max) > bill["due_date"] + timedelta(days=30)
    with pytest.raises(UsageError):
        write_city(tmp_path / "inbox", SAMPLES, SEED, 2, truth=tmp_path / "inbox" / "truth")
    assert not (tmp_path / "inbox").exists()


@pytest.mark.parametrize(("enterprises", "months"), [(0, 1), (1, 0)])
def test_a_city_of_nothing_is_refused(tmp_path: Path, enterprises: int, months: int) -> None:
    with pytest.raises(UsageError):
        write_city(tmp_path / "inbox", SAMPLES, SEED, enterprises, months)


def test_one_enterprise_for_one_month_is_a_city(tmp_path: Path) -> None:
    written = write_city(tmp_path / "inbox", SAMPLES, SEED, 1, 1)
    assert [path.name for path in written][-1] == "E_MP_DAY_READ_simulated_city_2026-09.csv"
    assert len(written) == 5
