"""``zhixiang bill``: an efficiency bill, line by line or as a page."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhixiang.cli.screen import JsonOption, console, show_json, show_rows

if TYPE_CHECKING:
    from pipelines.facts import Facts
    from pipelines.settings import Settings

_PART = "部分 part"

app = typer.Typer(rich_markup_mode=None, help="Efficiency bills 能效账单.", no_args_is_help=True)
CustomerId = Annotated[str, typer.Argument(help="Customer number, for example STEEL-0001.")]
MonthOption = Annotated[str, typer.Option("--month", help="Billing month, YYYY-MM.")]
BillName = Annotated[
    str, typer.Argument(metavar="BILL", help="CUSTOMER/MONTH, for example STEEL-0001/2026-09.")
]
RevisionOption = Annotated[int | None, typer.Option(min=1, help="An earlier revision; default: the newest.")]


def _issued(customer_id: str, month: str, revision: int | None) -> dict[str, Any]:
    from pipelines.periods import BillingMonth
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from products.efficiency_bill.product import EFFICIENCY_BILL
    from zhixiang.reports.issued import issued

    product = EFFICIENCY_BILL
    return issued(
        Store(load_settings()),
        product.result,
        product.evidence,
        customer_id,
        str(BillingMonth.parse(month)),
        revision=revision,
    )


@app.command("show")
def show(
    customer_id: CustomerId, month: MonthOption, revision: RevisionOption = None, json: JsonOption = False
) -> None:
    """The bill with every line: quantity x price = amount, and the fact behind the price."""
    found = _issued(customer_id, month, revision)
    if json:
        show_json(found)
        return
    bill, lines, advice = (
        found["result"],
        found["efficiency_bill_lines_v1"],
        found["efficiency_bill_advice_v1"],
    )
    console().print(
        f"[bold]能效账单 {bill['customer_name']}[/bold]  {bill['billing_month']}  修订 revision {bill['revision']}  ({bill['provenance']})"
    )
    if bill["is_illustrative"]:
        console().print("[yellow]示意电价 illustrative price: this bill cannot be issued[/yellow]")
    said = [_said(line) for line in lines]
    # Only a month in parts has something to say in the column of parts.
    show_rows(
        said,
        [name for name in said[0] if name != _PART or any(line[name] for line in said)] if said else None,
    )
    total = "—" if bill["total_cny"] is None else f"{bill['total_cny']} CNY"
    console().print(f"合计 total [bold]{total}[/bold]  {bill['energy_kwh'].normalize():f} kWh")
    _say_correction(found["efficiency_bill_corrections_v1"], bill)
    if bill["missing_inputs"]:
        console().print(f"缺少 missing: {', '.join(bill['missing_inputs'])}")
        _say_refusal(bill, found["efficiency_bill_inputs_v1"])
    show_rows(
        advice,
        ["rank", "advice_id", "saving_cny", "advice_zh", "advice_en"],
        title="建议 advice (CNY per month)",
    )


def _say_refusal(bill: dict[str, Any], inputs: list[dict[str, Any]]) -> None:
    """Why a bill of a known contract has no price, in the words of the rule or the fact that refuses it
    today.
    """
    from pipelines.errors import ZhixiangError
    from pipelines.facts import load_facts
    from pipelines.settings import load_settings
    from products.efficiency_bill.case.text import case_from_text
    from products.efficiency_bill.issue import CONTRACT_REFUSED, PRICE_NOT_PUBLISHED
    from products.efficiency_bill.pricing import price_case

    if not {CONTRACT_REFUSED, PRICE_NOT_PUBLISHED} & set(bill["missing_inputs"]):
        return
    try:
        price_case(case_from_text(inputs[0]["case_inputs"]), load_facts(load_settings().facts_dir))
    except ZhixiangError as error:
        console().print(f"不计价的原因 not priced because: {error}")
    else:
        console().print(
            "今天的电价可以计价，下次运行重新出账 today's facts price it; the next run issues it anew"
        )


def _say_correction(rows: list[dict[str, Any]], bill: dict[str, Any]) -> None:
    """One line on what the revision settles against the one that it corrects."""
    if rows:
        total, name = (
            sum(row["difference_cny"] for row in rows),
            f"{bill['customer_id']}/{bill['billing_month']}",
        )
        console().print(
            f"退补 correction of revision {rows[0]['corrected_revision']}, which stays as issued: [bold]{total:+,.2f} CNY[/bold]; "
            f"zhixiang bill correction {name} --revision {bill['revision']}"
        )


@app.command("correction")
def show_correction(bill: BillName, revision: RevisionOption = None, json: JsonOption = False) -> None:
    """The correction sheet (退补单): line by line what a revision charges more or less than the one that it
    corrects, and by which notice.
    """
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.reports.correction_sheets import sheet_of

    _issued(*bill_name(bill), revision)
    sheet = sheet_of(Store(load_settings()), *bill_name(bill), revision)
    if json:
        show_json(sheet.to_json())
        return
    result, corrected, total = sheet.result, sheet.corrected, sheet.total_cny
    console().print(
        f"[bold]退补单 correction {result['customer_name']}[/bold]  {result['billing_month']}  修订 revision {result['revision']}, "
        f"更正 corrects revision {corrected['revision']}  ({result['provenance']})"
    )
    if result["is_illustrative"] or corrected["is_illustrative"]:
        console().print("[yellow]示意电价 illustrative price: nothing can be settled by this sheet[/yellow]")
    show_rows([_said_correction(row) for row in sheet.rows])
    words = (
        "应补收 to be collected"
        if total > 0
        else "应退还 to be refunded"
        if total < 0
        else "无需退补 nothing to settle"
    )
    console().print(
        f"原账单 as issued {corrected['total_cny']}  更正后 as corrected {result['total_cny']}  {words} [bold]{abs(total):,.2f} CNY[/bold]"
    )


def _said_correction(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the sheet as a reader of the terminal wants it."""
    from pipelines.codes import LineComponent, TouPeriod
    from products.efficiency_bill.page.words import COMPONENTS, PERIODS

    return {
        "#": row["correction_number"],
        "项目 charge": COMPONENTS[LineComponent(row["component_code"])].zh,
        "时段 period": PERIODS[TouPeriod(row["period_code"])].zh if row["period_code"] else None,
        "原数量 issued": row["issued_quantity"],
        "新数量 now": row["now_quantity"],
        "单位 unit": row["quantity_unit"],
        "原单价 issued": row["issued_unit_price"],
        "新单价 now": row["now_unit_price"],
        "原金额 issued": row["issued_amount_cny"],
        "新金额 now": row["now_amount_cny"],
        "差额 CNY": row["difference_cny"],
        "原依据 issued by": "; ".join([row["issued_fact_id"] or "", *row["issued_documents"]]),
        "新依据 now by": "; ".join([row["now_fact_id"] or "", *row["now_documents"]]),
    }


