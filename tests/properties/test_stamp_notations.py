"""Whatever a text and its notation: what Python reads as a stamp is read so by columns, and what is read
beyond that is 24:00 or a day without its time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.formats.mapped.written import NO_OFFSET, written

NOTATIONS = (
    "",
    "%Y-%m-%d %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y%m%d%H%M",
    "%d.%m.%Y %H:%M %z",
    "%Y年%m月%d日%H时%M分",
    "%d %b %Y %H:%M",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%d/%m/%Y",
)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - clock times on both sides
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001
smudges = st.tuples(
    st.integers(0, 25),
    st.sampled_from(["", "0", "9", " ", ":", "/", "-", "24", "00", "P", "Z", "+08:00", "٣"]),
)


def in_python(text: str, notation: str) -> datetime | None:
    try:
        return datetime.strptime(text, notation) if notation else datetime.fromisoformat(text)  # noqa: DTZ007
    except ValueError:
        return None


def in_columns(text: str, notation: str, beside: list[str]) -> tuple[int, int, bool, bool] | None:
    """Wall time, offset [us], and whether it is of hour 24 and a day alone; the text stands among others."""
    read = written(pa.chunked_array([pa.array([*beside, text])]), notation)
    if not read.good[-1]:
        return None
    return int(read.wall[-1]), int(read.offset[-1]), bool(read.over[-1]), bool(read.dated[-1])


def told(moment: datetime) -> tuple[int, int]:
    span = moment.utcoffset()
    micro = timedelta(microseconds=1)
    return (moment.replace(tzinfo=None) - EPOCH) // micro, NO_OFFSET if span is None else span // micro


@given(moments, st.sampled_from(NOTATIONS), st.lists(smudges, max_size=2), st.sampled_from([[], ["x"]]))
@settings(max_examples=600, deadline=None)
def test_a_text_is_the_stamp_that_python_reads(
    moment: datetime, notation: str, changes: list[tuple[int, str]], beside: list[str]
) -> None:
    text = f"{moment:{notation}}" if notation else str(moment.replace(microsecond=0))
    for place, put in changes:
        text = text[:place] + put + text[place + 1 :]
    text = text.strip()
    expected, found = in_python(text, notation), in_columns(text, notation, beside)
    if expected is not None:
        assert found is not None, text
        assert found[:2] == told(expected)
    elif found is not None and not found[2] and not found[3]:
        # Beyond Python, but for the hour 24 and a day alone: an hour of one digit, a zone behind a blank.
        assert not notation, (text, EPOCH + timedelta(microseconds=found[0]))
    elif found is not None and found[2]:
        assert "24" in text or "25" in text
