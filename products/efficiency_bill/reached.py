"""Which changes reach the baselines: days that they learn from."""

from __future__ import annotations

import pyarrow.compute as pc

from pipelines.codes import Channel
from pipelines.engine.step import Inputs
from pipelines.incremental.reached import changed_sources, differing_rows
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverRegisterEnergy
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.training import reference_end


def reaches_baselines(inputs: Inputs) -> bool:
    """Whether a changed day of active energy lies in the reference period; what comes after it, nothing
    learns from. A read that changes no day changes no span of days either.
    """
    last = reference_end(inputs.settings.section(EfficiencyBillSettings), inputs.months)
    changed = changed_sources(inputs)
    if last is None or not changed <= {GoldDayEnergy, SilverRegisterEnergy}:
        return True
    if GoldDayEnergy not in changed:
        return False
    rows = differing_rows(inputs, GoldDayEnergy)
    counts = pc.and_(
        pc.equal(rows["channel_code"], Channel.ACTIVE_FORWARD.value), pc.less_equal(rows["energy_date"], last)
    )
    return bool(pc.any(counts).as_py())