def bill_name(name: str) -> tuple[str, str]:
    """Customer and month of a bill's name; raises UsageError for another text."""
    from pipelines.errors import UsageError

    customer_id, separator, month = name.rpartition("/")
    if not separator:
        raise UsageError(
            f"{name!r} is not the name of a bill.",
            "Write it as CUSTOMER/MONTH, for example STEEL-0001/2026-09.",
        )
    return customer_id, month


def bill_and_rules(name: str, revision: int | None) -> tuple[dict[str, Any], tuple[Settings, Facts]]:
    """An issued bill by its name, with the thresholds and facts of the run that issued it."""
    found = _issued(*bill_name(name), revision)
    return found, _rules_of(found["result"]["computed_run_id"])


def _rules_of(run_id: str) -> tuple[Settings, Facts]:
    from pipelines.engine.ledger import Ledger
    from pipelines.engine.rule_archive import kept_rules
    from pipelines.errors import UnknownNameError
    from pipelines.settings import load_settings

    home = load_settings().home
    digest = Ledger(home).rules_of(run_id)
    if digest is None:
        raise UnknownNameError("run with kept rules", run_id, [])
    return kept_rules(home, digest)


@app.command("replay")
def replay(
    bill: Annotated[
        str | None, typer.Argument(metavar="[BILL]", help="CUSTOMER/MONTH, for example STEEL-0001/2026-09.")
    ] = None,
    month: Annotated[
        str | None, typer.Option(help="Instead of one bill: all newest bills of a month, YYYY-MM.")
    ] = None,
    revision: RevisionOption = None,
    json: JsonOption = False,
) -> None:
    """Computes issued bills again from their own evidence and the rules kept then; exit code 4 where anything
    differs.
    """
    from dataclasses import asdict

    from pipelines.errors import DisagreementError, UsageError
    from products.efficiency_bill.replay import replay as computed_again

    if (bill is None) == (month is None):
        raise UsageError(
            "Name one bill, or a month with --month.", "For example: zhixiang bill replay STEEL-0001/2026-09"
        )
    differences: list[dict[str, Any]] = []
    if bill is not None:
        found, rules = bill_and_rules(bill, revision)
        found, row = _with_corrected(found), found["result"]
        differences = [asdict(difference) for difference in computed_again(found, *rules)]
        report = {
            "bill": bill,
            "revision": row["revision"],
            "content_digest": row["content_digest"],
            "differences": differences,
        }
        said = f"{bill} revision {row['revision']}"
    else:
        bills = _issued_in(str(month))
        rules_of_run = {
            run_id: _rules_of(run_id)
            for run_id in sorted({found["result"]["computed_run_id"] for found in bills})
        }
        for found in bills:
            row = found["result"]
            again = computed_again(_with_corrected(found), *rules_of_run[row["computed_run_id"]])
            differences += [{"customer_id": row["customer_id"], **asdict(difference)} for difference in again]
        report = {"month": month, "bills": len(bills), "differences": differences}
        said = f"{len(bills)} bills of {month}"
    if json:
        show_json(report)
    elif differences:
        show_rows(differences)
    else:
        console().print(f"一致 the same to the last bit: {said}")
    if differences:
        raise DisagreementError(
            f"{len(differences)} values came out otherwise.",
            "A bill must follow from its evidence; report it with --json.",
        )


