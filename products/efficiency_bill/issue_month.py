"""The bills of a month, bucket by bucket of customers: first what has to be known of all of them, then what
each is issued. Workers do it, or the driver for a month of a few thousand; either way gives the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from pipelines.engine.issued_files import Issued, discard_issued
from pipelines.engine.revisions import Bucket, Rows, Standing, Subject
from pipelines.engine.step import Inputs
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.incremental.issue_in_buckets import MadeResults, issue_in_buckets
from pipelines.incremental.workers import bucket_count, reports_of
from pipelines.periods import BillingMonth
from pipelines.storage.scan import row_count
from pipelines.tables.base import CUSTOMER, Row, Table, rows_of_table
from pipelines.tables.revised import product_schema
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.tariff import PricedMonth, Segment, SupplyMonth
from products.efficiency_bill.bill import EVIDENCE, Bill, RevisedBill, evidence_inside
from products.efficiency_bill.case.case import billed_accounts, member_of_account
from products.efficiency_bill.case.issued_revision import IssuedRevision
from products.efficiency_bill.comparison.peers import Grouped, PeerGroups
from products.efficiency_bill.corrections import issued_revision_of, revised
from products.efficiency_bill.issue import issue_bills
from products.efficiency_bill.month_rows import MonthRows
from products.efficiency_bill.pricing import price_supplies
from products.efficiency_bill.rows import (
    EfficiencyBillInputsV1Row,
    EfficiencyBillLinesV1Row,
    EfficiencyBillUnbilledV1Row,
    EfficiencyBillV1Row,
)
from products.efficiency_bill.tables import (
    EfficiencyBillInputsV1,
    EfficiencyBillLinesV1,
    EfficiencyBillUnbilledV1,
    EfficiencyBillV1,
)
from products.efficiency_bill.unbilled.unpriced import MissingFact, halted_rows, unpriced_row

MOST_ON_DRIVER = 5_000
"""Customers of a month who are billed before a worker has started."""
CUSTOMERS_PER_TASK = 5_000
ISSUED: tuple[type[Table], ...] = (EfficiencyBillV1, *EVIDENCE)
_TOLD_OF_ISSUED = ("customer_id", "revision", "total_cny", "is_illustrative")


@dataclass(frozen=True)
class Survey:
    """What has to be known of all bills of a month before one is made.

    peers  Groups of customers to compare with.
    kinds  Kind of supply -> one of the customers that have it, the first by number.
    """

    peers: PeerGroups
    kinds: Mapping[str, str]


@dataclass(frozen=True)
class BillRun:
    """The bills of one month; what it holds travels to the workers, the inputs do not.

    model_name, model_version  Of the baseline; empty texts where none was trained.
    """

    rows: MonthRows
    facts: Facts
    model_name: str
    model_version: str

    def buckets(self, inputs: Inputs) -> list[Bucket]:
        """How the customers of the month are dealt; one bucket is the driver's."""
        files = self.rows.of_month(GoldBillingSupplies, self.rows.month)
        count = 1
        if row_count(files) > MOST_ON_DRIVER:
            count = bucket_count(inputs, files, CUSTOMERS_PER_TASK)
        return [Bucket(CUSTOMER, number, count) for number in range(count)]

    def survey(self, inputs: Inputs, buckets: Sequence[Bucket]) -> Survey:
        """Looks at every customer that is billed."""
        rows = replace(self.rows, baselines=None)

        def told(bucket: Bucket) -> Mapping[str, Any]:
            customers = rows.of_bucket(bucket)
            found = billed_accounts(customers.accounts, rows.month, customers.known.names)
            members = map(member_of_account, found.values())
            supplies = {name: account.supply for name, account in found.items()}
            return {
                "members": Grouped.of(members).as_told(),
                "kinds": kinds_of(supplies),
            }

        reports = _reports(inputs, buckets, told)
        members = Grouped.together([Grouped.from_told(report["members"]) for report in reports])
        kinds: dict[str, str] = {}
        for kind, customer in (found for report in reports for found in report["kinds"].items()):
            kinds[kind] = min(customer, kinds.get(kind, customer))
        return Survey(PeerGroups(members, rows.limits), kinds)

    def supplies_of(self, customers: Sequence[str]) -> list[SupplyMonth]:
        """What some customers are billed from, in the order of their numbers."""
        accounts = self.rows.of_customers(customers)
        found = [accounts.account(name, self.rows.month) for name in sorted(customers)]
        supplies = [None if account is None else account.supply for account in found]
        return [supply for supply in supplies if supply is not None]

    def is_any_priced(self, inputs: Inputs, buckets: Sequence[Bucket]) -> bool:
        """Whether one of the customers can be priced."""
        rows, facts = replace(self.rows, baselines=None), self.facts

        def told(bucket: Bucket) -> Mapping[str, Any]:
            customers = rows.of_bucket(bucket)
            accounts = billed_accounts(customers.accounts, rows.month, customers.known.names)
            supplies = [account.supply for account in accounts.values()]
            found = price_supplies(supplies, facts)
            return {"is_any": any(isinstance(each, PricedMonth) for each in found)}

        reports = _reports(inputs, buckets, told)
        return any(report["is_any"] for report in reports)

    def issued(
        self, inputs: Inputs, buckets: Sequence[Bucket], peers: PeerGroups
    ) -> tuple[Issued, list[EfficiencyBillUnbilledV1Row]]:
        """Files of new and changed bills with their evidence, and who has none.

        Raises FactNotInForceError where a bill asks for a price that is not published and that ordinary
        contracts need, though none of those did that ``check_prices`` saw; nothing is left written then.
        """
        make, is_alone = self._making(peers), len(buckets) == 1
        issued, told = issue_in_buckets(inputs, ISSUED, buckets, make, is_alone=is_alone)
        for bucket in told:
            if "missing" in bucket:
                discard_issued(inputs.location, issued)
                raise MissingFact.from_told(bucket["missing"]).error()
        return issued, [row for bucket in told for row in bucket["unbilled"]]

    def _making(self, peers: PeerGroups) -> Callable[[Bucket, Standing], MadeResults]:
        """What makes the bills of a bucket."""
        rows, facts, model = self.rows, self.facts, (self.model_name, self.model_version)

        def make(bucket: Bucket, standing: Standing) -> MadeResults:
            customers = rows.of_bucket(bucket)
            cases = customers.cases(peers, facts)
            try:
                bills = list(issue_bills(cases, facts, rows.settings, *model))
            except FactNotInForceError as error:
                # An error of a worker would come back as its text alone.
                return MadeResults(rows_of_bills([]), None, {"missing": MissingFact.of(error).as_told()})
            unpriced = [row for bill in bills if (row := unpriced_row(bill)) is not None]
            settle = _Settle({bill["customer_id"]: bill for bill in bills}, rows.month, standing, facts)
            first: list[RevisedBill] = [{**bill, "corrections": []} for bill in bills]
            unbilled = [*customers.known.unbilled.values(), *unpriced]
            return MadeResults(rows_of_bills(first), settle, {"unbilled": unbilled})

        return make

    def halted(
        self, inputs: Inputs, buckets: Sequence[Bucket], missing: MissingFact
    ) -> list[EfficiencyBillUnbilledV1Row]:
        """Who has no bill of a month that a missing fact halts."""
        rows, facts = replace(self.rows, baselines=None), self.facts
        files = {table: list(inputs.standing(table)) for table in ISSUED}

        def told(bucket: Bucket) -> Mapping[str, Any]:
            customers = rows.of_bucket(bucket)
            stands = _priced_bills(Standing(files, bucket), rows.month)
            found = halted_rows(customers.cases(None, facts), stands, rows.month, missing)
            return {"unbilled": [*customers.known.unbilled.values(), *found]}

        reports = _reports(inputs, buckets, told)
        return [row for report in reports for row in report["unbilled"]]


