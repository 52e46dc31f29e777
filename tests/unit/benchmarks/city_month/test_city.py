"""The simulated city is whole in itself: parts sum to months, months to days, and the same seed gives it
again.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks.city_month.city import BILLED, METERED_MONTHS, Block, draw_block, load_days
from benchmarks.city_month.columns import decimals
from benchmarks.city_month.gold import day_energy_of, determinants_of
from benchmarks.city_month.silver import customers_of, declarations_of, payments_of
from pipelines.codes import Provenance
from pipelines.facts import load_facts
from pipelines.settings import packaged
from pipelines.tables.base import ENERGY

SAMPLES = packaged("samples")
FACTS = load_facts(packaged("conf") / "facts")
COUNT = 400


@pytest.fixture(scope="module")
def block() -> Block:
    return draw_block(SAMPLES, 5, 0, COUNT, METERED_MONTHS)


@pytest.fixture(scope="module")
def gold(block: Block) -> tuple[pa.Table, pa.Table]:
    return determinants_of(block, SAMPLES, BILLED, FACTS)


def test_a_tenth_has_curves_and_a_tenth_changes(block: Block) -> None:
    assert (block.has_curve.sum(), block.changes.sum()) == (COUNT // 10, COUNT // 10)
    assert (block.has_curve & block.changes).any()


def test_periods_and_parts_sum_to_the_months_energy_and_days_to_the_month(
    block: Block, gold: tuple[pa.Table, pa.Table]
) -> None:
    rows, segments = gold
    names = [f"{name}_kwh" for name in ("sharp", "peak", "flat", "valley", "deep_valley")]
    for table in gold:
        for row in table.to_pylist():
            split = [row[name] for name in names]
            assert split == [None] * 5 or sum(split) == row["energy_kwh"]
    months = dict(zip(rows["customer_id"].to_pylist(), rows["energy_kwh"].to_pylist(), strict=True))
    parts: dict[str, list[object]] = {}
    for row in segments.to_pylist():
        parts.setdefault(row["customer_id"], []).append(row)
    assert len(parts) == COUNT // 10
    for name, (first, second) in parts.items():  # type: ignore[misc]
        assert first["energy_kwh"] + second["energy_kwh"] == months[name]  # type: ignore[index]
        assert (second["first_date"] - first["last_date"]).days == 1  # type: ignore[index]
    days = day_energy_of(block, BILLED)
    summed = days.group_by("customer_id").aggregate([("energy_kwh_or_kvarh", "sum")])
    for row in summed.to_pylist():
        assert float(months[row["customer_id"]]) == pytest.approx(row["energy_kwh_or_kvarh_sum"])


def test_terms_change_on_the_day_the_parts_do(block: Block, gold: tuple[pa.Table, pa.Table]) -> None:
    terms = customers_of(block, np.random.default_rng(1))
    second = terms.filter(pc.equal(pc.year(terms["valid_from_date"]), 2026)).filter(
        pc.greater(terms["valid_from_date"], pa.scalar(BILLED.first_day, pa.date32()))
    )
    firsts = dict(zip(second["customer_id"].to_pylist(), second["valid_from_date"].to_pylist(), strict=True))
    later = gold[1].filter(pc.equal(gold[1]["last_date"], pa.scalar(BILLED.last_day, pa.date32())))
    assert firsts == dict(zip(later["customer_id"].to_pylist(), later["first_date"].to_pylist(), strict=True))


def test_the_same_seed_gives_the_same_city_and_another_another(block: Block) -> None:
    again, other = (draw_block(SAMPLES, seed, 0, COUNT, METERED_MONTHS) for seed in (5, 6))
    assert (again.day_steps == block.day_steps).all()
    assert (other.day_steps != block.day_steps).any()


def test_everything_says_that_it_is_simulated(block: Block) -> None:
    rng = np.random.default_rng(1)
    for rows in (customers_of(block, rng), payments_of(block), declarations_of(block, BILLED, rng)):
        assert rows.num_rows
        assert pc.unique(rows["provenance"]).to_pylist() == [Provenance.SIMULATED.value]


def test_days_of_the_samples_are_shares() -> None:
    loads, weekdays = load_days(SAMPLES)
    assert loads.shape == (len(weekdays), 96)
    assert loads.sum(axis=1) == pytest.approx(1.0)


def test_decimals_by_hand() -> None:
    found = decimals(np.array([123, -5, 0]), ENERGY, 2, missing=np.array([False, False, True]))
    assert [None if value is None else str(value) for value in found.to_pylist()] == [
        "1.230000",
        "-0.050000",
        None,
    ]
