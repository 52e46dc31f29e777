"""What an ingest tells of itself."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class IngestSummary:
    """What one ingest did.

    refused  Name and reason of each file that says nothing usable; told once.
    halted   The same of files with too many unreadable records, or unreadable ones that follow a rule.
    warned   Name of each file that went on and what is to be told of it, such as the rule that its unreadable
             records follow.
    unread   The same of files that could not be read now, and of folders; the next run tries again.
    """

    accepted: int = 0
    duplicates: int = 0
    received_rows: int = 0
    quarantined_rows: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    halted: list[tuple[str, str]] = field(default_factory=list)
    warned: list[tuple[str, str]] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
