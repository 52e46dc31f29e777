"""The command as a user calls it: another process, with no setting of this one's but those that a test
gives.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path


def zhixiang(
    home: Path, *arguments: str, file_limit_bytes: int | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Exit code, standard output and standard error of ``zhixiang`` in a home.

    file_limit_bytes  No file that it writes may grow beyond this; none: no limit.
    """
    return run_module(home, "zhixiang.cli.main", *arguments, file_limit_bytes=file_limit_bytes, **environment)


def run_module(
    home: Path, name: str, *arguments: str, file_limit_bytes: int | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The same of any module that is started by its name."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ZHIXIANG")}
    return subprocess.run(
        [sys.executable, "-m", name, *arguments],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        env={**plain, "ZHIXIANG_HOME": str(home), **environment},
        preexec_fn=None if file_limit_bytes is None else partial(_limit_files, file_limit_bytes),
    )


def _limit_files(size_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))
