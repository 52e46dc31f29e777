"""A bill that someone issued, held against the same bill computed here: line by line, with the reason for
each difference.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path

from pipelines.codes import LineComponent, RejectReason, TouPeriod
from pipelines.errors import InputRefusedError, UsageError
from pipelines.money import FEN, round_to_fen
from pipelines.periods import BillingMonth
from pipelines.tariff import BillLine
from pipelines.tariff.lines import QUANTITY_STEP

NEEDED = (
    "customer_id",
    "billing_month",
    "component_code",
    "period_code",
    "quantity",
    "unit_price",
    "amount_cny",
)
PRICE_DIGITS = 2
"""A price printed with fewer digits after the point than the fen says nothing of the price."""
_NUMBERS = ("quantity", "unit_price", "amount_cny")


class Reason(StrEnum):
    """Why a line of the issued bill is not the one computed."""

    MISSING = "missing_line"
    EXTRA = "extra_line"
    QUANTITY = "quantity"
    PRICE = "price"
    QUANTITY_AND_PRICE = "quantity_and_price"
    FACT_REVISED = "fact_revised"
    ARITHMETIC = "arithmetic"
    BASE = "calculation_base"
    NOT_COMPUTED = "not_computed"


REASON_WORDS: Mapping[Reason, str] = {
    Reason.MISSING: "缺行 the bill lacks this line",
    Reason.EXTRA: "多行 nothing in the tariff asks for this line",
    Reason.QUANTITY: "电量不符 another quantity",
    Reason.PRICE: "电价不符 another price",
    Reason.QUANTITY_AND_PRICE: "电量和电价均不符 another quantity and price",
    Reason.FACT_REVISED: "电价后有更正 the price as known then; a later notice changed it",
    Reason.ARITHMETIC: "计算不符 quantity times price is not the amount",
    Reason.BASE: "计算基数不符 another base: what other lines come to differs",
    Reason.NOT_COMPUTED: "未能计算 this month cannot be computed here",
}


@dataclass(frozen=True)
class IssuedLine:
    """One line of the bill under audit, and where it stands."""

    line: int
    component: LineComponent
    period: TouPeriod | None
    quantity: Decimal
    unit_price: Decimal
    amount_cny: Decimal
    first_day: str = ""
    section: str = ""


@dataclass(frozen=True)
class Finding:
    """One difference.

    line            Line of the file; None where the bill lacks it.
    component       None where it concerns the whole bill.
    computed_cny    None where nothing can be computed. [CNY]
    difference_cny  Issued less computed; None where nothing can be. [CNY]
    """

    line: int | None
    component: LineComponent | None
    period: TouPeriod | None
    reason: Reason
    issued_cny: Decimal
    computed_cny: Decimal | None
    detail: str

    @property
    def difference_cny(self) -> Decimal | None:
        """Issued less computed; None where nothing can be. [CNY]"""
        return None if self.computed_cny is None else self.issued_cny - self.computed_cny


def not_computed(issued: Sequence[IssuedLine], why: str) -> Finding:
    """The one finding of a bill that cannot be computed here: nothing is said of its lines.

    why  What is missing or what the engine refuses.
    """
    total = sum((line.amount_cny for line in issued), Decimal(0))
    return Finding(issued[0].line, None, None, Reason.NOT_COMPUTED, total, None, why)


def read_issued(path: Path) -> dict[tuple[str, BillingMonth], list[IssuedLine]]:
    """Bills of a CSV in the shape of efficiency_bill_lines_v1, by customer and month; further columns are
    left alone.

    Of a bill with several revisions (column ``revision``) the newest counts.

    Raises InputRefusedError naming file, line and column of the first thing that cannot be read.
    """
    found: dict[tuple[str, BillingMonth], list[IssuedLine]] = {}
    newest: dict[tuple[str, BillingMonth], int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            lacking = [name for name in NEEDED if name not in (reader.fieldnames or ())]
            if lacking:
                raise InputRefusedError(
                    str(path),
                    "wrong_header",
                    f"the header lacks {', '.join(lacking)}; needed are {', '.join(NEEDED)}",
                    1,
                )
            for number, row in enumerate(reader, start=2):
                customer, month, line = _issued_line(path, number, row)
                revision = _revision(path, number, row.get("revision"))
                if revision > newest.setdefault((customer, month), revision):
                    newest[customer, month], found[customer, month] = revision, []
                if revision == newest[customer, month]:
                    found.setdefault((customer, month), []).append(line)
    except (FileNotFoundError, IsADirectoryError):
        raise InputRefusedError(str(path), "no_file", "is no file") from None
    except UnicodeDecodeError:
        raise InputRefusedError(str(path), "bad_encoding", "is not UTF-8") from None
    if not found:
        raise InputRefusedError(str(path), "empty_file", "holds no line")
    return found


def _revision(path: Path, number: int, text: str | None) -> int:
    """The revision of a line's bill; 0 where the file tells none."""
    if not text:
        return 0
    if not text.isdecimal():
        raise InputRefusedError(
            str(path),
            RejectReason.BAD_NUMBER,
            f"{text!r} is not the number of a revision",
            number,
            "revision",
        )
    return int(text)


