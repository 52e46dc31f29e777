"""zhixiang bill replay and bill audit: a bill computed again from its evidence, and bills of others held
against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhixiang.cli.products.bill_options import RevisionOption, app, bill_and_rules, issued_bill
from zhixiang.cli.screen import JsonOption, say, show_json, show_rows, warn
from zhixiang.cli.table_writer import with_separators

if TYPE_CHECKING:
    from pipelines.facts import Facts
    from pipelines.periods import BillingMonth
    from pipelines.tariff import PricedMonth

    _Priced = Callable[[str, BillingMonth, date | None], tuple[PricedMonth | None, Sequence[str]]]


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
    case: Annotated[
        Path | None,
        typer.Option(
            "--case",
            metavar="CASE.yaml",
            help="Price the bills of one customer from this case instead of what the home keeps of them.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Holds bills that someone issued against the same bills computed here; exit code 4 where they differ."""
    from pipelines.errors import DisagreementError, FactNotInForceError, UnknownNameError, UsageError
    from pipelines.facts import load_facts
    from pipelines.settings import load_settings
    from products.efficiency_bill.audit import REASON_WORDS, audit, not_computed, read_issued
    from zhixiang.cli.data.facts import parse_day

    facts, known = (
        load_facts(load_settings().facts_dir),
        parse_day(issued_on, "--issued-on") if issued_on else None,
    )
    rows: list[dict[str, Any]] = []
    issued = read_issued(file)
    priced = _by_home(facts) if case is None else _by_case(case, facts, {customer for customer, _ in issued})
    for (customer_id, month), lines in sorted(issued.items(), key=lambda bill: (bill[0][0], str(bill[0][1]))):
        try:
            computed, lacks = priced(customer_id, month, None)
        except (UsageError, UnknownNameError, FactNotInForceError) as error:
            findings = [not_computed(lines, str(error))]
        else:
            if computed is None:
                findings = [not_computed(lines, f"missing inputs: {', '.join(lacks) or 'contract'}")]
            else:
                then = None
                # Where the prices of that day are not known any more, a difference is told without them.
                with suppress(UsageError, FactNotInForceError):
                    then = priced(customer_id, month, known)[0] if known else None
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


def _by_home(facts: Facts) -> _Priced:
    """The month of a customer as the home keeps its case."""
    from products.efficiency_bill.case.text import case_from_text
    from products.efficiency_bill.pricing import price_case

    def priced(
        customer_id: str, month: BillingMonth, known: date | None
    ) -> tuple[PricedMonth | None, Sequence[str]]:
        (kept,) = issued_bill(customer_id, str(month), None)["efficiency_bill_inputs_v1"]
        case = case_from_text(kept["case_inputs"])
        found = price_case(case, facts, known)
        return found, () if found is not None else case.lacks

    return priced


def _by_case(path: Path, facts: Facts, customers: Set[str]) -> _Priced:
    """The month as a case file prices it; it is one customer's, whatever the bills call it."""
    from pipelines.errors import UsageError
    from pipelines.tariff.cases.case_files import read_case, supplies_of_case
    from pipelines.tariff.whatif.choices import planned

    if len(customers) > 1:
        raise UsageError(
            f"The bills are those of {len(customers)} customers, a case is one customer's.",
            "Give the lines of one customer.",
        )
    case = read_case(path)
    if case.own_prices is not None:
        raise UsageError("Prices of one's own make no line of a tariff.", "Leave own_prices out.")
    supplies = {supply.month: supply for supply in supplies_of_case(case, path.parent, facts)}

    def priced(
        customer_id: str, month: BillingMonth, known: date | None
    ) -> tuple[PricedMonth | None, Sequence[str]]:
        if month not in supplies:
            raise UsageError(f"{path} has no month {month} for {customer_id}.", "Add it under months.")
        return planned(supplies[month], facts, known or case.known).priced, ()

    return priced