def _with_corrected(found: dict[str, Any]) -> dict[str, Any]:
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from products.efficiency_bill.product import EFFICIENCY_BILL
    from zhixiang.reports.issued import with_corrected

    return with_corrected(Store(load_settings()), EFFICIENCY_BILL.result, EFFICIENCY_BILL.evidence, found)


def _issued_in(month: str) -> list[dict[str, Any]]:
    """All newest bills of a month with their evidence, each as ``zhixiang.reports.issued.issued`` gives it."""
    from pipelines.errors import UnknownNameError
    from pipelines.periods import BillingMonth
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from products.efficiency_bill.product import EFFICIENCY_BILL
    from zhixiang.reports.issued import newest_with_evidence

    evidence = EFFICIENCY_BILL.evidence
    found = newest_with_evidence(
        Store(load_settings()), EFFICIENCY_BILL.result, evidence, str(BillingMonth.parse(month))
    )
    if not found["results"]:
        raise UnknownNameError("month with bills", month, [])
    return [
        {"result": row} | {table.name: found[table.name].get(row["customer_id"], []) for table in evidence}
        for row in found["results"]
    ]


@app.command("audit")
def audit_bill(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv", help="Lines of issued bills, in the shape of efficiency_bill_lines_v1."
        ),
    ],
    issued_on: Annotated[
        str | None, typer.Option(help="Day of issue, YYYY-MM-DD: tells a wrong price from one revised since.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Holds bills that someone issued against the same bills computed here; exit code 4 where they differ."""
    from pipelines.errors import DisagreementError, FactNotInForceError, UnknownNameError, UsageError
    from pipelines.facts import load_facts
    from pipelines.settings import load_settings
    from products.efficiency_bill.audit import REASON_WORDS, audit, not_computed, read_issued
    from products.efficiency_bill.case.text import case_from_text
    from products.efficiency_bill.pricing import price_case
    from zhixiang.cli.data.facts import parse_day

    facts, known = (
        load_facts(load_settings().facts_dir),
        parse_day(issued_on, "--issued-on") if issued_on else None,
    )
    rows: list[dict[str, Any]] = []
    for (customer_id, month), lines in sorted(
        read_issued(file).items(), key=lambda bill: (bill[0][0], str(bill[0][1]))
    ):
        try:
            (kept,) = _issued(customer_id, str(month), None)["efficiency_bill_inputs_v1"]
            case = case_from_text(kept["case_inputs"])
            computed = price_case(case, facts)
        except (UsageError, UnknownNameError, FactNotInForceError) as error:
            findings = [not_computed(lines, str(error))]
        else:
            if computed is None:
                findings = [not_computed(lines, f"missing inputs: {', '.join(case.lacks) or 'contract'}")]
            else:
                then = None
                # Where the prices of that day are not known any more, a difference is told without them.
                with suppress(UsageError, FactNotInForceError):
                    then = price_case(case, facts, known) if known else None
                findings = audit(lines, computed.lines, then.lines if then else ())
        for finding in findings:
            words = vars(finding) | {
                "difference_cny": finding.difference_cny,
                "reason_words": REASON_WORDS[finding.reason],
            }
            rows.append({"customer_id": customer_id, "billing_month": str(month), **words})
    if json:
        show_json(rows)
    elif rows:
        columns = [
            "customer_id",
            "billing_month",
            "line",
            "component",
            "period",
            "reason_words",
            "issued_cny",
            "computed_cny",
            "difference_cny",
            "detail",
        ]
        show_rows(rows, columns)
    else:
        console().print("一致 every line agrees to the fen")
    if rows:
        differences = [row["difference_cny"] for row in rows if row["difference_cny"] is not None]
        said = (
            [f"{len(differences)} lines differ, {sum(differences):+,.2f} CNY in all"] if differences else []
        )
        if len(rows) > len(differences):
            said.append(f"{len(rows) - len(differences)} bills could not be computed")
        raise DisagreementError(f"{'; '.join(said)}.", "Each row names its reason; --json gives the figures.")


def _said(line: dict[str, Any]) -> dict[str, Any]:
    """A line as a reader of the terminal wants it: words instead of codes, units beside numbers."""
    from pipelines.codes import LineComponent, TouPeriod
    from products.efficiency_bill.page.words import COMPONENTS, PERIODS, part_of

    return {
        "#": line["line_number"],
        "项目 charge": COMPONENTS[LineComponent(line["component_code"])].zh,
        "时段 period": PERIODS[TouPeriod(line["period_code"])].zh if line["period_code"] else None,
        _PART: part_of(line).zh or None,
        "数量 quantity": line["quantity"],
        "单位 unit": line["quantity_unit"],
        "单价 price": line["unit_price"],
        "金额 CNY": line["amount_cny"],
        "依据 fact": line["fact_id"],
        "可信度 confidence": line["fact_confidence_code"],
    }


@app.command("open")
def open_bill(customer_id: CustomerId, month: MonthOption, json: JsonOption = False) -> None:
    """Opens the bill's page in the browser and prints where it and its PDF are; with --json it only prints."""
    import webbrowser

    from pipelines.errors import UsageError
    from pipelines.settings import load_settings

    _issued(customer_id, month, None)
    folder = load_settings().home / "out" / "bills" / month
    page = folder / f"{customer_id}.html"
    if not page.is_file():
        raise UsageError(
            f"{page} does not exist.", f"Deliver it first: zhixiang run --month {month} --from deliver"
        )
    if json:
        show_json({"page": str(page), "pdf": str(page.with_suffix(".pdf"))})
        return
    typer.echo(f"{page}\n{page.with_suffix('.pdf')}")
    webbrowser.open(page.as_uri())
