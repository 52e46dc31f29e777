"""A key is made only in a home that never had one: whatever of keys/ and of the record is lost, none is
remade silently, and what the old one signed can still be confirmed.
"""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.errors import LostKeyError, TamperedError, UnknownNameError, UsageError
from pipelines.identity.keys import CODE_KEY, DELIVERY_KEY, MODEL_KEY, PSEUDONYM, KeyRing, key_id
from pipelines.identity.known_keys import BESIDE_KEYS, OUTSIDE_KEYS, KeyRecord
from pipelines.identity.public_keys import read_public_keys

SIGNED = b"what was signed"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that made all its keys."""
    ring = KeyRing(tmp_path)
    for name in (MODEL_KEY, DELIVERY_KEY, CODE_KEY):
        ring.signing_key(name)
    ring.secret(PSEUDONYM)
    return tmp_path


def test_threads_that_ask_at_once_get_one_key_and_one_record(tmp_path: Path) -> None:
    """Two models are trained beside each other in a new home; each was once about to make its own key."""
    names = (MODEL_KEY, DELIVERY_KEY, CODE_KEY) * 8
    with ThreadPoolExecutor(len(names)) as pool:
        found = list(pool.map(lambda name: (name, KeyRing(tmp_path).signing_key(name).key_id), names))
        secrets = set(pool.map(lambda _: KeyRing(tmp_path).secret(PSEUDONYM), range(8)))
    assert len(set(found)) == 3
    assert len(secrets) == 1
    assert {name: ids(tmp_path)[name] for name, _ in found} == dict(found)
    assert set(ids(tmp_path)) == {MODEL_KEY, DELIVERY_KEY, CODE_KEY, PSEUDONYM}


def ids(home: Path) -> dict[str, str]:
    return KeyRing(home).known()


@pytest.mark.parametrize("name", [MODEL_KEY, DELIVERY_KEY, CODE_KEY, PSEUDONYM])
@pytest.mark.parametrize(
    "lost", ["file", "keys", "keys and the record beside", "file and the record outside"]
)
def test_a_lost_key_is_never_made_anew(home: Path, name: str, lost: str) -> None:
    before = ids(home)
    if lost.startswith("file"):
        (path,) = (home / "keys").glob(f"{name}.*")
        path.unlink()
    else:
        shutil.rmtree(home / "keys")
    if lost.endswith("outside"):
        (home / OUTSIDE_KEYS).unlink()
    ask = KeyRing(home).secret if name == PSEUDONYM else KeyRing(home).signing_key
    with pytest.raises(LostKeyError) as caught:
        ask(name)
    assert before[name] in caught.value.message
    assert "zhixiang key restore FILE" in caught.value.hint
    assert f"zhixiang key replace {name}" in caught.value.hint
    assert not list((home / "keys").glob(f"{name}.*"))
    with pytest.raises(LostKeyError):
        KeyRing(home).check()
    assert ids(home) == before, "the record still names it"


def test_what_it_signed_betrays_a_key_of_a_home_without_record(home: Path) -> None:
    codes = home / "out" / "codes" / "2026-09"
    codes.mkdir(parents=True)
    (codes / "x.txt").write_text("ZX1:")
    (home / OUTSIDE_KEYS).unlink()
    shutil.rmtree(home / "keys")
    with pytest.raises(LostKeyError, match="every fee code issued"):
        KeyRing(home).signing_key(CODE_KEY)
    with pytest.raises(LostKeyError, match="pseudonyms"):
        KeyRing(home).secret(PSEUDONYM)
    KeyRing(home).signing_key(MODEL_KEY)


@pytest.mark.parametrize("name", [MODEL_KEY, DELIVERY_KEY, CODE_KEY, PSEUDONYM])
def test_the_homes_copy_of_a_manifest_betrays_a_key_where_out_is_gone_too(home: Path, name: str) -> None:
    (home / OUTSIDE_KEYS).unlink()
    shutil.rmtree(home / "keys")
    kept = home / "delivered"
    kept.mkdir()
    told = {"files": {"codes/2026-09/x.txt": "0" * 64}, "models": {"credit_index": {"version": "1"}}}
    (kept / "manifest.json").write_text(json.dumps(told))
    (kept / "manifest.json.sig").write_bytes(bytes(64))
    ask = KeyRing(home).secret if name == PSEUDONYM else KeyRing(home).signing_key
    with pytest.raises(LostKeyError):
        ask(name)
    assert not (home / "keys").exists()
    (kept / "manifest.json.sig").unlink()
    for content in ('{"files": {"index.html": ""}, "models": {}}', "[]", "[", '{"files": 1, "models": 1}'):
        (kept / "manifest.json").write_text(content)
        with_key = KeyRing(home).secret if name == PSEUDONYM else KeyRing(home).signing_key
        assert with_key(name), "no trace of this key"
        shutil.rmtree(home / "keys")
        (home / OUTSIDE_KEYS).unlink()


def unfinished(home: Path, name: str, content: bytes) -> Path:
    """A first key of which a killed run of 0.3 left the file alone, without its bytes and its record."""
    for place in (BESIDE_KEYS, OUTSIDE_KEYS):
        (home / place).unlink()
    (path,) = (home / "keys").glob(f"{name}.*")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", [MODEL_KEY, DELIVERY_KEY, CODE_KEY, PSEUDONYM])
@pytest.mark.parametrize("content", [b"", b"half"])
def test_of_an_unfinished_first_key_both_told_commands_go_on(
    home: Path, name: str, content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (path,) = (home / "keys").glob(f"{name}.*")
    backup = tmp_path_factory.mktemp("backup") / path.name
    shutil.copyfile(path, backup)
    before = ids(home)
    path = unfinished(home, name, content)
    with pytest.raises(TamperedError) as caught:
        KeyRing(home).check()
    assert f"zhixiang key replace {name}" in caught.value.hint
    assert {row["name"]: row["state"] for row in KeyRing(home).states()}[name] == "unreadable"
    KeyRing(home).restore(backup)
    assert ids(home) == before
    KeyRing(home).check()
    unfinished(home, name, content)
    made = KeyRing(home).replace(name)
    assert ids(home) == before | {name: made.key_id}
    KeyRing(home).check()


def test_a_key_that_is_not_written_to_its_end_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        for make in (KeyRing(tmp_path).signing_key, KeyRing(tmp_path).secret):
            with pytest.raises(KeyboardInterrupt):
                make(PSEUDONYM)
    assert not [path for path in (tmp_path / "keys").iterdir() if not path.name.startswith(".")]
    KeyRing(tmp_path).secret(PSEUDONYM)
    KeyRing(tmp_path).signing_key(CODE_KEY)
    KeyRing(tmp_path).check()


def test_a_file_beside_the_keys_is_no_key_of_the_home(home: Path) -> None:
    before = ids(home)
    for name in ("old.pem", "model_signing-2025.pem", "note.bin"):
        (home / "keys" / name).write_bytes(b"whatever")
    KeyRing(home).adopt()
    assert ids(home) == before
    assert {row["state"] for row in KeyRing(home).states()} == {"in place"}


def test_a_home_of_before_is_written_down_at_its_first_start(home: Path) -> None:
    before = ids(home)
    for place in (BESIDE_KEYS, OUTSIDE_KEYS):
        (home / place).unlink()
    KeyRing(home).adopt()
    assert ids(home) == before
    assert (home / BESIDE_KEYS).read_bytes() == (home / OUTSIDE_KEYS).read_bytes()
    (home / "keys" / f"{CODE_KEY}.pem").unlink()
    with pytest.raises(LostKeyError):
        KeyRing(home).signing_key(CODE_KEY)


def test_the_record_holds_no_private_half(home: Path) -> None:
    secret = KeyRing(home).secret(PSEUDONYM)
    raw = KeyRing(home).signing_key(CODE_KEY).private.private_bytes_raw()
    for place in (BESIDE_KEYS, OUTSIDE_KEYS):
        text = (home / place).read_text()
        assert secret.hex() not in text
        assert raw.hex() not in text


def test_restored_from_a_backup_under_any_name(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before, backup = ids(home), tmp_path_factory.mktemp("backup")
    for number, path in enumerate(sorted((home / "keys").glob("*.[pb][ei][mn]"))):
        shutil.copyfile(path, backup / f"{number}.bak")
    shutil.rmtree(home / "keys")
    for path in sorted(backup.iterdir()):
        KeyRing(home).restore(path)
    assert ids(home) == before
    KeyRing(home).check()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home / "keys").glob("*.[pb][ei][mn]"))


def test_only_a_key_of_this_home_is_restored(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    KeyRing(other).signing_key(CODE_KEY)
    (home / "keys" / f"{CODE_KEY}.pem").unlink()
    with pytest.raises(UsageError, match="no key that this home made"):
        KeyRing(home).restore(other / "keys" / f"{CODE_KEY}.pem")
    for content in (b"", b"x" * 31, b"\x89PNG\r\n", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"):
        (other / "no_key").write_bytes(content)
        with pytest.raises(UsageError):
            KeyRing(home).restore(other / "no_key")
    with pytest.raises(UsageError):
        KeyRing(home).restore(other / "not there")


def test_another_key_in_the_file_is_refused_and_set_aside_by_a_restore(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, backup = home / "keys" / f"{CODE_KEY}.pem", tmp_path_factory.mktemp("backup") / "key.pem"
    shutil.copyfile(path, backup)
    for wrong in ((home / "keys" / f"{MODEL_KEY}.pem").read_bytes(), b"", b"not a key"):
        path.write_bytes(wrong)
        with pytest.raises(TamperedError) as caught:
            KeyRing(home).signing_key(CODE_KEY)
        assert "zhixiang key restore FILE" in caught.value.hint
        KeyRing(home).restore(backup)
        KeyRing(home).check()
    assert len(list((home / "keys" / "retired").iterdir())) == 3


def test_a_replaced_key_still_confirms_what_it_signed(home: Path) -> None:
    old = KeyRing(home).signing_key(CODE_KEY)
    signature = old.sign(SIGNED)
    (home / "keys" / f"{CODE_KEY}.pem").unlink()
    made = KeyRing(home).replace(CODE_KEY)
    assert made.key_id != old.key_id
    now, before = KeyRing(home).public_keys(CODE_KEY)
    assert (now.key_id, now.last_day) == (KeyRing(home).signing_key(CODE_KEY).key_id, "")
    assert (before.key_id, bool(before.last_day)) == (old.key_id, True)
    assert before.has_signed(SIGNED, signature)
    assert not now.has_signed(SIGNED, signature)
    assert ids(home)[CODE_KEY] == made.key_id
    with pytest.raises(UnknownNameError):
        KeyRing(home).replace("fee_code_singing")


def test_a_replaced_key_is_not_made_the_signer_again(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    backup = tmp_path_factory.mktemp("backup") / "key.pem"
    shutil.copyfile(home / "keys" / f"{CODE_KEY}.pem", backup)
    KeyRing(home).replace(CODE_KEY)
    with pytest.raises(UsageError, match="was replaced on"):
        KeyRing(home).restore(backup)
    shutil.copyfile(backup, home / "keys" / f"{CODE_KEY}.pem")
    with pytest.raises(TamperedError, match="that this home made"):
        KeyRing(home).signing_key(CODE_KEY)


def test_one_stale_or_broken_place_does_not_bring_a_replaced_key_back(home: Path) -> None:
    stale = (home / OUTSIDE_KEYS).read_bytes()
    made = KeyRing(home).replace(DELIVERY_KEY)
    for content in (stale, b"{", b"[]", b'{"keys": [{"name": 1}]}'):
        (home / OUTSIDE_KEYS).write_bytes(content)
        assert ids(home)[DELIVERY_KEY] == made.key_id
        KeyRing(home).adopt()
        assert (home / BESIDE_KEYS).read_bytes() == (home / OUTSIDE_KEYS).read_bytes()
    for place in (BESIDE_KEYS, OUTSIDE_KEYS):
        (home / place).write_bytes(b"{")
    with pytest.raises(TamperedError, match="cannot be read"):
        KeyRing(home).signing_key(DELIVERY_KEY)


def test_signatures_are_checked_without_the_private_half(home: Path) -> None:
    signature = KeyRing(home).signing_key(MODEL_KEY).sign(SIGNED)
    shutil.rmtree(home / "keys")
    (known,) = KeyRing(home).public_keys(MODEL_KEY)
    assert known.has_signed(SIGNED, signature)
    for wrong in (b"", signature[:-1], signature + b"x", bytes(64)):
        assert not known.has_signed(SIGNED, wrong)


def test_public_keys_of_0_2_and_of_today_are_read(home: Path, tmp_path: Path) -> None:
    public = KeyRing(home).signing_key(CODE_KEY).public
    today = {key.name: key.key_id for key in read_public_keys(home / OUTSIDE_KEYS)}
    assert today == {name: found for name, found in ids(home).items() if name != PSEUDONYM}
    old = tmp_path / "old.json"
    old.write_text(json.dumps({key_id(public): public.public_bytes_raw().hex()}))
    assert [key.key_id for key in read_public_keys(old)] == [key_id(public)]
    assert KeyRecord(tmp_path / "nowhere").read() == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"[]",
        b"{}",
        b'{"a": "zz"}',
        b'{"a": 1}',
        b'{"keys": [1]}',
        b'{"keys": [{"key_id": "a"}]}',
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"[" * 100_000,
        json.dumps({"0" * 16: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}).encode(),
        json.dumps({"e3b0c44298fc1c14": ""}).encode(),
    ],
)
def test_a_broken_file_of_public_keys_is_an_error_of_the_family(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys.json").write_bytes(content)
    with pytest.raises(TamperedError) as caught:
        read_public_keys(tmp_path / "keys.json")
    assert caught.value.hint
