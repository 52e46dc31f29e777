"""``zhixiang vee``: anybody's files through validation and estimation, outside the store and without
Spark.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from zhixiang.cli.screen import JsonOption, StepProgress, complain, say, show_json, show_rows, warn

Frame = Literal["required", "optional"]
_QUIET_SECONDS = 2.0
_STEPS_BESIDE_FILES = 5


def vee(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files (or folders of files) of any known format, or long files that the mapping declares."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for intervals, flags and the report.")
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", help="What the columns of long files mean; see docs/formats/mapping.md."),
    ] = None,
    nem_frame: Annotated[
        Frame | None,
        typer.Option(
            "--nem-frame",
            help="Whether NEM files need their 100 and 900 record; else as conf/formats.yaml says.",
        ),
    ] = None,
    guess: Annotated[
        Path | None,
        typer.Option(
            "--guess",
            help="Instead: propose a mapping for files of no known format, show what it reads, and write it "
            "here.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Reads files, validates, estimates, and writes intervals (Parquet and CSV), flags, rejected records and
    a report.
    """
    from pipelines.errors import UsageError
    from pipelines.facts import load_facts
    from pipelines.formats import load_mapping
    from pipelines.periods import LOCAL_ZONE, utc_now
    from pipelines.settings import load_settings
    from zhixiang.vee_files.folder import prepare_folder, refuse_missing
    from zhixiang.vee_files.outputs import write_vee
    from zhixiang.vee_files.received import every_file
    from zhixiang.vee_files.run import run_vee

    refuse_missing(files)
    if guess is not None:
        _propose([*every_file(files)], guess, json=json)
        return
    if out is None:
        raise UsageError("Nothing says where to write.", "Name a folder with --out; it is made where needed.")
    declared = load_mapping(mapping) if mapping else None
    prepare_folder(out, [*every_file(files), *([mapping] if mapping else [])])
    settings = load_settings()
    steps = _Steps(sum(1 for _ in every_file(files)) + _STEPS_BESIDE_FILES, quiet=json)
    try:
        facts = load_facts(settings.facts_dir)
        result = run_vee(
            files,
            declared,
            settings,
            facts,
            utc_now().astimezone(LOCAL_ZONE).date(),
            steps.begin,
            out,
            nem_frame,
        )
        figures = write_vee(result, out, steps.begin)
    finally:
        steps.close()
    stopped = [row for row in result.files if row["status"] in ("refused", "halted")]
    for row in stopped:
        complain(
            f"refused {row['file']}: {row['reason']}",
            "docs/formats says what can be read; the other files went on." if row is stopped[-1] else "",
        )
    if result.assumed and not json:
        warn(
            f"a multiplier of 1 was assumed for {len(result.assumed)} meter points; give their meter_points "
            "file to change that"
        )
    if result.unknown and not json:
        named = ", ".join(result.unknown[:5]) + (", ..." if len(result.unknown) > 5 else "")
        warn(
            f"no row of meter_points can be used for {named} ({len(result.unknown)} meter points): what they "
            "sent is held back, see rejected.csv"
        )
    for remark in () if json else result.remarks:
        warn(remark)
    if json:
        show_json(figures | {"out": str(out), "file_list": result.files})
    else:
        counted = (
            ["meter_points", "days", "intervals", "measured", "estimated", "missing"]
            if figures["intervals"]
            else []
        )
        counted += (
            ["register_meter_points", "register_reads", "settled_reads"] if figures["register_reads"] else []
        )
        show_rows([{name: figures[name] for name in (*counted, "rejected_records")}])
        say(f"report: {out / 'report.html'}")
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _propose(files: list[Path], target: Path, *, json: bool) -> None:
    """Writes the mapping that is guessed, and shows what it reads and what is to be decided."""
    from pipelines.errors import UsageError
    from pipelines.formats import FormatSettings
    from pipelines.settings import load_settings
    from zhixiang.vee_files.guess.files import guess_files
    from zhixiang.vee_files.guess.proposal import as_yaml

    taken = UsageError(f"{target} is there already and stays as it is.", "Name another file with --guess.")
    if target.exists():
        raise taken
    settings = load_settings()
    found = guess_files(files, settings.platform.ingest, settings.section(FormatSettings))
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(as_yaml(found))
    except FileExistsError:
        raise taken from None
    except OSError as error:
        raise UsageError(
            f"{target} cannot be written: {error.strerror}.", "Name another file with --guess."
        ) from None
    if json:
        show_json(found.figures | {"out": str(target)})
    else:
        show_rows(found.rows, title=f"{found.file}: 前十个值 the first values as read")
        for channel, energy in found.energy.items():
            unit = "kvarh" if channel.startswith("reactive") else "kWh"
            say(f"{channel}: {energy:,.3f} {unit}, {found.days} days, {found.held} lines held back")
        for key, told in found.unsure.items():
            say(f"待定 to decide: {key}: {told}", colour="yellow")
        for remark in found.remarks:
            say(f"注意 note: {remark}")
        say(f"mapping: {target}")
    if found.refusal:
        complain(
            f"{found.file} cannot be read under it yet: {found.refusal}",
            f"Mend {target}; docs/formats/mapping.md says what its keys mean.",
        )
        raise typer.Exit(3)


class _Steps:
    """A bar that only shows once the work has taken two seconds."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total, self._quiet, self._began = total, quiet, time.monotonic()
        self._last: tuple[str, float] | None = None
        self._unsaid: list[tuple[str, float]] = []
        self._bar: StepProgress | None = None

    def begin(self, text: str) -> None:
        """Closes the step before and names the next; what was done before the bar shows is told with it, so
        that the count is right.
        """
        now = time.monotonic()
        if self._last is not None:
            self._unsaid.append((self._last[0], now - self._last[1]))
        if self._bar is None and not self._quiet and now - self._began > _QUIET_SECONDS:
            self._bar = StepProgress(self._total)
        if self._bar is not None:
            for step, seconds in self._unsaid:
                self._bar.line(step, "done", seconds)
            self._unsaid.clear()
            self._bar.begin(text)
        self._last = (text, now)

    def close(self) -> None:
        """Takes the bar off the screen."""
        if self._bar is not None:
            self._bar.close()
