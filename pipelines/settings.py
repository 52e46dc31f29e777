"""``conf/`` as frozen, described, typed settings: read once, unknown keys refused, passed down from
``main``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar, cast, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from pipelines.errors import SettingsError
from pipelines.settings_files import read_yaml, settings_error


class FrozenSettings(BaseModel):
    """Base of every group of settings: frozen, unknown keys refused, defaults never hidden in code."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class SettingsFile(FrozenSettings):
    """A group of settings that is a file of its own in ``conf/``; the subclass names the file.

    moved  Key of an earlier version -> the dotted key that it is now.
    later  Dotted key that came later -> the constant that held in its place before; conf kept with issued
           results and a home's own conf that an earlier version copied are read with it.
    """

    file: ClassVar[str]
    moved: ClassVar[Mapping[str, str]] = {}
    later: ClassVar[Mapping[str, Any]] = {}

    def value_of(self, key: str) -> Any:
        """The value of a dotted key, for example ``spikes.window_slots``."""
        found: Any = self
        for part in key.split("."):
            found = getattr(found, part)
        return found

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """A copy with other values, by dotted key; raises AttributeError for a key that there is not and
        ValidationError for a value that the file could not hold.
        """
        content = self.model_dump()
        for key, value in values.items():
            self.value_of(key)
            _put(content, key, value)
        return self.model_validate(content)


class SparkSettings(FrozenSettings):
    """The Spark session."""

    master: str = Field(description="Spark master; local[*] uses this machine's cores.")
    driver_memory: str = Field(description="Heap of the driver, for example 4g.")
    java_options: str = Field(
        description=(
            "Options of the driver's JVM; the quick compiler and collector suit jobs that end within minutes."
        )
    )
    shuffle_partitions: int = Field(ge=1, description="Partitions after a shuffle; size it to the work.")
    jars_folder: str = Field(
        description=(
            "Folder that already holds Delta's jars (no network then); empty: resolve once by coordinate and "
            "cache."
        )
    )
    jars_repository: str = Field(
        description="A mirror for the resolution by coordinate; empty: Spark's default."
    )
    extra: dict[str, str] = Field(description="Further Spark settings, as key: value.")


class MlflowSettings(FrozenSettings):
    """The model registry."""

    tracking_uri: str = Field(description="MLflow tracking store; empty: SQLite in the home folder.")
    experiment: str = Field(description="Experiment that runs are logged under.")


class IngestSettings(FrozenSettings):
    """Reading what arrives."""

    max_files_per_batch: int = Field(ge=1, description="Files per micro-batch.")
    max_file_bytes: int = Field(ge=1, description="Larger files are refused.")
    max_unpacked_bytes: int = Field(ge=1, description="A compressed file that grows beyond this is refused.")
    max_unpack_ratio: float = Field(
        gt=1, description="A compressed file that grows by more than this factor is refused."
    )
    tolerated_bad_rows: int = Field(
        ge=0,
        description=(
            "A file with no more unreadable records than this goes on whatever their share; they are "
            "quarantined."
        ),
    )
    max_bad_row_ratio: float = Field(
        ge=0, le=1, description="A file with a larger share of unreadable records stops before silver."
    )
    # A platform file of an earlier version lacks these; no result depends on them.
    systematic_ratio: float = Field(
        0.5, gt=0, le=1, description="A time of day that is unreadable on such a share of days is told of."
    )
    systematic_total_ratio: float = Field(
        0.9, gt=0, le=1, description="On such a share, at half the meter points, it stops the file ..."
    )
    systematic_days: int = Field(3, ge=2, description="... where these are at least so many days.")
    max_unknown_meter_points_ratio: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description=(
            "Where a larger share of a received table's records is held back because master data do not know "
            "the meter point, the run ends with exit code 3; 1: never. 0.05 where the key is missing."
        ),
    )


class LoggingSettings(FrozenSettings):
    """Events: one of every step and of every received file, with run, status, seconds and rows."""

    json_lines: bool = Field(
        description=(
            "Events as lines of JSON in logs/events.jsonl of the home; false: as plain text in "
            "logs/events.log."
        )
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        description=(
            "Least level of the events that are kept: refused files are warnings, failed steps errors."
        )
    )


