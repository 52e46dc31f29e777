"""When Java or a worker did not get its memory: told from other ends, and said with what to do."""

from __future__ import annotations

import re

from pipelines.errors import MachineError

_TOLD = re.compile(
    r"Could not reserve enough space|insufficient memory for the Java|Cannot allocate memory|"
    r"OutOfMemoryError|errno=12\b|Native memory allocation",
)
_PROBABLY = re.compile(r"Python worker exited unexpectedly|Answer from Java side is empty")
_HINT = (
    "Free memory, or lower spark.driver_memory in platform.yaml (or ZHIXIANG__SPARK__DRIVER_MEMORY=2g); "
    "`zhixiang doctor` shows what the machine has. Then run the same command again."
)


def memory_error(told: str, asked: str = "") -> MachineError | None:
    """The want of memory that a text tells of, or None.

    told   A log, or the words of an error.
    asked  The heap that was asked for, for example 3g.
    """
    found = _TOLD.search(told)
    if found:
        line = next((line.strip() for line in told.splitlines() if found[0] in line), found[0])
        heap = f" ({asked} of heap asked for)" if asked else ""
        return MachineError(f"The memory does not suffice{heap}: {line[:200].rstrip('.')}.", _HINT)
    if _PROBABLY.search(told):
        return MachineError(
            "Java or a worker of Spark ended without a word, most likely for want of memory.", _HINT
        )
    return None
