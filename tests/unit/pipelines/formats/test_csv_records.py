"""CSV readers: what is accepted, and every reason for a reject with its line and column."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from pipelines.codes import Channel, RejectReason
from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, ReadResult, RefusalReason, detect
from pipelines.formats.contract import RAW_RECORD_LIMIT, rows_schema
from pipelines.formats.day_read import COLUMNS as DAY_READ
from pipelines.formats.power_curve import COLUMNS as CURVE
from pipelines.formats.power_curve import POINT_COLUMNS
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeLoadCurves, BronzeRegisterReads

SETTINGS = load_settings(packaged("conf")).section(FormatSettings)
READ = "MP1,1,2026-09-01,2026-09-02 00:00:00,123.45,,,,,,2026-09-02 01:10:00"
PAYMENTS = "customer_id,billing_month,billed_cny,due_date,paid_date,paid_cny,provenance,sent_at"
PAYMENT = "C1,2026-08,100.5,2026-09-10,,,simulated,2026-09-01 08:00:00"


def read(content: bytes | str, name: str = "file.csv", settings: FormatSettings = SETTINGS) -> ReadResult:
    body = content.encode() if isinstance(content, str) else content
    result = detect(name, body).read(body, name, settings)
    assert result.received_rows == result.rows.num_rows + result.rejects.num_rows
    return result


def reads(*lines: str, header: str = ",".join(DAY_READ)) -> str:
    return "\n".join([header, *lines]) + "\n"


def curve_line(**changes: str) -> str:
    cells = dict.fromkeys(CURVE, "") | {
        "ID": "MP1",
        "DATA_DATE": "2026-09-01",
        "DATA_TYPE": "1",
        "DATA_POINT_FLAG": "1",
    }
    cells |= {"DATA_WHOLE_FLAG": "1" * 96, "INSERT_TIME": "2026-09-02 01:10:00"}
    cells |= {column: f"{number}.5" for number, column in enumerate(POINT_COLUMNS)}
    return ",".join((cells | changes)[column] for column in CURVE)


def curves(*lines: str) -> str:
    return "\n".join([",".join(CURVE), *lines]) + "\n"


def only_reject(result: ReadResult) -> dict[str, object]:
    assert result.rejects.num_rows == 1, result.rejects.to_pylist()
    return dict(result.rejects.to_pylist()[0])


def test_a_day_read_becomes_a_row_of_the_declared_types() -> None:
    result = read(
        reads("MP1,2,2026-09-30,2026-10-01 00:00:00,123456789012.123456,1.1,2.2,,4.4,ok,2026-10-01 01:10:00")
    )
    assert result.rows.schema == rows_schema(BronzeRegisterReads)
    assert result.rows.to_pylist() == [
        {
            "meter_point_id": "MP1",
            "channel_code": "reactive_lagging",
            "read_date": date(2026, 9, 30),
            "collected_at_utc": datetime(2026, 9, 30, 16, tzinfo=UTC),
            "register_unscaled": Decimal("123456789012.123456"),
            "rate_registers_unscaled": [Decimal("1.1"), Decimal("2.2"), None, Decimal("4.4")],
            "sender_status": "ok",
            "read_month": "2026-09",
            "line_number": 2,
            "sent_at_utc": datetime(2026, 9, 30, 17, 10, tzinfo=UTC),
        }
    ]


def test_registers_without_rates_have_none_even_beside_one_with_rates() -> None:
    rated = READ.replace(",,,,,,", ",1,2,3,4,,")
    four = [Decimal(1), Decimal(2), Decimal(3), Decimal(4)]
    assert read(reads(READ, rated)).rows["rate_registers_unscaled"].to_pylist() == [None, four]
    assert read(reads(rated, READ, READ, rated, READ)).rows["rate_registers_unscaled"].to_pylist() == [
        four,
        None,
        None,
        four,
        None,
    ]


def test_rates_beyond_the_fourth_keep_their_number() -> None:
    """A fifth rate, and a seventh without a sixth; an empty fifth beside the four is a rate that was not
    sent.
    """
    header = ",".join((*DAY_READ, "R5", "R7"))
    result = read(
        reads(
            READ.replace(",,,,,,", ",1,2,3,4,,") + ",5,7",
            READ.replace(",,,,,,", ",1,2,3,4,,") + ",,",
            header=header,
        )
    )
    first, second = result.rows["rate_registers_unscaled"].to_pylist()
    assert first == [Decimal(1), Decimal(2), Decimal(3), Decimal(4), Decimal(5), None, Decimal(7)]
    assert second == [Decimal(1), Decimal(2), Decimal(3), Decimal(4), None, None, None]
    assert result.notes == ()


def test_a_register_that_no_float_can_hold_stays_exact() -> None:
    assert read(reads(READ.replace("123.45", "99999999999.999999"))).rows[
        "register_unscaled"
    ].to_pylist() == [Decimal("99999999999.999999")]


@pytest.mark.parametrize(
    ("code", "channel"),
    [
        ("1", "active_forward"),
        ("2", "reactive_lagging"),
        ("3", "reactive_q1"),
        ("4", "reactive_q4"),
        ("5", "active_reverse"),
        ("6", "reactive_leading"),
        ("7", "reactive_q2"),
        ("8", "reactive_q3"),
    ],
)
def test_read_types(code: str, channel: str) -> None:
    assert read(reads(READ.replace(",1,", f",{code},", 1))).rows["channel_code"].to_pylist() == [channel]


def test_data_types_of_curves() -> None:
    result = read(curves(*(curve_line(DATA_TYPE=str(code)) for code in range(1, 11))))
    assert result.rows["channel_code"].to_pylist() == [
        Channel.ACTIVE_FORWARD,
        Channel.ACTIVE_PHASE_A,
        Channel.ACTIVE_PHASE_B,
        Channel.ACTIVE_PHASE_C,
        Channel.REACTIVE_LAGGING,
        Channel.REACTIVE_PHASE_A,
        Channel.REACTIVE_PHASE_B,
        Channel.REACTIVE_PHASE_C,
        Channel.REACTIVE_LEADING,
        Channel.ACTIVE_REVERSE,
    ]


def test_a_curve_keeps_its_slots_and_an_empty_point_is_not_zero() -> None:
    result = read(curves(curve_line(P1="", P2="0", P96="0.00001", DATA_WHOLE_FLAG="0" + "1" * 95)))
    row = result.rows.to_pylist()[0]
    assert result.rows.schema == rows_schema(BronzeLoadCurves)
    assert row["values_unscaled"] == [None, 0.0, *(number + 0.5 for number in range(2, 95)), 0.00001]
    assert (row["interval_minutes"], row["measure_code"], row["curve_month"]) == (15, "mean_power", "2026-09")
    assert row["present_flags"] == "0" + "1" * 95
    assert row["sender_quality_codes"] is None


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("MP1,1,2026-09-01,,1", "R1", RejectReason.TOO_FEW_FIELDS),
        (READ + ",", None, RejectReason.TOO_MANY_FIELDS),
        (READ.replace("123.45", "1,234"), None, RejectReason.TOO_MANY_FIELDS),
        (READ.replace("123.45", '"1,234"'), "R", RejectReason.BAD_NUMBER),
        (READ.replace("123.45", "12a"), "R", RejectReason.BAD_NUMBER),
        (READ.replace("123.45", "nan"), "R", RejectReason.BAD_NUMBER),
        (READ.replace("123.45", "1.1234567"), "R", RejectReason.BAD_NUMBER),
        (READ.replace("123.45", "1234567890123"), "R", RejectReason.BAD_NUMBER),
        (READ.replace("123.45", "-0.01"), "R", RejectReason.OUT_OF_RANGE),
        (READ.replace("123.45", "1e400000000"), "R", RejectReason.BAD_NUMBER),
        (READ.replace("2026-09-01", "2026-02-29"), "DATA_DATE", RejectReason.BAD_DATE),
        (READ.replace("2026-09-01", "01/09/2026"), "DATA_DATE", RejectReason.BAD_DATE),
        (READ.replace("2026-09-01", "1989-12-31"), "DATA_DATE", RejectReason.BAD_DATE),
        (READ.replace("2026-09-01", "2201-01-01"), "DATA_DATE", RejectReason.BAD_DATE),
        (READ.replace("2026-09-02 01:10:00", "2026-09-02 24:00:00"), "INSERT_TIME", RejectReason.BAD_DATE),
        (READ.replace("2026-09-02 01:10:00", "2026-09-02T01:10:00Z"), "INSERT_TIME", RejectReason.BAD_DATE),
        (READ.replace("2026-09-01,", ","), "DATA_DATE", RejectReason.MISSING_KEY),
        (READ.replace("MP1", ""), "ID", RejectReason.MISSING_KEY),
        (READ.replace(",1,", ",9,", 1), "READ_TYPE", RejectReason.BAD_CODE),
        (READ.replace("MP1", "M\0P1"), "ID", RejectReason.NUL_BYTE),
        (READ.replace("MP1", '"MP1'), None, RejectReason.BAD_STRUCTURE),
        (READ.replace("MP1", "M" * 70000), None, RejectReason.BAD_STRUCTURE),
    ],
)
def test_every_reason_names_line_and_column_and_the_other_lines_go_on(
    line: str, column: str | None, reason: RejectReason
) -> None:
    result = read(reads(READ, line, READ.replace("MP1", "MP2")))
    reject = only_reject(result)
    assert (reject["line_number"], reject["column_name"], reject["reason_code"]) == (3, column, reason.value)
    assert reject["raw_record"] == line.replace("\0", "\\x00")[:RAW_RECORD_LIMIT]
    assert result.rows["meter_point_id"].to_pylist() == ["MP1", "MP2"]
    assert result.rows["line_number"].to_pylist() == [2, 4]


def test_a_reason_says_what_was_found_and_what_was_expected() -> None:
    reject = only_reject(read(reads(READ.replace("123.45", "12,5").replace("12,5", '"12,5"'))))
    assert reject["reason"] == "found '12,5', expected a decimal number such as 1234.56"


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", "1_0", "0x10", "１", "1,5"])
def test_a_curve_point_that_is_no_finite_number_is_refused(number: str) -> None:
    cell = f'"{number}"' if "," in number else number
    reject = only_reject(read(curves(curve_line(), curve_line(P37=cell))))
    assert (reject["line_number"], reject["column_name"], reject["reason_code"]) == (3, "P37", "bad_number")


@pytest.mark.parametrize(("length", "accepted"), [(95, False), (96, True), (97, False), (0, True)])
def test_completeness_flags_have_one_character_a_point_or_are_empty(length: int, accepted: bool) -> None:
    result = read(curves(curve_line(DATA_WHOLE_FLAG="1" * length)))
    assert result.rows.num_rows == accepted
    if not accepted:
        assert only_reject(result)["column_name"] == "DATA_WHOLE_FLAG"


def test_a_curve_of_another_number_of_points_is_not_guessed() -> None:
    assert only_reject(read(curves(curve_line(DATA_POINT_FLAG="2"))))["reason_code"] == "bad_code"


def test_a_line_at_the_limit_is_read_and_one_byte_more_is_not() -> None:
    room, sent = SETTINGS.max_line_bytes - len(READ), ",2026-09-02 01:10:00"
    for length, rejected in ((room, 0), (room + 1, 1)):
        assert read(reads(READ.replace(sent, "M" * length + sent))).rejects.num_rows == rejected


def test_bytes_that_are_no_text_are_shown_and_named() -> None:
    content = reads(READ, READ).encode().replace(b"MP1", b"M\xff1", 1)
    reject = only_reject(read(content))
    assert (reject["line_number"], reject["column_name"], reject["reason_code"]) == (2, "ID", "bad_encoding")
    assert str(reject["raw_record"]).startswith("M\\xff1,1,2026-09-01")


def test_gbk_is_read_where_the_settings_declare_it_and_refused_where_not() -> None:
    content = reads(READ.replace("MP1", "杭州1")).encode("gbk")
    assert read(content, "site.gbk.csv").rows["meter_point_id"].to_pylist() == ["杭州1"]
    assert only_reject(read(content, "site.csv"))["reason_code"] == "bad_encoding"
    assert only_reject(read(content + b"\x81\x20\n", "site.gbk.csv"))["line_number"] == 3


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbf" + reads(READ).encode()).rows.num_rows == 1


def test_line_ends_and_blank_lines_change_nothing_but_the_line_number() -> None:
    plain = read(reads(READ, READ))
    windows = read(reads(READ, READ).replace("\n", "\r\n"))
    unended = read(reads(READ, READ).rstrip("\n"))
    spaced = read(reads(READ, "", READ, ""))
    assert plain.rows.equals(windows.rows)
    assert plain.rows.equals(unended.rows)
    assert spaced.received_rows == 2
    assert spaced.rows["line_number"].to_pylist() == [2, 4]
    assert spaced.rows.drop(["line_number"]).equals(plain.rows.drop(["line_number"]))


def test_a_header_alone_is_a_file_of_no_records() -> None:
    result = read(reads())
    assert (result.received_rows, result.rows.schema) == (0, rows_schema(BronzeRegisterReads))


def test_columns_may_stand_in_any_order_and_an_unknown_one_is_noted() -> None:
    header = ["NEW", *reversed(DAY_READ)]
    result = read(",".join(header) + "\n" + ",".join(["x", *reversed(READ.split(","))]) + "\n")
    assert result.rows.equals(read(reads(READ)).rows)
    assert result.notes == ("columns not in the contract, ignored: NEW",)


@pytest.mark.parametrize(("old", "new"), [("INSERT_TIME", "INSERTTIME"), ("COLL_TIME,", "")])
def test_a_missing_or_renamed_column_refuses_the_file_by_name(old: str, new: str) -> None:
    content = reads(READ, header=",".join(DAY_READ).replace(old, new))
    with pytest.raises(InputRefusedError) as refusal:
        read(content)
    assert (refusal.value.reason_code, refusal.value.line, refusal.value.column) == (
        RefusalReason.MISSING_COLUMN,
        1,
        old.rstrip(","),
    )


def test_a_column_that_stands_twice_refuses_the_file() -> None:
    with pytest.raises(InputRefusedError) as refusal:
        read(reads(header=",".join((*DAY_READ, "R"))))
    assert (refusal.value.reason_code, refusal.value.column) == (RefusalReason.DUPLICATE_COLUMN, "R")


def test_too_many_records_refuse_the_file() -> None:
    small = SETTINGS.model_copy(update={"max_records": 2})
    assert read(reads(READ, READ), settings=small).received_rows == 2
    with pytest.raises(InputRefusedError, match="3 records"):
        read(reads(READ, READ, READ), settings=small)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b" \r\n\n", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"a,b\n1,2\n", "unknown_format"),
    ],
)
def test_what_is_no_known_format_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(InputRefusedError) as refusal:
        detect("x.csv", content)
    assert refusal.value.reason_code == reason


def test_quotes_around_every_cell_change_nothing() -> None:
    quoted = ",".join(f'"{cell}"' for cell in READ.split(","))
    assert read(reads(quoted)).rows.equals(read(reads(READ)).rows)


def test_a_name_with_comma_and_quotes_is_read() -> None:
    header = "event_id,customer_id,event_code,started_date,ended_date,detail,provenance,sent_at"
    result = read(f'{header}\nE1,C1,outage,2026-08-01,,"a ""b"", c",simulated,\n')
    assert result.rows["detail"].to_pylist() == ['a "b", c']


def test_a_line_break_inside_quotes_is_two_bad_lines() -> None:
    header = "event_id,customer_id,event_code,started_date,ended_date,detail,provenance,sent_at"
    result = read(
        f'{header}\nE1,C1,outage,2026-08-01,,"a\nb",simulated,\nE2,C1,outage,2026-08-01,,,simulated,\n'
    )
    assert result.rejects["line_number"].to_pylist() == [2, 3]
    assert result.rows["event_id"].to_pylist() == ["E2"]


def test_a_payment_is_read_with_the_declared_types() -> None:
    row = read(f"{PAYMENTS}\n{PAYMENT}\n").rows.to_pylist()[0]
    assert (row["billed_cny"], row["due_date"], row["paid_date"], row["billing_month"]) == (
        100.5,
        date(2026, 9, 10),
        None,
        "2026-08",
    )


@pytest.mark.parametrize(
    ("old", "new", "column", "reason"),
    [
        ("2026-08", "2026-13", "billing_month", "bad_date"),
        ("C1", "", "customer_id", "missing_key"),
        ("100.5", "1e", "billed_cny", "bad_number"),
    ],
)
def test_a_bad_payment_names_its_column(old: str, new: str, column: str, reason: str) -> None:
    reject = only_reject(read(f"{PAYMENTS}\n{PAYMENT.replace(old, new, 1)}\n"))
    assert (reject["column_name"], reject["reason_code"]) == (column, reason)


def test_true_and_false_are_the_only_truth_values() -> None:
    content = (packaged("samples") / "steel" / "customers.csv").read_text(encoding="utf-8")
    assert read(content).rows["is_time_of_use"].to_pylist() == [True]
    reject = only_reject(read(content.replace(",true,", ",yes,")))
    assert (reject["column_name"], reject["reason_code"]) == ("is_time_of_use", "bad_code")


def test_money_is_an_exact_decimal() -> None:
    header = (
        "declaration_id,tenant_id,tenant_name,supplier_customer_id,billing_month,energy_kwh,fee_cny,"
        "other_charge_cny,provenance,sent_at"
    )
    result = read(f"{header}\nD1,T1,,S1,2026-08,0.1,0.3,1234.56,simulated,\n")
    assert result.rows["fee_cny"].type == pa.decimal128(18, 6)
    assert result.rows["fee_cny"].to_pylist() == [Decimal("0.3")]


def test_a_bad_line_in_a_long_file_costs_its_block_only() -> None:
    lines = [READ.replace("MP1", f"MP{number}") for number in range(5000)]
    lines[4321] = lines[4321].replace("2026-09-01", "2026-09-31")
    result = read(reads(*lines))
    assert only_reject(result)["line_number"] == 4323
    assert result.rows["line_number"].to_pylist() == [number for number in range(2, 5002) if number != 4323]
