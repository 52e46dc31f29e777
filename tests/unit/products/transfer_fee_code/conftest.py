"""The simulated malls, their model and their codes, made once."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from pipelines.facts import Facts, load_facts
from pipelines.models.model import TrainedModel
from pipelines.settings import Settings, load_settings
from pipelines.tables.silver import SilverTransferDeclarations
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.tables import TransferFeeCodeEvidenceV1, TransferFeeCodeV1
from products.transfer_fee_code.training import DECLARED, train_on
from tests.unit.products.transfer_fee_code.computed import compute
from tests.unit.products.transfer_fee_code.malls import MONTHS, Malls

AUGUST, SEPTEMBER = MONTHS[1], MONTHS[2]


@pytest.fixture(scope="package")
def house() -> tuple[Settings, Facts]:
    settings = load_settings()
    return settings, load_facts(settings.facts_dir)


@pytest.fixture(scope="package")
def malls(tmp_path_factory: pytest.TempPathFactory, house: tuple[Settings, Facts]) -> Malls:
    return Malls(tmp_path_factory.mktemp("malls"), *house)


@pytest.fixture(scope="package")
def model(malls: Malls, house: tuple[Settings, Facts]) -> TrainedModel:
    schema = pa.schema([SilverTransferDeclarations.arrow_schema().field(name) for name in DECLARED])
    rows = pa.Table.from_pylist(
        [{name: row[name] for name in DECLARED} for row in malls.declarations], schema=schema
    )
    return train_on(rows, house[0].section(TransferFeeCodeSettings), {"silver_transfer_declarations": 0})


@pytest.fixture(scope="package")
def codes(
    malls: Malls, model: TrainedModel, house: tuple[Settings, Facts]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Month -> tenant -> result and evidence in one mapping under ``row`` and ``evidence``."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for month in (AUGUST, SEPTEMBER):
        tables = compute(malls, model, house, month)
        evidence = {
            row["tenant_id"]: row | {"revision": 1} for row in tables[TransferFeeCodeEvidenceV1].to_pylist()
        }
        rows = tables[TransferFeeCodeV1].to_pylist()
        found[str(month)] = {
            row["tenant_id"]: {"row": row | {"revision": 1}, "evidence": evidence[row["tenant_id"]]}
            for row in rows
        }
    return found
