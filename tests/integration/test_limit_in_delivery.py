"""A limit of file sizes met while a delivery is written: our own fault, said with what to do; what was
delivered before stands untouched, and the next delivery is that of an undisturbed home.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.delivered_home import contents, delivered_home, hand_over
from tests.file_sizes import files_of_at_most
from zhixiang.delivery.verification import verify_folder
from zhixiang.foreseen import foreseen

pytestmark = pytest.mark.slow

LIMIT_BYTES = 20_000
BY_RUN = {"manifest.json", "manifest.json.sig", "index.html"}


def test_a_delivery_that_met_a_limit_is_whole_the_next_time(tmp_path: Path) -> None:
    home = delivered_home(tmp_path / "home")
    undisturbed = contents(home / "out")
    shutil.move(home / "out", tmp_path / "kept")
    shutil.rmtree(home / "delivered")
    hand_over(home, "2026-08")
    before = contents(home / "out")
    with pytest.raises(OSError, match="File too large") as failed, files_of_at_most(LIMIT_BYTES):
        hand_over(home, "2026-09")
    told = foreseen(failed.value, home)
    assert told is not None
    assert told.exit_code == 6
    assert "`ulimit -f unlimited`" in told.hint
    assert "run the same command again" in told.hint
    assert contents(home / "out") == before, "what was delivered stands until the next is whole"
    assert verify_folder(home / "out", home).found == ()
    hand_over(home, "2026-09")
    after = contents(home / "out")
    assert set(after) == set(undisturbed)
    bank = {name for name in after if name.startswith("scores/bank/") and "manifest" in name}
    assert {name for name in after if after[name] != undisturbed[name]} <= BY_RUN | bank
    assert verify_folder(home / "out", home).found == ()
