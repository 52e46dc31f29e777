"""An operator's file of monthly prices: taken in as a whole or refused with file and line."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.codes import Confidence
from pipelines.errors import FactFileError
from pipelines.facts import load_facts, load_prices
from pipelines.facts.fact_index import MONTHLY_CORRECTIONS, MONTHLY_PRICES
from pipelines.facts.monthly_prices import EXAMPLE_DOCUMENT
from pipelines.settings import packaged
from zhixiang.cli.data.facts import app
from zhixiang.home.example_files import example_prices

HEADER = "month,component,price_cny_per_kwh,document,published_on"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(packaged("conf") / "facts", tmp_path / "conf" / "facts"))


def month(name: str, published: str = "2026-08-28", purchase: str = "0.41") -> list[str]:
    prices = (("purchase", purchase), ("line_loss", "0.013"), ("system_operation", "0.05"))
    return [f"{name},{component},{price},notice {name},{published}" for component, price in prices]


def written(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def refused(path: Path, folder: Path, line: int | None, words: str, corrects: bool = False) -> None:
    before = {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    with pytest.raises(FactFileError) as raised:
        load_prices(path, folder, corrects=corrects)
    assert (raised.value.path, raised.value.line) == (str(path), line)
    assert words in raised.value.message
    assert raised.value.hint, "a refusal says what to do next"
    assert {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()} == before


def test_two_months_are_taken_in_and_hold(tmp_path: Path, folder: Path) -> None:
    loaded = load_prices(written(tmp_path, *month("2026-10", purchase="0.42"), *month("2026-09")), folder)
    assert (loaded.file, [str(each) for each in loaded.months]) == (MONTHLY_PRICES, ["2026-09", "2026-10"])
    facts = load_facts(folder)
    assert [facts.energy_base.on(date(2026, number, 5)) for number in (8, 9, 10)] == [
        Decimal("0.5250"),
        Decimal("0.473"),
        Decimal("0.483"),
    ]
    assert facts.energy_composition.on(date(2026, 10, 1)).purchase == Decimal("0.42")
    load_prices(written(tmp_path, *month("2026-11")), folder)
    assert (folder / MONTHLY_PRICES).read_text(encoding="utf-8").count("\n") == 10


@pytest.mark.parametrize(
    ("rows", "header", "line", "words"),
    [
        (month("2026-09"), "month,component,price,document,published_on", 1, "the header must be"),
        (month("2026-09", purchase="-0.41"), HEADER, 2, "must not be negative"),
        (
            [row.replace("line_loss", "profit") for row in month("2026-09")],
            HEADER,
            3,
            "'profit' is no known component",
        ),
        ([row.replace("notice 2026-09", "") for row in month("2026-09")], HEADER, 2, "empty: document"),
        ([row.replace("notice 2026-09", " ") for row in month("2026-09")], HEADER, 2, "empty: document"),
        ([row.replace("2026-08-28", "") for row in month("2026-09")], HEADER, 2, "empty: published_on"),
        (month("2026-09", published="28.08.2026"), HEADER, 2, "published_on must be a day"),
        ([*month("2026-09"), month("2026-09")[1]], HEADER, 5, "line_loss of 2026-09 stands twice"),
        (month("2026-09")[:2], HEADER, 2, "2026-09 lacks system_operation"),
        (
            [*month("2026-09"), *month("2026-11")],
            HEADER,
            5,
            "no price for 2026-10: a gap between 2026-09 and 2026-11",
        ),
        (month("2026-09", purchase="nan"), HEADER, 2, "price_cny_per_kwh must be a decimal"),
        (month("2026-09", purchase="4.1e-1"), HEADER, 2, "price_cny_per_kwh must be a decimal"),
        (month("2026-09", purchase="0_41"), HEADER, 2, "price_cny_per_kwh must be a decimal"),
        (month("2026-09", purchase="410"), HEADER, 2, "410 CNY/kWh cannot be meant"),
        (month("2026-09", purchase="2.01"), HEADER, 2, "2.01 CNY/kWh cannot be meant"),
        ([row.replace("0.013", "13") for row in month("2026-09")], HEADER, 3, "13 CNY/kWh cannot be meant"),
        (
            [row.replace("notice 2026-09", "notice\0") for row in month("2026-09")],
            HEADER,
            2,
            "cannot be printed",
        ),
        (month("2026-09", published="2099-01-01"), HEADER, 2, "cannot have been published on 2099-01-01"),
        (month("2026-09", published="2031-10-01"), HEADER, 2, "cannot have been published on 2031-10-01"),
        (month("2026-09", published="2025-08-31"), HEADER, 2, "cannot have been published on 2025-08-31"),
        (month("2026-09", published="20260828"), HEADER, 2, "published_on must be a day"),
        ([row.replace("2026-09,", "2026/09,") for row in month("2026-09")], HEADER, 2, "month must be YYYY"),
        (month("2026-09", purchase="cheap"), HEADER, 2, "price_cny_per_kwh must be a decimal"),
        ([], HEADER, 2, "no price"),
    ],
)
def test_a_wrong_file_is_refused_at_its_line(
    tmp_path: Path, folder: Path, rows: list[str], header: str, line: int, words: str
) -> None:
    refused(written(tmp_path, *rows, header=header), folder, line, words)


@pytest.mark.parametrize(("published", "purchase"), [("2031-09-30", "2"), ("2025-09-01", "2.00")])
def test_the_highest_price_and_the_first_and_last_day_of_publication_are_taken(
    published: str, purchase: str, tmp_path: Path, folder: Path
) -> None:
    load_prices(written(tmp_path, *month("2026-09", published=published, purchase=purchase)), folder)
    assert load_facts(folder).energy_base.on(date(2026, 9, 1)) == Decimal("2.063")


def test_nothing_is_written_where_the_facts_are_not_well_formed_otherwise(
    tmp_path: Path, folder: Path
) -> None:
    funds = folder / "tariffs" / "funds.yaml"
    funds.write_text(
        funds.read_text(encoding="utf-8").replace("value: 0.02923875", "value: cheap"), encoding="utf-8"
    )
    with pytest.raises(FactFileError, match=r"tariffs/funds.yaml:\d+: value must be a number"):
        load_prices(written(tmp_path, *month("2026-09")), folder)
    assert (folder / MONTHLY_PRICES).read_bytes() == (
        packaged("conf") / "facts" / MONTHLY_PRICES
    ).read_bytes()


def test_a_month_that_is_there_overlaps_and_one_that_leaves_a_hole_behind_it_is_a_gap(
    tmp_path: Path, folder: Path
) -> None:
    load_prices(written(tmp_path, *month("2026-09")), folder)
    refused(
        written(tmp_path, *month("2026-09")),
        folder,
        2,
        "2026-09 overlaps the price in tariffs/energy_base_monthly.csv:2",
    )
    refused(written(tmp_path, *month("2026-11")), folder, 2, "no price for 2026-10")
    refused(written(tmp_path, *month("2026-07")), folder, 2, "no price for 2026-08")
    load_prices(written(tmp_path, *month("2026-08", published="2026-07-28")), folder)


def test_the_hint_of_an_overlap_and_of_a_wrong_file_can_be_followed(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path, *month("2026-09"))
    load_prices(path, folder)
    with pytest.raises(FactFileError) as raised:
        load_prices(path, folder)
    assert "the new months only" in raised.value.hint
    assert f"zhixiang facts load-prices {path} --corrects" in raised.value.hint
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    for wrong in (empty, written(tmp_path, header="month,price"), written(tmp_path), tmp_path / "none.csv"):
        with pytest.raises(FactFileError, match="three lines a month") as raised:
            load_prices(wrong, folder)
        assert HEADER in raised.value.hint


@pytest.mark.parametrize(
    ("row", "column", "others"),
    [
        ("2026-9,purchase,0.41,n,2026-08-28", "month", ("published_on", "price_cny")),
        ("2026-09,purchase,0.41 CNY,n,2026-08-28", "price_cny_per_kwh", ("month", "published_on")),
        ("2026-09,purchase,0.41,n,2026-02-30", "published_on", ("month", "price_cny")),
    ],
)
def test_a_bad_row_names_the_column_that_is_wrong_and_no_other(
    tmp_path: Path, folder: Path, row: str, column: str, others: tuple[str, ...]
) -> None:
    with pytest.raises(FactFileError) as raised:
        load_prices(written(tmp_path, row), folder)
    assert f"{column} must be" in raised.value.message
    assert f"Correct {column}" in raised.value.hint
    assert not any(other in raised.value.message for other in others)


def test_a_missing_file_and_one_in_another_encoding_are_refused(tmp_path: Path, folder: Path) -> None:
    refused(tmp_path / "none.csv", folder, None, "does not exist")
    path = written(tmp_path)
    path.write_bytes(
        (HEADER + "\n" + month("2026-09")[0].replace("notice", "电价通知") + "\n").encode("gb18030")
    )
    refused(path, folder, 2, "not UTF-8")


def test_a_correction_holds_from_the_day_it_was_published(tmp_path: Path, folder: Path) -> None:
    refused(
        written(tmp_path, *month("2026-09")),
        folder,
        2,
        "no published price that could be corrected",
        corrects=True,
    )
    load_prices(written(tmp_path, *month("2026-09")), folder)
    refused(written(tmp_path, *month("2026-09")), folder, 2, "not published after", corrects=True)
    late = written(tmp_path, *month("2026-09", published="2026-10-20", purchase="0.45"))
    assert load_prices(late, folder, corrects=True).file == MONTHLY_CORRECTIONS
    price = load_facts(folder).energy_base
    assert price.on(date(2026, 9, 1), known=date(2026, 10, 19)) == Decimal("0.473")
    assert (
        price.on(date(2026, 9, 1), known=date(2026, 10, 20)) == price.on(date(2026, 9, 1)) == Decimal("0.513")
    )
    refused(late, folder, 2, "overlaps the correction", corrects=True)


def test_a_month_is_corrected_as_often_as_notices_come(tmp_path: Path, folder: Path) -> None:
    """0.473 as published, 0.513 from 20 October, 0.463 from 10 November; entered in the other order they are
    the same.
    """
    load_prices(written(tmp_path, *month("2026-09")), folder)
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    notices = [
        month("2026-09", published="2026-10-20", purchase="0.45"),
        month("2026-09", published="2026-11-10", purchase="0.40"),
    ]
    for rows in notices:
        load_prices(written(tmp_path, *rows), folder, corrects=True)
    for rows in notices[::-1]:
        load_prices(written(tmp_path, *rows), other, corrects=True)
    price, day = load_facts(folder).energy_base, date(2026, 9, 30)
    found = [
        price.on(day, known=date(*known))
        for known in ((2026, 10, 19), (2026, 10, 20), (2026, 11, 9), (2026, 11, 10))
    ]
    assert found == [Decimal("0.473"), Decimal("0.513"), Decimal("0.513"), Decimal("0.463")]
    assert (folder / MONTHLY_CORRECTIONS).read_bytes() == (other / MONTHLY_CORRECTIONS).read_bytes()
    both = [*month("2026-09", published="2026-12-01"), *month("2026-09", published="2026-12-02")]
    assert [str(each) for each in load_prices(written(tmp_path, *both), folder, corrects=True).months] == [
        "2026-09"
    ]
    torn = [*month("2026-09", published="2026-12-05")[:2], month("2026-09", published="2026-12-06")[2]]
    refused(written(tmp_path, *torn), folder, 2, "lacks system_operation", corrects=True)


def test_the_command_loads_and_refuses(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(packaged("conf"), folder.parent, dirs_exist_ok=True)
    monkeypatch.setenv("ZHIXIANG_CONF", str(folder.parent))
    monkeypatch.setenv("ZHIXIANG_HOME", str(tmp_path / "home"))
    answer = CliRunner().invoke(app, ["load-prices", str(written(tmp_path, *month("2026-09"))), "--json"])
    assert answer.exit_code == 0
    assert '"2026-09"' in answer.output
    again = CliRunner().invoke(app, ["load-prices", str(written(tmp_path, *month("2026-09")))])
    assert isinstance(again.exception, FactFileError)
    assert "prices.csv:2: 2026-09 overlaps" in str(again.exception)


def sureness(folder: Path, day: date) -> tuple[Confidence, Confidence]:
    facts = load_facts(folder)
    return (
        facts.energy_base.version_on(day).citation.confidence,
        facts.energy_composition.version_on(day).citation.confidence,
    )


@pytest.mark.parametrize(
    ("document", "stated", "found"),
    [
        ("notice 9", None, Confidence.OFFICIAL),
        ("notice 9", ("", "", ""), Confidence.OFFICIAL),
        ("notice 9", ("official", "", "secondary"), Confidence.SECONDARY),
        ("notice 9", ("", "illustrative", "unverified"), Confidence.ILLUSTRATIVE),
        *((name, None, Confidence.UNVERIFIED) for name in ("none", "None", "无", " 未知 ", "-", "Not read")),
        *(
            (name, None, Confidence.UNVERIFIED)
            for name in ("——", "/", "--", "N/A.", "（无）", "待定", "没有")
        ),
        *((name, None, Confidence.UNVERIFIED) for name in ("无文件", "null", "TBD", "Ｎｏｎｅ", "…")),
        ("皖发改价格〔2026〕9号", None, Confidence.OFFICIAL),
        ("无", ("secondary", "secondary", "secondary"), Confidence.SECONDARY),
    ],
)
def test_a_price_is_as_sure_as_its_file_says_and_official_by_its_document_alone(
    tmp_path: Path, folder: Path, document: str, stated: tuple[str, ...] | None, found: Confidence
) -> None:
    rows = [row.replace("notice 2026-09", document) for row in month("2026-09")]
    if stated is None:
        load_prices(written(tmp_path, *rows), folder)
    else:
        rows = [f"{row},{word}" for row, word in zip(rows, stated, strict=True)]
        load_prices(written(tmp_path, *rows, header=f"{HEADER},confidence"), folder)
    assert sureness(folder, date(2026, 9, 5)) == (found, found)
    # A later file without the column, and a correction with it, leave what was said of the earlier month.
    load_prices(written(tmp_path, *month("2026-10")), folder)
    assert sureness(folder, date(2026, 9, 5)) == (found, found)
    assert sureness(folder, date(2026, 10, 5)) == (Confidence.OFFICIAL, Confidence.OFFICIAL)
    again = [f"{row},illustrative" for row in month("2026-10", published="2026-10-09")]
    load_prices(written(tmp_path, *again, header=f"{HEADER},confidence"), folder, corrects=True)
    assert sureness(folder, date(2026, 10, 5))[0] is Confidence.ILLUSTRATIVE


@pytest.mark.parametrize(
    ("document", "word", "said"),
    [
        ("notice 9", "certain", "'certain' is not known"),
        ("无", "official", "no price is official without its document"),
        ("none", "official", "no price is official without its document"),
    ],
)
def test_a_confidence_that_cannot_be_is_refused(
    tmp_path: Path, folder: Path, document: str, word: str, said: str
) -> None:
    rows = [f"{row.replace('notice 2026-09', document)},{word}" for row in month("2026-09")]
    refused(written(tmp_path, *rows, header=f"{HEADER},confidence"), folder, 2, said)


@pytest.mark.parametrize(
    "document", [EXAMPLE_DOCUMENT, "示例数值 非公布价格", "Example values, not published (copy)"]
)
@pytest.mark.parametrize("word", [None, "", "unverified", "secondary"])
def test_the_document_of_the_example_file_stands_for_illustrative_prices_alone(
    tmp_path: Path, folder: Path, document: str, word: str | None
) -> None:
    quoted = f'"{document}"'
    rows = [row.replace("notice 2026-09", quoted) for row in month("2026-09")]
    if word is None:
        path = written(tmp_path, *rows)
    else:
        path = written(tmp_path, *(f"{row},{word}" for row in rows), header=f"{HEADER},confidence")
    refused(path, folder, 2, "that of the example file")


def test_example_prices_written_past_the_command_are_not_official(folder: Path) -> None:
    rows = [row.replace("notice 2026-09", EXAMPLE_DOCUMENT) for row in month("2026-09")]
    (folder / MONTHLY_PRICES).write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    assert sureness(folder, date(2026, 9, 5)) == (Confidence.UNVERIFIED,) * 2


def test_a_line_that_lacks_the_last_column_is_refused_where_the_header_has_it(
    tmp_path: Path, folder: Path
) -> None:
    rows = [f"{row},illustrative,more" for row in month("2026-09")]
    refused(written(tmp_path, *rows, header=f"{HEADER},confidence"), folder, 2, "7 found")


def test_the_example_prices_of_a_home_are_illustrative_on_the_bill(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "example.csv"
    path.write_text(example_prices(), encoding="utf-8")
    load_prices(path, folder)
    for number in (8, 9):
        assert sureness(folder, date(2026, number, 5)) == (Confidence.ILLUSTRATIVE,) * 2
        # Not for the price that ships, which they stand before.
        assert load_facts(folder).energy_base.on(date(2026, number, 5)) == Decimal("0.5250")


def test_an_example_gives_way_to_what_was_published(tmp_path: Path, folder: Path) -> None:
    """As the README of a new home has it: the example first, then the published prices in its place."""
    example = tmp_path / "example.csv"
    example.write_text(example_prices(), encoding="utf-8")
    assert load_prices(example, folder).replaced == ()
    loaded = load_prices(written(tmp_path, *month("2026-09"), *month("2026-10")), folder)
    assert [str(each) for each in loaded.replaced] == ["2026-09"]
    facts = load_facts(folder)
    assert facts.energy_base.on(date(2026, 9, 1)) == Decimal("0.473")
    assert [facts.energy_base.version_on(date(2026, number, 1)).citation.confidence for number in (8, 9)] == [
        Confidence.ILLUSTRATIVE,
        Confidence.OFFICIAL,
    ]
    refused(written(tmp_path, *month("2026-09", purchase="0.39")), folder, 2, "2026-09 overlaps")


def test_a_month_of_which_anything_was_published_or_corrected_is_not_replaced(
    tmp_path: Path, folder: Path
) -> None:
    half = [f"{row},{'illustrative' if 'line_loss' in row else ''}" for row in month("2026-09")]
    load_prices(written(tmp_path, *half, header=f"{HEADER},confidence"), folder)
    refused(written(tmp_path, *month("2026-09")), folder, 2, "2026-09 overlaps")
    whole = [f"{row},illustrative" for row in month("2026-10")]
    load_prices(written(tmp_path, *whole, header=f"{HEADER},confidence"), folder)
    load_prices(written(tmp_path, *month("2026-10", published="2026-11-05")), folder, corrects=True)
    refused(written(tmp_path, *month("2026-10")), folder, 2, "2026-10 overlaps")


def test_the_command_says_which_months_were_illustrative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHIXIANG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ZHIXIANG_CONF", raising=False)
    example = tmp_path / "example.csv"
    example.write_text(example_prices(), encoding="utf-8")
    assert CliRunner().invoke(app, ["load-prices", str(example)]).exit_code == 0
    own = written(tmp_path, *month("2026-08", published="2026-07-28"), *month("2026-09"))
    answer = CliRunner().invoke(app, ["load-prices", str(own)])
    assert answer.exit_code == 0, answer.output
    assert "in place of illustrative prices: 2026-08, 2026-09" in answer.output
