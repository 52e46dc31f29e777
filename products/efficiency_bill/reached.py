"""Which changes reach the baselines: days that they learn from."""

from __future__ import annotations

import pyarrow.compute as pc

from pipelines.codes import Channel
from pipelines.engine.step import Inputs
from pipelines.incremental.reached import changed_sources, differing_rows
from pipelines.tables.gold import GoldDayEnergy
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.training import reference_end


def reaches_baselines(inputs: Inputs) -> bool:
    """Whether a changed day of active energy lies in the reference period; what comes after it, nothing
    learns from.
    """
    last = reference_end(inputs.settings.section(EfficiencyBillSettings), inputs.months)
    if last is None or changed_sources(inputs) != {GoldDayEnergy}:
        return True
    rows = differing_rows(inputs, GoldDayEnergy)
    counts = pc.and_(
        pc.equal(rows["channel_code"], Channel.ACTIVE_FORWARD.value), pc.less_equal(rows["energy_date"], last)
    )
    return bool(pc.any(counts).as_py())
