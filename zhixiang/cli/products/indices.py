"""``zhixiang index``: figures on scales that others published, each with its document and how sure it is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhixiang.cli.data.facts import parse_day
from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.screen import JsonOption, heading, say, show_json, show_record

if TYPE_CHECKING:
    from pipelines.facts import Dated
    from pipelines.facts.scales import PublishedScales

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Indices 指数: carbon efficiency code, grade of a bill's score, resumed work.",
    no_args_is_help=True,
)
OnOption = Annotated[
    str | None, typer.Option(help="Day on which the scale holds, YYYY-MM-DD; left out: today.")
]


@app.command("carbon-code")
def carbon_code(
    emission: Annotated[str, typer.Argument(metavar="TONNES", help="CO2 of all energy of the period. [t]")],
    value_added: Annotated[
        str, typer.Argument(metavar="VALUE", help="Industrial value added of the period. [10,000 CNY]")
    ],
    industry_mean: Annotated[
        str | None,
        typer.Option(
            help="Mean of the industry in the same period; gives the level 1 to 5. [t per 10,000 CNY]"
        ),
    ] = None,
    on: OnOption = None,
    json: JsonOption = False,
) -> None:
    """碳效码: emission per value added, its class, and with the industry's mean the level, 1 is best."""
    scales, day = _scales(), _day(on)
    intensity = _number("TONNES", emission) / _number("VALUE", value_added, above=True)
    found: dict[str, Any] = {
        "intensity_t_per_10000_cny": intensity,
        "class": scales.carbon_intensity.on(day).name_of(intensity),
    }
    cited = [scales.carbon_intensity]
    if industry_mean is not None:
        ratio = intensity / _number("--industry-mean", industry_mean, above=True)
        found |= {"ratio_to_industry": ratio, "level": scales.carbon_level.on(day).name_of(ratio)}
        cited.append(scales.carbon_level)
    _show("碳效码 carbon efficiency code", found, cited, day, json=json)


@app.command("bill-grade")
def bill_grade(
    score: Annotated[
        str, typer.Argument(metavar="SCORE", help="Score of State Grid's energy-efficiency bill, 0 to 100.")
    ],
    on: OnOption = None,
    json: JsonOption = False,
) -> None:
    """能效账单评分等级: 一般, 良好 or 优秀."""
    from pipelines.errors import UsageError

    grades, day, points = _scales().bill_grade, _day(on), _number("SCORE", score)
    if points > 100:
        raise UsageError(f"A score lies from 0 to 100, not {points}.")
    _show(
        "能效账单评分 score of the bill",
        {"score": points, "grade": grades.on(day).name_of(points)},
        [grades],
        day,
        json=json,
    )


@app.command("resumption")
def resumption(
    energy: Annotated[str, typer.Argument(metavar="KWH", help="Energy of the day, in any unit.")],
    energy_before: Annotated[
        str,
        typer.Argument(metavar="KWH_BEFORE", help="Daily mean of the time compared with, in the same unit."),
    ],
    users: Annotated[int, typer.Argument(min=0, help="Enterprises that have resumed work.")],
    users_before: Annotated[int, typer.Argument(min=1, help="Enterprises of the time compared with.")],
    on: OnOption = None,
    json: JsonOption = False,
) -> None:
    """企业复工电力指数: shares of energy and of enterprises, weighted; 100 is as before."""
    rule, day = _scales().resumption, _day(on)
    value = rule.on(day).value(
        _number("KWH", energy), _number("KWH_BEFORE", energy_before, above=True), users, users_before
    )
    _show(
        "企业复工电力指数 index of resumed work",
        {"index": value.quantize(Decimal("0.01"))},
        [rule],
        day,
        json=json,
    )


def _show(title: str, found: dict[str, Any], cited: list[Dated[Any]], day: date, *, json: bool) -> None:
    versions = [dated.version_on(day) for dated in cited]
    facts = [
        {
            "fact_id": dated.fact_id,
            "source": version.citation.source,
            "confidence": version.citation.confidence.value,
            "note": version.citation.note,
        }
        for dated, version in zip(cited, versions, strict=True)
    ]
    if json:
        show_json({**found, "facts": facts})
        return
    heading(title)
    show_record(
        {name: value.normalize() if isinstance(value, Decimal) else value for name, value in found.items()}
    )
    for fact in facts:
        say(f"依据 {fact['fact_id']} ({fact['confidence']}): {fact['source']}")


def _scales() -> PublishedScales:
    from pipelines.facts import load_facts
    from pipelines.settings import load_settings

    return load_facts(load_settings().facts_dir).scales


def _day(on: str | None) -> date:
    from pipelines.periods import local_day

    return parse_day(on, "--on") if on else local_day(datetime.now(UTC))


def _number(name: str, text: str, *, above: bool = False) -> Decimal:
    from pipelines.errors import UsageError

    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or (above and value == 0):
        raise UsageError(f"{name} must be a number {'above' if above else 'not below'} 0, not {text!r}.")
    return value
