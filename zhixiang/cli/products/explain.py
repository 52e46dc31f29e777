"""``zhixiang explain``: from a line of a bill back to the file and line it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from zhixiang.cli.products.bill_options import BillName, RevisionOption, bill_and_rules, bill_name
from zhixiang.cli.screen import JsonOption, heading, say, show_json, show_record, show_rows
from zhixiang.cli.table_writer import with_separators

if TYPE_CHECKING:
    from zhixiang.reports.explain import CurveDay, Explanation

SHOWN_DAYS = 8


def explain(
    bill: BillName,
    line: Annotated[
        int,
        typer.Argument(help="Number of the line, as `zhixiang bill show` or `bill correction` prints it."),
    ],
    revision: RevisionOption = None,
    correction: Annotated[
        bool, typer.Option("--correction", help="A line of the correction sheet 退补单: both bills' lines.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Walks a line of a bill back: fact and clause, determinant, days and intervals, file and line. --json
    shows every row.
    """
    if correction:
        _explain_correction(bill, line, revision, json=json)
        return
    found = _way_back(bill, line, revision)
    if json:
        show_json(found)
        return
    _show_price(found)
    _show_quantity(found)


def _way_back(bill: str, line: int, revision: int | None) -> Explanation:
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.reports.explain import explain as way_back
    from zhixiang.reports.traces import traces_of

    issued, (_, facts) = bill_and_rules(bill, revision)
    found = way_back(traces_of(Store(load_settings()), [issued["result"]]), facts, issued, line)
    newest = (
        issued["result"]["revision"]
        if revision is None
        else bill_and_rules(bill, None)[0]["result"]["revision"]
    )
    # The line and its terms are kept with each revision; determinants, registers and curves stand as they are
    # now.
    return {**found, "superseded_by_revision": newest} if newest > issued["result"]["revision"] else found


def _explain_correction(bill: str, number: int, revision: int | None, *, json: bool) -> None:
    """The line as issued by the facts of its run, and as it is now by those of the run that corrected it."""
    from pipelines.errors import UnknownNameError
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.reports.correction_sheets import sheet_of

    sheet = sheet_of(Store(load_settings()), *bill_name(bill), revision)
    rows = {row["correction_number"]: row for row in sheet.rows}
    if number not in rows:
        raise UnknownNameError(
            f"line of the correction sheet of {bill}",
            str(number),
            [str(known) for known in rows],
            f"`zhixiang bill correction {bill}` numbers them.",
        )
    row = rows[number]
    sides = {
        "issued": (row["issued_line_number"], sheet.corrected["revision"]),
        "now": (row["now_line_number"], sheet.result["revision"]),
    }
    found = {side: None if line is None else _way_back(bill, line, of) for side, (line, of) in sides.items()}
    if json:
        show_json({"correction": row, **found})
        return
    heading(f"{row['now_amount_cny']:,} − {row['issued_amount_cny']:,} = {row['difference_cny']:+,} CNY")
    say(
        "通知 notices: "
        f"{'; '.join(row['notices']) or 'none: the line follows from other lines or quantities'}"
    )
    for side, title in (("issued", "原账单 as issued"), ("now", "更正后 as corrected")):
        told = found[side]
        heading(title)
        if told is None:
            say("无此行 no such line")
        else:
            _show_price(told)
    last = found["now"] or found["issued"]
    if last is not None:
        _show_quantity(last)


def _show_price(found: Explanation) -> None:
    charged = found["line"]
    heading(f"{with_separators(charged['formula'])} = {charged['amount_cny']:,} CNY")
    cited = (
        "fact_id",
        "value",
        "unit",
        "document",
        "clause",
        "effective_from",
        "known_from",
        "confidence",
        "file",
    )
    show_rows(
        [{name: fact.get(name) for name in cited} for fact in (found["fact"], *found["named_facts"])],
        title="依据 facts",
    )


def _show_quantity(found: Explanation) -> None:
    if "superseded_by_revision" in found:
        newest = found["superseded_by_revision"]
        say(
            f"已有修订 {newest}，以下电量为现时数据 superseded by revision {newest}: what follows is as it "
            "stands now, not as it was then"
        )
    if found["contract"]:
        show_record(found["contract"], title="合同 contract")
    # Months, parts of them and shares stand beside one another, each with its own columns.
    show_rows(
        found["determinants"],
        dict.fromkeys(name for row in found["determinants"] for name in row),
        title="计费参数 determinants",
    )
    _show_some(found["days"], "表码 registers")
    _show_some([_with_few_slots(row) for row in found["intervals"]], "时段 intervals")
    _show_some(found["received"], "来源 received")


def _with_few_slots(row: CurveDay) -> dict[str, object]:
    return {**row, "slots": f"{len(row['slots'])} of the day"}


def _show_some(rows: Sequence[Mapping[str, object]], title: str) -> None:
    if rows:
        shown = rows[:SHOWN_DAYS]
        show_rows(
            [{name: value for name, value in row.items() if name != "content_hash"} for row in shown],
            title=title,
        )
        if len(rows) > SHOWN_DAYS:
            say(f"... {len(rows) - SHOWN_DAYS} more; --json shows them all")