class PlatformSettings(BaseSettings):
    """Storage, Spark, MLflow, events: ``conf/platform.yaml``, overlaid by an environment file and by
    ZHIXIANG__... variables.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="ZHIXIANG__", env_nested_delimiter="__"
    )

    tables_location: str = Field(
        description="Folder or object-store prefix of the Delta tables; empty: the home folder."
    )
    spark: SparkSettings
    mlflow: MlflowSettings
    ingest: IngestSettings
    logging: LoggingSettings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment variables first, then the overlay, then the default file."""
        paths = cast("list[Path]", init_settings()["yaml_paths"])
        return (
            env_settings,
            *(YamlConfigSettingsSource(settings_cls, yaml_file=path) for path in reversed(paths)),
        )


Section = TypeVar("Section", bound=SettingsFile)


class Settings:
    """All settings of one invocation.

    conf_dir  Folder with ``platform.yaml``, the products' files and ``facts/``.
    home      Folder of all state: tables, keys, models, outputs.
    is_kept   The folder was kept with issued results and is read in the shape of its time.
    """

    def __init__(
        self, conf_dir: Path, home: Path, environment: str | None = None, *, is_kept: bool = False
    ) -> None:
        self.conf_dir, self.home, self.environment, self.is_kept = conf_dir, home, environment, is_kept
        self._sections: dict[type[SettingsFile], SettingsFile] = {}
        self._section_digests: dict[type[SettingsFile], str] = {}

    @cached_property
    def platform(self) -> PlatformSettings:
        """``platform.yaml`` with the overlay of the environment."""
        paths = [self.conf_dir / "platform.yaml"]
        if self.environment:
            paths.append(self.conf_dir / "environments" / f"{self.environment}.yaml")
        for path in paths:
            read_yaml(path)
        try:
            return PlatformSettings(yaml_paths=paths)  # type: ignore[call-arg]
        except ValidationError as error:
            raise settings_error(paths[-1], PlatformSettings, error) from None

    def section(self, kind: type[Section]) -> Section:
        """The settings of one file of ``conf/``, validated once."""
        if kind not in self._sections:
            path = self.conf_dir / kind.file
            content = read_yaml(path)
            if self.is_kept:
                content = in_todays_shape(kind, content)
            else:
                _refuse_moved(path, kind, content)
                if self._is_own:
                    content = _with_later_keys(kind, content)
            try:
                self._sections[kind] = kind.model_validate(content)
            except ValidationError as error:
                raise settings_error(path, kind, error) from None
        return cast("Section", self._sections[kind])

    @property
    def _is_own(self) -> bool:
        """Whether these are the home's own settings: a copy that an earlier version may have made."""
        return self.conf_dir == self.home / OWN_CONF

    def section_digest(self, kind: type[SettingsFile]) -> str:
        """SHA-256 over the values of one file of ``conf/``; comments and the order of keys do not count.
        [hex]
        """
        if kind not in self._section_digests:
            values = json.dumps(read_yaml(self.conf_dir / kind.file), sort_keys=True, default=str)
            self._section_digests[kind] = hashlib.sha256(values.encode()).hexdigest()
        return self._section_digests[kind]

    @cached_property
    def facts_dir(self) -> Path:
        """Folder of the regulated numbers."""
        return self.conf_dir / "facts"

    @cached_property
    def digest(self) -> str:
        """SHA-256 over every threshold file of ``conf/`` (not the platform, which changes no result)."""
        digest = hashlib.sha256()
        for path in sorted(self.conf_dir.glob("*.yaml")):
            if path.name != "platform.yaml":
                digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()

    @property
    def tables_location(self) -> str:
        """Where the Delta tables are."""
        return self.platform.tables_location or str(self.home / "tables")


_NOT_IN_A_HOME = frozenset("%[]?#*\\")
OWN_CONF = "conf"


