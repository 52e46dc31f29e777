"""The command as a user calls it: another process, with no setting of this one's but those that a test
gives.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def zhixiang(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Exit code, standard output and standard error of ``zhixiang`` in a home."""
    return run_module(home, "zhixiang.cli.main", *arguments, **environment)


def run_module(
    home: Path, name: str, *arguments: str, **environment: str
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
    )
