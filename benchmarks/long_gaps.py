"""Gaps of 35, 60 and 90 days whose energy registers know: spread as own like-days run, and evenly.

``python -m benchmarks.long_gaps [--data DIR] [--json]``; the data folder stands in ZHIXIANG_REFERENCE_DATA
otherwise. The registers are the true energy of the days, read every day or every thirty days, so that the
truth of each interval is known.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import yaml

from benchmarks.gap_filling import RealSeries, days_of_week, read_series
from benchmarks.single_series import alone
from pipelines.settings import packaged
from pipelines.transforms.curves.curve_reconciliation import REGISTER_SCHEMA, Registers, Rows, reconcile
from pipelines.vee.estimation.estimate import estimate_missing_intervals
from pipelines.vee.settings import VeeSettings

DAYS, READ_EVERY, GAPS, MARGIN_DAYS = (35, 60, 90), (1, 30), 40, 28
FIRST = date(2024, 1, 1)
HOUSEHOLD = "opendsm_samples/uk-electricity-hdd-only-hourly-sample-1.csv.gz"
POINT, CHANNEL = "MP-1", "active_forward"


@dataclass(frozen=True)
class Errors:
    """What estimates of the gaps of one length are off by; days of no energy stay missing and do not count.

    error    Mean absolute error of an interval over the mean interval of the series.
    energy   Largest difference between the energy of a gap and its registers. [kWh]
    covered  Share of truths inside the band, NaN without one.
    """

    error: float
    energy: float
    covered: float


def household(data: Path) -> RealSeries:
    """Half hours of one household, by the days of the clock that the file carries; incomplete ones are left
    out.
    """
    table = pd.read_csv(data / HOUSEHOLD)
    stamp = pd.to_datetime(table["start"], utc=True)
    values = pd.Series(table["value"].to_numpy(dtype=np.float64), index=stamp)
    every = pd.date_range(stamp.min().ceil("D"), stamp.max().floor("D"), freq="30min", inclusive="left")
    days = values[~values.index.duplicated()].reindex(every).to_numpy(dtype=np.float64).reshape(-1, 48)
    whole = ~np.isnan(days).any(axis=1)
    return RealSeries("household", days[whole], days_of_week(every[::48])[whole])


def transformer_load(data: Path) -> RealSeries:
    """Hours of ETTh1's one column of load that never feeds back."""
    load = pd.read_csv(data / "ETTh1.csv")["LUFL"].to_numpy(dtype=np.float64)
    days = np.maximum(load[: load.size // 24 * 24].reshape(-1, 24), 0.0)
    return RealSeries("transformer load", days, days_of_week(pd.date_range("2016-07-01", periods=len(days))))


def loads(data: Path) -> list[RealSeries]:
    """The loads of the comparison: no register counts an oil temperature."""
    others = [series for series in read_series(data) if series.name != "oil temperature"]
    return [*others, transformer_load(data), household(data)]


def run(series: RealSeries, length: int, span: int, settings: VeeSettings, gaps: int = GAPS) -> Errors:
    """Gaps of ``length`` days, one after the other, whose reads lie ``span`` days apart."""
    count = len(series.days)
    room = count - length - 2 * MARGIN_DAYS
    begins = MARGIN_DAYS + np.random.default_rng([length, span]).integers(0, room, gaps)
    mean, error, energy, covered = np.abs(series.days).mean(), [], [], []
    for begin in begins.tolist():
        hidden = slice(begin, begin + length)
        truth = series.days[hidden]
        holed = series.days.copy()
        holed[hidden] = np.nan
        found = _filled(series, holed, hidden, span, settings)
        off = np.abs(found.final[hidden] - truth)
        error.append(np.nanmean(off) / mean)
        for top in range(0, length, span):
            part = slice(begin + top, begin + min(top + span, length))
            energy.append(abs(np.nansum(found.final[part]) - series.days[part].sum()))
        margin = np.full(series.days.size, np.nan)
        margin[found.places] = found.margin
        margin = margin.reshape(holed.shape)[hidden]
        banded = ~np.isnan(margin)
        if banded.any():
            covered.append((off[banded] <= margin[banded]).mean())
    return Errors(float(np.mean(error)), max(energy), float(np.mean(covered)) if covered else np.nan)


def _filled(series: RealSeries, holed: Any, hidden: slice, span: int, settings: VeeSettings) -> Any:
    block = alone(holed, series.day_types)
    lengths = [min(span, hidden.stop - top) for top in range(hidden.start, hidden.stop, span)]
    closes = hidden.start + np.cumsum(lengths) - 1
    reads = [
        {
            "meter_point_id": POINT,
            "channel_code": CHANNEL,
            "energy_date": FIRST + timedelta(days=int(close)),
            "span_days": days,
            "energy_kwh_or_kvarh": Decimal(f"{series.days[close - days + 1 : close + 1].sum():.6f}"),
            "resolution_kwh_or_kvarh": Decimal("0.001"),
        }
        for close, days in zip(closes.tolist(), lengths, strict=True)
    ]
    table = pa.Table.from_pylist(reads, REGISTER_SCHEMA)
    day = np.arange(len(holed)) + (FIRST - date(1970, 1, 1)).days
    rows = Rows([POINT], [CHANNEL], np.zeros_like(day), day, lambda days: ["working_day"] * days.size)
    missing = np.isnan(holed)
    estimates = estimate_missing_intervals(block, missing, np.zeros_like(missing), settings)
    return reconcile(estimates, missing, rows, Registers(lambda _names: table, {}), block, settings)


def table(rows: list[dict[str, Any]]) -> str:
    """The comparison as Markdown."""
    lines = [
        "| Series | Gap [days] | Read every [days] | Evenly | Own like-days | Band covers |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['series']} | {row['days']} | {row['read_every']} | {row['evenly']:.1%} | {row['own']:.1%} "
        f"| {row['covered']:.0%} |"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; 1 where own like-days are no better, or do not keep the registers' energy."""
    parser = argparse.ArgumentParser(description="Error of long gaps whose energy registers know.")
    parser.add_argument("--data", type=Path, default=os.environ.get("ZHIXIANG_REFERENCE_DATA"))
    parser.add_argument("--json", action="store_true", help="figures instead of a table")
    parser.add_argument("--gaps", type=int, default=GAPS, help="random gaps of each length")
    options = parser.parse_args(arguments)
    if options.data is None:
        parser.error("name the folder of the real series: --data or ZHIXIANG_REFERENCE_DATA")
    settings = VeeSettings.model_validate(
        yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
    )
    evenly = settings.with_values({"like_day.far_count": 0})
    rows = []
    for series in loads(options.data):
        for length in DAYS:
            for span in READ_EVERY:
                before, after = (
                    run(series, length, span, chosen, options.gaps) for chosen in (evenly, settings)
                )
                rows.append(
                    {
                        "series": series.name,
                        "days": length,
                        "read_every": span,
                        "evenly": before.error,
                        "own": after.error,
                        "energy_off_kwh": after.energy,
                        "covered": after.covered,
                    }
                )
    sys.stdout.write((json.dumps(rows, indent=1) if options.json else table(rows)) + "\n")
    return int(any(row["own"] >= row["evenly"] or row["energy_off_kwh"] > 0.001 for row in rows))


if __name__ == "__main__":
    sys.exit(main())
