"""Negative values that estimates replace are told where they are too many for chance."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.facts import load_facts
from pipelines.settings import load_settings, packaged
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FACTS = load_facts(CONF.facts_dir)


def remarks(folder: Path, fed_back: float, slots: range, days: int = 10) -> list[str]:
    """What is told of a NEM12 stream of half hours of 0.4 kWh that shows another value at noon."""
    rows = ["100,NEM12,202604010000,X,Y", "200,VABC000001,E1,E1,E1,N1,MET1,kWh,30,"]
    for day in range(days):
        values = ",".join(str(-fed_back if slot in slots else 0.4 + slot / 1000) for slot in range(48))
        rows.append(f"300,{date(2026, 3, 1) + timedelta(days=day):%Y%m%d},{values},A,,,20260401000000,")
    (folder / "net.csv").write_text("\n".join([*rows, "900"]) + "\n", encoding="utf-8")
    result = run_vee([folder / "net.csv"], None, CONF, FACTS, date(2026, 11, 1))
    return [told for told in result.remarks if "VEE-V03" in told]


def test_net_values_of_a_format_without_a_sign_are_told_with_their_energy(tmp_path: Path) -> None:
    """80 kWh that were fed back are estimated as drawn: no file that cannot say so does that unseen."""
    (told,) = remarks(tmp_path, 1.0, range(20, 28))
    assert told.startswith(
        "NEM12-VABC000001-1 active_forward: 80 values below zero, 80 in all, from 2026-03-01 to 2026-03-10 "
    )


@pytest.mark.parametrize(("fed_back", "slots", "days"), [(0.001, range(20, 28), 10), (1.0, range(20, 21), 7)])
def test_noise_and_single_slips_are_not(tmp_path: Path, fed_back: float, slots: range, days: int) -> None:
    assert remarks(tmp_path, fed_back, slots, days) == []
