"""An issued bill against the computed one: each kind of difference, named; agreement is silence."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest

from pipelines.errors import InputRefusedError
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tariff import BillLine, price_supply
from products.efficiency_bill.audit import NEEDED, Reason, audit, not_computed, read_issued
from tests.measured_months import supply_of
from tests.steel_works import STEEL, STEEL_SEPTEMBER

D = Decimal
SEPTEMBER = BillingMonth(2026, 9)
LINES = price_supply(
    supply_of(STEEL, STEEL_SEPTEMBER),
    load_facts(packaged("conf") / "facts"),
).lines


def written(lines: list[dict[str, str]], path: Path) -> Path:
    path.write_text(
        "\n".join([",".join(NEEDED), *(",".join(line[name] for name in NEEDED) for line in lines)]) + "\n",
        encoding="utf-8",
    )
    return path


def as_rows(lines: tuple[BillLine, ...] = LINES) -> list[dict[str, str]]:
    return [
        {
            "customer_id": "W",
            "billing_month": "2026-09",
            "component_code": line.component.value,
            "period_code": line.period.value if line.period else "",
            "quantity": f"{line.quantity:f}",
            "unit_price": f"{line.unit_price:f}",
            "amount_cny": str(line.amount_cny),
        }
        for line in lines
    ]


def found(
    rows: list[dict[str, str]], tmp_path: Path, **known: tuple[BillLine, ...]
) -> list[tuple[Reason, Decimal | None]]:
    issued = read_issued(written(rows, tmp_path / "bill.csv"))[("W", SEPTEMBER)]
    return [
        (finding.reason, finding.difference_cny) for finding in audit(issued, LINES, known.get("then", ()))
    ]


def test_the_same_bill_in_any_order_has_no_finding(tmp_path: Path) -> None:
    assert found(as_rows(), tmp_path) == []
    assert found(as_rows()[::-1], tmp_path) == []


@pytest.mark.parametrize(
    ("change", "reason", "difference"),
    [
        # 1 kWh more at 0.97125 is 0.97; at a price of 1 the same 19,798.27 kWh cost 569.20 more.
        ({"quantity": "19799.27", "amount_cny": "19230.04"}, Reason.QUANTITY, "0.97"),
        ({"unit_price": "1", "amount_cny": "19798.27"}, Reason.PRICE, "569.20"),
        ({"quantity": "1", "unit_price": "1", "amount_cny": "1.00"}, Reason.QUANTITY_AND_PRICE, "-19228.07"),
        # 4489.4945 x 26 / 30 x 47.2 = 183650.255...: the amount has all digits of the quantity, the line
        # shows six.
        (
            {"quantity": "3890.895233", "unit_price": "47.2", "amount_cny": "183650.26"},
            Reason.QUANTITY_AND_PRICE,
            "164421.19",
        ),
        (
            {"quantity": "3890.895233", "unit_price": "47.2", "amount_cny": "183650.27"},
            Reason.ARITHMETIC,
            "164421.20",
        ),
        (
            {"quantity": "3890.895230", "unit_price": "47.2", "amount_cny": "183650.26"},
            Reason.ARITHMETIC,
            "164421.19",
        ),
        ({"amount_cny": "19229.08"}, Reason.ARITHMETIC, "0.01"),
        ({"unit_price": "1", "amount_cny": "19229.07"}, Reason.ARITHMETIC, "0.00"),
    ],
)
def test_each_kind_of_difference_is_named(
    change: dict[str, str], reason: Reason, difference: str, tmp_path: Path
) -> None:
    rows = as_rows()
    rows[0] |= change
    assert found(rows, tmp_path) == [(reason, D(difference))]


def printed(digits: str, name: str) -> list[dict[str, str]]:
    return [row | {name: f"{D(row[name]).quantize(D(digits), ROUND_HALF_EVEN):f}"} for row in as_rows()]


@pytest.mark.parametrize(
    ("digits", "name"),
    [
        ("0.0001", "unit_price"),  # 0.97125 stands as 0.9712, 0.02923875 as 0.0292
        ("0.001", "unit_price"),
        ("0.1", "quantity"),
        ("1", "quantity"),
    ],
)
def test_a_figure_printed_with_fewer_digits_is_no_difference(digits: str, name: str, tmp_path: Path) -> None:
    rows = printed(digits, name)
    assert sum(row[name] != exact[name] for row, exact in zip(rows, as_rows(), strict=True)) >= 4
    assert found(rows, tmp_path) == []
    # A step of the last digit away from the computed price is another price.
    rows[0][name] = f"{D(rows[0][name]) + 2 * D(digits):f}"
    assert [reason for reason, _ in found(rows, tmp_path)] == [Reason.ARITHMETIC]


def test_a_rounded_price_with_the_amount_that_it_gives_is_another_price(tmp_path: Path) -> None:
    """19,798.27 kWh x 0.9712 = 19,228.08, less by 0.99 than at 0.97125."""
    rows = as_rows()
    rows[0] |= {"unit_price": "0.9712", "amount_cny": "19228.08"}
    assert found(rows, tmp_path) == [(Reason.PRICE, D("-0.99"))]


def test_a_missing_and_an_extra_line(tmp_path: Path) -> None:
    assert found(as_rows()[:-1], tmp_path) == [(Reason.MISSING, D("-3260.80"))]
    extra = [
        *as_rows(),
        as_rows()[0] | {"component_code": "late_payment", "period_code": "", "amount_cny": "5.00"},
    ]
    assert found(extra, tmp_path) == [(Reason.EXTRA, D("5.00"))]


def test_a_line_that_is_left_out_does_not_take_the_other_half_of_the_month(tmp_path: Path) -> None:
    half = [
        LINES[0]._replace(
            first_day=date(2026, 9, first),
            last_day=date(2026, 9, last),
            quantity=quantity,
            amount_cny=amount,
        )
        for first, last, quantity, amount in (
            (1, 15, D(15000), D("14568.75")),
            (16, 30, D(10000), D("9712.50")),
        )
    ]
    with_days = [as_rows((line,))[0] | {"first_date": str(line.first_day)} for line in half]
    names = (*NEEDED, "first_date")

    def reasons(rows: list[dict[str, str]], columns: tuple[str, ...]) -> list[tuple[Reason, Decimal | None]]:
        path = tmp_path / "bill.csv"
        path.write_text(
            "\n".join([",".join(columns), *(",".join(row[name] for name in columns) for row in rows)]) + "\n",
            encoding="utf-8",
        )
        return [(each.reason, each.difference_cny) for each in audit(read_issued(path)["W", SEPTEMBER], half)]

    assert reasons(with_days[1:], names) == [(Reason.MISSING, D("-14568.75"))]
    # Without days the nearest quantities belong together, in whatever order the lines stand.
    assert reasons(with_days[::-1], NEEDED) == []
    assert reasons(with_days[1:], NEEDED) == [(Reason.MISSING, D("-14568.75"))]


def test_of_several_revisions_the_newest_counts(tmp_path: Path) -> None:
    names, path = (*NEEDED, "revision"), tmp_path / "bill.csv"
    wrong = [row | {"revision": "1", "amount_cny": "1.00"} for row in as_rows()]
    right = [row | {"revision": "2"} for row in as_rows()]

    def write(rows: list[dict[str, str]]) -> None:
        path.write_text(
            "\n".join([",".join(names), *(",".join(row[name] for name in names) for row in rows)]) + "\n",
            encoding="utf-8",
        )

    for rows in (
        wrong + right,
        right + wrong,
        [row for pair in zip(wrong, right, strict=True) for row in pair],
    ):
        write(rows)
        assert audit(read_issued(path)["W", SEPTEMBER], LINES) == []
    write([right[0] | {"revision": "two"}])
    with pytest.raises(InputRefusedError, match="'two' is not the number of a revision"):
        read_issued(path)


def test_a_line_of_nothing_that_the_bill_leaves_out_is_no_difference() -> None:
    nothing = LINES[0]._replace(period=None, quantity=D(0), amount_cny=D("0.00"))
    assert audit([], (nothing,)) == []


def test_a_price_revised_since_is_told_from_a_wrong_one(tmp_path: Path) -> None:
    then = tuple(line if place else line._replace(unit_price=D("1")) for place, line in enumerate(LINES))
    rows = as_rows()
    rows[0] |= {"unit_price": "1", "amount_cny": "19798.27"}
    assert found(rows, tmp_path, then=then) == [(Reason.FACT_REVISED, D("569.20"))]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"quantity": "1,5"}, "bill.csv:2"),
        ({"quantity": "x"}, "column quantity: 'x'"),
        ({"unit_price": "NaN"}, "NaN"),
        ({"component_code": "gift"}, "gift"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(change: dict[str, str], says: str, tmp_path: Path) -> None:
    rows = as_rows()
    rows[0] |= change
    with pytest.raises(InputRefusedError, match=says):
        read_issued(written(rows, tmp_path / "bill.csv"))


def test_a_wrong_header_an_empty_file_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "bill.csv").write_text("customer,month\n")
    with pytest.raises(InputRefusedError, match="lacks customer_id"):
        read_issued(tmp_path / "bill.csv")
    with pytest.raises(InputRefusedError, match="holds no line"):
        read_issued(written([], tmp_path / "bill.csv"))
    with pytest.raises(InputRefusedError, match="no file"):
        read_issued(tmp_path / "nowhere.csv")
    rows = as_rows()
    rows[0]["billing_month"] = "2026-13"
    with pytest.raises(
        InputRefusedError, match=r"bill.csv:2 column billing_month: 2026-13 is not a billing month"
    ):
        read_issued(written(rows, tmp_path / "bill.csv"))


def test_the_adjustment_of_a_revised_price_is_revised_too(tmp_path: Path) -> None:
    """Every price as known then: the adjustment's own ratio stands, what it is raised on does not."""
    facts = load_facts(packaged("conf") / "facts")
    dearer = dataclasses.replace(facts.energy_base.versions[0], value=D("0.6"))
    then = price_supply(
        supply_of(STEEL, STEEL_SEPTEMBER),
        dataclasses.replace(facts, energy_base=dataclasses.replace(facts.energy_base, versions=(dearer,))),
    ).lines
    reasons = found(as_rows(then), tmp_path, then=then)
    assert {reason for reason, _ in reasons} == {Reason.FACT_REVISED}
    assert len(reasons) == 4, "three periods of energy and the adjustment"
    # Without the day of issue nobody knows of the revision: other prices, and another base.
    assert [reason for reason, _ in found(as_rows(then), tmp_path)] == [Reason.PRICE] * 3 + [Reason.BASE]


def test_a_bill_that_cannot_be_computed_gives_one_finding(tmp_path: Path) -> None:
    issued = read_issued(written(as_rows(), tmp_path / "bill.csv"))[("W", SEPTEMBER)]
    finding = not_computed(issued, "missing inputs: load_curve")
    assert (finding.reason, finding.line, finding.issued_cny, finding.difference_cny) == (
        Reason.NOT_COMPUTED,
        2,
        D("77504.18"),
        None,
    )
    assert "load_curve" in finding.detail
