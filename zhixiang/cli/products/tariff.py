"""``zhixiang tariff``: prices in force, a case priced, other terms compared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhixiang.cli.data.facts import parse_day
from zhixiang.cli.screen import JsonOption, console, show_json, show_rows

if TYPE_CHECKING:
    from pipelines.facts import Facts
    from pipelines.periods import BillingMonth
    from pipelines.tariff import PricedMonth
    from pipelines.tariff.cases.schema import TariffCase
    from pipelines.tariff.contract import Contract, Determinants
    from pipelines.tariff.whatif.choices import Alternative

app = typer.Typer(
    rich_markup_mode=None,
    help="Tariff 电价: prices in force, a case priced, other terms compared.",
    no_args_is_help=True,
)
CaseFile = Annotated[
    Path,
    typer.Argument(
        metavar="CASE.yaml", help="The case; docs/tariff-case.md describes it, docs/examples has one."
    ),
]
_PRICES = (
    "energy_base",
    "energy_composition",
    "transmission",
    "funds",
    "time_of_use",
    "residential",
    "catalogue",
    "basic_charge",
    "power_factor",
    "pricing_scheme",
    "late_payment",
)
HIGHEST_UNPAID_CNY = 10**15
_COLUMNS = (
    "fact_id",
    "title_zh",
    "value",
    "unit",
    "document",
    "clause",
    "effective_from",
    "known_from",
    "confidence",
)


@app.command("show")
def show_tariff(
    on: Annotated[
        str | None, typer.Option(help="Day on which the prices hold, YYYY-MM-DD; left out: today.")
    ] = None,
    known: Annotated[str | None, typer.Option(help="Only what was known by this day.")] = None,
    json: JsonOption = False,
) -> None:
    """Prices and rules of the bill in force on a day, each with its document and how sure it is."""
    day = parse_day(on, "--on") if on else _today()
    rows = [row.as_dict() for row in _facts().describe(day, parse_day(known, "--known") if known else None)]
    prices = [row for row in rows if row["fact_id"].startswith(_PRICES)]
    if json:
        show_json(prices)
    else:
        show_rows(prices, _COLUMNS, title=f"电价 prices on {day}")


@app.command("price")
def price_case(file: CaseFile, json: JsonOption = False) -> None:
    """Prices a case from a file, line by line."""
    from pipelines.tariff.cases.case_files import contract_of_case, determinants_of_case, read_case
    from pipelines.tariff.cases.case_problems import not_given

    case, facts = read_case(file), _facts()
    if case.own_prices is not None:
        months = _own_months(case, file.parent)
    else:
        contract = contract_of_case(case)
        measured = determinants_of_case(case, file.parent, facts)
        priced = _priced_as_agreed(case, contract, measured, facts)
        months = [
            {
                "month": str(found.month),
                "total_cny": found.total_cny,
                "is_illustrative": found.is_illustrative,
                "power_factor": found.power_factor,
                "missing_inputs": [*found.missing_inputs, *lacks],
                "notes": [note.value for note in found.notes],
                "lines": [{**_line(line), "rests_on": list(line.rests_on)} for line in found.lines],
            }
            for found, lacks in zip(priced, not_given(case), strict=True)
        ]
    if json:
        show_json({"title": case.title, "facts_digest": facts.digest, "months": months})
        return
    console().print(f"[bold]{case.title}[/bold]")
    for month in months:
        show_rows(
            [
                {name: value for name, value in line.items() if name not in ("formula", "rests_on")}
                for line in month["lines"]
            ],
            title=month["month"],
        )
        mark = "  示意电价 illustrative price" if month.get("is_illustrative") else ""
        console().print(f"合计 total [bold]{month['total_cny']:,} CNY[/bold]{mark}")
        if month.get("missing_inputs"):
            console().print(
                f"缺少输入，电费可能不全 missing, so the total may lack something: {', '.join(month['missing_inputs'])}"
            )
        if month.get("notes"):
            console().print(f"合同与规定不符 agreed beside the rules: {', '.join(month['notes'])}")


@app.command("what-if")
def what_if(
    file: CaseFile,
    target_power_factor: Annotated[
        float | None, typer.Option(help="Power factor to reach with capacitors.")
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
    it held from the first month.
    """
    from pipelines.errors import UsageError
    from pipelines.periods import BillingMonth
    from pipelines.tariff.cases.case_files import contract_of_case, determinants_of_case, read_case
    from pipelines.tariff.whatif.choices import as_agreed
    from pipelines.tariff.whatif.notice_plan import (
        change_limits,
        cheapest_within_notice,
        first_months,
        from_month,
    )

    case, facts = read_case(file), _facts()
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
    contract, months = contract_of_case(case), determinants_of_case(case, file.parent, facts)
    _priced_as_agreed(case, contract, months, facts)
    now = as_agreed(contract, months, facts, case.known)
    not_planned: dict[str, str] = {}
    found = _alternatives(case, facts, months, target_power_factor, shift_share, not_planned)
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
            limits = change_limits(
                parse_day(asked_on, "--asked-on"),
                facts,
                last["demand_basis"],
                last["contract_demand"],
                case.known,
            )
            found.append(cheapest_within_notice(contract, months, limits, facts, case.known))
    found.append(now)
    rows = [
        {
            "alternative": choice.name,
            "total_cny": choice.total_cny,
            "saving_cny": now.total_cny - choice.total_cny,
            **choice.changes,
        }
        | ({"is_illustrative": True} if any(month.priced.is_illustrative for month in choice.months) else {})
        for choice in sorted(found, key=lambda choice: (choice.total_cny, choice.name))
    ]
    if json:
        show_json(
            {
                "title": case.title,
                "alternatives": rows,
                "first_month_of_change": {term: str(month) for term, month in changes.items()},
                "not_planned": not_planned,
            }
        )
        return
    columns = list(dict.fromkeys(name for row in rows for name in row))
    show_rows(rows, [name for name in columns if name != "is_illustrative"], title=case.title)
    if any(row.get("is_illustrative") for row in rows):
        console().print(
            "示意电价：各方案按示意电价计算，不能据以结算 illustrative price: these totals rest on it and are no basis for settlement"
        )
    for term, month in changes.items():
        console().print(f"{term}: 最早自 {month} 起 / from {month} at the earliest")
    for term, reason in not_planned.items():
        console().print(f"{term}: 无法排期 not planned: {reason}")


