"""``zhixiang tariff``: prices in force, a case priced, other terms compared."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhixiang.cli.data.facts import parse_day
from zhixiang.cli.products.tariff_options import CaseFile, app, facts_in_force
from zhixiang.cli.products.what_if import priced_as_agreed
from zhixiang.cli.screen import JsonOption, heading, say, show_json, show_rows

if TYPE_CHECKING:
    from pipelines.facts import Facts
    from pipelines.tariff.cases.schema import TariffCase
    from pipelines.tariff.contract import SupplyMonth

HIGHEST_UNPAID_CNY = 10**15
_RULES = {"pricing_scheme", "late_payment"}
"""Facts of a bill that no price of its energy or capacity rests on."""
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
    from pipelines.tariff.changes import pricing_facts

    day, facts = parse_day(on, "--on") if on else _today(), facts_in_force()
    stems = {dated.fact_id.split(".")[0] for dated in pricing_facts(facts)} | _RULES
    rows = [row.as_dict() for row in facts.describe(day, parse_day(known, "--known") if known else None)]
    prices = [row for row in rows if row["fact_id"].split(".")[0] in stems]
    if json:
        show_json(prices)
    else:
        show_rows(prices, _COLUMNS, title=f"电价 prices on {day}")


@app.command("price")
def price_case(file: CaseFile, json: JsonOption = False) -> None:
    """Prices a case from a file, line by line."""
    from pipelines.tariff.cases.case_files import read_case, supplies_of_case
    from pipelines.tariff.cases.case_notes import case_remarks
    from pipelines.tariff.cases.case_problems import not_given

    case, facts = read_case(file), facts_in_force()
    if case.own_prices is not None:
        months = _own_months(case, file.parent, facts)
    else:
        supplies = supplies_of_case(case, file.parent, facts)
        priced = priced_as_agreed(case, supplies, facts)
        months = [
            {
                "month": str(found.month),
                **_period(supply),
                "total_cny": found.total_cny,
                "is_illustrative": found.is_illustrative,
                "power_factor": found.power_factor,
                "missing_inputs": [*found.missing_inputs, *lacks],
                "notes": [note.value for note in found.notes],
                "remarks": [_ruling(note.value) for note in found.notes],
                "lines": [{**_line(line), "rests_on": list(line.rests_on)} for line in found.lines],
            }
            for supply, found, lacks in zip(supplies, priced, not_given(case), strict=True)
        ]
    for priced_month, remarks in zip(months, case_remarks(case, file.parent, facts), strict=True):
        priced_month["notes"] += dict.fromkeys(remark.note.value for remark in remarks)
        priced_month["remarks"] += [vars(remark) for remark in remarks]
    if json:
        show_json({"title": case.title, "facts_digest": facts.digest, "months": months})
        return
    heading(case.title)
    for month in months:
        show_rows(
            [
                {name: value for name, value in line.items() if name not in ("formula", "rests_on")}
                for line in month["lines"]
            ],
            title=f"{month['month']}（{month['period']}）" if "period" in month else month["month"],
        )
        mark = "  示意电价 illustrative price" if month.get("is_illustrative") else ""
        heading(f"合计 total {month['total_cny']:,} CNY{mark}")
        if month.get("missing_inputs"):
            say(
                "缺少输入，电费可能不全 missing, so the total may lack something: "
                f"{', '.join(month['missing_inputs'])}"
            )
        for remark in month["remarks"]:
            rule = f" [{remark['rule']}]" if remark["rule"] else ""
            say(f"注意 note {remark['note']}{rule}: {remark['zh']} {remark['en']}")


@app.command("page")
def prices_page(
    out: Annotated[Path, typer.Option(help="Folder for index.html.")],
    month: Annotated[
        str | None, typer.Option(help="Billing month, YYYY-MM; left out: the present one.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The page of the prices of a month (电价公开): in force, their history, their documents, and a
    calculator; needs no store.
    """
    from pipelines.errors import UsageError
    from pipelines.periods import BillingMonth
    from zhixiang.pages.prices import write_prices_page

    shown = BillingMonth.parse(month) if month else BillingMonth.of(_today())
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file.", "Name a folder for the page.")
    figures = write_prices_page(facts_in_force(), shown, out / "index.html", has_overview=False)
    spans = [
        {"first": span["first"], "last": span["last"], "illustrative": span["illustrative"]}
        for span in figures["spans"]
    ]
    if json:
        show_json({"page": str(out / "index.html"), "month": str(shown), "spans": spans})
    else:
        say(f"电价公开 prices of {shown}: {out / 'index.html'}")


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
    """The penalty for late payment (违约金) on one unpaid bill, line by line; none where it was paid in
    time.
    """
    from decimal import InvalidOperation

    from pipelines.codes import CustomerClass
    from pipelines.errors import UnknownNameError, UsageError
    from pipelines.tariff import late_payment_lines

    if customer_class not in set(CustomerClass):
        raise UnknownNameError("customer class", customer_class, CustomerClass, is_public=True)
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
        for line in late_payment_lines(
            CustomerClass(customer_class), amount, *days, facts_in_force(), known_day
        )
    ]
    total = sum((line["amount_cny"] for line in lines), Decimal("0.00"))
    if json:
        show_json({"total_cny": total, "lines": lines})
    elif not lines and days[1] > days[0]:
        say("逾期但没有欠费，无违约金 paid late, but nothing was unpaid: no penalty")
    elif not lines:
        say("按时缴费，无违约金 paid in time, no penalty")
    else:
        show_rows(lines, title=f"违约金 late payment, due {due}, paid {paid}")
        heading(f"合计 total {total:,} CNY")


def _own_months(case: TariffCase, folder: Path, facts: Facts) -> list[dict[str, Any]]:
    from pipelines.tariff.cases.own_bills import own_bills

    return [
        {
            "month": str(found.bill.month),
            "total_cny": found.bill.total_cny,
            "power_factor": found.power_factor,
            "missing_inputs": list(found.missing_inputs),
            "notes": [],
            "remarks": [],
            "lines": [dict(vars(line)) for line in found.bill.lines],
        }
        for found in own_bills(case, folder, facts)
    ]


def _period(supply: SupplyMonth) -> dict[str, str]:
    """The days of a bill that are not those of its month."""
    return {} if supply.period is None else {"period": str(supply.period)}


def _ruling(note: str) -> dict[str, str]:
    """A note of the engine in words."""
    from products.efficiency_bill.page.words import missing_input

    said = missing_input(note)
    return {"note": note, "rule": "", "zh": said.zh, "en": said.en}


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
