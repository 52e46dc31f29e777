"""Whatever the umask, keys are their owner's alone, and what tells of people is read by owner and group."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.file_modes import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, put_file, restrict
from pipelines.identity.keys import KeyRing
from pipelines.identity.people import People
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from zhixiang.simulation.city import write_city
from zhixiang.simulation.malls import write_malls


@pytest.fixture(params=[0o000, 0o022, 0o077], autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.signing_key("delivery_signing")
    ring.secret("tenant_pseudonym")
    People(tmp_path).add("wang", tmp_path / "wang.pem")
    for path in ((tmp_path / "keys"), *(tmp_path / "keys").rglob("*")):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path
    assert mode(tmp_path / "wang.pem") == 0o600


def test_what_is_true_of_the_simulated_is_not_for_everybody(tmp_path: Path) -> None:
    truth = tmp_path / "simulation_truth"
    write_city(tmp_path / "inbox", packaged("samples"), 7, 2, 14, truth=truth)
    write_malls(tmp_path / "inbox", packaged("samples"), 7, [BillingMonth(2026, 9)], truth=truth)
    assert sorted(path.name for path in truth.iterdir()) == ["city_truth.parquet", "malls.json"]
    assert {mode(path) for path in truth.iterdir()} == {0o640}
    assert mode(truth) == 0o750


def test_a_folder_that_stands_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine").chmod(0o755)
    make_folder(tmp_path / "mine")
    put_file(tmp_path / "mine" / "page.html", b"x")
    assert (mode(tmp_path / "mine"), mode(tmp_path / "mine" / "page.html")) == (0o755, 0o640)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file")


def test_what_an_earlier_version_left_open_is_closed(tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    (out / "codes").mkdir(parents=True)
    outside.write_bytes(b"")
    outside.chmod(0o644)
    (out / "codes" / "A.html").write_bytes(b"x")
    (out / "codes" / "A.html").chmod(0o644)
    (out / "link").symlink_to(outside)
    restrict(out)
    restrict(tmp_path / "missing", PRIVATE_FOLDER, PRIVATE_FILE)
    assert (mode(out), mode(out / "codes"), mode(out / "codes" / "A.html")) == (0o750, 0o750, 0o640)
    assert mode(outside) == 0o644
