"""The product: bills of a month with their lines and advice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pipelines.engine.step import HaltedMonthError, Inputs, Written
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import SettingsFile
from pipelines.tables.base import Table
from pipelines.tariff import PricedMonth, SupplyMonth
from products.efficiency_bill.declaration import EFFICIENCY_BILL_DECLARED
from products.efficiency_bill.issue_month import BillRun, unbilled_table
from products.efficiency_bill.month_rows import READS, MonthRows
from products.efficiency_bill.pricing import concerns_everybody, price_supplies
from products.efficiency_bill.served_model import MODEL, Baselines
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.tables import EfficiencyBillUnbilledV1
from products.efficiency_bill.unbilled.unpriced import MissingFact


class EfficiencyBill:
    """Efficiency bill, with the baseline of ``efficiency_bill_baseline`` where one was trained."""

    name = EFFICIENCY_BILL_DECLARED.name
    reads: tuple[type[Table], ...] = READS
    result: type[Table] = EFFICIENCY_BILL_DECLARED.result
    evidence: tuple[type[Table], ...] = EFFICIENCY_BILL_DECLARED.evidence
    models: tuple[str, ...] = ()
    optional_models: tuple[str, ...] = (MODEL,)
    accounts: tuple[type[Table], ...] = (EfficiencyBillUnbilledV1,)
    settings: tuple[type[SettingsFile], ...] = (EfficiencyBillSettings, PublicationSettings)
    uses_facts = True

    def compute(self, inputs: Inputs, month: BillingMonth, facts: Facts) -> Mapping[type[Table], Written]:
        """Bills of every customer of the settings that are not issued yet, or that what was metered, agreed
        or priced has changed since; and who of the month has none.

        Raises HaltedMonthError with a FactNotInForceError where a price of the month is not published, as
        ``check_prices`` says, and with who has no bill for it.
        """
        bundle = inputs.bundles.get(MODEL)
        baselines, model = None, ("", "")
        if bundle is not None:
            baselines, model = Baselines(bundle.files), (MODEL, bundle.version)
        run = BillRun(MonthRows.of(inputs, month, baselines), facts, *model)
        buckets = run.buckets(inputs)
        survey = run.survey(inputs, buckets)
        try:
            kinds = run.supplies_of([*survey.kinds.values()])
            check_prices(kinds, facts, lambda: run.is_any_priced(inputs, buckets))
            issued, unbilled = run.issued(inputs, buckets, survey.peers)
        except FactNotInForceError as error:
            told = run.halted(inputs, buckets, MissingFact.of(error))
            raise HaltedMonthError(error, month, unbilled_table(told)) from None
        return {**issued, **unbilled_table(unbilled)}


def check_prices(kinds: Sequence[SupplyMonth], facts: Facts, is_any_priced: Callable[[], bool]) -> None:
    """Prices one supply of each kind of contract here, so that a fact that is not in force surfaces as itself
    and not from a worker.

    kinds          One supply of each kind.
    is_any_priced  Whether a supply of all can be priced. Of a kind the first may be odd in what the kind does
                   not tell; all are asked before the month is refused.

    Raises FactNotInForceError where ordinary contracts need the fact, or where it is missing and no supply at
    all can be priced; an odd contract among others stops nobody's bill.
    """
    found = price_supplies(kinds, facts)
    unpublished = [each for each in found if isinstance(each, FactNotInForceError)]
    refused = next((each for each in unpublished if concerns_everybody(each)), None)
    is_priced = any(isinstance(each, PricedMonth) for each in found)
    if refused is None and unpublished and not is_priced and not is_any_priced():
        refused = unpublished[0]
    if refused is not None:
        raise refused


EFFICIENCY_BILL = EfficiencyBill()
