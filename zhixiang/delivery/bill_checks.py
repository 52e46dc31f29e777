"""What a bill has to stand before it is delivered: its lines add up to its total, and its evidence gives the
same bill again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, cast

from pipelines.errors import ZhixiangError
from pipelines.storage.store import Store
from products.efficiency_bill.bill import IssuedBill
from products.efficiency_bill.product import EFFICIENCY_BILL
from products.efficiency_bill.replay import replay
from zhixiang.reports.correction_sheets import Sheet
from zhixiang.reports.issued import newest_with_evidence
from zhixiang.reports.kept_rules import PossibleRules

SHOWN = 3


def with_corrected(store: Store, month: str, bills: list[IssuedBill]) -> list[IssuedBill]:
    """The bills of a month, each that corrects another with that one as ``corrected``; reads each table
    once.
    """
    wanted = {
        (bill["result"]["customer_id"], bill["result"]["supersedes_revision"])
        for bill in bills
        if bill["result"]["supersedes_revision"] is not None
    }
    before = _revisions(store, month, wanted)
    return [
        cast(
            IssuedBill,
            {**bill, "corrected": before[name, revision]}
            if revision is not None and (name, revision) in before
            else bill,
        )
        for bill in bills
        for name, revision in [(bill["result"]["customer_id"], bill["result"]["supersedes_revision"])]
    ]


def bills_of_sheets(store: Store, month: str, sheets: Sequence[Sheet]) -> list[IssuedBill]:
    """Of each sheet of a month the revision that it belongs to, as it is computed again: with its evidence
    and the bill that it corrects.
    """
    of_sheet = [(sheet.result["customer_id"], sheet.result["revision"]) for sheet in sheets]
    found = _revisions(store, month, set(of_sheet))
    return with_corrected(store, month, [cast(IssuedBill, found[name]) for name in of_sheet])


def _revisions(store: Store, month: str, wanted: Collection[tuple[str, int]]) -> dict[tuple[str, int], Any]:
    """Revisions of a month's bills with their evidence; each table is read once for every revision of the
    customer that has most of them.
    """
    if not wanted:
        return {}
    product = EFFICIENCY_BILL
    every = store.arrow(
        product.result, ["customer_id", "revision"], filters=[("billing_month", "=", month)]
    ).to_pylist()
    known = {(row["customer_id"], row["revision"]) for row in every}
    found: dict[tuple[str, int], Any] = {}
    while missing := known.intersection(wanted) - found.keys():
        tables = newest_with_evidence(store, product.result, product.evidence, month, known - missing)
        for row in tables["results"]:
            found[row["customer_id"], row["revision"]] = {"result": row} | {
                table.name: tables[table.name].get(row["customer_id"], []) for table in product.evidence
            }
    return found


def why_not(bill: IssuedBill, rules: PossibleRules) -> str | None:
    """Why a bill must not be delivered; none where it stands.

    A bill whose rules are not known any more (``PossibleRules.are_gone``) is held to its sum alone; one that
    none of the kept rules gives does not stand.
    """
    return _wrong_sum(bill) or _wrong_evidence(bill, rules)


def why_not_sheet(sheet: Sheet) -> str | None:
    """The same of a correction sheet: its lines add up to the difference of the two bills."""
    now, then = sheet.result["total_cny"], sheet.corrected["total_cny"]
    if now is None or then is None:
        return "无合计 one of its two bills has no total"
    if now - then == sheet.total_cny:
        return None
    return f"差额合计不符 its lines add up to {sheet.total_cny}, the bills differ by {now - then} CNY"


def _wrong_sum(bill: IssuedBill) -> str | None:
    total, lines = bill["result"]["total_cny"], bill["efficiency_bill_lines_v1"]
    if total is None:
        return None if not lines else f"无合计 it has {len(lines)} lines and no total"
    added = sum((line["amount_cny"] for line in lines), Decimal(0))
    return None if added == total else f"合计不符 its lines add up to {added}, not {total} CNY"


def _wrong_evidence(bill: IssuedBill, rules: PossibleRules) -> str | None:
    if rules.are_gone:
        return None
    try:
        by, _how = rules.chosen(bill)
    except ZhixiangError as error:
        return f"无法重算 it cannot be computed again: {error.message}"
    try:
        found = replay(bill, *by)
    except ZhixiangError as error:
        return f"无法重算 it cannot be computed again: {error.message}"
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        return f"证据损坏 its evidence cannot be read: {type(error).__name__}"
    told = [f"{each.place}.{each.column}: {each.issued} / {each.computed}" for each in found[:SHOWN]]
    more = f" (+{len(found) - SHOWN})" if len(found) > SHOWN else ""
    return (
        f"重算不符 computed again it differs (stored / computed): {'; '.join(told)}{more}" if found else None
    )
