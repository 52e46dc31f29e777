"""What cannot be found answers with near names, and never with the list."""

from __future__ import annotations

from pipelines.errors import UnknownNameError
from pipelines.near_names import SHOWN, near_names

CUSTOMERS = [f"SIM-CITY-{number:05d}" for number in range(3_000)]


def test_a_name_that_is_like_none_tells_of_no_customer() -> None:
    for asked in ("NOPE", "", "S", "SIM", "STEEL-0001", "x" * 300):
        error = UnknownNameError("score", asked, CUSTOMERS)
        assert "SIM-CITY" not in str(error)
        assert "SIM-CITY" not in repr(vars(error))


def test_at_most_five_are_named_and_the_nearest_first() -> None:
    found = near_names("SIM-CITY-0001", CUSTOMERS)
    assert len(found) == SHOWN
    assert found[0] == "SIM-CITY-00001"
    assert near_names("sim-city-02999", CUSTOMERS)[0] == "SIM-CITY-02999"
    assert near_names("SIM-CTIY-01234", CUSTOMERS) == ["SIM-CITY-01234"]


def test_a_list_of_our_own_tells_its_nearest_however_far() -> None:
    error = UnknownNameError("class", "industry", ("large_industry", "residential"), is_public=True)
    assert "'large_industry'" in error.hint
    assert len(near_names("zzz", [f"code{n}" for n in range(50)], however_far=True)) == SHOWN


def test_the_hint_says_where_the_names_are() -> None:
    error = UnknownNameError(
        "table", "gold_day_energi", ["gold_day_energy"], "`zhixiang table list` names them."
    )
    assert error.hint == "Did you mean 'gold_day_energy'? `zhixiang table list` names them."
    assert UnknownNameError("thing", "x", []).hint
