"""Industries by GB/T 4754-2017: 20 sections and their two-digit divisions."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from pipelines.codes import Confidence
from pipelines.errors import FactFileError

_COLUMNS = ["code", "section", "name_zh", "name_en", "source", "confidence"]


@dataclass(frozen=True)
class Industry:
    """One section (a letter) or division (two digits)."""

    code: str
    section: str
    name_zh: str
    name_en: str
    source: str
    confidence: Confidence


def read_industries(folder: Path, name: str) -> dict[str, Industry]:
    """Code -> industry; raises FactFileError with the line of a row that is not well formed."""
    path = folder / name
    if not path.is_file():
        raise FactFileError(name, None, "the file does not exist", "Restore it from the packaged conf/facts.")
    found: dict[str, Industry] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        if next(reader, None) != _COLUMNS:
            raise FactFileError(name, 1, f"the header must be {','.join(_COLUMNS)}")
        for row in reader:
            found_row = _industry(row, name, reader.line_num)
            if found_row.code in found:
                raise FactFileError(name, reader.line_num, f"the code {found_row.code} stands twice")
            found[found_row.code] = found_row
    for industry in found.values():
        if industry.section not in found:
            raise FactFileError(name, None, f"section {industry.section} of {industry.code} is not listed")
    return found


def _industry(row: list[str], name: str, line: int) -> Industry:
    if len(row) != len(_COLUMNS) or not all(row):
        raise FactFileError(name, line, f"{len(_COLUMNS)} fields expected, none empty")
    code, section, name_zh, name_en, source, confidence = row
    if confidence not in set(Confidence):
        raise FactFileError(name, line, f"the confidence {confidence!r} is not known")
    if not (len(code) == 1 and code.isalpha() and code == section) and not (
        len(code) == 2 and code.isdigit()
    ):
        raise FactFileError(name, line, f"{code!r} is neither a section nor a two-digit division")
    return Industry(code, section, name_zh, name_en, source, Confidence(confidence))
