"""The newest revision of a bill, and what it was issued with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from products.efficiency_bill.rows import EfficiencyBillLinesV1Inside


@dataclass(frozen=True)
class IssuedRevision:
    """A revision of a bill as it was issued.

    is_priced        Whether it has a total; a bill without one charges nothing that could be corrected.
    is_illustrative  Whether it rests on an illustrative price; once the published one is there it is issued
                     anew, whatever it comes to.
    issued_on        Local day of the run that issued it; None where the run's id does not tell.
    lines            Its rows of efficiency_bill_lines_v1; case_inputs: what it was made from, as its evidence
                     keeps it.
    model_version    Version of the model behind its baseline; an empty text where there was none.
    """

    revision: int
    issued_on: date | None
    is_priced: bool
    is_illustrative: bool
    lines: tuple[EfficiencyBillLinesV1Inside, ...]
    case_inputs: str
    model_version: str
