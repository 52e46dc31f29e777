"""When files are read here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.ingest.few_files import MOST_BYTES, MOST_FILES, are_few, is_at_rest
from pipelines.ingest.inbox import Arrival

ONE = Arrival("a.csv", "/inbox/a.csv", 10, datetime(2026, 10, 1, tzinfo=UTC))


def test_few_are_few_in_number_and_in_bytes() -> None:
    assert are_few([])
    assert are_few([ONE] * MOST_FILES)
    assert not are_few([ONE] * (MOST_FILES + 1))
    assert are_few([replace(ONE, size_bytes=MOST_BYTES)])
    assert not are_few([replace(ONE, size_bytes=MOST_BYTES), ONE])


@pytest.mark.parametrize(
    ("offsets", "commits", "is_resting"),
    [
        ((), (), False),
        ((0,), (), False),
        ((0,), (0,), True),
        ((9, 10), (9,), False),
        ((9, 10), (9, 10), True),
    ],
)
def test_a_stream_rests_when_every_batch_that_it_began_has_ended(
    tmp_path: Path, offsets: tuple[int, ...], commits: tuple[int, ...], is_resting: bool
) -> None:
    assert not is_at_rest(tmp_path / "nowhere")
    for part, numbers in (("offsets", offsets), ("commits", commits)):
        (tmp_path / part).mkdir()
        (tmp_path / part / ".0.crc").touch()
        for number in numbers:
            (tmp_path / part / str(number)).touch()
    assert is_at_rest(tmp_path) is is_resting
