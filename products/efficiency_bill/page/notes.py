"""What stands at the end of a bill: data quality, what is illustrative, shifted, derived or assumed, and who
made it.
"""

from __future__ import annotations

from products.efficiency_bill.page import words
from products.efficiency_bill.page.numbers import percent
from products.efficiency_bill.rows import EfficiencyBillV1Row
from products.efficiency_bill.unbilled.price_lacks import PRICE_LACKS, price_lacks
from products.page_kit.words import Said
from products.provenance import provenances


def bill_notes(bill: EfficiencyBillV1Row) -> list[dict[str, str]]:
    """The notes of a bill, the gravest first."""
    said: list[Said] = []
    if bill["is_illustrative"]:
        said.append(words.ILLUSTRATIVE_NOTE)
    lacks = [str(name) for name in bill.get("missing_inputs") or ()]
    said += [_lack(name, lacks) for name in lacks]
    said.append(_estimated(bill))
    if bill.get("is_estimated_above_limit"):
        said.append(words.ESTIMATED_ABOVE_LIMIT)
        if bill.get("praise_codes") is not None:  # one of an earlier version had its advice all the same
            said.append(words.NO_ADVICE_ON_ESTIMATES)
    said += [words.PROVENANCE_NOTES[kind] for kind in provenances(bill.get("provenance"))]
    return [{"zh": note.zh, "en": note.en} for note in said]


def _lack(name: str, lacks: list[str]) -> Said:
    """A missing input in words; a price that is missing tells of what."""
    why = [PRICE_LACKS[each].what for each in price_lacks(lacks)] if name == "price" else []
    if not why:
        return words.missing_input(name)
    zh, en = "；".join(each.zh for each in why), "; ".join(each.en for each in why)
    return Said(words.NO_PRICE_BECAUSE.zh.format(why=zh), words.NO_PRICE_BECAUSE.en.format(why=en))


def bill_footer(bill: EfficiencyBillV1Row) -> list[str]:
    """What identifies the bill: its number, its revision and what that corrects, the model, the digest of its
    content.
    """
    revision, corrects = int(bill["revision"]), bill.get("supersedes_revision")
    issue = f"第 {revision} 版 revision {revision}"
    if corrects is not None:
        issue += f"，更正第 {int(corrects)} 版 corrects {int(corrects)}"
    parts = [f"账单号 {bill_id(bill)}", issue]
    if bill.get("model_name"):
        parts.append(f"基线模型 {bill['model_name']} v{bill.get('model_version')}")
    return [*parts, f"内容摘要 digest {bill['content_digest']}"]


def bill_id(bill: EfficiencyBillV1Row) -> str:
    """The number of a bill: its customer and month; revisions of it share the number."""
    return str(bill.get("bill_id") or f"{bill['customer_id']}-{bill['billing_month']}")


def _estimated(bill: EfficiencyBillV1Row) -> Said:
    ratio = float(bill.get("estimated_ratio") or 0)
    if ratio <= 0:
        return Said("电量全部来自抄表，没有估算。", "All energy was metered; none is estimated.")
    shown = percent(ratio, 2) if ratio >= 0.0001 else "<0.01%"
    return Said(
        f"{shown} 的电量为估算值，其余为实测值。",
        f"{shown} of the energy is estimated; the rest was metered.",
    )
