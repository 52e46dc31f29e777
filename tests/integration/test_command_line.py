"""The command line as a user meets it: one clear line for each mistake, the right exit code, never a stack
trace.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.settings import cache_folder, packaged
from pipelines.storage.home_lock import sole_writer
from tests.command_line import zhixiang
from zhixiang.pasteable import browse_registry, pasteable


def run(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return zhixiang(home, *arguments, **environment)


def told(answer: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in answer.stderr + answer.stdout
    return answer.stderr


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["init"],
        ["demo"],
        ["run"],
        ["inbox", "add"],
        ["inbox", "list"],
        ["doctor"],
        ["status"],
        ["ledger"],
        ["vee"],
        ["quarantine", "list"],
        ["quarantine", "replay"],
        ["table", "hash"],
        ["facts", "show"],
        ["bill", "show"],
        ["score", "show"],
        ["code", "verify"],
        ["model", "list"],
    ],
)
def test_every_command_has_help(command: list[str], tmp_path: Path) -> None:
    answer = run(*command, "--help", home=tmp_path)
    assert answer.returncode == 0
    assert "Usage" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--month", "2026-13"], "not a billing month"),
        (["run", "--month", "September"], "YYYY-MM"),
        (["run", "--month", "2026-09", "--from", "silvr"], "Did you mean 'silver'?"),
        (["run", "--month", "2026-09", "--from", "gold", "--to", "silver"], "comes after"),
        (["table", "hash", "gold_day_enery"], "gold_day_energy"),
        (["facts", "show", "--on", "yesterday"], "YYYY-MM-DD"),
        (["bill", "show", "NOBODY", "--month", "2026-09"], "NOBODY"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_two(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    answer = run(*arguments, home=tmp_path)
    assert answer.returncode == 2
    assert says in told(answer)
    assert len(answer.stderr.strip().splitlines()) <= 2


@pytest.mark.parametrize(
    ("change", "says"), [("surprise: 1\n", "'surprise' is not known"), (None, "'mlflow' is missing")]
)
def test_a_wrong_conf_is_one_clear_line_and_exit_code_two(
    change: str | None, says: str, tmp_path: Path
) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(packaged("conf"), conf)
    path = conf / "platform.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text + change
        if change
        else text.replace('mlflow:\n  tracking_uri: ""\n  experiment: zhixiang\n', ""),
        encoding="utf-8",
    )
    answer = run("run", "--month", "2026-09", home=tmp_path / "home", ZHIXIANG_CONF=str(conf))
    assert answer.returncode == 2
    assert says in told(answer)


def test_a_mistake_in_any_threshold_file_shows_before_the_run_begins(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(packaged("conf"), conf)
    path = conf / "vee.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "spike: 3\n", encoding="utf-8")
    answer = run("run", "--month", "2026-09", home=tmp_path / "home", ZHIXIANG_CONF=str(conf))
    assert answer.returncode == 2
    assert "'spike' is not known" in told(answer)
    assert "Did you mean 'spikes'?" in told(answer)
    assert json.loads(run("ledger", "--json", home=tmp_path / "home").stdout)["runs"] == []


def test_two_people_edit_and_mistakes_are_one_clear_line(tmp_path: Path) -> None:
    home, li = tmp_path / "home", str(tmp_path / "li.pem")
    made = run("key", "new", "li", "--out", li, "--json", home=home)
    assert json.loads(made.stdout)["name"] == "li"
    assert [row["name"] for row in json.loads(run("key", "list", "--json", home=home).stdout)] == ["li"]
    propose = ["edit", "propose", "MP-STEEL-0001", "2026-09-10", "--reason", "tested", "--key", li]
    for arguments, says in (
        (["--from", "10:00", "--to", "10:15", "--kwh", "1"], "no curve of active_forward on 2026-09-10"),
        (["--from", "10:00", "--to", "25:00", "--kwh", "1"], "no time of day"),
        (["--from", "10:00", "--to", "10:15", "--kwh", "one"], "no number"),
    ):
        answer = run(*propose, *arguments, home=home)
        assert answer.returncode == 2
        assert says in told(answer)
    assert run("edit", "approve", "0123456789abcdef", "--key", li, home=home).returncode == 2
    assert json.loads(run("edit", "list", "--json", home=home).stdout) == []


@pytest.mark.parametrize("name", ["100% mine", "a[1]", "what?", "a#b"])
def test_a_home_that_delta_cannot_address_is_refused_before_anything_is_written(
    name: str, tmp_path: Path
) -> None:
    answer = run("status", home=tmp_path / name)
    assert answer.returncode == 2
    assert "spaces and Chinese are fine" in told(answer)
    assert not (tmp_path / name).exists()


def test_facts_are_shown_with_document_and_confidence(tmp_path: Path) -> None:
    answer = run("facts", "show", "--on", "2026-09-01", "--json", home=tmp_path)
    rows = {row["fact_id"]: row for row in json.loads(answer.stdout)}
    price = next(
        row
        for name, row in rows.items()
        if name.startswith("transmission") and name.endswith("1_to_20kv") and "two_part.energy" in name
    )
    assert (price["value"], price["confidence"]) == ("0.1250", "medium")
    assert "1077" in price["document"]
    assert rows["energy_base"]["confidence"] == "illustrative"


def test_doctor_examines_this_machine(tmp_path: Path) -> None:
    answer = run("doctor", "--json", home=tmp_path)
    found = {finding["topic"]: finding["state"] for finding in json.loads(answer.stdout)}
    assert found["python"] == found["java"] == found["facts"] == found["fonts"] == "ok"
    hidden = run("doctor", "--json", home=tmp_path, ZHIXIANG_CONF=str(tmp_path / "nowhere"))
    assert hidden.returncode == 2
    assert any(finding["state"] == "fail" and finding["remedy"] for finding in json.loads(hidden.stdout))


def test_status_and_ledger_of_an_empty_home_say_so(tmp_path: Path) -> None:
    report = json.loads(run("status", "--json", home=tmp_path).stdout)
    assert (report["tables"], report["models"], report["keys"], report["run"]) == ({}, {}, {}, None)
    assert json.loads(run("ledger", "--json", home=tmp_path).stdout) == {"runs": [], "files": []}


def test_a_fresh_demo_deletes_nothing_while_another_process_writes(tmp_path: Path) -> None:
    kept = tmp_path / "tables" / "bronze_files" / "part.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"data")
    (tmp_path / "demo.json").write_text("{}")
    with sole_writer(tmp_path):
        answer = run("demo", "--fresh", home=tmp_path)
    assert answer.returncode != 0
    assert "is writing to" in told(answer)
    assert kept.read_bytes() == b"data"


def test_a_fresh_demo_refuses_a_home_that_no_demo_made(tmp_path: Path) -> None:
    kept = tmp_path / "tables" / "bronze_files" / "part.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"data")
    answer = run("demo", "--fresh", home=tmp_path)
    assert answer.returncode == 2
    assert "no demo made" in told(answer)
    assert kept.read_bytes() == b"data"


def test_help_of_every_command_imports_nothing_heavy() -> None:
    """In one process: each of them would bring the seconds that an answer must not take."""
    script = """
