"""What is real of a delivery and what is not: by the provenance columns of what was delivered and received,
never by what anybody remembers of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.codes import Provenance
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.silver import (
    SilverCustomers,
    SilverMeterPoints,
    SilverPayments,
    SilverTransferDeclarations,
    SilverWeather,
)
from products.page_kit.words import ILLUSTRATIVE, Said
from products.provenance import provenances

# Table -> column that is counted, where it is not rows, and what that is called.
_RECEIVED: Mapping[type[Table], tuple[str | None, Said]] = {
    SilverCustomers: ("customer_id", Said("户客户及其合同", "customers with their contracts")),
    SilverMeterPoints: ("meter_point_id", Said("个计量点及其表计", "meter points with their meters")),
    SilverWeather: (None, Said("个站日的气温", "daily temperatures of stations")),
    SilverPayments: (None, Said("笔电费及缴费", "bills paid or due")),
    SilverTransferDeclarations: (None, Said("份转供申报", "declarations of transferred supply")),
}
_ILLUSTRATIVE_PRICES = Said("未公布的单价以示意电价代替", "prices that stand in for ones not published")


@dataclass(frozen=True)
class Truth:
    """One line of the overview: what it is about, and its kinds as tags."""

    said: Said
    labels: Sequence[str]


def labels_of(rows: Iterable[Mapping[str, object]]) -> list[str]:
    """Every kind that results name in ``provenance``, in the order of the list, and ``illustrative`` where
    one of them rests on such a price.
    """
    named: set[Provenance] = set()
    is_illustrative = False
    for row in rows:
        named |= set(provenances(str(row["provenance"])))
        is_illustrative |= bool(row.get("is_illustrative"))
    found = [kind.value for kind in Provenance if kind in named]
    return [*found, ILLUSTRATIVE] if is_illustrative else found


def truths(store: Store, delivered: Iterable[str]) -> list[Truth]:
    """What was received, each table by kinds of provenance with its count; and illustrative prices where
    ``delivered``, the labels of all that left, names them.
    """
    found = [truth for table in _RECEIVED for truth in _of_table(store, table)]
    return [*found, Truth(_ILLUSTRATIVE_PRICES, [ILLUSTRATIVE])] if ILLUSTRATIVE in set(delivered) else found


def _of_table(store: Store, table: type[Table]) -> list[Truth]:
    subject, said = _RECEIVED[table]
    columns = ["provenance"] if subject is None else ["provenance", subject]
    rows = store.arrow(table, columns)
    if subject is not None:
        rows = rows.group_by(columns).aggregate([])
    counted = rows.group_by("provenance").aggregate([([], "count_all")])
    by_labels: dict[tuple[str, ...], int] = {}
    for row in counted.to_pylist():
        labels = tuple(kind.value for kind in provenances(row["provenance"]))
        by_labels[labels] = by_labels.get(labels, 0) + row["count_all"]
    return [
        Truth(Said(f"{count:,} {said.zh}", f"{count:,} {said.en}"), labels)
        for labels, count in sorted(by_labels.items(), key=lambda each: (-each[1], each[0]))
    ]