def _issued_line(
    path: Path, number: int, row: Mapping[str, str | None]
) -> tuple[str, BillingMonth, IssuedLine]:
    if None in row or None in row.values():  # a field too many or too few moves all that follow
        raise InputRefusedError(
            str(path), RejectReason.BAD_STRUCTURE, "the line has more or fewer fields than the header", number
        )
    values: dict[str, Decimal] = {}
    for name in _NUMBERS:
        try:
            values[name] = Decimal(row[name] or "")
        except InvalidOperation:
            raise InputRefusedError(
                str(path), RejectReason.BAD_NUMBER, f"{row[name]!r} is not a number", number, name
            ) from None
        if not values[name].is_finite():
            raise InputRefusedError(
                str(path), RejectReason.BAD_NUMBER, f"{row[name]!r} is not a number", number, name
            )
    try:
        component = LineComponent(row["component_code"] or "")
        period = TouPeriod(row["period_code"]) if row["period_code"] else None
    except ValueError as error:
        raise InputRefusedError(str(path), RejectReason.BAD_CODE, str(error), number) from None
    try:
        month = BillingMonth.parse(row["billing_month"] or "")
    except UsageError as error:
        raise InputRefusedError(
            str(path), RejectReason.BAD_DATE, error.message, number, "billing_month"
        ) from None
    line = IssuedLine(
        number,
        component,
        period,
        values["quantity"],
        values["unit_price"],
        values["amount_cny"],
        row.get("first_date") or "",
        row.get("section_name") or "",
    )
    return row["customer_id"] or "", month, line


def audit(
    issued: Sequence[IssuedLine], computed: Sequence[BillLine], as_known_then: Sequence[BillLine] = ()
) -> list[Finding]:
    """The differences, in the order of the computed bill, then what the issued one has on top; empty where
    both agree to the fen. A price or quantity printed with fewer digits is no difference.

    computed       With all facts known today.
    as_known_then  The same with the facts known when the bill was issued: tells a wrong price from one that
                   was revised since.
    """
    earlier = {(line.component, line.period, line.first_day, line.section): line for line in as_known_then}
    matches = _paired(issued, computed)
    left = [line for line in issued if not any(line is match for match in matches)]
    found: list[Finding] = []
    for line, match in zip(computed, matches, strict=True):
        if match is None:
            # A line of nothing that the bill leaves out is no difference.
            if line.amount_cny != 0:
                found.append(
                    Finding(
                        None,
                        line.component,
                        line.period,
                        Reason.MISSING,
                        Decimal(0),
                        line.amount_cny,
                        line.formula,
                    )
                )
            continue
        finding = _compared(
            match, line, earlier.get((line.component, line.period, line.first_day, line.section))
        )
        found += [] if finding is None else [finding]
    return found + [
        Finding(line.line, line.component, line.period, Reason.EXTRA, line.amount_cny, Decimal(0), "")
        for line in left
        if line.amount_cny != 0
    ]


def _paired(issued: Sequence[IssuedLine], computed: Sequence[BillLine]) -> list[IssuedLine | None]:
    """The issued line of each computed one: of the same component, period, days and section first; what is
    left by component and period, nearest first.
    """

    def is_same(line: BillLine, other: IssuedLine) -> bool:
        return (other.component, other.period) == (line.component, line.period)

    def is_same_part(line: BillLine, other: IssuedLine) -> bool:
        part = "" if line.first_day is None else line.first_day.isoformat(), line.section
        return is_same(line, other) and (other.first_day, other.section) == part

    pairs: dict[int, int] = {}
    for fits in (is_same_part, is_same):
        near = sorted(
            (abs(other.quantity - line.quantity), other.line, at, place)
            for place, line in enumerate(computed)
            for at, other in enumerate(issued)
            if place not in pairs and at not in pairs.values() and fits(line, other)
        )
        for _, _, at, place in near:
            if place not in pairs and at not in pairs.values():
                pairs[place] = at
    return [issued[pairs[place]] if place in pairs else None for place in range(len(computed))]


