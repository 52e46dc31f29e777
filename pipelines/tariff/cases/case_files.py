"""A case written down: contract, months, what was metered; the file of ``zhixiang tariff price`` and
``what-if``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from pipelines.arrays import IntArray
from pipelines.codes import CustomerClass, TouPeriod, VoltageLevel
from pipelines.errors import FactFileError, FactNotInForceError, UsageError
from pipelines.facts import Facts
from pipelines.facts.marked_yaml import MarkedMap, read_marked_yaml
from pipelines.money import split_by_largest_remainder, whole_steps
from pipelines.periods import BillingDays, BillingMonth, period_of
from pipelines.tariff.cases.case_problems import case_problems
from pipelines.tariff.cases.month_curve import QUARTERS, read_curve
from pipelines.tariff.cases.schema import MonthPart, TariffCase
from pipelines.tariff.changes import cut_month, every_change_day
from pipelines.tariff.contract import Segment, SupplyMonth
from pipelines.tariff.whatif.compensation import ReactiveCurve

QUARTER_HOURS = 4
HIGHEST_FIRST_ROW_KV = 10


def read_case(path: Path) -> TariffCase:
    """The case in a file; raises FactFileError naming file, line and key of the first thing that is wrong."""
    written = _read(path)
    try:
        case = TariffCase.model_validate(written)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        said = {"missing": "the key is missing", "extra_forbidden": "the key is not known here"}.get(
            problem["type"], problem["msg"].removeprefix("Value error, ")
        )
        raise FactFileError(
            str(path),
            written.line_at(problem["loc"]),
            f"{key}: {said}{more}",
            "docs/tariff-case.md describes every key.",
        ) from None

    for location, message, hint in case_problems(case, path.parent):
        key = ".".join(str(part) for part in location)
        raise FactFileError(str(path), written.line_at(location), f"{key}: {message}", hint)
    case.read_from(tuple(f"{path}:{written.line_at(('months', place))}" for place in range(len(case.months))))
    return case


def _read(path: Path) -> MarkedMap:
    return read_marked_yaml(
        path, str(path), "Name a case; docs/tariff-case.md describes it, docs/examples has one."
    )


def supplies_of_case(case: TariffCase, folder: Path, facts: Facts) -> list[SupplyMonth]:
    """The months as the engine takes them; one with a curve is cut wherever any price changes inside it.

    folder  Where the case lies; curves are looked for beside it.
    Raises UsageError where a month lacks its energy, FactFileError naming file and line for a curve that is
    not whole, and FactNotInForceError for 20 kV under a catalogue, whose row for it is not shipped, and for a
    curve whose month no schedule covers.
    """
    found = []
    for place, part in enumerate(case.months):
        with case.at_month(place):
            found.append(_supply_of(part, case, folder, facts))
    if case.agreed.customer_class is not CustomerClass.RESIDENTIAL:
        return found
    return _with_running_energy(found, [part.year_to_date_kwh is not None for part in case.months])


def _supply_of(part: MonthPart, case: TariffCase, folder: Path, facts: Facts) -> SupplyMonth:
    month, curve = part.billed, None
    _refuse_other_row(case, month, facts)
    energy, periods, demand = part.energy_kwh, part.energy_by_period, part.max_demand_kw
    lagging, leading = part.lagging_kvarh, part.leading_kvarh
    if part.curve is not None:
        of_month = read_curve(folder / part.curve, month)
        curve = of_month.energy_kwh
        if energy is None:
            energy = sum_of(curve, part.resolution_kwh)
        if of_month.lagging_kvarh is not None and of_month.leading_kvarh is not None:
            lagging = lagging if lagging is not None else sum_of(of_month.lagging_kvarh, part.resolution_kwh)
            leading = leading if leading is not None else sum_of(of_month.leading_kvarh, part.resolution_kwh)
        periods = periods or _by_period(curve, month, energy, case, part.resolution_kwh, facts)
        demand = demand if demand is not None else demand_of(curve)
    if energy is None:
        raise UsageError(
            f"{month} has neither energy_kwh nor a curve.", "docs/tariff-case.md describes every key."
        )
    whole = SupplyMonth(
        BillingMonth.parse(part.month),
        (Segment.of_month(case.agreed.terms(), month, energy, periods, demand),),
        lagging,
        leading,
        part.year_to_date_kwh or Decimal(0),
        part.exported_kwh,
        resolution_kwh=part.resolution_kwh,
        period=period_of(month),
    )
    days = every_change_day(month, facts, case.known)
    return whole if curve is None or not days else _cut(whole, days, curve, case, facts)


def sum_of(curve: Sequence[float], step: Decimal) -> Decimal:
    """The energy of a curve in whole steps. [kWh, kvarh]"""
    return whole_steps(sum((Decimal(repr(value)) for value in curve), Decimal(0)), step)


def reactive_curves(case: TariffCase, folder: Path) -> list[ReactiveCurve] | None:
    """The reactive energy of every month of a case, interval by interval; None where one lacks it."""
    found = []
    for part in case.months:
        curve = None if part.curve is None else read_curve(folder / part.curve, part.billed)
        if curve is None or curve.reactive is None:
            return None
        found.append(curve.reactive)
    return found


def _cut(
    whole: SupplyMonth, days: Sequence[date], curve: Sequence[float], case: TariffCase, facts: Facts
) -> SupplyMonth:
    """The month in parts, by what the curve saw of each; all of it counts as of the first period where no
    schedule is in force.
    """
    month = whole.billed
    slots = np.zeros(len(curve), dtype=np.int64)
    if whole.segments[0].energy_by_period is not None:
        with suppress(FactNotInForceError):
            slots = _slots(month, case, facts)
    cuts = [QUARTERS * (day - month.first_day).days for day in days]
    spans = [slice(*edges) for edges in pairwise([0, *cuts, len(curve)])]
    seen = [np.bincount(slots[span], curve[span], len(TouPeriod)).tolist() for span in spans]
    return cut_month(whole, days, seen, [demand_of(curve[span]) for span in spans])


def _with_running_energy(months: Sequence[SupplyMonth], is_written: Sequence[bool]) -> list[SupplyMonth]:
    """The months with the year's energy before each, which those before it in the case carry on; a figure in
    the file stands, January begins anew.

    is_written  Whether the file says the figure of a month itself.
    """
    running: SupplyMonth | None = None
    found = list(months)
    for place in sorted(range(len(months)), key=lambda place: months[place].month.first_day):
        if not is_written[place] and running is not None and running.month.year == months[place].month.year:
            found[place] = replace(
                months[place], year_to_date_kwh=running.year_to_date_kwh + running.energy_kwh
            )
        running = found[place]
    return found


def _refuse_other_row(case: TariffCase, month: BillingDays, facts: Facts) -> None:
    """The catalogue has a row for 1-10 kV and another for 20 kV; the level joins them, and only the first is
    shipped.
    """
    contract = case.agreed
    if (
        contract.voltage_level is not VoltageLevel.KV_1_TO_20
        or contract.customer_class not in facts.catalogue.energy
    ):
        return
    if not facts.catalogue.covers(month.first_day, case.known):
        return
    dated = facts.catalogue.energy[contract.customer_class]
    if contract.supply_kv is None:
        raise UsageError(
            f"The catalogue of {month} prices 20 kV otherwise than 1 to 10 kV.",
            "Say which it is: supply_kv under contract.",
        )
    if contract.supply_kv > HIGHEST_FIRST_ROW_KV:
        raise FactNotInForceError(
            f"{dated.fact_id} at {contract.supply_kv} kV",
            month.first_day,
            "1 to 10 kV of this level",
            dated.file,
        )


def _by_period(
    curve: Sequence[float],
    month: BillingDays,
    energy: Decimal,
    case: TariffCase,
    step: Decimal,
    facts: Facts,
) -> dict[TouPeriod, Decimal] | None:
    """The energy by period; None where the contract has none and no schedule is in force."""
    try:
        slots = _slots(month, case, facts)
    except FactNotInForceError:
        if case.agreed.is_time_of_use:
            raise
        return None
    sums = np.bincount(slots, curve, len(TouPeriod)).tolist()
    return dict(zip(TouPeriod, split_by_largest_remainder(energy, sums, step), strict=True))


def _slots(month: BillingDays, case: TariffCase, facts: Facts) -> IntArray:
    """Place among TouPeriod of every quarter of an hour, by the hours that split the case's curve."""
    schedule = case.agreed.terms().hours
    if schedule is None:
        raise UsageError(
            "The hours of residential charging points have no published price.",
            "Leave is_ev_charging out, or price industry or commerce.",
        )
    return facts.time_of_use.slot_matrix(month.days, schedule, case.known).reshape(-1).astype(np.int64)


def demand_of(curve: Sequence[float]) -> Decimal:
    """The highest mean power of a quarter of an hour. [kW]"""
    return Decimal(repr(round(max(curve) * QUARTER_HOURS, 4)))
