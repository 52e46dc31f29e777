"""The delivery before: its manifest, its folder as it stands now, and what of it goes on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import TamperedError, UsageError
from pipelines.identity.keys import KeyRing
from pipelines.periods import BillingMonth
from zhixiang.delivery.folder import SUFFIXES, Deviation, deviations, is_ordinary, revision_name, written
from zhixiang.delivery.manifest import BESIDE_LIST, MANIFEST, is_newest, last_manifest


@dataclass(frozen=True)
class Before:
    """The delivery before: its manifest, empty where there is none, and what differs in the folder now."""

    manifest: Mapping[str, Any] = field(default_factory=dict)
    found: Sequence[Deviation] = ()

    @property
    def sound(self) -> dict[str, str]:
        """The files that are as they were delivered -> their SHA-256."""
        bad = {each.name for each in self.found}
        return {name: sha for name, sha in self.manifest.get("files", {}).items() if name not in bad}

    @property
    def revisions(self) -> Mapping[str, int]:
        """Name without suffix -> delivered revision."""
        found: Mapping[str, int] = self.manifest.get("revisions", {})
        return found


def look(home: Path, keys: KeyRing) -> Before:
    """The delivery before, held against the folder; a manifest that nobody signed or that was altered is
    told and counts for nothing.
    """
    out = home / "out"
    try:
        manifest = last_manifest(home, keys)
    except TamperedError:
        manifest = None
    if manifest is None:
        broken = [Deviation("altered", MANIFEST, "签名不符 it is not signed by this home; written anew")]
        return Before({}, broken if (out / MANIFEST).exists() else ())
    found = (
        deviations(out, manifest["files"], manifest.get("bytes", {}), BESIDE_LIST)
        if out.is_dir()
        else [Deviation("missing", "out", "整个交付缺失 the whole delivery")]
    )
    if not is_newest(home):
        found.append(Deviation("altered", MANIFEST, "不是最近一次交付的清单 not that of the last delivery"))
    if not out.is_dir():
        return Before({**manifest, "files": {}}, found)
    return Before(manifest, found)


def months_before(out: Path, manifest: Mapping[str, Any]) -> list[BillingMonth]:
    """The months delivered earlier; of a folder whose manifest is broken those of which it holds bills or
    codes.
    """
    names = manifest.get("months")
    if names is None:
        names = [path.name for part in ("bills", "codes") for path in (out / part).glob("[0-9]*-[0-9]*")]
    found = []
    for name in names:
        try:
            found.append(BillingMonth.parse(name))
        except UsageError:
            continue
    return found


def earlier_revisions(out: Path, before: Before) -> dict[str, str]:
    """Files of earlier revisions that a delivery which was killed had put in place already -> SHA-256: their
    names are of the revision that was delivered, their bytes those that were delivered under the plain name.
    """
    files: Mapping[str, str] = before.manifest.get("files", {})
    added = {each.name for each in before.found if each.kind == "added"}
    found = {}
    for plain, sha in files.items():
        suffix = Path(plain).suffix
        base = plain.removesuffix(suffix)
        # As keep_revisions names them: a delivery of an early version told no revisions.
        unknown = None if before.revisions else before.manifest.get("run_id")
        delivered = before.revisions.get(base, unknown)
        if delivered is None or suffix not in SUFFIXES:
            continue
        name = revision_name(base, suffix, delivered)
        if name in added and is_ordinary(out / name) and written(out / name).sha256 == sha:
            found[name] = sha
    return found


def revisions_of_kept(before: Before, kept: Collection[str]) -> dict[str, int]:
    """Delivered revisions of results whose files stay, though this delivery did not make them: a bill that is
    refused once keeps its issued page at the revision after. Of what they were made is not carried on, so
    that the next delivery checks them again.
    """
    return {
        base: revision
        for base, revision in before.revisions.items()
        if any(base + suffix in kept for suffix in SUFFIXES)
    }
