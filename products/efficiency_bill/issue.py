"""One bill out of one case: priced, compared, advised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TypedDict

from pipelines.errors import FactNotInForceError, UsageError, ZhixiangError
from pipelines.facts import Facts
from pipelines.tariff import PricedMonth
from products.efficiency_bill.advice.advice import Advised, advised
from products.efficiency_bill.advice.situation import Situation
from products.efficiency_bill.bill import Bill
from products.efficiency_bill.case.case import Case, days_of_case
from products.efficiency_bill.case.columns import bill_terms
from products.efficiency_bill.case.text import case_as_text
from products.efficiency_bill.comparison.standing import is_band_trusted, praises
from products.efficiency_bill.pricing import Priced, concerns_everybody, price_supplies
from products.efficiency_bill.rows import EfficiencyBillLinesV1Inside
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.tables import BaselineVerdict, RecordQuestion

# Why a bill lacks its price although the contract is known and the month was metered.
CONTRACT_REFUSED = "contract_refused"
PRICE_NOT_PUBLISHED = "price_not_published"
TRANSFORMER_LOSS_BY_PERIOD = "transformer_loss_by_period"
"""Name in ``missing_inputs`` of an own reading: what a transformer takes is split as the energy is."""


class PriceColumns(TypedDict):
    """Columns of a bill that the engine gives."""

    total_cny: Decimal | None
    average_price_cny_per_kwh: Decimal | None
    power_factor_ratio: Decimal | None
    adjustment_ratio: Decimal | None
    is_illustrative: bool
    lowest_confidence_code: str | None


class BaselineColumns(TypedDict):
    """Columns of a bill that tell what the baseline expected of the month. [kWh]"""

    baseline_kwh: float | None
    baseline_low_kwh: float | None
    baseline_high_kwh: float | None
    baseline_kind: str | None
    baseline_verdict_code: str | None


class GroundsColumns(TypedDict):
    """Columns of a bill that tell on what it was judged and advised; empty on one of an earlier version."""

    band_coverage_ratio: float | None
    record_question_code: str | None
    peers_hidden_code: str | None
    praise_codes: list[str] | None
    day_is_spread: list[bool] | None


_SIX_PLACES = Decimal("0.000001")
_TEN_PLACES = Decimal("0.0000000001")


def issue_bills(
    cases: Sequence[Case], facts: Facts, settings: EfficiencyBillSettings, model_name: str, model_version: str
) -> Iterator[Bill]:
    """The bill of each case, in their order; each is a row of efficiency_bill_v1 with ``lines``, ``advice``
    and ``inputs`` inside, all without the
    columns that the runner adds.

    Raises FactNotInForceError where a price of the month is not published that ordinary contracts need; a
    contract that cannot be
    priced by itself leaves its own bill without a price, which ``missing_inputs`` names with the reason.
    """
    priced = price_supplies([case.supply for case in cases], facts)
    previous = price_supplies([case.previous_supply for case in cases], facts)
    for case, now, before in zip(cases, priced, previous, strict=True):
        if isinstance(now, FactNotInForceError) and concerns_everybody(now):
            raise now
        earlier = before.total_cny if isinstance(before, PricedMonth) else None
        yield _bill(case, now, earlier, facts, settings, model_name, model_version)


def issue_bill(
    case: Case, facts: Facts, settings: EfficiencyBillSettings, model_name: str, model_version: str
) -> Bill:
    """The bill of one case, as ``issue_bills`` gives it."""
    return next(issue_bills([case], facts, settings, model_name, model_version))


def _bill(
    case: Case,
    found: Priced | None,
    previous_total: Decimal | None,
    facts: Facts,
    settings: EfficiencyBillSettings,
    model_name: str,
    model_version: str,
) -> Bill:
    priced = found if isinstance(found, PricedMonth) else None
    found_advice = _advised(case, priced, facts, settings)
    advice = found_advice.rows
    emission = _emission(case, facts, settings)
    lacks = [*case.lacks]
    if isinstance(found, ZhixiangError):
        lacks.append(CONTRACT_REFUSED if isinstance(found, UsageError) else PRICE_NOT_PUBLISHED)
    if priced is None:
        lacks.append("price")
    elif len(advice) < settings.advice_count:
        lacks.append("advice")
    if priced is not None:
        lacks += [note.value for note in priced.notes]
        if _has_loss_by_period(case):
            lacks.append(TRANSFORMER_LOSS_BY_PERIOD)
    return {
        "customer_id": case.terms["customer_id"],
        "billing_month": str(case.month),
        **bill_terms(case.terms),
        "meter_point_ids": case.shown["meter_point_ids"],
        "max_demand_kw": case.shown["max_demand_kw"],
        "max_demand_date": case.shown["max_demand_date"],
        "estimated_ratio": case.shown["estimated_ratio"],
        "is_estimated_above_limit": case.shown["is_estimated_above_limit"],
        "period_first_date": case.shown.get("period_first_date"),
        "period_last_date": case.shown.get("period_last_date"),
        "energy_kwh": case.energy_kwh,
        **_price_columns(priced),
        "previous_energy_kwh": case.previous_energy_kwh,
        "previous_total_cny": previous_total,
        "peer_count": case.peers.count,
        "peer_percentile_pct": _percentile(case),
        "intensity_kwh_per_m2": case.peers.intensity,
        "peer_median_kwh_per_m2": case.peers.median,
        **_baseline_columns(case, settings),
        **_grounds_columns(case, settings),
        "joint_saving_cny": found_advice.joint_saving_cny,
        **case.day_columns,
        "emission_kg_co2": None if emission is None else float(case.energy_kwh * emission),
        "emission_factor_kg_co2_per_kwh": emission,
        "missing_inputs": lacks,
        "model_name": model_name,
        "model_version": model_version,
        "lines": [] if priced is None else rows_of_lines(priced),
        "advice": advice,
        "inputs": [{"case_inputs": case_as_text(case)}],
    }


def _has_loss_by_period(case: Case) -> bool:
    """Whether periods hold what a transformer takes; a case that an earlier version kept does not say so."""
    return (
        case.grounds is not None
        and case.supply is not None
        and bool(case.shown.get("transformer_loss_kwh"))
        and any(each.contract.is_time_of_use and each.energy_by_period for each in case.supply.segments)
    )


def _advised(
    case: Case, priced: PricedMonth | None, facts: Facts, settings: EfficiencyBillSettings
) -> Advised:
    """None on a bill without a price, nor on one whose energy is estimated beyond the limit: what was not
    measured cannot be saved. One that an earlier version kept had its advice whatever was estimated.
    """
    is_guessed = case.grounds is not None and case.shown["is_estimated_above_limit"]
    if priced is None or is_guessed:
        return Advised([])
    return advised(situation_of(case, priced), facts, settings)


def _percentile(case: Case) -> float | None:
    """The rank among the peers; a figure that cannot be one has none. [%]"""
    is_asked = case.grounds is not None and case.grounds.is_implausible(case.peers.intensity)
    return None if is_asked else case.peers.percentile


def _grounds_columns(case: Case, settings: EfficiencyBillSettings) -> GroundsColumns:
    grounds = case.grounds
    if grounds is None:
        return {
            "band_coverage_ratio": None,
            "record_question_code": None,
            "peers_hidden_code": None,
            "praise_codes": None,
            "day_is_spread": None,
        }
    baseline = None if case.baseline is None else case.baseline[:3]
    praise = praises(grounds, baseline, _percentile(case), settings)
    is_asked = grounds.is_implausible(case.peers.intensity)
    spread = [day in grounds.spread_days for day in range(1, len(case.day_columns["day_kwh"]) + 1)]
    return {
        "band_coverage_ratio": grounds.band_coverage,
        "record_question_code": RecordQuestion.FLOOR_AREA.value if is_asked else None,
        "peers_hidden_code": None if grounds.peers_hidden is None else grounds.peers_hidden.value,
        "praise_codes": [each.value for each in praise],
        "day_is_spread": spread,
    }


def _price_columns(priced: PricedMonth | None) -> PriceColumns:
    if priced is None:
        return {
            "total_cny": None,
            "average_price_cny_per_kwh": None,
            "power_factor_ratio": None,
            "adjustment_ratio": None,
            "lowest_confidence_code": None,
            "is_illustrative": False,
        }
    average = priced.average_price_cny_per_kwh
    return {
        "total_cny": priced.total_cny,
        "average_price_cny_per_kwh": None if average is None else average.quantize(_TEN_PLACES),
        "power_factor_ratio": priced.power_factor,
        "adjustment_ratio": priced.adjustment_ratio,
        "is_illustrative": priced.is_illustrative,
        "lowest_confidence_code": priced.lowest_confidence.value,
    }


def rows_of_lines(priced: PricedMonth) -> list[EfficiencyBillLinesV1Inside]:
    """Rows of efficiency_bill_lines_v1 without the columns of their outer key and those that the runner
    adds.
    """
    return [
        {
            "line_number": line.line_number,
            "component_code": line.component.value,
            "period_code": line.period.value if line.period else None,
            "quantity": line.quantity,
            "quantity_unit": str(line.quantity_unit),
            "unit_price": line.unit_price,
            "price_unit": str(line.price_unit),
            "amount_cny": line.amount_cny,
            "fact_id": line.fact_id,
            "fact_confidence_code": line.fact_confidence.value,
            "formula": line.formula,
            "first_date": line.first_day,
            "last_date": line.last_day,
            "section_name": line.section or None,
            "rests_on_fact_ids": list(line.rests_on),
            "power_factor_standard_ratio": line.standard,
        }
        for line in priced.lines
    ]


def situation_of(case: Case, priced: PricedMonth) -> Situation:
    """What advice is drawn from; the case must have a supply."""
    peers, area = case.peers, case.terms["floor_area_m2"]
    intensity = None
    if peers.intensity is not None and peers.median is not None and peers.best is not None and area:
        intensity = (peers.intensity, peers.median, peers.best, float(area))
    assert case.supply is not None  # noqa: S101 - priced, so it has one
    return Situation(
        supply=case.supply,
        energy_kwh=case.energy_kwh,
        has_periods=case.has_periods,
        priced=priced,
        recent_demand_kw=case.recent_demand_kw,
        baseline=None if case.baseline is None else case.baseline[:3],
        intensity=intensity,
        usage=case.usage,
        grounds=case.grounds,
        percentile=_percentile(case),
    )


def _baseline_columns(case: Case, settings: EfficiencyBillSettings) -> BaselineColumns:
    if case.baseline is None:
        return {
            "baseline_kwh": None,
            "baseline_low_kwh": None,
            "baseline_high_kwh": None,
            "baseline_kind": None,
            "baseline_verdict_code": None,
        }
    expected, low, high, kind = case.baseline
    verdict = _verdict(case, low, high, settings)
    return {
        "baseline_kwh": expected,
        "baseline_low_kwh": low,
        "baseline_high_kwh": high,
        "baseline_kind": kind,
        "baseline_verdict_code": None if verdict is None else verdict.value,
    }


def _verdict(case: Case, low: float, high: float, settings: EfficiencyBillSettings) -> BaselineVerdict | None:
    """Where the days that the baseline expected something of lie; None where its bands did not hold often
    enough to judge by.
    """
    grounds = case.grounds
    if grounds is None or grounds.compared_kwh is None:
        # As bills up to 0.4.0 were judged: the baseline has learned from what meters count.
        energy = float(case.energy_kwh) - case.shown.get("transformer_loss_kwh", 0.0)
    elif not is_band_trusted(grounds, settings):
        return None
    else:
        energy = grounds.compared_kwh
    if energy < low:
        return BaselineVerdict.BELOW
    return BaselineVerdict.ABOVE if energy > high else BaselineVerdict.WITHIN


def _emission(case: Case, facts: Facts, settings: EfficiencyBillSettings) -> Decimal | None:
    """The newest published factor of the region, else none."""
    try:
        published = facts.emission_factor.on(days_of_case(case).last_day)
    except FactNotInForceError:
        return None
    chosen = published.east_china if settings.emission_region == "east_china" else published.national
    return None if chosen is None else Decimal(chosen).quantize(_SIX_PLACES)
