"""NEM12 and NEM13 interchange files, unchanged: readable ones, partly readable ones, and ones that must be
refused with the reason expected.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.formats.contract import FormatSettings
from pipelines.formats.nem.nem12 import METER_POINT_PREFIX, Nem12
from pipelines.formats.nem.nem13 import Nem13
from pipelines.tables.bronze import BronzeMeterPoints
from sample_sources.received import declared_header, declared_row
from sample_sources.writing import Origin, SampleFolder

SOURCE = "nem-reader example files, github.com/aguinane/nem-reader"
LICENCE = "MIT"
_ORIGIN = Origin(SOURCE, LICENCE, ("real",))

VALID = (
    "Example_NEM12_actual_interval.csv",
    "Example_NEM12_month_solar.csv",
    "Example_NEM12_multiple_meters.csv",
    "Example_NEM12_multiple_quality.csv",
    "Example_NEM12_no_scheduled_read.csv",
    "Example_NEM12_partialchannel.csv",
    "Example_NEM12_substituted_interval.csv",
    "Example_NEM12_upper_case_units.csv",
    "Example_WesternPower.csv",
)

# Readable files of which one record goes to quarantine: a voltage stream, and a day without values.
PARTLY = (
    "Example_NEM12_different_interval_length.csv",
    "Example_NEM12_incomplete_interval.csv",
)

# Accumulated registers, two reads a record.
REGISTERS = ("Example_NEM13_consumption_data.csv", "Example_NEM13_forward_estimate.csv")

# File -> (reason code, line, why).
REFUSED = {
    "Example_NEM12_15min_200_30min_300.csv": (
        "bad_structure",
        3,
        "48 values in a stream of 15-minute intervals",
    ),
    "Example_NEM12_15min_200_30min_400.csv": (
        "bad_structure",
        3,
        "the 400 records tell the quality of intervals 1-48 of 96 only",
    ),
    "Example_NEM12_30min_200_15min_300.csv": (
        "bad_structure",
        3,
        "96 values in a stream of 30-minute intervals",
    ),
    "Example_NEM12_30min_200_15min_400.csv": (
        "bad_structure",
        3,
        "96 values in a stream of 30-minute intervals",
    ),
    "Example_NEM12_empty.csv": ("no_records", 2, "no interval record"),
    "Example_NEM12_missing_header.csv": ("missing_header", 2, "no 100 record"),
    "Example_NEM12_powercor.csv": ("missing_header", 2, "no 100 record"),
    "Example_NEM12_powercor.csv.zip": ("missing_header", 2, "no 100 record"),
    "Example_NEM12_powercor_missing_fields.csv": ("missing_header", 2, "no 100 record"),
    "Example_empty_file.csv": ("empty_file", None, "no bytes"),
}


def make(folder: Path, samples: SampleFolder, settings: FormatSettings) -> None:
    """Writes ``samples/nem12/``: copies, the list of expected refusals, and a meter point for every stream
    group.
    """
    reader = Nem12()
    first_days: dict[str, str] = {}
    for name in (*VALID, *PARTLY):
        content = (folder / "nem12" / name).read_bytes()
        result = reader.read(content, name, settings)
        samples.content(
            f"nem12/{'valid' if name in VALID else 'partly'}/{name}",
            content,
            result.received_rows,
            _ORIGIN,
            reader.id,
        )
        for meter_point_id, day in zip(
            result.rows["meter_point_id"].to_pylist(), result.rows["curve_date"].to_pylist(), strict=True
        ):
            first_days[meter_point_id] = min(first_days.get(meter_point_id, day.isoformat()), day.isoformat())
    for name in REGISTERS:
        content = (folder / "nem12" / name).read_bytes()
        received = Nem13().read(content, name, settings).received_rows
        samples.content(f"nem12/registers/{name}", content, received, _ORIGIN, Nem13.id)
    for name in REFUSED:
        samples.content(f"nem12/refused/{name}", (folder / "nem12" / name).read_bytes(), 0, _ORIGIN, None)
    expected = [
        [name, reason, "" if line is None else str(line), why]
        for name, (reason, line, why) in sorted(REFUSED.items())
    ]
    samples.csv("nem12/refused_reasons.csv", ("file", "reason_code", "line", "why"), expected, _ORIGIN, None)
    rows = [
        declared_row(BronzeMeterPoints, _meter_point(meter_point_id, day))
        for meter_point_id, day in sorted(first_days.items())
    ]
    samples.csv(
        "nem12/valid/meter_points.csv",
        declared_header(BronzeMeterPoints),
        rows,
        _ORIGIN,
        "declared_meter_points_csv",
    )


def _meter_point(meter_point_id: str, first_day: str) -> dict[str, str]:
    """NEM12 values are energies after any transformer ratio, so the multiplier is 1; nobody is billed for
    them.
    """
    return {
        "meter_point_id": meter_point_id,
        "valid_from_date": first_day,
        "meter_id": f"METER-{meter_point_id.removeprefix(METER_POINT_PREFIX)}",
        "multiplier_ratio": "1",
        "provenance": "real",
        "sent_at": f"{first_day} 08:00:00",
    }
