"""What the efficiency bill alone says to people, Chinese first and English second; what other pages say too
stands in the page kit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipelines.codes import Confidence, DemandBasis, LineComponent, Provenance, VoltageLevel
from pipelines.units import Unit
from products.efficiency_bill.comparison.grounds import PeersHidden, Praise
from products.efficiency_bill.rows import EfficiencyBillLinesV1Inside
from products.page_kit.words import Said, word

COMPONENTS: Mapping[LineComponent, Said] = {
    LineComponent.ENERGY_BASE: Said(
        "电能量电费（代理购电、线损、系统运行）", "Energy: purchase, line loss, system operation"
    ),
    LineComponent.TRANSMISSION: Said("输配电费", "Transmission and distribution"),
    LineComponent.FUNDS: Said("政府性基金及附加", "Government funds"),
    LineComponent.BASIC_CAPACITY: Said("基本电费（按容量）", "Basic charge, by capacity"),
    LineComponent.BASIC_DEMAND: Said("基本电费（按需量）", "Basic charge, by demand"),
    LineComponent.DEMAND_EXCESS: Said("超合同需量加收", "Demand above contract"),
    LineComponent.POWER_FACTOR_ADJUSTMENT: Said("力调电费", "Power factor adjustment"),
    LineComponent.TIER_1: Said("第一档电费", "Tier 1 energy"),
    LineComponent.TIER_2: Said("第二档电费", "Tier 2 energy"),
    LineComponent.TIER_3: Said("第三档电费", "Tier 3 energy"),
    LineComponent.LATE_PAYMENT: Said("违约金", "Late payment charge"),
    LineComponent.REBATE: Said("退补电费", "Rebate"),
    LineComponent.CATALOGUE_ENERGY: Said("目录电量电费", "Energy, catalogue price"),
    LineComponent.EXPORTED_ENERGY: Said("余电上网电费", "Energy fed into the grid"),
}


def part_of(line: EfficiencyBillLinesV1Inside) -> Said:
    """Section and days of a line that is not the whole supply's and month's; else empty.

    line  A row of efficiency_bill_lines_v1; one that was issued before there were sections lacks the columns.
    """
    section, first, last = line.get("section_name") or "", line.get("first_date"), line.get("last_date")
    if first is None or last is None:
        return Said(section, section)
    zh, en = f"{first.month}月{first.day}日—{last.month}月{last.day}日", f"{first} to {last}"
    return Said(" · ".join(filter(None, (section, zh))), " · ".join(filter(None, (section, en))))


# Units keep their international signs; only money is said in words.
UNITS: Mapping[str, str] = {
    Unit.KWH: "kWh",
    Unit.KW: "kW",
    Unit.KVA: "kVA",
    Unit.KVARH: "kvarh",
    Unit.CNY: "元",
    Unit.CNY_PER_KWH: "元/kWh",
    Unit.CNY_PER_KW: "元/kW",
    Unit.CNY_PER_KVA: "元/kVA",
    Unit.RATIO: "",
    Unit.DAYS: "天",
}

VOLTAGES: Mapping[VoltageLevel, Said] = {
    VoltageLevel.BELOW_1KV: Said("不满1千伏", "below 1 kV"),
    VoltageLevel.KV_1_TO_20: Said("1～10（20）千伏", "1 to 10 (20) kV"),
    VoltageLevel.KV_35: Said("35千伏", "35 kV"),
    VoltageLevel.KV_110: Said("110千伏", "110 kV"),
    VoltageLevel.KV_220_UP: Said("220千伏及以上", "220 kV and above"),
}

DEMAND_BASES: Mapping[DemandBasis, Said] = {
    DemandBasis.CAPACITY: Said("按容量", "by capacity"),
    DemandBasis.CONTRACT_DEMAND: Said("按合同需量", "by contract demand"),
    DemandBasis.ACTUAL_DEMAND: Said("按实际需量", "by actual demand"),
}

MISSING_INPUTS: Mapping[str, Said] = {
    "curve": Said(
        "没有分时曲线，因此不显示最大需量、分时电量和分时电价。",
        "There is no load curve, so no maximum demand, no energy by period and no time-of-use price are "
        "shown.",
    ),
    "reactive_registers": Said(
        "没有无功电量，因此不显示功率因数和力调电费。",
        "Reactive energy is not metered, so no power factor and no adjustment are shown.",
    ),
    "reactive_days": Said(
        "无功电量的天数少于有功电量的天数，功率因数按不等的天数计算，偏高。",
        "Reactive energy was metered on fewer days than active energy; the power factor is that of "
        "unequal days, and so too high.",
    ),
    "curve_intervals": Said(
        "分时曲线有缺口，最大需量和分时电量只按有的时段计算。",
        "The load curve has holes; the maximum demand and the split into periods rest on the intervals "
        "that there are.",
    ),
    "transformer_loss_by_period": Said(
        "变压器损耗电量按本月各时段电量的比例分摊到各时段（一种解读；行业做法为计入平段）。",
        "The loss of the transformer is spread over the periods as the month's energy is (a reading; in "
        "the trade it is charged at the flat period).",
    ),
    "missing_days": Said(
        "本月有的日子没有抄表电量，合计只含已有的日子。",
        "Some days of the month have no settled energy; the totals hold the other days only.",
    ),
    "time_of_use_fact": Said(
        "有的日子没有适用的分时时段，因此没有分时电量。",
        "No time-of-use schedule covers some of the days, so energy is not split into periods.",
    ),
    "year_to_date": Said(
        "本年度前几个月的电量不全，阶梯从已知的电量算起。",
        "Earlier months of the year are not settled; the tiers begin from the energy that is known.",
    ),
    "sub_meter": Said(
        "合同列出的分表本月没有电量或不在本户总表之下、分表之下再分定比定量，"
        "或总表下分表的用户没有供电合同，因此不计算电费。",
        "A sub-meter that the contract names was not read this month or does not lie behind the account's "
        "own main meter, a part lies in another part, or "
        "a sub-meter belongs to a customer without a contract, so nothing is charged here.",
    ),
    "sub_meter_days": Said(
        "总表之下有分表本月未抄表或有的日子没有抄表电量，这些电量计入总表。",
        "A sub-meter behind the main meter was not read on some days of the month; its energy of these "
        "days is charged with the main meter's.",
    ),
    "meter_reassigned": Said(
        "本月内有电表更换了用户或所属总表，电量不能按日分开，因此不计算电费。",
        (
            "A meter changed its customer or its main meter inside the month; its energy is not split by "
            "these days, so nothing is charged here."
        ),
    ),
    "reading_days": Said(
        "本户电表或其下分表的抄表例日不同，没有共同的计费周期，因此不计算电费。",
        "Meters of the account, or behind it, are read on different days and have no billing period in "
        "common, so nothing is charged here.",
    ),
    "shares_above_main": Said(
        "定比、定量和分表电量之和超过总表电量，因此不计算电费。",
        "Fixed shares and sub-meters need more than the main meter counted, so nothing is charged here.",
    ),
    "residential_tiers": Said(
        (
            "一个总表后有多个分别执行阶梯电价的部分，"
            "或总表的一部分电量在本年度前几个月属于其他部分或用户而无从核计，因此不计算电费。"
        ),
        "Several parts behind one main meter have tiers of their own, or others had energy of it earlier in "
        "the year that no meter of the month tells, so "
        "nothing is charged here.",
    ),
    "contract": Said(
        "没有供电合同信息，因此不计算电费。", "The supply contract is not known, so nothing is priced."
    ),
    "weather": Said(
        "没有气温数据，因此基线不考虑天气。",
        "There is no temperature, so the baseline does not allow for weather.",
    ),
    "baseline": Said("没有基线，因此不判断用电高低。", "There is no baseline, so the month is not judged."),
    "baseline_model": Said(
        "还没有一户在账单月份之前有足够天数可供学习，因此没有基线，不判断用电高低。",
        "No customer has enough days before the month to learn from yet, so there is no baseline and the "
        "month is not judged.",
    ),
    "price": Said(
        "缺少计价所需的输入，因此本月不计算电费。",
        "What the price depends on is missing, so nothing is charged here.",
    ),
    "contract_refused": Said(
        "合同条件或计量数据不符合计价规则，因此不计算电费；请核对合同登记。",
        (
            "The contract or what was metered for it does not fit the rules on prices, so nothing is charged "
            "here; the contract's record needs a look."
        ),
    ),
    "price_not_published": Said(
        "没有适用于这份合同的公布电价，因此不计算电费。",
        "No price that this contract asks for is published, so nothing is charged here.",
    ),
    "two_part_not_open": Said(
        "按规定这一容量只执行单一制电价，合同约定两部制；电费按合同计算。",
        (
            "At this capacity the rules know single-part prices only; the contract agrees two-part ones and "
            "is priced as agreed."
        ),
    ),
    "single_part_not_open": Said(
        "按规定这一容量应执行两部制电价，合同约定单一制；电费按合同计算。",
        (
            "At this capacity the rules ask for two-part prices; the contract agrees a single-part one and "
            "is priced as agreed."
        ),
    ),
    "time_of_use_mandatory": Said(
        "按规定大工业用户须执行分时电价，合同没有约定；电费按合同计算。",
        "The rules ask for time of use; the contract has none and is priced as agreed.",
    ),
    "power_factor_not_adjusted": Said(
        "居民和小容量用户不实行力率调整，合同约定的标准未计入电费。",
        (
            "The power factor of dwellings and of small capacities adjusts no bill; the contract's standard "
            "is left aside."
        ),
    ),
    "suspension_too_short": Said(
        (
            "暂停不足规定天数，不减收基本电费（依据为行业转述，条文原文未读）；"
            "全年累计月数、是否整台变压器暂停未核查。"
        ),
        (
            "A suspension of too few days leaves the basic charge as it is (by trade pages; the rule's own "
            "text was not read); how many months of the year are suspended and whether whole transformers "
            "are was not checked."
        ),
    ),
    "highest_demand_of_month": Said(
        "月内容量有变更，按全月最大需量计收基本电费（一种解读，可信度中等）。",
        (
            "The capacity changed inside the month, so the month's highest demand bills it (a reading, of "
            "medium confidence)."
        ),
    ),
    "prices_of_each_day": Said(
        "本期跨两个自然月，每天按当天有效的价格计（本项目的解读，未见条文）。",
        (
            "The period lies in two calendar months; each day is billed at the price in force on it (our "
            "reading; no rule was found)."
        ),
    ),
    "period_by_days": Said(
        "本期不是整月，基本电费按实际天数计，每天为月价的三十分之一；按月的用电门槛同样折算。",
        (
            "The period is no whole month: each day costs a thirtieth of the month's basic charge, and what "
            "is asked per month is scaled alike."
        ),
    ),
    "advice": Said(
        "能如实算出的建议不足三条，不勉强凑数。",
        "Fewer than three pieces of advice can be computed honestly; none is made up.",
    ),
}

PROVENANCE_NOTES: Mapping[Provenance, Said] = {
    Provenance.REAL: Said("电量来自真实的电表记录。", "The energy comes from real metering records."),
    Provenance.DATES_SHIFTED: Said(
        "日期平移：原始日期整周平移到本账单的月份，用电量未改。",
        (
            "Dates shifted: the original dates are moved by whole weeks into this month; the energy is "
            "unchanged."
        ),
    ),
    Provenance.DERIVED: Said(
        "推算：表码由真实电量累计而成，不是电表原始示数。",
        "Derived: the register reads are cumulated from real energy, not read off a meter.",
    ),
    Provenance.ASSUMED: Said(
        "假定：合同条件（容量、需量、倍率、电价类别等）为假定。",
        "Assumed: the contract (capacity, demand, multiplier, price class and the like) is assumed.",
    ),
    Provenance.SIMULATED: Said(
        "模拟：客户和用电数据由程序模拟。", "Simulated: the customer and its energy are made by a program."
    ),
}

ILLUSTRATIVE_NOTE = Said(
    "示意电价：标“示”的单价没有公布值，为演示而设。本账单不是缴费凭证，不能据此付款。",
    (
        "Illustrative price: unit prices marked 示 stand in for prices not published to us. This is not an "
        "invoice; do not pay by it."
    ),
)

TOO_FEW_DAYS = Said(
    "没有基线：这一户在账单月份之前可供学习的天数不足，因此不判断用电高低。",
    "There is no baseline: the customer has too few days before the month to learn from, so the month is not "
    "judged.",
)
NO_TEMPERATURE = Said(
    "基线要用气温，而本月的气温或用电数据不全，因此不判断用电高低。",
    "The baseline depends on the temperature, and the month's temperatures or days are not whole, so it is "
    "not judged.",
)

ESTIMATED_ABOVE_LIMIT = Said(
    "估算电量的占比超过限值，请谨慎使用本账单。",
    "The share of estimated energy is above the limit; use this bill with care.",
)
NO_ADVICE_ON_ESTIMATES = Said(
    "估算的电量算不出可靠的节省，因此不给省钱建议。",
    "No saving can be computed of what was estimated, so no advice is given.",
)
NO_PRICE_BECAUSE = Said("本月不计算电费：{why}。", "Nothing is charged here: {why}.")
FALLBACK_MISSING = Said("缺少输入：{name}。", "Missing input: {name}.")


def missing_input(name: str) -> Said:
    """A missing input in plain words; one without words of its own is named."""
    said = MISSING_INPUTS.get(name)
    return said or Said(FALLBACK_MISSING.zh.format(name=name), FALLBACK_MISSING.en.format(name=name))


HEADINGS: Mapping[str, object] = {
    "lines": {"zh": "费用明细", "en": "What is charged"},
    "columns": [
        {"zh": "项目", "en": "item"},
        {"zh": "时段", "en": "period"},
        {"zh": "数量", "en": "quantity"},
        {"zh": "单价", "en": "unit price"},
        {"zh": "金额（元）", "en": "amount, CNY"},
        {"zh": "依据", "en": "basis"},
    ],
    "days": {"zh": "每日电量", "en": "Energy day by day, kWh"},
    "periods": {"zh": "分时电量", "en": "Energy by time-of-use period"},
    "comparison": {"zh": "比一比", "en": "How the month compares"},
    "advice": {"zh": "省钱建议", "en": "Ways to save; each is priced by itself"},
    "notes": {"zh": "数据质量与说明", "en": "Data quality and notes"},
}

PEER_GROUPS: Mapping[str, str] = {
    "Office": "办公",
    "College Classroom": "高校教学楼",
    "College Laboratory": "高校实验楼",
    "Dormitory": "宿舍",
    "Primary/Secondary Classroom": "中小学教学楼",
    "Steel works": "钢铁厂",
}
"""Groups of the samples in Chinese; one that a utility named itself stands as it named it."""

PRAISES: Mapping[str, Said] = {
    Praise.BELOW_BASELINE: Said(
        "比往常省：少于基线区间的下沿，做得好。", "Less than its own past would let expect: well done."
    ),
    Praise.AMONG_LOWEST_PEERS: Said(
        "单位面积用电属于同类中最省的一批，做得好。", "Among the peers that need least per area: well done."
    ),
}

NO_VERDICT = Said(
    "在已出账的月份里，基线区间只容纳了 {shown} 的用户（应有约九成），因此不据此判断高低。",
    "In billed months the band held only {shown} of customers' months (nine in ten are meant), so it judges "
    "none.",
)

FLOOR_AREA = Said(
    "{own}，与同类相差悬殊；请核对登记的建筑面积和主要用途，核对前不作排名，也不估算可省电费。",
    "{own}, far from all its peers; please check the floor area and main use on record; till then no rank "
    "and no saving.",
)

PEERS_HIDDEN: Mapping[str | None, Said] = {
    PeersHidden.TOO_FEW: Said("户数太少，不作比较", "too few to compare"),
    PeersHidden.ONE_TOO_LARGE: Said(
        "其中一户用电占比过大，为不泄露其用电，不作比较",
        "one of them is so large that a comparison would tell its use, so none is made",
    ),
    PeersHidden.PART_OF_MONTH: Said(
        "本月不是每天都有电量，不与整月的同行比较",
        "not every day of the month has its energy, so it is not held against whole months",
    ),
    PeersHidden.NO_ENERGY: Said("本月没有用电，不作比较", "nothing was used, so nothing is compared"),
    None: Said(
        "户数太少或其中一户占比过大，不作比较", "too few, or one of them too large, so nothing is compared"
    ),
}

TOGETHER = Said(
    "以上全部做到，本月约可少付 {cny} 元（合并重新计价；各项可能重叠，不能相加）。",
    "All of it together would have saved about {cny} CNY, priced once; parts may overlap and do not add up.",
)


def component_of(line: EfficiencyBillLinesV1Inside) -> Said:
    """What a line charges; energy says what its price is made of, and where that is no published one."""
    said = word(COMPONENTS, LineComponent, line["component_code"])
    if str(line["component_code"]) != LineComponent.ENERGY_BASE.value:
        return said
    zh, en = said.zh, said.en
    if str(line["fact_id"]).startswith("contract."):
        zh, en = zh.replace("代理购电", "市场购电"), en.replace("purchase", "market purchase")
    if str(line["fact_confidence_code"]) == Confidence.ILLUSTRATIVE.value:
        zh, en = zh.replace("）", "，示意）"), f"{en} (illustrative)"
    return Said(zh, en)


def peer_group_words(name: str) -> Said:
    """A peer group in both languages."""
    simulated = re.fullmatch(r"Simulated industry (\w+)", name)
    return Said(PEER_GROUPS.get(name) or (f"模拟行业 {simulated[1]}" if simulated else name), name)


VERDICTS: Mapping[str, Said] = {
    "above": Said("高于基线。", "Above the baseline."),
    "below": Said("低于基线。", "Below the baseline."),
    "within": Said("在基线区间内。", "Within the baseline band."),
}
