"""zhixiang bill replay and bill audit: a bill computed again from its evidence, and bills of others held
against it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from zhixiang.cli.products.bill_options import RevisionOption, app, bill_and_rules, issued_bill
from zhixiang.cli.screen import JsonOption, say, show_json, show_rows, warn
from zhixiang.cli.table_writer import with_separators


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
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from products.efficiency_bill.replay import replay as computed_again
    from zhixiang.reports.issued_bills import bill_with_corrected, bills_of_month
    from zhixiang.reports.kept_rules import BillRules

    if (bill is None) == (month is None):
        raise UsageError(
            "Name one bill, or a month with --month.", "For example: zhixiang bill replay STEEL-0001/2026-09"
        )
    differences: list[dict[str, Any]] = []
    if bill is not None:
        found, by = bill_and_rules(bill, revision)
        found, row = bill_with_corrected(Store(load_settings()), found), found["result"]
        differences = [asdict(difference) for difference in computed_again(found, *by)]
        report = {
            "bill": bill,
            "revision": row["revision"],
            "content_digest": row["content_digest"],
            "differences": differences,
        }
        said = f"{bill} revision {row['revision']}"
    else:
        store = Store(load_settings())
        bills = bills_of_month(store, str(month))
        rules = BillRules(store)
        for found in bills:
            row = found["result"]
            again = computed_again(bill_with_corrected(store, found), *rules.of(found))
            differences += [{"customer_id": row["customer_id"], **asdict(difference)} for difference in again]
        for note in rules.notes:
            warn(note)
        report = {"month": month, "bills": len(bills), "differences": differences}
        said = f"{len(bills)} bills of {month}"
    if json:
        show_json(report)
    elif differences:
        show_rows(differences)
    else:
        say(f"一致 the same to the last bit: {said}")
    if differences:
        raise DisagreementError(
            f"{len(differences)} values came out otherwise.",
            "A bill must follow from its evidence; report it with --json.",
        )


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
            (kept,) = issued_bill(customer_id, str(month), None)["efficiency_bill_inputs_v1"]
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
        show_rows([row | {"detail": with_separators(row["detail"])} for row in rows], columns)
    else:
        say("一致 every line agrees to the fen")
    if rows:
        differences = [row["difference_cny"] for row in rows if row["difference_cny"] is not None]
        said = (
            [f"{len(differences)} lines differ, {sum(differences):+,.2f} CNY in all"] if differences else []
        )
        if len(rows) > len(differences):
            said.append(f"{len(rows) - len(differences)} bills could not be computed")
        raise DisagreementError(f"{'; '.join(said)}.", "Each row names its reason; --json gives the figures.")
