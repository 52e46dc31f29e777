"""A step: declared tables in, declared tables out. Wiring is data; the runner does the reading and the
writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Union

import pyarrow as pa

from pipelines.engine.issued_files import IssuedFiles
from pipelines.errors import ZhixiangError
from pipelines.models.model import ModelBundle, TrainedModel
from pipelines.periods import BillingMonth
from pipelines.settings import Section, SettingsFile
from pipelines.storage.data_files import WrittenFile
from pipelines.tables.base import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from pipelines.facts import Facts


class WriteMode(Enum):
    """How a step's frame enters its table."""

    REPLACE = "replace"
    """The whole table is replaced by the frame."""
    REPLACE_MONTHS = "replace_months"
    """The partitions of the months asked for are replaced, also where the frame holds no row of them."""
    REVISE = "revise"
    """Rows are never edited: a subject whose result or evidence differs from its last revision gets a new
    one. Workers may have numbered, judged and written them.
    """
    REPLACE_OWN = "replace_own"
    """Rows whose ``stage`` is this step's name are replaced; those of other steps stay."""
    COMMIT_FILES = "commit_files"
    """Workers have written Parquet files; one transaction puts them in the place of all rows before."""


class HaltedMonthError(Exception):
    """A month of which nothing may be issued, with what can be told of it. The runner writes the accounts,
    then raises ``error``: that is what people read.

    accounts  Tables of the step that are replaced by month -> their rows of this month.
    """

    def __init__(
        self, error: ZhixiangError, month: BillingMonth, accounts: Mapping[type[Table], pa.Table]
    ) -> None:
        self.error, self.month, self.accounts = error, month, accounts
        super().__init__(str(error))


class Frames(Mapping[type[Table], "DataFrame"]):
    """The tables that a step reads as Spark frames, each opened when it is first asked for: steps whose
    workers read files ask for none.
    """

    def __init__(self, tables: Sequence[type[Table]], opened: Callable[[type[Table]], DataFrame]) -> None:
        self._tables, self._open = tuple(dict.fromkeys(tables)), opened
        self._frames: dict[type[Table], DataFrame] = {}

    def __getitem__(self, table: type[Table]) -> DataFrame:
        if table not in self._frames:
            if table not in self._tables:
                raise KeyError(table)
            self._frames[table] = self._open(table)
        return self._frames[table]

    def __iter__(self) -> Iterator[type[Table]]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


class StepSettings(Protocol):
    """What a step sees of the settings; nothing of the platform, which changes no result."""

    @property
    def home(self) -> Path:
        """Folder of all state."""
        ...

    def section(self, kind: type[Section]) -> Section:
        """The settings of one file of ``conf/`` that the step declares."""
        ...


@dataclass(frozen=True)
class PreviousRun:
    """What the newest run of a step saw and left; rows that none of its differences reach stand as they are.

    versions  Delta version of each table read or written.
    now       The instant at which that run began.
    paths     Table read or written -> paths of the data files of that version.
    """

    versions: Mapping[str, int]
    now: datetime
    paths: Callable[[type[Table]], Sequence[str]]


@dataclass(frozen=True)
class Inputs:
    """What a step's function receives.

    frames    Each table of ``reads`` as a Spark frame.
    settings  The sections of the settings that the step declares.
    facts     The regulated numbers that the step declares.
    months    The billing months that the run is asked for, in order.
    bundles   The verified champion of each model that the step names; one of ``optional_models`` may be
              missing.
    versions  Delta version of each table read.
    run_id    The run.
    rules_digest  The kept rules of the run, which issued rows name.
    session   The session when it is called, for work that is dealt to workers; a step that does not call it
              starts none.
    now       The instant at which the run began; the only clock a step may know.
    location  Table -> folder, for steps whose workers read and write files themselves.
    files     Table -> data files of the version read, relative to its folder.
    current  Table that the step writes -> data files that stand there now, relative to its folder.
    standing  Table that the step issues -> paths of its data files as they stand, whatever declaration they
              were written under.
    previous  The step's newest run, where nothing has changed since but the versions of what it reads; none:
              everything is computed.
    """

    frames: Mapping[type[Table], DataFrame]
    settings: StepSettings
    facts: Facts
    months: Sequence[BillingMonth]
    bundles: Mapping[str, ModelBundle]
    versions: Mapping[str, int]
    run_id: str
    session: Callable[[], SparkSession]
    now: datetime
    location: Callable[[type[Table]], str]
    files: Callable[[type[Table]], Sequence[str]]
    current: Callable[[type[Table]], Sequence[str]] = lambda _table: ()
    previous: PreviousRun | None = None
    standing: Callable[[type[Table]], Sequence[str]] = lambda _table: ()
    rules_digest: str = ""

    @property
    def spark(self) -> SparkSession:
        """The session, started now if need be."""
        return self.session()

    def frame(self, table: type[Table]) -> DataFrame:
        """The frame of one declared table."""
        return self.frames[table]

    def paths(self, table: type[Table]) -> list[str]:
        """Paths of the data files of the version read."""
        return [f"{self.location(table)}/{path}" for path in self.files(table)]

    def current_paths(self, table: type[Table]) -> list[str]:
        """Paths of the data files of a written table as it stands."""
        return [f"{self.location(table)}/{path}" for path in self.current(table)]


