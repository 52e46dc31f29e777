"""Where the files of a table's location are: on this machine, or on what its address names."""

from __future__ import annotations

from functools import cache

from pyarrow import fs

LOCAL = fs.LocalFileSystem(use_mmap=True)
_SPARKS_NAMES = {"s3a": "s3", "s3n": "s3"}
"""Schemes that Spark and Delta know by a name of their own."""
_WITHOUT_FOLDERS = frozenset({"s3", "gcs", "abfs"})


def located(address: str) -> tuple[fs.FileSystem, str]:
    """The file system of an address and the path there.

    address  A local path, or a URI such as ``s3://bucket/tables/gold_day_energy``. It is text, so it travels
             to the workers; each process opens a file system once.

    Raises pyarrow.ArrowInvalid for a scheme that nobody knows.
    """
    scheme, is_uri, rest = address.partition("://")
    if not is_uri:
        return LOCAL, address
    authority, _, path = rest.partition("/")
    system, base = _opened(f"{_SPARKS_NAMES.get(scheme, scheme)}://{authority}/")
    return system, f"{base.rstrip('/')}/{path}" if base else path


@cache
def _opened(root: str) -> tuple[fs.FileSystem, str]:
    system, base = fs.FileSystem.from_uri(root)
    return (LOCAL if isinstance(system, fs.LocalFileSystem) else system), base


def make_folder(system: fs.FileSystem, path: str) -> None:
    """Makes a folder and those above it; nothing where a file's name alone makes its folders."""
    if system.type_name not in _WITHOUT_FOLDERS:
        system.create_dir(path, recursive=True)
