"""Bank file of the credit index."""

from __future__ import annotations

import csv
import hashlib
import json
from io import StringIO

import pyarrow as pa
import pytest
from cryptography.exceptions import InvalidSignature

from pipelines.errors import UsageError
from pipelines.identity.keys import KeyRing
from products.credit_index.bank_file import manifest_path, signature_path, write_bank_file
from tests.unit.products.credit_index.shown_scores import MONTH, four, reason, score


def written(folder, scores, reasons, sign=lambda raw: b"signed", **context):
    return write_bank_file(
        pa.Table.from_pylist(scores),
        pa.Table.from_pylist(reasons),
        MONTH,
        folder,
        sign,
        {"key_id": "k1", "facts_digest": "f1", **context},
    )


def lines(path):
    return list(csv.DictReader(StringIO(path.read_bytes().decode())))


def test_each_customer_is_one_line_with_its_reasons_in_order(tmp_path):
    found = lines(written(tmp_path, [score("B"), score("A")], four("A") + four("B")))
    assert [line["customer_id"] for line in found] == ["A", "B"]
    assert [found[0][f"reason_{rank}_text_zh"] for rank in (1, 2, 3, 4)] == [
        "原因1",
        "原因2",
        "原因3",
        "原因4",
    ]
    assert found[0]["default_probability_ratio"] == "0.012346"
    assert found[0]["score_change_points"] == "-12"
    assert found[0]["veto_code"] == ""


def test_every_field_is_quoted_in_the_bytes(tmp_path):
    raw = written(tmp_path, [score("A")], four("A")).read_bytes().decode()
    assert raw.endswith('"\r\n')
    header, line = raw.strip().split("\r\n")
    assert header.startswith('"customer_id","customer_name"')
    assert line.count('"') == 2 * len(lines(tmp_path / "credit_index_2026-09.csv")[0])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_is_disarmed(tmp_path, start):
    name = start + 'HYPERLINK("http://x")'
    assert (
        lines(written(tmp_path, [score("A", customer_name=name)], four("A")))[0]["customer_name"]
        == "'" + name
    )


@pytest.mark.parametrize("name", ['a"b', "a,b", "a\nb", "x=1", "模拟-企业"])
def test_other_text_comes_back_as_it_was(tmp_path, name):
    assert lines(written(tmp_path, [score("A", customer_name=name)], four("A")))[0]["customer_name"] == name


def test_the_newest_revision_goes_out_with_its_own_reasons(tmp_path):
    old, new = four("A"), [reason("A", 1, 2, text_zh="新原因")]
    found = lines(written(tmp_path, [score("A", 2, score_points=640), score("A", 1)], old + new))
    assert [(line["revision"], line["score_points"], line["reason_1_text_zh"]) for line in found] == [
        ("2", "640", "新原因")
    ]


def test_the_manifest_counts_and_hashes_the_file(tmp_path):
    path = written(
        tmp_path,
        [score("A"), score("B", grade_code="C", veto_code="CI-V01", warning_code="alert")],
        four("A") + four("B"),
        table_versions={"credit_index_v1": 2},
    )
    manifest = json.loads(manifest_path(path).read_bytes())
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (manifest["rows"], manifest["grades"], manifest["vetoes"], manifest["warnings"]) == (
        2,
        {"AA": 1, "C": 1},
        {"CI-V01": 1},
        {"alert": 1, "none": 1},
    )
    assert (manifest["provenance"], manifest["model_versions"], manifest["key_id"]) == (
        "SIMULATED",
        ["credit_index:4"],
        "k1",
    )
    assert manifest["table_versions"] == {"credit_index_v1": 2}


def test_the_context_cannot_overwrite_what_was_counted(tmp_path):
    path = written(tmp_path, [score("A")], four("A"), provenance="REAL", rows=99)
    manifest = json.loads(manifest_path(path).read_bytes())
    assert (manifest["provenance"], manifest["rows"]) == ("SIMULATED", 1)


def test_the_signature_holds_for_the_manifest_and_for_nothing_else(tmp_path):
    key = KeyRing(tmp_path).signing_key("delivery_signing")
    path = written(tmp_path / "out", [score("A")], four("A"), key.sign)
    raw, signature = manifest_path(path).read_bytes(), signature_path(path).read_bytes()
    key.public.verify(signature, raw)
    with pytest.raises(InvalidSignature):
        key.public.verify(signature, raw.replace(b'"rows": 1', b'"rows": 2'))


def test_the_same_scores_give_the_same_bytes_in_any_order(tmp_path):
    scores, reasons = [score("A"), score("B")], four("A") + four("B")
    first, second = (
        written(tmp_path / "1", scores, reasons),
        written(tmp_path / "2", scores[::-1], reasons[::-1]),
    )
    assert first.read_bytes() == second.read_bytes()
    assert manifest_path(first).read_bytes() == manifest_path(second).read_bytes()


@pytest.mark.parametrize("provenance", ["real+simulated", "dates_shifted+simulated"])
def test_a_real_enterprise_with_simulated_payments_is_no_simulated_one(tmp_path, provenance):
    with pytest.raises(UsageError, match="not simulated"):
        written(tmp_path, [score("A", provenance=provenance)], four("A"))


def test_nothing_goes_out_without_scores_or_of_real_enterprises(tmp_path):
    with pytest.raises(UsageError, match="no scores of 2026-09"):
        written(tmp_path, [score("A", score_month="2026-08")], four("A"))
    with pytest.raises(UsageError, match="authorisations"):
        written(tmp_path, [score("A", provenance="real+dates_shifted")], four("A"))
    assert list(tmp_path.iterdir()) == []