def load_settings(conf_dir: Path | None = None, home: Path | None = None) -> Settings:
    """Settings from arguments, else from ZHIXIANG_CONF / ZHIXIANG_HOME / ZHIXIANG_ENVIRONMENT, else those
    that the home itself holds, else the packaged defaults.
    """
    place = home or default_home()
    named = os.environ.get("ZHIXIANG_CONF")
    own = place / OWN_CONF
    chosen = conf_dir or (Path(named) if named else own if own.is_dir() else packaged("conf"))
    if not (chosen / "platform.yaml").is_file():
        raise SettingsError(
            f"{chosen} has no platform.yaml.",
            f"Copy it from {packaged('conf')}, or move {own} away: the packaged settings hold then."
            if chosen == own
            else "Point ZHIXIANG_CONF at a copy of conf/, or unset it for the defaults.",
        )
    check_home(place)
    return Settings(chosen, place, os.environ.get("ZHIXIANG_ENVIRONMENT") or None)


def check_home(place: Path) -> None:
    """Raises SettingsError for a path that no home can have."""
    if found := sorted(set(str(place)) & _NOT_IN_A_HOME):
        raise SettingsError(
            (
                f"The home folder {place} has {' '.join(found)} in its path, which Delta's readers take for "
                "something else."
            ),
            "Set ZHIXIANG_HOME to a folder without "
            + " ".join(sorted(_NOT_IN_A_HOME))
            + "; spaces and Chinese are fine.",
        )
    above = next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
    if not above.is_dir():
        raise SettingsError(
            f"The home folder {place} cannot be: {above} is a file.",
            "Set ZHIXIANG_HOME to a folder, or to a path where one can be made.",
        )


def default_home() -> Path:
    """ZHIXIANG_HOME, else the XDG data folder."""
    if os.environ.get("ZHIXIANG_HOME"):
        return Path(os.environ["ZHIXIANG_HOME"]).absolute()
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "zhixiang"


def cache_folder() -> Path:
    """The XDG cache folder: jars and compiled kernels; everything in it can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zhixiang"


def packaged(name: str) -> Path:
    """A folder that ships with the distribution: ``conf``, ``samples`` or ``docs`` (of which only what hints
    name is installed); in a checkout, the one at its root.
    """
    installed = Path(str(files("zhixiang"))) / name
    checkout = Path(__file__).resolve().parent.parent / name
    return installed if installed.is_dir() else checkout


def in_todays_shape(kind: type[SettingsFile], content: Mapping[str, Any]) -> dict[str, Any]:
    """What a file of an earlier version says, in the keys of today; today's files stay as they are.

    Keys that moved are moved, and one that was a constant then takes that constant.
    """
    found = {
        key: dict(value) if isinstance(value, dict) else value
        for key, value in content.items()
        if key not in kind.moved
    }
    for key, today in kind.moved.items():
        if key in content:
            _put(found, today, content[key])
    return _with_later_keys(kind, found, also_into_new_groups=True)


def _with_later_keys(
    kind: type[SettingsFile], content: Mapping[str, Any], *, also_into_new_groups: bool = False
) -> dict[str, Any]:
    """A file with the keys that came after it was copied, each as the constant that held before.

    It is that constant and not what ships now, whether or not results were issued: an old file goes on
    meaning what it meant, at its first run and at every later one.
    also_into_new_groups  Also where the group is not there at all and would still lack keys of its own;
                          otherwise what is missing is told as the group that it is.
    """
    found = {key: dict(value) if isinstance(value, dict) else value for key, value in content.items()}
    needed = {
        key.rpartition(".")[0]
        for key, field in described_keys(kind)
        if key not in kind.later and field.is_required()
    }
    for key, constant in kind.later.items():
        group = key.rpartition(".")[0]
        if not _has(found, key) and (also_into_new_groups or _has(found, group) or group not in needed):
            _put(found, key, constant)
    return found


def _refuse_moved(path: Path, kind: type[SettingsFile], content: Mapping[str, Any]) -> None:
    """Raises SettingsError that tells where each key of an earlier version stands now."""
    told = [f"{key} is now {kind.moved[key]}" for key in content if key in kind.moved]
    if told:
        raise SettingsError(
            f"{path}: {', '.join(told)}.", f"Move the values; the packaged conf/{kind.file} shows the shape."
        )


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    *groups, last = key.split(".")
    for group in groups:
        content = content.setdefault(group, {})
    content[last] = value


def _has(content: Any, key: str) -> bool:
    for part in key.split(".") if key else ():
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True


def described_keys(kind: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key with its declaration, those of a group by dotted name; in the order of the declarations."""
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and get_origin(inner) is None and issubclass(inner, BaseModel):
            yield from described_keys(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, field
