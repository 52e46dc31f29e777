"""Accounts and quarantine of all files, corrected for the meter points that were settled anew."""

from pipelines.incremental.file_accounts import (
    COUNTS,
    corrected_accounts,
    corrected_quarantine,
    summed_accounts,
)
from pipelines.tables.rows.silver import SilverFileAccountsRow, SilverQuarantineRow
from pipelines.tables.silver import SilverFileAccounts


def account(received: int, kept: int, run: str | None = None, digest: str = "a") -> SilverFileAccountsRow:
    return {
        "content_hash": digest,
        "table_name": "bronze_load_curves",
        "stage": "curves",
        "received_rows": received,
        "kept_rows": kept,
        "duplicate_rows": 0,
        "superseded_rows": 0,
        "quarantined_rows": received - kept,
        "computed_run_id": run,
    }


def held(line: int, reason: str, run: str | None = None) -> SilverQuarantineRow:
    return {
        "content_hash": "a",
        "line_number": line,
        "table_name": "bronze_load_curves",
        "reason_code": "unknown_meter_point",
        "column_name": None,
        "reason": reason,
        "raw_record": None,
        "stage": "curves",
        "source_file": None,
        "run_id": run,
    }


def test_every_count_of_an_account_adds_up() -> None:
    assert tuple(name for name in SilverFileAccounts.columns() if name.endswith("_rows")) == COUNTS


def test_a_file_in_several_buckets_has_one_account_and_its_parts_stay_as_they_were() -> None:
    parts = [account(3, 2), account(4, 4), account(1, 1, digest="b")]
    assert summed_accounts(parts) == [account(7, 6), account(1, 1, digest="b")]
    assert parts[0] == account(3, 2)


def test_a_changed_account_names_the_new_run_and_an_unchanged_one_the_old() -> None:
    stood = [account(9, 8, "old"), account(5, 5, "old", "b")]
    then, now = [account(3, 2), account(2, 2, digest="b")], [account(3, 3), account(2, 2, digest="b")]
    assert corrected_accounts(stood, then, now, "new") == [account(9, 9, "new"), account(5, 5, "old", "b")]


def test_a_file_first_counted_now_is_added_and_one_without_records_goes() -> None:
    stood, then, now = [account(2, 2, "old")], [account(2, 2)], [account(4, 3, digest="b")]
    assert corrected_accounts(stood, then, now, "new") == [account(4, 3, "new", "b")]


def test_accounts_that_do_not_hold_what_was_counted_are_none() -> None:
    assert corrected_accounts([], [account(1, 1)], [], "new") is None
    assert corrected_accounts([account(1, 1, "old")], [account(2, 2)], [], "new") is None


def test_a_record_held_back_as_before_keeps_the_run_that_held_it() -> None:
    stood = [held(1, "as before", "old"), held(2, "other", "old"), held(3, "not affected", "old")]
    found = corrected_quarantine(
        stood,
        [held(1, "as before"), held(2, "other")],
        [held(1, "as before"), held(2, "another")],
        "new",
    )
    assert found == [
        held(1, "as before", "old"),
        held(2, "another", "new"),
        held(3, "not affected", "old"),
    ]
    assert corrected_quarantine([], [held(1, "gone")], [], "new") is None
