"""Registers made from known energies: whatever rolls over, is missed, exchanged or not sent, the walk finds
those energies and no others.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from pipelines.settings import packaged
from pipelines.tables.bronze import BronzeRegisterReads
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.registers.register_energy import derive_reads
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
FIRST = date(2026, 3, 1)
METERS, DAYS = 150, 15
DIGITS = 4
TURN = 10**DIGITS * 100  # in steps of 0.01

Told = tuple[Decimal | None, list[Decimal | None] | None]


def meter(
    rng: np.random.Generator, number: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Told]]:
    """Meter rows, reads and, read by read, the energy of total and rates that they must give. Everything is
    counted in steps.
    """
    name, width, multiplier = f"MP-{number:03d}", int(rng.integers(1, 6)), int(rng.choice([1, 40, 1000]))
    exchanged = int(rng.integers(3, DAYS - 3)) if rng.random() < 0.4 else None
    busy = rng.random(width) < 0.7
    counted = rng.integers(0, TURN, width)
    total = int(counted.sum() % TURN) if rng.random() < 0.5 else int(rng.integers(0, TURN))
    meters = [
        {
            "meter_point_id": name,
            "valid_from_date": FIRST,
            "meter_id": "A",
            "multiplier_ratio": float(multiplier),
        }
    ]
    reads: list[dict[str, Any]] = []
    expected: list[Told] = []
    since, since_total, crosses, before = np.zeros(width, dtype=np.int64), 0, False, None
    for day in range(DAYS):
        if day:
            used = rng.integers(0, TURN // 30 // width, width) * busy
            if day == exchanged:
                end, total, counted = total, int(rng.integers(0, TURN)), rng.integers(0, TURN, width)
                meters[0]["valid_to_date"] = FIRST + timedelta(days=day - 1)
                start = Decimal(total) / 100
                meters.append(
                    meters[0]
                    | {
                        "valid_from_date": FIRST + timedelta(days=day),
                        "valid_to_date": None,
                        "meter_id": "B",
                        "start_register_unscaled": start,
                        "previous_end_register_unscaled": Decimal(end) / 100,
                    }
                )
                crosses = True
            counted, total = (counted + used) % TURN, int((total + used.sum()) % TURN)
            since, since_total = since + used, since_total + int(used.sum())
        if day and rng.random() < 0.15 and since_total < TURN // 30:
            continue  # missed; never so long that a tenth of the range is passed
        sends = rng.random(width) < 0.95 if rng.random() < 0.9 else np.zeros(width, dtype=np.bool_)
        lists = (
            [Decimal(int(value)) / 100 if sent else None for value, sent in zip(counted, sends, strict=True)]
            if sends.any()
            else None
        )
        reads.append(
            {
                "meter_point_id": name,
                "channel_code": "active_forward",
                "read_date": FIRST + timedelta(days=day),
                "register_unscaled": Decimal(total) / 100,
                "rate_registers_unscaled": lists,
            }
        )
        rates = None
        if before is not None and not crosses and (sends & before).any():
            both = zip(since, sends & before, strict=True)
            rates = [Decimal(int(value) * multiplier) / 100 if known else None for value, known in both]
        expected.append((None if before is None else Decimal(since_total * multiplier) / 100, rates))
        since, since_total, crosses, before = np.zeros(width, dtype=np.int64), 0, False, sends
    return meters, reads, expected


def test_the_walk_finds_the_energies_that_the_registers_were_made_from() -> None:
    rng = np.random.default_rng(20261125)
    meters, reads, expected = [], [], []
    for number in range(METERS):
        ours = meter(rng, number)
        meters += ours[0]
        reads += ours[1]
        expected += ours[2]
    empty_meter = dict.fromkeys(SilverMeterPoints.columns())
    described = {
        "register_digits": DIGITS,
        "register_decimals": 2,
        "provenance": "simulated",
        "computed_run_id": "r",
    }
    empty_read = dict.fromkeys(BronzeRegisterReads.columns()) | {"content_hash": "a", "read_month": "2026-03"}
    order = rng.permutation(len(reads))
    found = derive_reads(
        pa.Table.from_pylist(
            [empty_read | reads[at] | {"line_number": int(at) + 2} for at in order],
            BronzeRegisterReads.arrow_schema(),
        ),
        pa.Table.from_pylist(
            [empty_meter | described | row for row in meters], SilverMeterPoints.arrow_schema()
        ),
        SETTINGS,
    ).to_pylist()
    told = [(row["energy_kwh_or_kvarh"], row["rate_energy_kwh_or_kvarh"]) for row in found]
    assert told == expected
    assert not [row for row in found if row["reason_code"] is not None]
    rules = {row["register_rule_code"] for row in found}
    assert rules == {"first_read", "normal", "rollover", "meter_exchange"}, "the cases hold all of them"
    whole = [(total, rates) for total, rates in told if rates is not None and None not in rates]
    assert len(whole) > METERS * DAYS / 3
    assert all(sum(rates) == total for total, rates in whole), (
        "registers that are not cut off sum to the total"
    )


def test_one_wrong_read_costs_the_days_beside_it_and_no_more() -> None:
    """A read anywhere, the first and the first of a new meter among them, is replaced by any other number.

    Beside it no energy is settled that the connection cannot carry; from the second read after it on all is
    as without it. The last two reads of a
    meter are left alone: what is wrong there only later reads can tell.
    """
    rng = np.random.default_rng(7)
    days, capacity, turn = 16, 10.0, 100_000
    most = Decimal(str(SETTINGS.registers.rollover_capacity_factor * capacity * 24))
    described = {
        "register_digits": 5,
        "register_decimals": 2,
        "provenance": "simulated",
        "computed_run_id": "r",
        "capacity_kva": capacity,
        "multiplier_ratio": 1.0,
    }
    meters, reads, clean, wrong_at = [], [], {}, {}
    for number in range(400):
        name, exchanged = f"MP-{number:03d}", int(rng.integers(5, days - 5)) if number % 3 == 0 else None
        total = int(rng.integers(0, 60_000))
        row = {"meter_point_id": name, "valid_from_date": FIRST, "meter_id": "A"} | described
        meters.append(row)
        registers = []
        for day in range(days):
            used = int(rng.integers(1, 40)) if day else 0
            if day == exchanged:
                end, total = total, int(rng.integers(0, 60_000))
                row["valid_to_date"] = FIRST + timedelta(days=day - 1)
                meters.append(
                    {
                        "meter_point_id": name,
                        "valid_from_date": FIRST + timedelta(days=day),
                        "meter_id": "B",
                        "start_register_unscaled": Decimal(total),
                        "previous_end_register_unscaled": Decimal(end),
                    }
                    | described
                )
            total += used
            registers.append(total)
            clean[name, day] = used
        ends = days if exchanged is None or rng.random() < 0.5 else exchanged
        begins = 0 if ends == exchanged or exchanged is None else exchanged
        spoilt = begins if rng.random() < 0.4 else int(rng.integers(begins, ends - 2))
        registers[spoilt] = int(rng.integers(0, turn))
        wrong_at[name] = spoilt
        reads += [
            {
                "meter_point_id": name,
                "channel_code": "active_forward",
                "read_date": FIRST + timedelta(days=day),
                "register_unscaled": Decimal(register),
            }
            for day, register in enumerate(registers)
        ]
    empty_meter, empty_read = (
        dict.fromkeys(SilverMeterPoints.columns()),
        dict.fromkeys(BronzeRegisterReads.columns()),
    )
    common = {"content_hash": "a", "read_month": "2026-03"}
    found = derive_reads(
        pa.Table.from_pylist(
            [empty_read | common | row | {"line_number": at + 2} for at, row in enumerate(reads)],
            BronzeRegisterReads.arrow_schema(),
        ),
        pa.Table.from_pylist([empty_meter | row for row in meters], SilverMeterPoints.arrow_schema()),
        SETTINGS,
    ).to_pylist()
    judged = 0
    for row in found:
        name, day = row["meter_point_id"], (row["energy_date"] - FIRST).days
        energy, span = row["energy_kwh_or_kvarh"], row["span_days"]
        if energy is not None:
            assert energy <= most * span, row
        if day < wrong_at[name] or day > wrong_at[name] + 2:
            expected = sum(clean[name, each] for each in range(day - (span or 1) + 1, day + 1))
            assert day == 0 or energy == expected, (row, wrong_at[name])
            judged += 1
    assert judged > 400 * 10
