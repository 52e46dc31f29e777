"""Cases whose input is a few lines of code, and cases of what is no file: codes, audits, contracts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from pipelines.codes import (
    CustomerClass,
    DemandBasis,
    FeeCodeColour,
    LineComponent,
    PricingScheme,
    VoltageLevel,
)
from pipelines.errors import InputRefusedError
from pipelines.facts import load_facts
from pipelines.identity.keys import CODE_KEY, KeyRing
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import Contract, Segment, SupplyMonth, price_supply
from products.efficiency_bill.audit import audit, read_issued
from products.transfer_fee_code.code.signed_code import CodePayload, sign_code
from tests.field.harness import INPUTS, Got, asked, command, vee
from tests.measured_months import supply_of
from tests.steel_works import STEEL, STEEL_SEPTEMBER

D = Decimal
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
SEPTEMBER = BillingMonth(2026, 9)
MAPPING = """\
id: made
interval_minutes: {minutes}
meter_point: {{column: meter}}
stamp: {{column: ts, place: interval_start, zone: "+08:00"}}
values:
  - {{column: kwh, unit: kWh{channel}}}
"""
DAY_READS = """\
ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME
NL1,1,2026-09-01,2026-09-02 00:00:00,100.5,,,,,,2026-09-02 01:00:00
NL1,1,2026-09-02,2026-09-03 00:00:00,109.0,,,,,,2026-09-03 01:00:00
"""


def day_and_night(folder: Path) -> Got:
    """Two days of quarter hours at 0.19 kWh; a register from 07:00 to 22:00, the other one for the rest."""
    lines = ["meter,ts,kwh,register"]
    for place in range(192):
        moment = FIRST + timedelta(minutes=15 * place)
        lines.append(f"FL,{moment:%Y-%m-%d %H:%M},0.19,{'1.8.1' if 7 <= moment.hour < 22 else '1.8.2'}")
    mapping = MAPPING.format(minutes=15, channel="") + (
        'channel: {column: register, codes: {"1.8.1": active_forward, "1.8.2": active_forward}}\n'
    )
    return _vee(folder, {"a.csv": "\n".join(lines) + "\n"}, mapping)


def eight_seconds(folder: Path) -> Got:
    """Half a day of a value every eight seconds, under a mapping of a minute."""
    lines = ["meter,ts,kwh"]
    for place in range(5400):
        moment = FIRST + timedelta(seconds=8 * place)
        lines.append(f"S8,{moment:%Y-%m-%d %H:%M:%S},0.001")
    return _vee(folder, {"a.csv": "\n".join(lines) + "\n"}, _mapping(1))


def untidy_folder(folder: Path) -> Got:
    """A folder as people zip and send it."""
    inbox = folder / "inbox"
    inbox.mkdir()
    shutil.copy(INPUTS / "16" / "a.csv", inbox / "a.csv")
    (inbox / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64))
    (inbox / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1" + bytes(64))
    (inbox / "readme.txt").write_text("What lies here was sent on Monday.\n", encoding="utf-8")
    return vee([inbox], INPUTS / "16" / "m.yaml", folder / "out")


def wrapped_record(folder: Path) -> Got:
    """NEM12: two days of 0.15, the record of the first goes on in the line below it."""
    values = ["0.15"] * 48
    end = "A,,,20260303120000,"
    text = "\n".join(
        [
            "100,NEM12,202603031200,MDA1,Ret1",
            "200,NMI0000009,E1,1,E1,N1,S1,kWh,30,",
            "300,20260301," + ",".join(values[:12]),
            ",".join([*values[12:], end]),
            "300,20260302," + ",".join([*values, end]),
            "900",
        ]
    )
    return _vee(folder, {"nem12.csv": text + "\n"}, None)


def rows_in_conflict(folder: Path) -> Got:
    """A day of quarter hours in which one stamp comes with two values."""
    lines = ["meter,ts,kwh"]
    for place in range(96):
        moment = FIRST + timedelta(minutes=15 * place)
        lines.append(f"C1,{moment:%Y-%m-%d %H:%M},{1400 + place % 7}.437")
    return _vee(folder, {"a.csv": "\n".join([*lines, "C1,2026-03-01 10:00,1514.518"]) + "\n"}, _mapping(15))


def day_reads_under_a_pattern(folder: Path) -> Got:
    """A file that is exactly an E_MP_DAY_READ, and a mapping whose pattern fits its name."""
    mapping = 'files: ["city_*.csv"]\n' + _mapping(15)
    return _vee(folder, {"city_reads.csv": DAY_READS}, mapping)


def no_file(folder: Path) -> Got:
    """A path with a slip of the pen."""
    return vee([folder / "nothing.csv"], None, folder / "out")


def printed_prices(folder: Path) -> Got:
    """The steel works' bill with unit prices of four decimals, against the computed one."""
    del folder
    return Got(0, "", answer={"findings": len(_audited("rounded_price.csv"))})


def written_amounts(folder: Path) -> Got:
    """Amounts and months as an office writes them."""
    del folder
    told = {}
    for name in ("thousands.csv", "yen.csv", "slash.csv"):
        try:
            _audited(name)
            told[name] = "read"
        except InputRefusedError as refusal:
            told[name] = "refused with its line" if refusal.line else "refused"
    return Got(0, "", answer=told)


def short_suspension(folder: Path) -> Got:
    """1600 kVA on capacity, all of it suspended from the 11th to the 20th."""
    del folder
    contracts = [_contract(DemandBasis.CAPACITY, running) for running in ("1600", "0", "1600")]
    return _basic_charge(contracts, LineComponent.BASIC_CAPACITY)