import sys, typer
from typer.testing import CliRunner
from zhixiang.cli.main import app
tree = typer.main.get_command(app)
def paths(command, words=()):
    yield words
    for name, sub in getattr(command, "commands", {}).items():
        yield from paths(sub, (*words, name))
count = 0
for words in paths(tree):
    answer = CliRunner().invoke(app, [*words, "--help"])
    assert answer.exit_code == 0 and "Usage" in answer.output, (words, answer.output)
    count += 1
heavy = {"numpy", "pandas", "pyarrow", "pyspark", "mlflow", "xgboost", "great_expectations", "matplotlib",
         "deltalake", "yaml", "jinja2"}
print(count, sorted(heavy & set(sys.modules)))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    count, loaded = answer.stdout.strip().split(" ", 1)
    assert int(count) > 30
    assert loaded == "[]"


def test_a_command_can_be_pasted_into_a_shell_that_does_not_know_it(tmp_path: Path) -> None:
    home = tmp_path / "a home's folder"
    line = pasteable("zhixiang", "status", "--json", home=home)
    answer = subprocess.run(
        ["/bin/sh", "-c", line],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert json.loads(answer.stdout)["home"] == str(home)
    assert "mlflow ui" in browse_registry("sqlite:////x y/mlflow.db")
    assert "'sqlite:////x y/mlflow.db'" in browse_registry("sqlite:////x y/mlflow.db")


def test_a_class_data_archive_that_does_not_fit_leaves_reports_alone(tmp_path: Path) -> None:
    """The JVM would tell of it on stdout, in the middle of the JSON."""
    cache = tmp_path / "cache" / "zhixiang"
    cache.mkdir(parents=True)
    for part in ("jars", "java-shim"):
        if (cache_folder() / part).exists():
            (cache / part).symlink_to(cache_folder() / part)
    script = (
        "from pipelines.storage.session import spark; spark.archive_path().write_bytes(b'no archive' * 1000)"
    )
    environment = {"XDG_CACHE_HOME": str(cache.parent)}
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60, env={**os.environ, **environment})
    answer = run(
        "run", "--month", "2026-09", "--to", "ingest", "--json", home=tmp_path / "home", **environment
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["exit_code"] == 0
