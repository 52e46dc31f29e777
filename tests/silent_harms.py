"""What files do to loads without a word, and the words that a warning or a refusal of each must have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
from hypothesis import strategies as st

from tests.harmed_series import (
    Load,
    Told,
    curve_rows,
    household,
    lines,
    load,
    mapping,
    register_files,
    sun,
    text,
)

SPACING = r"(every|steps? of|spacing)\D{0,40}\d+ (min|hour)"
STEPS = r"VEE-V40"
NAMES = {
    "F1 resolution changes": SPACING,
    "F2 counter": r"cumulative",
    "F3 two deliveries": r"VEE-V02|tell another value",
    "F4 partial rows": r"(?i)partial|a part of the day",
    "F5 noise at night": r"(?i)negative|noise",
    "F5 missing nights": r"(?i)night",
    "F6 signed net": r"sign: split",
    "F7 24:00": r"24:00|(?i:time of day|same time|one stamp)",
    "F7 midnights": r"00:00|(?i:time of day|same time|one stamp|without a time)",
    "F7 over 999": r"(?i)thousands|highest",
    "F8 midnight same_day": r"midnight",
    "F9 zeros and catch-up": r"(?i)catch|after zeros|VEE-V43",
    "F10 padded ids": r"(?i)blank",
    "F11 rounded ids": r"(?i)spreadsheet|rounded",
    "F17 unit step": STEPS,
    "M1 true peaks": r"VEE-V06 as a warning",
    "M2 counter": r"cumulative",
    "M2 times 1000": STEPS,
    "M2 times 4": STEPS,
    "M3 a month times 4": r"VEE-V32|VEE-V41",
    "M5 interval changes": SPACING,
    "M4 gaps": r"(?i)bias",
}
"""What a warning or a refusal must say, or the check that must fire, by harm. All others are silence."""

HARMS: dict[str, Callable[[st.DataObject], Told]] = {}
kilowatts = st.floats(0.3, 60).map(lambda value: round(value, 2))
lengths = st.sampled_from([15, 30, 60])
seeds = st.integers(0, 10_000)


def harm(name: str) -> Callable[[Callable[[st.DataObject], Told]], Callable[[st.DataObject], Told]]:
    """Declares what a harm does to a load."""

    def declared(harms: Callable[[st.DataObject], Told]) -> Callable[[st.DataObject], Told]:
        HARMS[name] = harms
        return harms

    return declared


def drawn(data: st.DataObject, days: int, minutes: int, kind: Callable[..., Load] = load) -> Load:
    return kind(data.draw(seeds), days, minutes, data.draw(kilowatts))


def long_file(of: Load, rows: list[str], channel: str = "active_forward", **keys: str) -> Told:
    declared = mapping(of.minutes, channel=channel, **keys)
    return Told({"a.csv": text(rows)}, declared, {channel: of.days_kwh()})


@harm("F1 resolution changes")
def coarser_then_finer(data: st.DataObject) -> Told:
    step, fine = data.draw(st.integers(4, 16)), data.draw(st.sampled_from([15, 30]))
    of = drawn(data, 20, fine)
    hours = Load(of.values[: step * of.slots].reshape(-1, 60 // fine).sum(axis=1), 60)
    rows = lines(hours.begins(), hours.values)
    rest = of.of_days(step, 20)
    return long_file(of, rows + lines(rest.begins(step), rest.values))


@harm("M5 interval changes")
def finer_then_coarser(data: st.DataObject) -> Told:
    step = data.draw(st.integers(4, 16))
    of = drawn(data, 20, 15)
    halves = Load(of.values[step * 96 :].reshape(-1, 2).sum(axis=1), 30)
    begin = of.of_days(0, step)
    return long_file(of, lines(begin.begins(), begin.values) + lines(halves.begins(step), halves.values))


@harm("F2 counter")
def counter(data: st.DataObject) -> Told:
    # Fewer than five days show a counter by its level alone, far above its steps; one that is young and
    # short cannot be told from a load that grew.
    days = data.draw(st.integers(2, 12))
    of = drawn(data, days, data.draw(lengths))
    reading = data.draw(st.floats(500 if days >= 5 else 85_000, 90_000)) + np.cumsum(of.values)
    return long_file(of, lines(of.begins(), reading))


@harm("M2 counter")
def day_counter(data: st.DataObject) -> Told:
    of = drawn(data, data.draw(st.integers(5, 12)), data.draw(lengths))
    return long_file(of, lines(of.begins(), np.cumsum(of.values.reshape(of.days, -1), axis=1).ravel()))


@harm("F3 two deliveries")
def two_deliveries(data: st.DataObject) -> Told:
    of = drawn(data, 3, data.draw(lengths))
    cut = data.draw(st.integers(1, of.slots - 2)) + 2 * of.slots
    early = of.values[: cut + 1].copy()
    early[cut] = np.round(early[cut] * 0.4, 3)
    files = {
        "first.csv": text(lines(of.begins()[: cut + 1], early)),
        "second.csv": text(lines(of.begins(), of.values)),
    }
    disputed = float(of.values[cut])
    return Told(files, mapping(of.minutes), {"active_forward": of.days_kwh()}, may_lose_kwh=disputed)


@harm("F4 partial rows")
def partial_rows(data: st.DataObject) -> Told:
    of = drawn(data, 4, 15)
    cuts = sorted({*data.draw(st.lists(st.integers(8, 88), min_size=1, max_size=3)), 96})
    days = {"active_forward": of.days_kwh()}
    return Told({"E_MP_POWER_CURVE.csv": curve_rows(of, cuts)}, "", days, may_lose_kwh=0.0)


@harm("F5 noise at night")
def noise_at_night(data: st.DataObject) -> Told:
    of = drawn(data, 10, data.draw(lengths), sun)
    noise = data.draw(st.sampled_from([-0.001, -0.002]))
    return long_file(of, lines(of.begins(), np.where(of.values == 0, noise, of.values)), "active_reverse")


@harm("F5 missing nights")
def missing_nights(data: st.DataObject) -> Told:
    of = drawn(data, 10, data.draw(lengths), sun)
    rows = lines(of.begins(), of.values)
    return long_file(of, [row for row, value in zip(rows, of.values, strict=True) if value], "active_reverse")


@harm("F6 signed net")
def signed_net(data: st.DataObject) -> Told:
    of = drawn(data, 10, data.draw(lengths))
    fed = sun(data.draw(seeds), 10, of.minutes, 4 * float(of.values.max()) * 60 / of.minutes)
    net = np.round(of.values - fed.values, 3)
    drawn_from, fed_in = Load(np.clip(net, 0, None), of.minutes), Load(np.clip(-net, 0, None), of.minutes)
    told = long_file(of, lines(of.begins(), net))
    days = {"active_forward": drawn_from.days_kwh(), "active_reverse": fed_in.days_kwh()}
    return Told(told.files, told.mapping, days)


def with_high_midnights(of: Load, place: int) -> Load:
    """A load whose interval at one place of the day is five times as high."""
    values = of.values.copy()
    values[place :: of.slots] = np.round(5 * values[place :: of.slots], 3)
    return Load(values, of.minutes)


@harm("F7 24:00")
def twenty_four(data: st.DataObject) -> Told:
    minutes = data.draw(lengths)
    of = with_high_midnights(drawn(data, 8, minutes), 1440 // minutes - 1)
    rows = []
    for moment, value in zip(of.begins(), of.values, strict=True):
        end = moment + timedelta(minutes=minutes)
        stamp = f"{moment:%Y-%m-%d} 24:00" if end.date() > moment.date() else f"{end:%Y-%m-%d %H:%M}"
        rows.append(f"A,{stamp},{value:.3f}")
    return long_file(of, rows, place="interval_end")


@harm("F7 midnights")
def midnights_without_a_time(data: st.DataObject) -> Told:
    of = with_high_midnights(drawn(data, 8, data.draw(lengths)), 0)
    rows = lines(of.begins(), of.values, form="%d/%m/%Y %H:%M:%S")
    return long_file(
        of, [row.replace(" 00:00:00", "") for row in rows], stamp=', format: "%d/%m/%Y %H:%M:%S"'
    )


@harm("F7 over 999")
def over_999(data: st.DataObject) -> Told:
    of = with_high_midnights(drawn(data, 8, data.draw(lengths)), data.draw(st.integers(0, 23)))
    scale = 2000 / float(of.values.max())
    watts = np.round(of.values * scale)
    cells = [f'"{value:,.0f}"' if value >= 1000 else f"{value:.0f}" for value in watts]
    told = Load(watts / 1000, of.minutes)
    return long_file(told, lines(of.begins(), cells), unit="Wh")


@harm("F8 midnight same_day")
def midnight_same_day(data: st.DataObject) -> Told:
    minutes = data.draw(lengths)
    of = with_high_midnights(drawn(data, 8, minutes), 1440 // minutes - 1)
    rows = []
    for moment, value in zip(of.begins(), of.values, strict=True):
        end = moment + timedelta(minutes=minutes)
        stamp = f"{moment:%Y-%m-%d}T{end:%H:%M}:00+08:00"
        rows.append(f"A,{stamp},{value:.3f}")
    return long_file(of, rows, place="interval_end", stamp=", midnight: same_day")


@harm("F9 zeros and catch-up")
def zeros_and_catch_up(data: st.DataObject) -> Told:
    of = drawn(data, 20, data.draw(lengths))
    begin = data.draw(st.integers(6 * of.slots, 12 * of.slots))
    length = data.draw(st.integers(of.slots, 3 * of.slots))
    values = of.values.copy()
    values[begin + length] += values[begin : begin + length].sum()
    values[begin : begin + length] = 0
    whole = {"the whole": float(of.values.sum())}
    told = long_file(of, lines(of.begins(), values))
    return Told(told.files, told.mapping, {"active_forward": whole})


@harm("F10 padded ids")
def padded_ids(data: st.DataObject) -> Told:
    of = drawn(data, 6, data.draw(lengths))
    step, blank = (
        data.draw(st.integers(1, of.values.size - 1)),
        data.draw(st.sampled_from([" ", "   ", "\u3000"])),
    )
    rows = lines(of.begins()[:step], of.values[:step])
    return long_file(of, rows + lines(of.begins()[step:], of.values[step:], meter=f"A{blank}"))


@harm("F11 rounded ids")
def rounded_ids(data: st.DataObject) -> Told:
    minutes, number = data.draw(lengths), data.draw(st.sampled_from(["5.41449E+17", "1.23E+11"]))
    each = [drawn(data, 4, minutes) for _ in range(2)]
    rows = [
        f"{row},2026-03-{20 + place} 08:00"
        for place, of in enumerate(each)
        for row in lines(of.begins(), of.values, meter=number)
    ]
    both = Load(each[0].values + each[1].values, minutes)
    declared = mapping(minutes) + 'received_at: {column: sent, zone: "+08:00"}\n'
    return Told({"a.csv": text(rows, ",sent")}, declared, {"active_forward": both.days_kwh()}, points=2)


def stepped(data: st.DataObject, factor: float, until_the_end: bool) -> Told:
    of = drawn(data, 40, data.draw(lengths))
    begin = data.draw(st.integers(10, 20))
    end = 40 if until_the_end else begin + data.draw(st.integers(8, 18))
    values = of.values.copy()
    values[begin * of.slots : end * of.slots] *= factor
    told = long_file(of, lines(of.begins(), values))
    return Told(
        told.files, told.mapping, told.days_kwh, flagged=(frozenset([*of.days_kwh()][begin:end]), 1.0)
    )


@harm("F17 unit step")
def times_1000_from_a_day_on(data: st.DataObject) -> Told:
    return stepped(data, 1000, until_the_end=True)


@harm("M2 times 1000")
def times_1000_and_back(data: st.DataObject) -> Told:
    return stepped(data, 1000, until_the_end=False)


@harm("M2 times 4")
def times_4(data: st.DataObject) -> Told:
    return stepped(data, 4, until_the_end=False)


@harm("M1 true peaks")
def true_peaks(data: st.DataObject) -> Told:
    of = drawn(data, data.draw(st.integers(1, 30)), data.draw(st.sampled_from([30, 60])), household)
    return long_file(of, lines(of.begins(), of.values))


@harm("M3 a month times 4")
def month_times_4(data: st.DataObject) -> Told:
    of = drawn(data, 60, 15)
    values = of.values.copy()
    begin = data.draw(st.integers(15, 25))
    values[begin * 96 : (begin + 30) * 96] *= 4
    capacity = data.draw(st.floats(1.5, 2.5)) * float(of.values.max()) * 4
    files = {"a.csv": text(lines(of.begins(), values)), **register_files(of, "A", round(capacity, 1))}
    # The registers make every day agree, and its hours do not: this harm has to be named.
    declared = 'files: ["a.csv"]\n' + mapping(15)
    month = frozenset([*of.days_kwh()][begin : begin + 30])
    return Told(files, declared, {}, points=0, flagged=(month, 0.5))
