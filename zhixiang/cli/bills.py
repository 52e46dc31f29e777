"""``zhixiang bill``: an efficiency bill, line by line or as a page."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zhixiang.cli.screen import JsonOption, console, show_json, show_rows

app = typer.Typer(rich_markup_mode=None, help="Efficiency bills 能效账单.", no_args_is_help=True)
CustomerId = Annotated[str, typer.Argument(help="Customer number, for example STEEL-0001.")]
MonthOption = Annotated[str, typer.Option("--month", help="Billing month, YYYY-MM.")]
RevisionOption = Annotated[int | None, typer.Option(min=1, help="An earlier revision; default: the newest.")]


def _issued(customer_id: str, month: str, revision: int | None) -> dict[str, Any]:
    from pipelines.periods import BillingMonth
    from pipelines.settings import load_settings
    from pipelines.store import Store
    from pipelines.tables.efficiency_bill import EfficiencyBillAdviceV1, EfficiencyBillLinesV1, EfficiencyBillV1
    from zhixiang.issued import issued

    store = Store(load_settings())
    return issued(
        store, EfficiencyBillV1, (EfficiencyBillLinesV1, EfficiencyBillAdviceV1), customer_id, str(BillingMonth.parse(month)), revision=revision
    )


@app.command("show")
def show(customer_id: CustomerId, month: MonthOption, revision: RevisionOption = None, json: JsonOption = False) -> None:
    """The bill with every line: quantity x price = amount, and the fact behind the price."""
    found = _issued(customer_id, month, revision)
    if json:
        show_json(found)
        return
    bill, lines, advice = found["result"], found["efficiency_bill_lines_v1"], found["efficiency_bill_advice_v1"]
    console().print(
        f"[bold]能效账单 {bill['customer_name']}[/bold]  {bill['billing_month']}  修订 revision {bill['revision']}  ({bill['provenance']})"
    )
    if bill["is_illustrative"]:
        console().print("[yellow]示意电价 illustrative price: this bill cannot be issued[/yellow]")
    show_rows([_said(line) for line in lines])
    console().print(f"合计 total [bold]{bill['total_cny']} CNY[/bold]  {bill['energy_kwh'].normalize():f} kWh")
    if bill["missing_inputs"]:
        console().print(f"缺少 missing: {', '.join(bill['missing_inputs'])}")
    show_rows(advice, ["rank", "advice_id", "saving_cny", "advice_zh", "advice_en"], title="建议 advice (CNY per month)")


def _said(line: dict[str, Any]) -> dict[str, Any]:
    """A line as a reader of the terminal wants it: words instead of codes, units beside numbers."""
    from pipelines.codes import LineComponent, TouPeriod
    from products.efficiency_bill.bill_words import COMPONENTS, PERIODS

    return {
        "#": line["line_number"],
        "项目 charge": COMPONENTS[LineComponent(line["component_code"])].zh,
        "时段 period": PERIODS[TouPeriod(line["period_code"])].zh if line["period_code"] else None,
        "数量 quantity": line["quantity"],
        "单位 unit": line["quantity_unit"],
        "单价 price": line["unit_price"],
        "金额 CNY": line["amount_cny"],
        "依据 fact": line["fact_id"],
        "可信度 confidence": line["fact_confidence_code"],
    }


@app.command("open")
def open_bill(customer_id: CustomerId, month: MonthOption) -> None:
    """Opens the bill's page in the browser; prints where it and its PDF are."""
    import webbrowser

    from pipelines.errors import UsageError
    from pipelines.settings import load_settings

    _issued(customer_id, month, None)
    folder = load_settings().home / "out" / "bills" / month
    page = folder / f"{customer_id}.html"
    if not page.is_file():
        raise UsageError(f"{page} does not exist.", f"Deliver it first: zhixiang run --month {month} --from deliver")
    typer.echo(f"{page}\n{page.with_suffix('.pdf')}")
    webbrowser.open(page.as_uri())
