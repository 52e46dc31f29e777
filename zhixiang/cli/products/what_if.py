"""zhixiang tariff what-if: other terms compared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhixiang.cli.data.facts import parse_day
from zhixiang.cli.screen import JsonOption, say, show_json, show_rows

if TYPE_CHECKING:
    from pipelines.facts import Facts
    from pipelines.periods import BillingMonth
    from pipelines.tariff import PricedMonth
    from pipelines.tariff.cases.schema import TariffCase
    from pipelines.tariff.contract import Contract, SupplyMonth
    from pipelines.tariff.whatif.choices import Alternative
from zhixiang.cli.products.tariff_options import CaseFile, app, facts_in_force
from zhixiang.cli.products.what_if_rows import joined_levers, reactive_remarks, reading_of, rows_of


@app.command("what-if")
def what_if(
    file: CaseFile,
    target_power_factor: Annotated[
        float | None,
        typer.Option(help="Power factor to reach: over-compensation ended, a fixed and a switched bank."),
    ] = None,
    kvar_price: Annotated[
        float | None, typer.Option(min=0, help="What a kvar of capacitors costs installed, in CNY.")
    ] = None,
    shift_share: Annotated[
        float | None, typer.Option(help="Share of sharp and peak energy moved into the valley, 0 to 1.")
    ] = None,
    asked_on: Annotated[
        str | None, typer.Option(help="Day of the request, YYYY-MM-DD: from which month a change may hold.")
    ] = None,
    basis_since: Annotated[
        str | None, typer.Option(help="First month of the present demand basis, YYYY-MM; left out: long ago.")
    ] = None,
    contract_demand_since: Annotated[
        str | None, typer.Option(help="First month of the present contract demand; left out: long ago.")
    ] = None,
    time_of_use_since: Annotated[
        str | None, typer.Option(help="First month of the present time-of-use choice, YYYY-MM.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compares other terms for the months of a case, the cheapest first; each is the same engine's price.

    With --asked-on only what the notice periods allow is counted; without it each alternative is priced as if
    it held from the first month. What only hindsight can choose, and what is a bound and no promise, stands
    behind the others.
    """
    from pipelines.errors import UsageError
    from pipelines.periods import BillingMonth
    from pipelines.tariff.cases.case_files import read_case, supplies_of_case
    from pipelines.tariff.whatif.choices import as_agreed
    from pipelines.tariff.whatif.notice_plan import (
        change_limits,
        cheapest_within_notice,
        first_months,
        from_month,
    )

    case, facts = read_case(file), facts_in_force()
    since = {
        "demand_basis": basis_since,
        "contract_demand": contract_demand_since,
        "time_of_use_option": time_of_use_since,
    }
    last = {term: BillingMonth.parse(text) if text else None for term, text in since.items()}
    if not asked_on and any(last.values()):
        raise UsageError(
            "Since when a term holds matters only to a request of a day.", "Give --asked-on too."
        )
    if case.own_prices is not None:
        raise UsageError(
            "A case with prices of its own has no terms to choose between.", "Leave own_prices out."
        )
    months = supplies_of_case(case, file.parent, facts)
    contract = months[0].contract
    priced_as_agreed(case, months, facts)
    now = as_agreed(months, facts, case.known)
    not_planned: dict[str, str] = {}
    found = _alternatives(case, facts, months, target_power_factor, shift_share, not_planned, file.parent)
    changes: dict[str, BillingMonth] = {}
    if asked_on:
        changes, lacking = first_months(parse_day(asked_on, "--asked-on"), contract, facts, last, case.known)
        not_planned |= lacking
        # No fact tells of the notice of other terms: they begin with the month after the request.
        following = BillingMonth.of(parse_day(asked_on, "--asked-on")).plus(1)
        terms = [(choice, _term_of(choice, contract)) for choice in found]
        found = [
            from_month(choice, now, changes.get(term, following))
            for choice, term in terms
            if term not in not_planned
        ]
        if contract.demand_basis is not None and not not_planned.keys() & {"demand_basis", "contract_demand"}:
            limits = change_limits(changes, parse_day(asked_on, "--asked-on"), facts, case.known)
            found.append(cheapest_within_notice(months, limits, facts, case.known))
    found = [*found, *joined_levers(found, now, facts, case.known), now]
    rows = rows_of(found, now, kvar_price)
    readings = {term: reading_of(term, asked_on, facts, case.known) for term in changes}
    rests_on = {term: reading for term, reading in readings.items() if reading is not None}
    advice = reactive_remarks(months, target_power_factor, rows)
    if json:
        show_json(
            {
                "title": case.title,
                "alternatives": rows,
                "first_month_of_change": {term: str(month) for term, month in changes.items()},
                "first_month_rests_on": rests_on,
                "remarks": advice,
                "not_planned": not_planned,
            }
        )
        return
    columns = list(dict.fromkeys(name for row in rows for name in row))
    show_rows(rows, [name for name in columns if name != "is_illustrative"], title=case.title)
    if any(row.get("is_illustrative") for row in rows):
        say(
            "示意电价：各方案按示意电价计算，不能据以结算 illustrative price: these totals rest on it and "
            "are no basis for settlement"
        )
    for said in advice:
        say(said)
    for term, month in changes.items():
        say(f"{term}: 最早自 {month} 起 / from {month} at the earliest")
        if term in rests_on:
            say(
                f"  依据 rests on {rests_on[term]['document']} ({rests_on[term]['confidence']}): "
                f"{rests_on[term]['note']}"
            )
    for term, reason in not_planned.items():
        say(f"{term}: 无法排期 not planned: {reason}")


