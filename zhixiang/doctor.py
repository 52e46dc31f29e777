"""What a machine needs, examined point by point; each failing point says what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipelines.errors import ZhixiangError
from pipelines.settings import Settings, cache_folder, default_home, load_settings

MIN_MEMORY_GB = 6.0
MIN_DISK_GB = 5.0
_PINNED = {
    "pyspark": "4.1.4",
    "delta-spark": "4.4.0",
    "deltalake": "1.6.6",
    "mlflow": "3.17.2",
    "xgboost": "3.2.0",
    "great-expectations": "1.24.1",
}


@dataclass(frozen=True)
class Finding:
    """One point: ``ok``, ``warn`` or ``fail``, what was found, and what to do about it."""

    topic: str
    state: str
    found: str
    remedy: str = ""


def examine() -> list[Finding]:
    """All points, in the order in which they matter."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python,
        _versions,
        _settings,
        _java,
        _jars,
        _memory,
        _disk,
        _home,
        _cache,
        _fonts,
        _facts,
    )
    findings = []
    for check in checks:
        try:
            findings.append(check())
        except ZhixiangError as error:
            findings.append(Finding(check.__name__.strip("_"), "fail", error.message, error.hint))
    return findings


def examine_parts() -> list[Finding]:
    """Every part of the home: whole, or what is lost or damaged and what to do."""
    from zhixiang.chain import declared_tables
    from zhixiang.home_state import DAMAGED, LOST, MOVED, WHOLE, examine_home

    states = {WHOLE: "ok", MOVED: "warn", LOST: "fail", DAMAGED: "fail"}
    return [
        Finding(part.name, states[part.state], part.found, part.remedy)
        for part in examine_home(load_settings(), declared_tables())
    ]


def _python() -> Finding:
    found = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro} in {sys.executable}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("python", "ok", found)
    return Finding("python", "fail", found, "Use Python 3.11, 3.12 or 3.13.")


def _versions() -> Finding:
    wrong = []
    for name, pinned in _PINNED.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = "not installed"
        if installed != pinned:
            wrong.append(f"{name} {installed} (pinned {pinned})")
    if wrong:
        return Finding("versions", "fail", "; ".join(wrong), "Install from requirements.lock: `make setup`.")
    return Finding("versions", "ok", ", ".join(f"{name} {pinned}" for name, pinned in _PINNED.items()))


def _settings() -> Finding:
    settings = load_settings()
    master = settings.platform.spark.master
    return Finding(
        "settings",
        "ok",
        f"{settings.conf_dir} (Spark {master}, environment {settings.environment or 'embedded default'})",
    )


def _java() -> Finding:
    from pipelines.storage.session.spark import find_java, java_major

    home = find_java()
    return Finding("java", "ok", f"Java {java_major(home)} in {home}")


def _jars() -> Finding:
    from pipelines.storage.session.spark import DELTA_COORDINATE, jars_present

    folder = jars_present(load_settings())
    if folder is None:
        return Finding(
            "jars",
            "warn",
            f"{DELTA_COORDINATE} is not cached yet",
            "The first run fetches it; without a network set spark.jars_folder in platform.yaml.",
        )
    return Finding("jars", "ok", str(folder))


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    if total < MIN_MEMORY_GB:
        return Finding(
            "memory",
            "warn",
            f"{total:.1f} GB",
            f"The demo wants {MIN_MEMORY_GB:.0f} GB; lower spark.driver_memory in platform.yaml.",
        )
    return Finding("memory", "ok", f"{total:.1f} GB")


def _disk() -> Finding:
    place = _existing(default_home())
    free = shutil.disk_usage(place).free / 1e9
    if free < MIN_DISK_GB:
        return Finding(
            "disk",
            "fail",
            f"{free:.1f} GB free below {place}",
            f"Free {MIN_DISK_GB:.0f} GB, or set ZHIXIANG_HOME to a larger disk.",
        )
    return Finding("disk", "ok", f"{free:.1f} GB free below {place}")


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _writable(topic: str, path: Path, variable: str) -> Finding:
    place = _existing(path)
    if not os.access(place, os.W_OK):
        return Finding(
            topic, "fail", f"{place} is not writable", f"Set {variable} to a folder that you may write to."
        )
    return Finding(topic, "ok", str(path))


def _home() -> Finding:
    return _writable("home", default_home(), "ZHIXIANG_HOME")


def _cache() -> Finding:
    return _writable("cache", cache_folder(), "XDG_CACHE_HOME")


def _fonts() -> Finding:
    import pylopdf_fonts_zh_cn

    folder = Path(str(pylopdf_fonts_zh_cn.__file__)).parent
    fonts = sorted(path.name for path in folder.rglob("*") if path.suffix.lower() in {".otf", ".ttf", ".ttc"})
    if not fonts:
        return Finding(
            "fonts", "fail", f"no font in {folder}", "Install from requirements.lock again: `make setup`."
        )
    return Finding("fonts", "ok", ", ".join(fonts))


def _facts() -> Finding:
    from pipelines.facts import load_facts

    settings: Settings = load_settings()
    return Finding(
        "facts", "ok", f"digest {load_facts(settings.facts_dir).digest[:16]} in {settings.facts_dir}"
    )
