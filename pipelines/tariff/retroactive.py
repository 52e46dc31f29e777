"""A notice that arrives late and reaches back: what was issued stays, the difference becomes lines of its own (退补)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.codes import Confidence, LineComponent, TouPeriod
from pipelines.errors import UsageError
from pipelines.facts import Dated, Facts
from pipelines.tariff.changes import pricing_facts
from pipelines.tariff.contract import Contract, Determinants, SupplyMonth
from pipelines.tariff.lines import BillLine, PricedMonth, make_line, number_lines
from pipelines.tariff.pricing import price_month, price_supply
from pipelines.units import Unit

LineKey = tuple[str, LineComponent, TouPeriod | None, date | None, date | None, str]


@dataclass(frozen=True)
class Correction:
    """What one line of an issued bill costs more (above 0, charged) or less (below 0, paid back).

    issued_cny, now_cny  The line as issued and as it is now; 0 where there is none. [CNY]
    amount_cny           now - issued. [CNY]
    fact_id              The fact that sets the price of the line now, or set it where the line is gone.
    notices              Documents that became known in between and set the fact on these days.
    """

    component: LineComponent
    period: TouPeriod | None
    first_day: date | None
    last_day: date | None
    section: str
    issued_cny: Decimal
    now_cny: Decimal
    amount_cny: Decimal
    fact_id: str
    fact_confidence: Confidence
    notices: tuple[str, ...]


@dataclass(frozen=True)
class RetroactiveDifference:
    """A bill as issued, as it is now, and the lines between them; they sum to ``total_cny`` = now - issued. [CNY]"""

    issued: PricedMonth
    now: PricedMonth
    corrections: tuple[Correction, ...]
    total_cny: Decimal

    @property
    def lines(self) -> tuple[BillLine, ...]:
        """The corrections as lines of a bill, numbered from 1."""
        return number_lines(
            make_line(
                LineComponent.REBATE, each.amount_cny, Unit.CNY, Decimal(1), Unit.RATIO, each.fact_id, each.fact_confidence,
                f"{each.now_cny:f} CNY − {each.issued_cny:f} CNY ({each.component.value}{f', {each.period.value}' if each.period else ''}; "
                f"{'; '.join(each.notices) or 'follows from other lines'})",
            )
            for each in self.corrections
        )  # fmt: skip


def retroactive_difference(
    contract: Contract, determinants: Determinants, facts: Facts, issued_known: date, now_known: date
) -> RetroactiveDifference:
    """The correction of a bill by what became known after its issue.

    issued_known  Day of knowledge of the bill as issued; now_known: the later day.
    Raises what ``price_month`` raises, and UsageError where the second day lies before the first.
    """
    issued, now = (price_month(contract, determinants, facts, known) for known in (issued_known, now_known))
    return difference_between(issued, now, facts, issued_known, now_known)


def retroactive_difference_of_supply(supply: SupplyMonth, facts: Facts, issued_known: date, now_known: date) -> RetroactiveDifference:
    """The same for a month in segments."""
    issued, now = (price_supply(supply, facts, known) for known in (issued_known, now_known))
    return difference_between(issued, now, facts, issued_known, now_known)


def difference_between(issued: PricedMonth, now: PricedMonth, facts: Facts, issued_known: date, now_known: date) -> RetroactiveDifference:
    """The lines between two pricings of a month; for a bill issued whole that a late notice splits inside its month."""
    if issued.month != now.month:
        raise UsageError(f"A bill of {issued.month} is not corrected by one of {now.month}.")
    if now_known < issued_known:
        raise UsageError(f"What is known now ({now_known}) cannot lie before the issue ({issued_known}).")
    before, after = _by_key(issued), _by_key(now)
    corrections = []
    for key in dict.fromkeys([*after, *before]):
        old, new = before.get(key), after.get(key)
        line = new or old
        if line is not None and _amount(new) != _amount(old):
            notices = _notices(line, facts, issued, (issued_known, now_known))
            corrections.append(_correction(line, _amount(old), _amount(new), notices))
    return RetroactiveDifference(issued, now, tuple(corrections), now.total_cny - issued.total_cny)


def _by_key(priced: PricedMonth) -> dict[LineKey, BillLine]:
    found: dict[LineKey, BillLine] = {}
    for line in priced.lines:
        # The adjustments of two standards differ in nothing else.
        standard = line.formula.rpartition("standard ")[2] if line.component is LineComponent.POWER_FACTOR_ADJUSTMENT else ""
        found[(standard, line.component, line.period, line.first_day, line.last_day, line.section)] = line
    return found


def _amount(line: BillLine | None) -> Decimal:
    return line.amount_cny if line is not None else Decimal("0.00")


def _correction(line: BillLine, issued_cny: Decimal, now_cny: Decimal, notices: tuple[str, ...]) -> Correction:
    return Correction(
        line.component,
        line.period,
        line.first_day,
        line.last_day,
        line.section,
        issued_cny,
        now_cny,
        now_cny - issued_cny,
        line.fact_id,
        line.fact_confidence,
        notices,
    )


def _notices(line: BillLine, facts: Facts, issued: PricedMonth, known: tuple[date, date]) -> tuple[str, ...]:
    """Documents that became known after the first day and not after the second, and hold on a day of the line."""
    first, last = line.first_day or issued.month.first_day, line.last_day or issued.month.last_day
    found: dict[str, None] = {}
    for dated in pricing_facts(facts):
        if _concerns(line, dated):
            for version in dated.versions:
                ends = version.effective_to
                if known[0] < version.known_from <= known[1] and version.effective_from <= last and (ends is None or ends >= first):
                    found[version.citation.document] = None
    return tuple(found)


def _concerns(line: BillLine, dated: Dated[object]) -> bool:
    """Whether a fact set the line: by the id that the line names, or, for the ratio of its period, by the formula."""
    return line.fact_id == dated.fact_id or line.fact_id.startswith(f"{dated.fact_id}.") or f" {dated.fact_id}." in line.formula