def priced_as_agreed(case: TariffCase, months: Sequence[SupplyMonth], facts: Facts) -> list[PricedMonth]:
    """The months under the case's own terms; what the engine finds wrong with one names the month's line of
    the case.
    """
    from pipelines.tariff.whatif.choices import planned

    priced = []
    for place, month in enumerate(months):
        with case.at_month(place):
            priced.append(planned(month, facts, case.known).priced)
    return priced


def _alternatives(
    case: TariffCase,
    facts: Facts,
    months: Sequence[SupplyMonth],
    target: float | None,
    share: float | None,
    not_planned: dict[str, str],
    folder: Path,
) -> list[Alternative]:
    from pipelines.codes import CustomerClass, PricingScheme, TouPeriod
    from pipelines.tariff.cases.case_files import reactive_curves
    from pipelines.tariff.whatif import choices as engine
    from pipelines.tariff.whatif.compensation import compensation_choices, with_capacitors

    contract, known = months[0].contract, case.known
    found: list[Alternative] = []
    if contract.pricing_scheme is PricingScheme.TWO_PART:
        found += engine.basic_charge_choices(months, facts, known)
    found += _scheme_alternatives(months, facts, known, not_planned)
    if contract.customer_class is not CustomerClass.LARGE_INDUSTRY and all(
        segment.energy_by_period is not None for month in months for segment in month.segments
    ):
        found += engine.time_of_use_choices(months, facts, known)
    if target is not None:
        wanted, curves = Decimal(str(target)), reactive_curves(case, folder)
        if curves is None:
            found.append(with_capacitors(months, wanted, facts, known))
        else:
            found += compensation_choices(months, curves, wanted, facts, known)
    if share is not None:
        away = (TouPeriod.SHARP, TouPeriod.PEAK)
        found.append(engine.with_shift(months, Decimal(str(share)), away, TouPeriod.VALLEY, facts, known))
    return found


def _scheme_alternatives(
    months: Sequence[SupplyMonth], facts: Facts, known: date | None, not_planned: dict[str, str]
) -> list[Alternative]:
    """One-part and two-part where the capacity is open to both; why one or the question itself has no answer
    goes into ``not_planned``.
    """
    from pipelines.codes import PricingScheme
    from pipelines.errors import FactNotInForceError
    from pipelines.tariff.whatif import choices as engine

    if months[0].contract.contract_capacity_kva is None:
        return []
    try:
        if len(engine.open_schemes(months, facts, known)) < 2:
            return []
    except FactNotInForceError as error:
        not_planned["pricing_scheme"] = str(error)
        return []
    found, lacking = engine.scheme_choices(months, facts, known)
    not_planned |= {scheme.value: why for scheme, why in lacking.items()}
    # Where the other scheme has no price, a two-part contract's bases stand there already.
    is_alone = lacking and months[0].contract.pricing_scheme is PricingScheme.TWO_PART
    return [] if is_alone else found


def _term_of(choice: Alternative, contract: Contract) -> str:
    """The term whose notice period an alternative has to wait for; empty where no fact tells of one."""
    from pipelines.codes import DemandBasis

    if "demand_basis" in choice.changes and contract.demand_basis is not None:
        is_same = choice.changes["demand_basis"] == DemandBasis.CONTRACT_DEMAND == contract.demand_basis
        return "contract_demand" if is_same else "demand_basis"
    return "time_of_use_option" if "is_time_of_use" in choice.changes else ""