def _reports(
    inputs: Inputs, buckets: Sequence[Bucket], told: Callable[[Bucket], Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What is told of each bucket; a month of one bucket is the driver's."""
    return reports_of(
        inputs, range(len(buckets)), lambda number: told(buckets[number]), is_alone=len(buckets) == 1
    )


def rows_of_bills(bills: Sequence[RevisedBill]) -> Rows:
    """Result and evidence of some bills."""
    rows: dict[type[Table], list[Mapping[str, object]]] = {table: [] for table in ISSUED}
    for bill in bills:
        rows[EfficiencyBillV1].append(bill)
        for table, inside in evidence_inside(bill).items():
            rows[table] += inside
    return {table: pa.Table.from_pylist(found, product_schema(table)) for table, found in rows.items()}


def unbilled_table(rows: Sequence[EfficiencyBillUnbilledV1Row]) -> Mapping[type[Table], pa.Table]:
    """Who has no bill of a month."""
    return {EfficiencyBillUnbilledV1: pa.Table.from_pylist([*rows], product_schema(EfficiencyBillUnbilledV1))}


@dataclass(frozen=True)
class _Settle:
    """Holds bills that differ from their newest revision against it, by the product's own rule.

    bills  Of the bucket, by customer.
    """

    bills: Mapping[str, Bill]
    month: BillingMonth
    standing: Standing
    facts: Facts

    def __call__(self, differing: Mapping[Subject, int]) -> Rows:
        numbers = {str(key[0]): number for key, number in differing.items()}
        newest = _newest_revisions(self.standing, self.month, numbers)
        again = [revised(self.bills[name], newest[name], self.facts) for name in sorted(newest)]
        return rows_of_bills([bill for bill in again if bill is not None])


def _newest_revisions(
    standing: Standing, month: BillingMonth, numbers: Mapping[str, int]
) -> dict[str, IssuedRevision]:
    """Some customers' bills as they were issued last.

    numbers  Customer -> the number of that revision.
    """

    def rows(table: type[Table], kind: type[Row]) -> Iterator[Row]:
        columns = [name for name in table.columns() if name != table.partition_column()]
        held = standing.rows(table, [str(month)], columns, numbers)
        is_newest = [
            numbers.get(name) == revision
            for name, revision in zip(
                held["customer_id"].to_pylist(), held["revision"].to_pylist(), strict=True
            )
        ]
        yield from rows_of_table(held.filter(pa.array(is_newest, pa.bool_())), kind)

    lines: dict[str, list[EfficiencyBillLinesV1Row]] = {}
    for line in rows(EfficiencyBillLinesV1, EfficiencyBillLinesV1Row):
        lines.setdefault(line["customer_id"], []).append(line)
    kept = {
        row["customer_id"]: row["case_inputs"]
        for row in rows(EfficiencyBillInputsV1, EfficiencyBillInputsV1Row)
    }
    return {
        name: issued_revision_of(bill, lines.get(name, []), kept[name])
        for bill in rows(EfficiencyBillV1, EfficiencyBillV1Row)
        for name in [bill["customer_id"]]
    }


def _priced_bills(standing: Standing, month: BillingMonth) -> dict[str, bool]:
    """Customers whose newest bill of the month has a total -> whether that is illustrative."""
    held = standing.rows(EfficiencyBillV1, [str(month)], _TOLD_OF_ISSUED)
    newest: dict[str, EfficiencyBillV1Row] = {}
    for row in rows_of_table(held, EfficiencyBillV1Row):
        known = newest.get(row["customer_id"])
        if known is None or known["revision"] < row["revision"]:
            newest[row["customer_id"]] = row
    return {name: row["is_illustrative"] for name, row in newest.items() if row["total_cny"] is not None}


def kinds_of(supplies: Mapping[str, SupplyMonth | None]) -> dict[str, str]:
    """Kind of supply -> the first customer who has it.

    supplies  By customer, in the order of their numbers; None: not to be priced.
    """
    found: dict[str, str] = {}
    for name, supply in supplies.items():
        if supply is not None:
            found.setdefault(json.dumps([_kind(segment) for segment in supply.segments], default=str), name)
    return found


def _kind(segment: Segment) -> tuple[object, ...]:
    """What decides which facts a segment asks for."""
    contract, split = segment.contract, segment.energy_by_period or {}
    return (
        contract.customer_class,
        contract.pricing_scheme,
        contract.voltage_level,
        contract.is_time_of_use,
        contract.demand_basis,
        contract.power_factor_standard,
        contract.market_price_cny_per_kwh is None,
        segment.first_day,
        segment.last_day,
        sorted(period.value for period, energy in split.items() if energy),
    )
