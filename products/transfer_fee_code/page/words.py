"""What the fee code says to people, Chinese and English; one place for every sentence."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from pipelines.codes import FeeCodeColour, GreyReason
from pipelines.facts.transfer_supply import TransferSupplyRules
from products.page_kit.words import Said
from products.transfer_fee_code.price.colour import NO_REFERENCE, Declaration, Verdict, quantised
from products.transfer_fee_code.price.lawful_reference import MasterBill

COLOURS = {
    FeeCodeColour.GREEN: Said("绿码", "Green"),
    FeeCodeColour.YELLOW: Said("黄码", "Yellow"),
    FeeCodeColour.RED: Said("红码", "Red"),
    FeeCodeColour.GREY: Said("灰码", "Grey"),
}

MEANINGS = {
    FeeCodeColour.GREEN: Said("电价基本合理", "The price looks reasonable"),
    FeeCodeColour.YELLOW: Said("疑似不合理加价", "A mark-up that calls for an explanation"),
    FeeCodeColour.RED: Said("高度疑似不合理加价", "A mark-up that strongly suggests over-charging"),
    FeeCodeColour.GREY: Said("暂时无法判断", "Nothing can be said yet"),
}

NEXT_STEPS = {
    FeeCodeColour.GREEN: (
        Said("保存电费单据；下月继续申报。", "Keep the receipt and declare again next month."),
        Said(
            "如仍有高出部分，可请转供电主体说明或退还：绿码不代表收费合法。",
            "If something was charged above the reference, ask for it: green does not mean lawful.",
        ),
    ),
    FeeCodeColour.YELLOW: (
        Said(
            "请转供电主体出示当月总表电费账单和分摊明细。",
            "Ask the supplier for its own bill of the month and how it was shared out.",
        ),
        Said(
            "核对抄表日期和其他收费；电价外不应再加服务费、容量费。",
            "Check reading dates and other charges; no service or capacity fee belongs on top of the price.",
        ),
        Said(
            "连续出现红码或黄码的，市场监管部门会核查。",
            "Repeated red or yellow months lead to a check by the market regulator.",
        ),
    ),
    FeeCodeColour.RED: (
        Said(
            "请转供电主体出示当月总表电费账单，并要求退还多收部分。",
            "Ask the supplier for its own bill of the month, and for what was charged too much.",
        ),
        Said(
            "保留合同、缴费凭证；可向当地市场监管部门反映。",
            "Keep contract and receipts; you can turn to the local market regulator.",
        ),
        Said(
            "连续出现红码或黄码的，市场监管部门会核查。",
            "Repeated red or yellow months lead to a check by the market regulator.",
        ),
    ),
}

GREY_STEPS_OF_SUPPLIER = (
    Said(
        "原因不在申报的电量和金额；只有转供电主体户号有误时才需更正后重新申报。",
        "Energy and amount are not the cause: declare again only if the supplier's number is wrong.",
    ),
    Said(
        "请保存单据，等总表数据（或颜色界限）补齐后重新生成。",
        "Keep the receipts, and wait until the supplier's own data, or the rule, is complete.",
    ),
)
GREY_STEPS_OF_DECLARATION = (
    Said(
        "请核对申报的电量和金额，有误请更正后重新申报。",
        "Check the energy and the amount that you declared, and declare again if they are wrong.",
    ),
    Said(
        "如申报无误，请保存单据，请转供电主体说明；可向当地市场监管部门反映。",
        "If they are right, keep the receipts and ask the supplier why; the local market regulator may help.",
    ),
)


def next_steps(colour: FeeCodeColour, reason: GreyReason | None) -> tuple[Said, ...]:
    """What a tenant may do next; of a grey code it matters in whose data the reason lies."""
    if reason is None:
        return NEXT_STEPS[colour]
    is_suppliers = reason in NO_REFERENCE or reason is GreyReason.NO_COLOUR_RULE
    return GREY_STEPS_OF_SUPPLIER if is_suppliers else GREY_STEPS_OF_DECLARATION


GREY_REASONS = {
    GreyReason.NO_MASTER_ACCOUNT: Said(
        "未找到转供电主体的总表户号。", "The supplier's master account is not known."
    ),
    GreyReason.NO_MASTER_BILL: Said(
        "转供电主体当月没有总表电量。", "The supplier's master account has no metered energy for this month."
    ),
    GreyReason.MASTER_NOT_PRICED: Said(
        "转供电主体当月电费无法计算。", "The supplier's own bill of this month cannot be priced."
    ),
    GreyReason.MASTER_INCOMPLETE: Said(
        "转供电主体当月总表数据不完整。", "Days are missing in the supplier's own metering."
    ),
    GreyReason.MASTER_ZERO_ENERGY: Said(
        "转供电主体当月总表电量为零。", "The supplier bought no energy in this month."
    ),
    GreyReason.ESTIMATED_TOO_MUCH: Said(
        "总表数据中估算部分超过限度。", "Too much of the supplier's own metering is estimated."
    ),
    GreyReason.NO_COLOUR_RULE: Said(
        "当月没有可用的颜色界限。", "No colour bands were in force in this month."
    ),
    GreyReason.ZERO_ENERGY: Said(
        "申报电量为零，无法计算单价。", "No energy was declared, so there is no price."
    ),
    GreyReason.IMPLAUSIBLE_PRICE: Said(
        "申报的单价超出常见范围，请先核对电量和金额。",
        "The declared price is outside what is usual: check energy and amount first.",
    ),
    GreyReason.ENERGY_UNLIKE_BEFORE: Said(
        "申报电量是以往各月的数倍，可能把多个月合并填报，请先核对。",
        "The energy is many times that of earlier months; several may have been declared as one: check it.",
    ),
    GreyReason.ENERGY_ABOVE_MASTER: Said(
        "申报电量大于总表电量，可能是填写错误。",
        "More energy was declared than the supplier bought; probably a slip in the declaration.",
    ),
}

NOTHING = Decimal(0)

NOT_SHOWN = Said(
    "同一主体的申报户数不足或有一户占比过大，不公布由各租户推算的价格。",
    "The supplier's tenants are too few, or one of them too large, for a price out of all declarations.",
)


def over_in_words(*, is_grey: bool, is_explained: bool, other_charge_cny: Decimal = NOTHING) -> Said:
    """What the yuan above the reference mean.

    other_charge_cny  Of what was charged, what stands under other names. [CNY]
    """
    if is_grey:
        return Said(
            "如申报无误，这是高于参考价的金额；颜色待核对后判定。",
            "If the declaration is right, this was charged above the reference; the colour waits.",
        )
    if is_explained:
        return Said(
            "这一差额可能只是抄表日不同造成的。",
            "A reading on another day than the supplier's may explain this by itself.",
        )
    if other_charge_cny > 0:
        shown = f"{other_charge_cny:,.2f}"
        return Said(
            f"其中 {shown} 元以其他名目收取，抄表日不同解释不了。",
            f"{shown} CNY of what was charged stand under other names, which no reading day explains.",
        )
    return Said("抄表日不同解释不了这一差额。", "A reading on another day does not explain this.")


IMPLIED_NOTES = {
    "too_few_tenants": Said("可用申报不足三户，无法推算。", "Too few usable declarations to work it out."),
    "supplier_month_not_in_model": Said(
        "模型中没有该主体当月的数据。", "The model has not seen this supplier and month."
    ),
}


def comparison_in_words(
    declared: Declaration, bill: MasterBill, verdict: Verdict, rules: TransferSupplyRules
) -> str:
    """The comparison as one English line, with every figure that it uses."""
    said = [
        (
            f"charged {declared.charged_cny.normalize():f} CNY for {declared.energy_kwh.normalize():f} "
            f"kWh{_each(declared.charged_price)}"
        )
    ]
    if bill.purchase_price is not None and bill.total_cny is not None and bill.energy_kwh is not None:
        said.append(
            f"supplier paid {bill.total_cny} CNY for {bill.energy_kwh.normalize():f} "
            f"kWh{_each(bill.purchase_price)}"
        )
        if rules.loss_cap_ratio:
            said.append(
                f"loss up to {rules.loss_cap_ratio * 100:f} "
                f"%{_each(bill.reference_price(rules.loss_cap_ratio))}"
            )
    if verdict.grey_reason is not None:
        said.append(
            f"grey: {GREY_REASONS[verdict.grey_reason].en}"
            + (f" {bill.refusal_note}" if bill.refusal_note else "")
        )
    elif verdict.over_reference is not None:
        said.append(
            f"mark-up {verdict.mark_up_pct} %, {quantised(verdict.over_reference, 2)} CNY above the "
            f"reference: {verdict.colour.value}"
        )
    return "; ".join(said)


def _each(price: Fraction | None) -> str:
    return "" if price is None else f" = {quantised(price, 4)} CNY/kWh"


def signed_percent(percent: Decimal) -> str:
    """A percentage with its sign and at least two decimals, as printed.

    >>> signed_percent(Decimal("7.8300")), signed_percent(Decimal("29.9990"))
    ('+7.83', '+29.999')
    """
    shortest = percent.normalize()
    return f"{shortest:+f}" if shortest.quantize(Decimal("0.01")) != shortest else f"{shortest:+.2f}"
