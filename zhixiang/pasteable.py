"""Commands as a user can paste them: with the path of the program where the PATH does not find it, and
quoted.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def pasteable(program: str, *arguments: str, home: Path | None = None) -> str:
    """One line for a shell.

    program    A command of this environment, such as ``zhixiang`` or ``mlflow``.
    arguments  Its words, quoted where they need it.
    home       Set as ZHIXIANG_HOME in front of the command where given.
    """
    beside = Path(sys.executable).parent / program
    on_path = shutil.which(program)
    name = (
        program
        if on_path is not None and os.path.realpath(on_path) == os.path.realpath(beside)
        else str(beside)
    )
    words = [shlex.quote(word) for word in (name, *arguments)]
    return " ".join([f"ZHIXIANG_HOME={shlex.quote(str(home))}", *words] if home is not None else words)


def browse_registry(tracking_uri: str) -> str:
    """The command that shows the model registry in a browser, on this machine alone."""
    return pasteable(
        "mlflow", "ui", "--backend-store-uri", tracking_uri, "--host", "127.0.0.1", "--port", "5000"
    )