def _is_product(issued: IssuedLine) -> bool:
    """Whether the amount is quantity times price; a quantity shown to six decimals may have more, as in a
    part of a month.
    """
    product = issued.quantity * issued.unit_price
    if round_to_fen(product) == issued.amount_cny:
        return True
    is_cut = issued.quantity.normalize().as_tuple().exponent == QUANTITY_STEP.as_tuple().exponent
    return is_cut and abs(product - issued.amount_cny) <= (FEN + abs(issued.unit_price) * QUANTITY_STEP) / 2


def _is_printed_as(printed: Decimal, computed: Decimal, least_digits: int) -> bool:
    """Whether a printed figure is the computed one, rounded to the digits that it shows; of a half either
    neighbour.

    least_digits  Digits after the point that it must show to pass as a rounded one.
    """
    digits = max(-int(printed.as_tuple().exponent), 0)  # only finite numbers are read
    step = Decimal(1).scaleb(-digits)
    return printed == computed or (digits >= least_digits and abs(printed - computed) * 2 <= step)


def _agrees(issued: IssuedLine, line: BillLine) -> bool:
    """Whether a bill prints this line: the amount to the fen, quantity and price with the digits that it has
    room for.
    """
    return (
        issued.amount_cny == line.amount_cny
        and _is_printed_as(issued.quantity, line.quantity, 0)
        and _is_printed_as(issued.unit_price, line.unit_price, PRICE_DIGITS)
    )


def _compared(issued: IssuedLine, line: BillLine, then: BillLine | None) -> Finding | None:
    if _agrees(issued, line):
        return None
    quantity_differs, price_differs = issued.quantity != line.quantity, issued.unit_price != line.unit_price
    if not quantity_differs and not price_differs:
        reason, detail = (
            Reason.ARITHMETIC,
            f"{issued.quantity} x {issued.unit_price} = {line.amount_cny}, not {issued.amount_cny}",
        )
    elif not _is_product(issued):
        product = round_to_fen(issued.quantity * issued.unit_price)
        reason, detail = (
            Reason.ARITHMETIC,
            (
                f"{issued.quantity} x {issued.unit_price} = {product}, not {issued.amount_cny}; computed: "
                f"{line.formula}"
            ),
        )
    elif then is not None and (then.quantity, then.unit_price, then.amount_cny) == (
        issued.quantity,
        issued.unit_price,
        issued.amount_cny,
    ):
        reason, detail = Reason.FACT_REVISED, _then_and_now(line, then)
    elif line.component is LineComponent.POWER_FACTOR_ADJUSTMENT and quantity_differs and not price_differs:
        reason, detail = (
            Reason.BASE,
            (
                f"{issued.quantity} instead of {line.quantity} {line.quantity_unit}: the sum of the lines it "
                "is raised on"
            ),
        )
    elif quantity_differs and price_differs:
        reason, detail = Reason.QUANTITY_AND_PRICE, line.formula
    elif quantity_differs:
        reason, detail = Reason.QUANTITY, f"{issued.quantity} instead of {line.quantity} {line.quantity_unit}"
    elif then is not None and then.unit_price == issued.unit_price:
        reason, detail = Reason.FACT_REVISED, _then_and_now(line, then)
    else:
        reason, detail = Reason.PRICE, f"{issued.unit_price} instead of {line.unit_price} ({line.fact_id})"
    return Finding(
        issued.line, issued.component, issued.period, reason, issued.amount_cny, line.amount_cny, detail
    )


def _then_and_now(line: BillLine, then: BillLine) -> str:
    if then.unit_price != line.unit_price:
        return f"{line.fact_id}: {then.unit_price} then, {line.unit_price} now"
    return (
        f"raised on {then.quantity} {line.quantity_unit} then, on {line.quantity} now, as other lines were "
        "revised"
    )