def changed_capacity(folder: Path) -> Got:
    """Actual demand; the capacity of the middle part is smaller."""
    del folder
    contracts = [_contract(DemandBasis.ACTUAL_DEMAND, running) for running in ("1600", "1000", "1600")]
    return _basic_charge(contracts, LineComponent.BASIC_DEMAND)


def late(folder: Path) -> Got:
    """10,000 yuan of a works, paid 21 days late."""
    del folder
    got = asked(
        "tariff", "late-payment", "large_industry", "10000", "--due", "2026-09-10", "--paid", "2026-10-01"
    )
    return Got(got.exit_code, got.screen, answer={"total CNY": (got.answer or {}).get("total_cny")})


def codes(folder: Path) -> Got:
    """A signed code in the ways that hands and programs spoil a text."""
    return _verified(
        folder,
        {
            "as issued": lambda text: text.encode(),
            "behind a line end": lambda text: f"{text}\r\n".encode(),
            "rubbish appended": lambda text: f"{text}ABC".encode(),
            "lower case": lambda text: text.lower().encode(),
            "one sign flipped": lambda text: (
                text[:40] + ("A" if text[40] != "A" else "B") + text[41:]
            ).encode(),
        },
    )


def codes_with_blanks(folder: Path) -> Got:
    """A signed code as Notepad and a clipboard keep it."""
    return _verified(
        folder,
        {
            "BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
            "blank before": lambda text: f" {text}".encode(),
            "blank behind": lambda text: f"{text} \n".encode(),
        },
    )


MADE: dict[str, Callable[[Path], Got]] = {
    "21b": eight_seconds,
    "22": day_and_night,
    "72": codes,
    "72 blanks": codes_with_blanks,
    "74": printed_prices,
    "74b": written_amounts,
    "75a": short_suspension,
    "75c": changed_capacity,
    "93": untidy_folder,
    "M9": wrapped_record,
    "M10": rows_in_conflict,
    "M12 day reads": day_reads_under_a_pattern,
    "M12 no file": no_file,
    "late": late,
}
"""What makes and runs a case, by its name in cases.yaml; each is given an empty folder."""


def _mapping(minutes: int) -> str:
    return MAPPING.format(minutes=minutes, channel=", channel: active_forward")


def _vee(folder: Path, files: dict[str, str], mapping: str | None) -> Got:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    declared = None
    if mapping is not None:
        declared = folder / "m.yaml"
        declared.write_text(mapping, encoding="utf-8")
    return vee([folder / name for name in files], declared, folder / "out")


def _audited(name: str) -> list[object]:
    lines = price_supply(supply_of(STEEL, STEEL_SEPTEMBER), load_facts(packaged("conf") / "facts")).lines
    return [
        finding
        for issued in read_issued(INPUTS / "74" / name).values()
        for finding in audit(issued, lines, ())
    ]


def _contract(basis: DemandBasis, running_kva: str) -> Contract:
    return Contract(
        CustomerClass.LARGE_INDUSTRY,
        PricingScheme.TWO_PART,
        VoltageLevel.KV_1_TO_20,
        False,
        D(1600),
        D(running_kva),
        basis,
    )


def _basic_charge(contracts: list[Contract], component: LineComponent) -> Got:
    """The month in three parts of 900, 500 and 1300 kW."""
    days = ((1, 10), (11, 20), (21, 30))
    demands = (D(900), D(500), D(1300))
    segments = tuple(
        Segment(
            contract,
            date(2026, 9, first),
            date(2026, 9, last),
            D(10_000) if contract.running_capacity_kva else D(0),
            max_demand_kw=demand if contract.running_capacity_kva else D(0),
        )
        for contract, (first, last), demand in zip(contracts, days, demands, strict=True)
    )
    priced = price_supply(SupplyMonth(SEPTEMBER, segments), load_facts(packaged("conf") / "facts"))
    charge = sum((line.amount_cny for line in priced.lines if line.component is component), D(0))
    return Got(0, "", answer={"basic charge CNY": str(charge)})


def _flipped(text: str) -> str:
    return text[:40] + ("A" if text[40] != "A" else "B") + text[41:]


def _verified(folder: Path, ways: dict[str, Callable[[str], bytes]]) -> Got:
    """What ``code verify`` says of a file: genuine, refused, or told where it names a blank or a BOM."""
    ring = KeyRing(folder / "keys")
    key, issued = ring.signing_key(CODE_KEY), date(2026, 10, 10)
    text = sign_code(
        CodePayload(
            tenant_pseudonym="0123456789abcdef0123",
            billing_month="2026-09",
            colour=FeeCodeColour.RED,
            mark_up_pct=D("57.7100"),
            revision=2,
            key_id=key.key_id,
            issued=issued,
            expiry=issued + timedelta(days=180),
            marks=frozenset({"simulated", "illustrative"}),
        ),
        key.private,
    )
    published = folder / "public_keys.json"
    published.write_text(json.dumps({"keys": [asdict(known) for known in ring.public_keys(CODE_KEY)]}))
    told = {}
    for place, (name, spoil) in enumerate(ways.items()):
        path = folder / f"{place}.txt"
        path.write_bytes(spoil(text))
        code, _, complained = command("code", "verify", path, "--keys", published, "--on", "2026-10-11")
        is_told = "BOM" in complained or "blank" in complained
        told[name] = "genuine" if code == 0 else "told" if is_told else "refused"
    return Got(0, "", answer=told)
