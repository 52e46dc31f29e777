"""Words that several pages share, Chinese first and English second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from pipelines.codes import Confidence, CustomerClass, PricingScheme, Provenance, TouPeriod

Code = TypeVar("Code", bound=StrEnum)


@dataclass(frozen=True)
class Said:
    """A text in both languages."""

    zh: str
    en: str

    @property
    def both(self) -> str:
        """In one line, the Chinese first."""
        return f"{self.zh} {self.en}".strip()


ILLUSTRATIVE_PRICE = Said("示意电价", "illustrative price")
NOT_PRICED = Said("未计价", "not priced")
NOTHING = Said("", "")

ILLUSTRATIVE = "illustrative"
"""The label of what rests on a price that stands in for one not published."""
PROVENANCES: Mapping[Provenance, Said] = {
    Provenance.REAL: Said("真实数据", "real"),
    Provenance.DATES_SHIFTED: Said("日期平移", "dates shifted"),
    Provenance.DERIVED: Said("推算", "derived"),
    Provenance.ASSUMED: Said("假定", "assumed"),
    Provenance.SIMULATED: Said("模拟", "simulated"),
}
PROVENANCE_TAGS: Mapping[str, Said] = {
    **{kind.value: said for kind, said in PROVENANCES.items()},
    ILLUSTRATIVE: Said("示意", "illustrative"),
}
"""What a tag of a page says of where something comes from; prices that stand in for others count too."""


def labels_in_words(labels: Iterable[str]) -> Said:
    """Kinds of provenance in one sentence of each language, and whether a price is illustrative; empty where
    there is none.
    """
    named = list(labels)
    said = [PROVENANCE_TAGS[label] for label in named if label != ILLUSTRATIVE]
    zh, en = "、".join(each.zh for each in said), ", ".join(each.en for each in said)
    if ILLUSTRATIVE in named:
        zh, en = f"{zh}；部分单价为示意电价", f"{en}; some prices illustrative"
    return Said(zh, en)


CONFIDENCES: Mapping[Confidence, Said] = {
    Confidence.OFFICIAL: Said("官方文件", "official document"),
    Confidence.SECONDARY: Said("转引", "quoted second-hand"),
    Confidence.MEDIUM: Said("较可信", "probable"),
    Confidence.DERIVED: Said("推算", "derived"),
    Confidence.UNVERIFIED: Said("未核实", "unverified"),
    Confidence.ILLUSTRATIVE: Said("示意", "illustrative"),
}
"""How sure a figure is, in words for a customer."""
CONFIDENCE_TAGS: Mapping[Confidence, Said] = {
    Confidence.OFFICIAL: Said("官方", "official"),
    Confidence.SECONDARY: Said("转引", "secondary"),
    Confidence.MEDIUM: Said("较可靠", "medium"),
    Confidence.DERIVED: Said("推算", "derived"),
    Confidence.UNVERIFIED: Said("未核实", "unverified"),
    Confidence.ILLUSTRATIVE: Said("示意", "illustrative"),
}
"""How sure a figure is, as a tag beside it; the English is the code that the fact files use."""
CONFIDENCE_MARKS: Mapping[Confidence, str] = {
    Confidence.OFFICIAL: "官",
    Confidence.SECONDARY: "转",
    Confidence.MEDIUM: "中",
    Confidence.DERIVED: "推",
    Confidence.UNVERIFIED: "未",
    Confidence.ILLUSTRATIVE: "示",
}
"""How sure a figure is, in one character; the words stand once below the table."""

CLASSES: Mapping[CustomerClass, Said] = {
    CustomerClass.LARGE_INDUSTRY: Said("大工业", "large industry"),
    CustomerClass.GENERAL_COMMERCIAL: Said("一般工商业", "general commercial"),
    CustomerClass.RESIDENTIAL: Said("居民", "residential"),
    CustomerClass.AGRICULTURE: Said("农业", "agriculture"),
}
SCHEMES: Mapping[PricingScheme, Said] = {
    PricingScheme.SINGLE_PART: Said("单一制", "single-part"),
    PricingScheme.TWO_PART: Said("两部制", "two-part"),
}
PERIODS: Mapping[TouPeriod, Said] = {
    TouPeriod.SHARP: Said("尖", "sharp"),
    TouPeriod.PEAK: Said("峰", "peak"),
    TouPeriod.FLAT: Said("平", "flat"),
    TouPeriod.VALLEY: Said("谷", "valley"),
    TouPeriod.DEEP_VALLEY: Said("深谷", "deep valley"),
}


def word(words: Mapping[Code, Said], codes: type[Code], value: object) -> Said:
    """The words of a code; a value outside the list stands for itself in both languages."""
    text = "" if value is None else str(value)
    if text in {member.value for member in codes}:
        return words[codes(text)]
    return Said(text, "")