@dataclass(frozen=True)
class Coverage:
    """How much of what a step's sources hold was computed.

    unit      What is counted: ``meter points`` or ``months``.
    computed  How many were computed.
    known     How many there are.
    """

    unit: str
    computed: int
    known: int

    def __str__(self) -> str:
        return f"{self.computed:,} of {self.known:,} {self.unit}"


@dataclass(frozen=True)
class WorkerFiles:
    """Files that wait for their commit, and what the workers counted in them.

    violations  Constraint -> rows that break it; the gate halts unless all are 0.
    kept        Data files of the table that stay beside them, relative to its folder; none: what stood is
                replaced as a whole.
    coverage       How much was computed; none where nobody counts.
    """

    files: tuple[WrittenFile, ...]
    violations: Mapping[str, int]
    kept: frozenset[str] | None = None
    coverage: Coverage | None = None


Written = Union["DataFrame", pa.Table, WorkerFiles, IssuedFiles]
Apply = Callable[[Inputs], Mapping[type[Table], Written]]
Reached = Callable[[Inputs], bool]
"""Whether anything of what its sources changed since its newest run can change a step's result. It is asked
only where nothing but versions of the sources has changed, and is given that run as ``previous``; it opens no
frame, and in doubt it says yes.
"""


@dataclass(frozen=True)
class Step:
    """One unit of work of the chain.

    stage        The name that ``--from`` and ``--to`` accept: ingest, silver, gold, train, credit-index ...
    name         Name in the run ledger.
    reads        Tables read.
    writes       Tables written, each with its mode.
    apply        Pure function of the inputs.
    uses_models  Registered models without whose champion there is nothing to compute: the step is left out
                 then, and says so.
    optional_models  Registered models whose champion the function is given where there is one.
    by_month     Whether the result depends on the months asked for.
    by_affected   Whether the function computes only what the changes since its newest run affect; it is then
                 told of that run.
    is_reached    Whether changed sources reach the step; none: always.
    settings     Sections of ``conf/`` that the function reads; a change of any other does not run it again.
    facts        Whether it uses the regulated numbers: all, none, or the named subjects of ``Facts``.
    """

    stage: str
    name: str
    reads: tuple[type[Table], ...]
    writes: Mapping[type[Table], WriteMode]
    apply: Apply
    uses_models: tuple[str, ...] = ()
    optional_models: tuple[str, ...] = ()
    by_month: bool = False
    by_affected: bool = False
    is_reached: Reached | None = None
    settings: tuple[type[SettingsFile], ...] = ()
    facts: bool | tuple[str, ...] = False

    @property
    def named_models(self) -> tuple[str, ...]:
        """Every model that the function may be given."""
        return (*self.uses_models, *self.optional_models)


@dataclass(frozen=True)
class TrainStep:
    """A step that ends in a registered model instead of a table; ``settings`` and ``facts`` as in
    ``Step``.

    train         Raises TooLittleDataError where there is too little to learn from: the run goes on without
                  a new model.
    may_be_empty  Tables of ``reads`` that may hold nothing; without rows in the others nothing is trained.
    of_months     What of the months asked for the model depends on, in words; none: nothing.
    is_reached    As in ``Step``; what it does not reach is not trained again.
    """

    stage: str
    name: str
    model: str
    reads: tuple[type[Table], ...]
    train: Callable[[Inputs], TrainedModel]
    challenge: Callable[[TrainedModel, ModelBundle, Inputs], tuple[bool, str]] | None = None
    """Whether a challenger beats the champion on the same frozen rows, and why; none: the newest wins.
    """
    settings: tuple[type[SettingsFile], ...] = ()
    facts: bool | tuple[str, ...] = False
    may_be_empty: tuple[type[Table], ...] = ()
    of_months: Callable[[StepSettings, Sequence[BillingMonth]], str] | None = None
    is_reached: Reached | None = None
