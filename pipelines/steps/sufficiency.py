"""The step that judges whether each month's data suffice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.dataset as ds

from pipelines.engine.step import Inputs, Step, WriteMode, Written
from pipelines.incremental.affected import affected_months
from pipelines.incremental.by_month import derive_by_month, whole_table
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.storage.scan import read_columns
from pipelines.tables.base import Table
from pipelines.tables.findings import GoldDayFindings, SilverRegisterFindings
from pipelines.tables.silver import SilverDayCurves, SilverMeterPoints, SilverRegisterEnergy
from pipelines.tables.sufficiency import GoldDataSufficiency
from pipelines.transforms.sufficiency import (
    CURVE_COLUMNS,
    FINDING_COLUMNS,
    REGISTER_COLUMNS,
    month_sufficiency,
)


def judge_sufficiency(inputs: Inputs) -> Mapping[type[Table], Written]:
    """gold_data_sufficiency of every month that has data."""
    points = whole_table(inputs, SilverMeterPoints)
    limits = inputs.settings.section(PublicationSettings)
    files = [f"{inputs.location(SilverRegisterEnergy)}/{path}" for path in inputs.files(SilverRegisterEnergy)]
    # A span may reach back over any number of months; there are few where reads come daily, and their row
    # groups tell.
    long_spans = read_columns(files, SilverRegisterEnergy, REGISTER_COLUMNS, ds.field("span_days") > 1)

    def derive(month: str, rows: Sequence[pa.Table]) -> pa.Table:
        return month_sufficiency(
            rows[0], rows[1], rows[2:], long_spans, points, BillingMonth.parse(month), limits
        )

    sources: dict[type[Table], Sequence[str]] = {
        SilverRegisterEnergy: REGISTER_COLUMNS,
        SilverDayCurves: CURVE_COLUMNS,
    }
    sources |= {SilverRegisterFindings: FINDING_COLUMNS, GoldDayFindings: FINDING_COLUMNS}
    return derive_by_month(inputs, sources, GoldDataSufficiency, derive, affected_months(inputs))


SUFFICIENCY_STEP = Step(
    stage="gold",
    name="gold-data-sufficiency",
    reads=(SilverRegisterEnergy, SilverDayCurves, SilverMeterPoints, SilverRegisterFindings, GoldDayFindings),
    writes={GoldDataSufficiency: WriteMode.COMMIT_FILES},
    apply=judge_sufficiency,
    by_affected=True,
    settings=(PublicationSettings,),
)
