"""``zhixiang bill``: an efficiency bill, line by line or as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhixiang.cli.products.bill_options import (
    PARTLY,
    BillName,
    CustomerId,
    MonthOption,
    RevisionOption,
    app,
    bill_name,
    issued_bill,
    said_line,
)
from zhixiang.cli.screen import JsonOption, heading, say, show_json, show_rows
from zhixiang.cli.table_writer import NOTHING, cell_text

if TYPE_CHECKING:
    from products.efficiency_bill.rows import (
        EfficiencyBillCorrectionsV1Row,
        EfficiencyBillInputsV1Row,
        EfficiencyBillV1Row,
    )


@app.command("show")
def show(
    customer_id: CustomerId, month: MonthOption, revision: RevisionOption = None, json: JsonOption = False
) -> None:
    """The bill with every line: quantity x price = amount, and the fact behind the price."""
    found = issued_bill(customer_id, month, revision)
    if json:
        show_json(found)
        return
    bill, lines, advice = (
        found["result"],
        found["efficiency_bill_lines_v1"],
        found["efficiency_bill_advice_v1"],
    )
    heading(
        f"能效账单 {bill['customer_name']}  {bill['billing_month']}  修订 revision "
        f"{bill['revision']}  ({bill['provenance']})"
    )
    if bill.get("period_first_date") is not None:
        say(f"电费周期 period: {bill['period_first_date']} – {bill['period_last_date']}")
    if bill["is_illustrative"]:
        say("示意电价 illustrative price: this bill cannot be issued", colour="yellow")
    said = [said_line(line) for line in lines]
    # Only a month in parts has something to say in the column of parts.
    show_rows(
        said,
        [name for name in said[0] if name != PARTLY or any(line[name] for line in said)] if said else None,
    )
    total = NOTHING if bill["total_cny"] is None else f"{cell_text(bill['total_cny'])} CNY"
    heading(f"合计 total {total}  {cell_text(bill['energy_kwh'])} kWh")
    _say_correction(found["efficiency_bill_corrections_v1"], bill)
    if bill["missing_inputs"]:
        say_lacks(bill)
        say_refusal(bill, found["efficiency_bill_inputs_v1"])
    show_rows(
        advice,
        ["rank", "advice_id", "saving_cny", "advice_zh", "advice_en"],
        title="建议 advice (CNY per month)",
    )
    if bill.get("joint_saving_cny") is not None:
        say(f"合并重新计价 all of it together, priced once: {bill['joint_saving_cny']:,.2f} CNY")


def say_lacks(bill: EfficiencyBillV1Row) -> None:
    """What a bill lacks; what explains that it has no price stands in words, in place of the price."""
    from shlex import quote

    from products.efficiency_bill.unbilled.price_lacks import price_lacks_in_words

    lacks = bill["missing_inputs"]
    why = price_lacks_in_words(
        lacks if bill["total_cny"] is None else (), quote(bill["customer_id"]), bill["billing_month"]
    )
    say(f"缺少 missing: {', '.join(name for name in lacks if name != 'price' or not why.zh)}")
    if why.zh:
        say(f"未计价 not priced: {why.both}")


def say_refusal(bill: EfficiencyBillV1Row, inputs: list[EfficiencyBillInputsV1Row]) -> None:
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
        say(f"不计价的原因 not priced because: {error}")
    else:
        say("今天的电价可以计价，下次运行重新出账 today's facts price it; the next run issues it anew")


def _say_correction(rows: list[EfficiencyBillCorrectionsV1Row], bill: EfficiencyBillV1Row) -> None:
    """One line on what the revision settles against the one that it corrects."""
    if rows:
        total, name = (
            sum(row["difference_cny"] for row in rows),
            f"{bill['customer_id']}/{bill['billing_month']}",
        )
        say(
            f"退补 correction of revision {rows[0]['corrected_revision']}, which stays as issued: "
            f"{total:+,.2f} CNY; "
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

    issued_bill(*bill_name(bill), revision)
    sheet = sheet_of(Store(load_settings()), *bill_name(bill), revision)
    if json:
        show_json(sheet.to_json())
        return
    result, corrected, total = sheet.result, sheet.corrected, sheet.total_cny
    heading(
        f"退补单 correction {result['customer_name']}  {result['billing_month']}  修订 revision "
        f"{result['revision']}, "
        f"更正 corrects revision {corrected['revision']}  ({result['provenance']})"
    )
    if result["is_illustrative"] or corrected["is_illustrative"]:
        say("示意电价 illustrative price: nothing can be settled by this sheet", colour="yellow")
    show_rows([_said_correction(row) for row in sheet.rows])
    words = (
        "应补收 to be collected"
        if total > 0
        else "应退还 to be refunded"
        if total < 0
        else "无需退补 nothing to settle"
    )
    heading(
        f"原账单 as issued {cell_text(corrected['total_cny'])}  更正后 as corrected "
        f"{cell_text(result['total_cny'])}  {words} {abs(total):,.2f} CNY"
    )


def _said_correction(row: EfficiencyBillCorrectionsV1Row) -> dict[str, object]:
    """A row of the sheet as a reader of the terminal wants it."""
    from pipelines.codes import LineComponent, TouPeriod
    from products.efficiency_bill.page.words import COMPONENTS
    from products.page_kit.words import PERIODS

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


@app.command("open")
def open_bill(customer_id: CustomerId, month: MonthOption, json: JsonOption = False) -> None:
    """Opens the bill's page in the browser and prints where it and its PDF are; with --json it only
    prints.
    """
    import webbrowser

    from pipelines.errors import UsageError
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from products.efficiency_bill.tables import EfficiencyBillV1
    from products.page_kit.file_names import file_names, path_below, suffixed

    issued_bill(customer_id, month, None)
    settings = load_settings()
    of_month = [(EfficiencyBillV1.partition_column(), "=", month)]
    billed = Store(settings).arrow(EfficiencyBillV1, ["customer_id"], of_month)
    name = file_names(billed.column(0).to_pylist())[customer_id]
    base = path_below(settings.home / "out", "bills", month, name)
    page, pdf = suffixed(base, "html"), suffixed(base, "pdf")
    if not page.is_file():
        raise UsageError(
            f"{page} does not exist.", f"Deliver it first: zhixiang run --month {month} --from deliver"
        )
    if json:
        show_json({"page": str(page), "pdf": str(pdf)})
        return
    say(f"{page}\n{pdf}")
    webbrowser.open(page.as_uri())
