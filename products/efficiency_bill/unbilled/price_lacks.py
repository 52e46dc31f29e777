"""What keeps a bill from being priced, in words with what to do next; a bill may lack more than that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pipelines.tariff.contract import CURVE
from pipelines.transforms.billing.account_month import READING_DAYS, RESIDENTIAL_TIERS, SHARES_ABOVE_MAIN
from pipelines.transforms.billing.determinants import TIME_OF_USE_FACT
from pipelines.transforms.billing.sub_meters import METER_REASSIGNED, SUB_METER
from products.efficiency_bill.issue import CONTRACT_REFUSED, PRICE_NOT_PUBLISHED
from products.page_kit.words import Said

_RECORDS = Said(
    "更正客户档案、计量点或定比定量后补送：zhixiang inbox add FILE，再运行 zhixiang run --month {month}",
    "mend the records of customers, meter points or shares and deliver them: zhixiang inbox add FILE, then "
    "zhixiang run --month {month}",
)


@dataclass(frozen=True)
class PriceLack:
    """One reason for no price.

    what  The reason, without a full stop.
    then  What to do next; ``{customer}`` and ``{month}`` stand for those of the bill.
    """

    what: Said
    then: Said


# None of these is priced, whatever else a bill lacks.
_ALWAYS: Mapping[str, PriceLack] = {
    "contract": PriceLack(
        Said("供电合同信息不全", "the terms of the supply contract are not complete"),
        Said(
            "按 docs/formats 补全客户档案后补送：zhixiang inbox add FILE，"
            "再运行 zhixiang run --month {month}",
            "complete the customer's record as docs/formats describes it and deliver it: zhixiang inbox add "
            "FILE, then zhixiang run --month {month}",
        ),
    ),
    SUB_METER: PriceLack(
        Said(
            "合同列出的分表没有电量或归属不符",
            "a sub-meter that the contract names was not read or does not belong behind its main meter",
        ),
        _RECORDS,
    ),
    METER_REASSIGNED: PriceLack(
        Said(
            "本月内有电表更换了用户或所属总表",
            "a meter changed its customer or its main meter inside the month",
        ),
        _RECORDS,
    ),
    READING_DAYS: PriceLack(
        Said(
            "本户电表或其下分表的抄表例日不同",
            "meters of the account, or behind it, are read on different days",
        ),
        _RECORDS,
    ),
    SHARES_ABOVE_MAIN: PriceLack(
        Said(
            "定比、定量和分表电量之和超过总表电量",
            "fixed shares and sub-meters need more than the main meter counted",
        ),
        _RECORDS,
    ),
    RESIDENTIAL_TIERS: PriceLack(
        Said(
            "总表后的阶梯电量无从分开核计",
            "tiers behind one main meter cannot be told apart",
        ),
        _RECORDS,
    ),
    CONTRACT_REFUSED: PriceLack(
        Said(
            "合同条件或计量数据不符合计价规则",
            "the contract or what was metered for it does not fit the rules on prices",
        ),
        Said(
            "所违反的规则见 zhixiang bill show {customer} --month {month}；"
            "更正客户档案后补送：zhixiang inbox add FILE",
            "zhixiang bill show {customer} --month {month} names the rule; mend the customer's record and "
            "deliver it: zhixiang inbox add FILE",
        ),
    ),
    PRICE_NOT_PUBLISHED: PriceLack(
        Said(
            "没有适用于这份合同的公布电价",
            "no price that this contract asks for is published",
        ),
        Said(
            "缺哪一项见 zhixiang bill show {customer} --month {month}；"
            "每月公布的电价用 zhixiang facts load-prices FILE 装入",
            "zhixiang bill show {customer} --month {month} names the one; prices published by month are "
            "loaded with zhixiang facts load-prices FILE",
        ),
    ),
}
# These keep a bill from its price only where its contract asks for a curve.
_OF_CURVE: Mapping[str, PriceLack] = {
    CURVE: PriceLack(
        Said(
            "合同按分时或需量计价，而本月没有（完整的）负荷曲线",
            "the contract has time of use or is charged by demand, and the month has no (whole) load curve",
        ),
        Said(
            "补送每天 96 点的负荷曲线：zhixiang inbox add FILE，再运行 zhixiang run --month {month}",
            "deliver a load curve of 96 points a day: zhixiang inbox add FILE, then zhixiang run --month "
            "{month}",
        ),
    ),
    TIME_OF_USE_FACT: PriceLack(
        Said(
            "有的日子没有适用的分时时段",
            "no time-of-use schedule covers some of the days",
        ),
        Said(
            "已有的时段见 zhixiang facts show --on {month}-01",
            "zhixiang facts show --on {month}-01 shows those that there are",
        ),
    ),
}
PRICE_LACKS: Mapping[str, PriceLack] = {**_ALWAYS, **_OF_CURVE}
"""Name in ``missing_inputs`` -> the reason in words."""


def price_lacks(missing_inputs: Collection[str]) -> list[str]:
    """Of what a bill without a price lacks, the names that explain it; empty where none of them does."""
    found = [name for name in _ALWAYS if name in missing_inputs]
    if found or CURVE not in missing_inputs:
        return found
    # Without a schedule the curve that there is splits nothing, and counts as missing.
    return [TIME_OF_USE_FACT if TIME_OF_USE_FACT in missing_inputs else CURVE]


def price_lacks_in_words(missing_inputs: Collection[str], customer: str, month: str) -> Said:
    """Why a bill has no price and what to do next, in one line; empty where nothing explains it.

    customer, month  Of the bill, as a shell takes them.
    """
    found = [PRICE_LACKS[name] for name in price_lacks(missing_inputs)]
    told = [
        Said(
            f"{lack.what.zh}；{lack.then.zh.format(customer=customer, month=month)}",
            f"{lack.what.en}; {lack.then.en.format(customer=customer, month=month)}",
        )
        for lack in found
    ]
    return Said("；".join(each.zh for each in told), "; ".join(each.en for each in told))