@app.command("page")
def prices_page(
    out: Annotated[Path, typer.Option(help="Folder for index.html.")],
    month: Annotated[
        str | None, typer.Option(help="Billing month, YYYY-MM; left out: the present one.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The page of the prices of a month (电价公开): in force, their history, their documents, and a calculator;
    needs no store.
    """
    from pipelines.errors import UsageError
    from pipelines.periods import BillingMonth
    from zhixiang.pages.prices import write_prices_page

    shown = BillingMonth.parse(month) if month else BillingMonth.of(_today())
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file.", "Name a folder for the page.")
    figures = write_prices_page(_facts(), shown, out / "index.html", has_overview=False)
    spans = [
        {"first": span["first"], "last": span["last"], "illustrative": span["illustrative"]}
        for span in figures["spans"]
    ]
    if json:
        show_json({"page": str(out / "index.html"), "month": str(shown), "spans": spans})
    else:
        console().print(f"电价公开 prices of {shown}: {out / 'index.html'}")


@app.command("late-payment")
def late_payment(
    customer_class: Annotated[
        str,
        typer.Argument(
            metavar="CLASS", help="large_industry, general_commercial, residential or agriculture."
        ),
    ],
    unpaid: Annotated[str, typer.Argument(metavar="CNY", help="What was not paid by the due day.")],
    due: Annotated[str, typer.Option(help="Last day of payment in time, YYYY-MM-DD.")],
    paid: Annotated[str, typer.Option(help="Day of payment, YYYY-MM-DD.")],
    known: Annotated[str | None, typer.Option(help="Only what was known by this day.")] = None,
    json: JsonOption = False,
) -> None:
    """The penalty for late payment (违约金) on one unpaid bill, line by line; none where it was paid in time."""
    from decimal import InvalidOperation

    from pipelines.codes import CustomerClass
    from pipelines.errors import UnknownNameError, UsageError
    from pipelines.tariff import late_payment_lines

    if customer_class not in set(CustomerClass):
        raise UnknownNameError("customer class", customer_class, CustomerClass)
    try:
        amount = Decimal(unpaid)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) >= HIGHEST_UNPAID_CNY:
        raise UsageError(
            f"{unpaid!r} is no amount that a bill can have.", "Write it in CNY, for example 1234.56."
        )
    known_day = parse_day(known, "--known") if known else None
    days = parse_day(due, "--due"), parse_day(paid, "--paid")
    lines = [
        _line(line)
        for line in late_payment_lines(CustomerClass(customer_class), amount, *days, _facts(), known_day)
    ]
    total = sum((line["amount_cny"] for line in lines), Decimal("0.00"))
    if json:
        show_json({"total_cny": total, "lines": lines})
    elif not lines:
        console().print("按时缴费，无违约金 paid in time, no penalty")
    else:
        show_rows(lines, title=f"违约金 late payment, due {due}, paid {paid}")
        console().print(f"合计 total [bold]{total:,} CNY[/bold]")


def _priced_as_agreed(
    case: TariffCase, contract: Contract, months: Sequence[Determinants], facts: Facts
) -> list[PricedMonth]:
    """The months under the case's own terms; what the engine finds wrong with one names the month's line of
    the case.
    """
    from pipelines.tariff import price_month

    priced = []
    for place, month in enumerate(months):
        with case.at_month(place):
            priced.append(price_month(contract, month, facts, case.known))
    return priced


def _alternatives(
    case: TariffCase,
    facts: Facts,
    months: Sequence[Any],
    target: float | None,
    share: float | None,
    not_planned: dict[str, str],
) -> list[Alternative]:
    from pipelines.codes import CustomerClass, PricingScheme, TouPeriod
    from pipelines.tariff.cases.case_files import contract_of_case
    from pipelines.tariff.whatif import choices as engine

    contract, known = contract_of_case(case), case.known
    found: list[Alternative] = []
    if contract.pricing_scheme is PricingScheme.TWO_PART:
        found += engine.basic_charge_choices(contract, months, facts, known)
    found += _scheme_alternatives(contract, months, facts, known, not_planned)
    if contract.customer_class is not CustomerClass.LARGE_INDUSTRY and all(
        month.energy_by_period is not None for month in months
    ):
        found += engine.time_of_use_choices(contract, months, facts, known)
    if target is not None:
        found.append(engine.with_capacitors(contract, months, Decimal(str(target)), facts, known))
    if share is not None:
        away = (TouPeriod.SHARP, TouPeriod.PEAK)
        found.append(
            engine.with_shift(contract, months, Decimal(str(share)), away, TouPeriod.VALLEY, facts, known)
        )
    return found


def _scheme_alternatives(
    contract: Contract,
    months: Sequence[Determinants],
    facts: Facts,
    known: date | None,
    not_planned: dict[str, str],
) -> list[Alternative]:
    """One-part and two-part where the capacity is open to both; why one or the question itself has no answer
    goes into ``not_planned``.
    """
    from pipelines.errors import FactNotInForceError
    from pipelines.tariff.whatif import choices as engine

    if contract.contract_capacity_kva is None:
        return []
    try:
        if len(engine.open_schemes(contract, months, facts, known)) < 2:
            return []
    except FactNotInForceError as error:
        not_planned["pricing_scheme"] = str(error)
        return []
    not_planned |= {
        scheme.value: why for scheme, why in engine.unpriced_schemes(contract, months, facts, known).items()
    }
    return engine.scheme_choices(contract, months, facts, known)


def _term_of(choice: Alternative, contract: Contract) -> str:
    """The term whose notice period an alternative has to wait for; empty where no fact tells of one."""
    from pipelines.codes import DemandBasis

    if "demand_basis" in choice.changes and contract.demand_basis is not None:
        is_same = choice.changes["demand_basis"] == DemandBasis.CONTRACT_DEMAND == contract.demand_basis
        return "contract_demand" if is_same else "demand_basis"
    return "time_of_use_option" if "is_time_of_use" in choice.changes else ""


def _own_months(case: TariffCase, folder: Path) -> list[dict[str, Any]]:
    from pipelines.errors import UsageError
    from pipelines.periods import BillingMonth
    from pipelines.tariff.cases.case_files import QUARTERS, read_curve
    from pipelines.tariff.cases.own_prices import own_months, price_own

    found: list[dict[str, Any]] = []
    for part in case.months:
        if part.curve is None or case.own_prices is None:
            raise UsageError(
                f"Prices of one's own need a curve for {part.month}.",
                "Name it as `curve`; docs/tariff-case.md describes the file.",
            )
        month = BillingMonth.parse(part.month)
        prices = case.own_prices.prices()
        (measured,) = own_months(
            prices, month.first_day, read_curve(folder / part.curve, month), 1440 // QUARTERS
        )
        bill = price_own(prices, measured)
        found.append(
            {
                "month": str(month),
                "total_cny": bill.total_cny,
                "lines": [dict(vars(line)) for line in bill.lines],
            }
        )
    return found


def _today() -> date:
    from pipelines.periods import local_day

    return local_day(datetime.now(UTC))


def _line(line: Any) -> dict[str, Any]:
    return {
        "#": line.line_number,
        "component": line.component.value,
        "period": line.period.value if line.period else None,
        "quantity": line.quantity,
        "unit": line.quantity_unit,
        "unit_price": line.unit_price,
        "amount_cny": line.amount_cny,
        "fact_id": line.fact_id,
        "confidence": line.fact_confidence.value,
        "formula": line.formula,
    }


def _facts() -> Facts:
    from pipelines.facts import load_facts
    from pipelines.settings import load_settings

    return load_facts(load_settings().facts_dir)
