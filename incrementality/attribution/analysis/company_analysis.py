"""A company's attribution for one quarter: the ledger first, then every answer, each computed when it is asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from incrementality.attribution.analysis.cube import credit_cube
from incrementality.attribution.analysis.deals import deal_histories, deal_roles, tree_of_deal
from incrementality.attribution.analysis.effort import deals_of, function_table
from incrementality.attribution.analysis.learned import learn
from incrementality.attribution.analysis.periods import journeys_of_quarter, ledger_of_quarter
from incrementality.attribution.analysis.prepared import prepare
from incrementality.attribution.analysis.quarters import Quarter
from incrementality.attribution.analysis.spending import (
    allocated_costs,
    cost_lines,
    costs_by_channel,
    unit_costs,
)
from incrementality.attribution.answers.cohort_value import CohortTable, measure_cohorts
from incrementality.attribution.answers.engagement import back_test_engagement, compare_engagement
from incrementality.attribution.answers.model_comparison import ModelComparison
from incrementality.attribution.answers.role_mix import RoleMix
from incrementality.attribution.answers.velocity import measure_velocity
from incrementality.attribution.bootstrap import bootstrap_credit
from incrementality.attribution.influence import influence
from incrementality.attribution.journey_columns import MICRO_DEALS
from incrementality.attribution.labels import SHOWN_BESIDE, UNALLOCATED, UNKNOWN
from incrementality.attribution.ledger import make_ledger
from incrementality.attribution.settings import parse_attribution
from incrementality.attribution.specification import LEADING
from incrementality.attribution.views import touch_views
from incrementality.capture.rates import minor_digits
from incrementality.formatting import share as share_in_words
from incrementality.warehouse.sql import literal, parse

if TYPE_CHECKING:
    from incrementality.attribution.analysis.cube import CreditCube
    from incrementality.attribution.analysis.learned import LearnedModels
    from incrementality.attribution.analysis.prepared import Prepared
    from incrementality.attribution.analysis.spending import CostLine
    from incrementality.attribution.answers.cost_allocation import CostAllocation
    from incrementality.attribution.answers.deal_tree import DealTree
    from incrementality.attribution.answers.engagement import BackTest, DealHistory, EngagementTable
    from incrementality.attribution.answers.function_table import FunctionTable
    from incrementality.attribution.answers.unit_costs import UnitCosts
    from incrementality.attribution.answers.velocity import VelocityTable
    from incrementality.attribution.bootstrap import CreditIntervals
    from incrementality.attribution.influence import Influence
    from incrementality.attribution.journeys import Journeys
    from incrementality.attribution.ledger import CreditLedger
    from incrementality.attribution.reconciliation import Reconciliation
    from incrementality.attribution.specification import AttributionSpec
    from incrementality.attribution.views import TouchViews
    from incrementality.capture import Company

__all__ = ["CompanyAnalysis", "attribute_company"]

_HORIZON = 12
_AGE = 30.0
_CUSTOMERS = "SELECT count(*) FROM source WHERE kind = 'new'"
_PLAIN_EVENTS = "SELECT * FROM source WHERE kind <> $beside"


class CompanyAnalysis:
    """A company's attribution for one quarter; made by :func:`attribute_company`.

    Attributes:
        prepared: The journeys of all quarters, ready for models.
        quarter: The quarter that tables are for.
        learned: What models learned from paths.
        ledger: The credit ledger of all quarters, to the cent.
        incomplete: Which floor of completeness the records break, as their audit says; "" where they break none.
    """

    def __init__(
        self, prepared: Prepared, quarter: Quarter, learned: LearnedModels, ledger: CreditLedger, incomplete: str = ""
    ) -> None:
        self.prepared = prepared
        self.quarter = quarter
        self.learned = learned
        self.ledger = ledger
        self.incomplete = incomplete

    @property
    def company(self) -> Company:
        """The company."""
        return self.prepared.company

    @property
    def spec(self) -> AttributionSpec:
        """The measurement specification."""
        return self.prepared.spec

    @property
    def currency(self) -> str:
        """The currency of tables, or ``deals``."""
        return self.company.currency if self.spec.unit == "money" else "deals"

    @property
    def scale(self) -> float:
        """How many units of the ledger are one unit of a table: 100 for cents."""
        deals = self.spec.unit == "deals"
        return float(MICRO_DEALS) if deals else float(10 ** minor_digits(self.company.currency))

    @cached_property
    def cube(self) -> CreditCube:
        """The ledger in sums."""
        return credit_cube(self.ledger)

    @cached_property
    def journeys(self) -> Journeys:
        """The journeys of the quarter's events."""
        return journeys_of_quarter(self.prepared.journeys, self.quarter)

    @cached_property
    def quarter_ledger(self) -> CreditLedger:
        """The quarter's part of the ledger."""
        return ledger_of_quarter(self.ledger, self.quarter)

    @cached_property
    def reconciliation(self) -> Reconciliation:
        """Revenue in = credited + unknown + unallocated + quarantined, over all quarters, for each model."""
        return self.ledger.reconcile(quarantined=self.quarantined)

    @cached_property
    def quarantined(self) -> dict[str, int]:
        """What was set aside before anything was credited, by reason: amounts, or micro-deals."""
        if self.spec.unit == "deals":
            refused = self.company.intake["revenue_events"].refused
            return {reason.name: reason.rows * MICRO_DEALS for reason in refused}
        return dict(self.company.revenue.quarantined)

    @cached_property
    def insufficient(self) -> str:
        """Why ratios to cost are withheld: incomplete records, or too much unknown or unallocated credit; else ""."""
        credit = self.cube.sums("function", quarter=self.quarter.name, model=LEADING)
        whole = sum(credit.values())
        open_share = (credit.get(UNKNOWN, 0.0) + credit.get(UNALLOCATED, 0.0)) / whole if whole else 0.0
        if open_share <= self.spec.unknown_floor:
            return self.incomplete
        told = (
            f"Insufficient data: {share_in_words(open_share)} of the credit is unknown or unallocated, more than the "
            f"{share_in_words(self.spec.unknown_floor)} that ratios to cost allow."
        )
        return f"{self.incomplete} {told}".strip()

    @cached_property
    def function_table(self) -> FunctionTable:
        """Credit, effort and cost by function."""
        costs = {name: self.costs.of(name) / self.scale for name in sorted({row.function for row in self.costs.rows})}
        return function_table(
            self.journeys,
            self.cube,
            self.quarter,
            costs=costs if self.spec.unit == "money" else {},
            scale=self.scale,
            currency=self.currency,
            insufficient=self.insufficient,
        )

    @cached_property
    def cost_lines(self) -> tuple[CostLine, ...]:
        """Every line of the table of costs."""
        return cost_lines(self.company)

    @cached_property
    def costs(self) -> CostAllocation:
        """The quarter's costs by what they served."""
        return allocated_costs(self.cost_lines, self.journeys, self.quarter, currency=self.company.currency)

    @cached_property
    def unit_costs(self) -> UnitCosts:
        """Cost per lead, opportunity and customer; credit against cost by channel."""
        (customers,) = self.company.warehouse.row(parse(_CUSTOMERS, source=self.journeys.events.name))
        return unit_costs(
            self.company,
            self.cube,
            self.quarter,
            lines=self.cost_lines if self.spec.unit == "money" else (),
            allocation=self.costs,
            customers=int(customers),
            scale=self.scale,
            insufficient=self.insufficient,
        )

    @cached_property
    def intervals(self) -> CreditIntervals:
        """The quarter's credit by function and model with intervals, as other events like these would move it."""
        return bootstrap_credit(self.quarter_ledger, "function", seed=1)

    @cached_property
    def influence(self) -> Influence:
        """The revenue of events that each function touched; it overlaps and refuses to be summed."""
        return influence(self.journeys)

    @cached_property
    def views(self) -> TouchViews:
        """Direct and assisted events by channel."""
        return touch_views(self.journeys)

    @cached_property
    def role_mix(self) -> RoleMix | None:
        """Who starts, closes and helps expansions, of all quarters up to this one; ``None`` without expansions."""
        deals = [deal for deal in deal_roles(self.prepared) if deal.quarter <= self.quarter.name]
        return RoleMix(tuple(deals), self.currency) if sum(deal.amount for deal in deals) else None

    @cached_property
    def quarter_mix(self) -> RoleMix | None:
        """The same of this quarter alone."""
        deals = [deal for deal in self.role_mix.deals if deal.quarter == self.quarter.name] if self.role_mix else []
        return RoleMix(tuple(deals), self.currency) if sum(deal.amount for deal in deals) else None

    @cached_property
    def cohorts(self) -> CohortTable | None:
        """What customers became worth by acquisition channel and quarter; ``None`` without accounts.

        Customers from before the records begin are left out: what they paid before is not known.
        """
        accounts = self.company.tables.get("accounts")
        if accounts is None:
            return None
        query = parse(_PLAIN_EVENTS, source=self.company.tables["revenue_events"].name, beside=literal(SHOWN_BESIDE[0]))
        events = self.company.warehouse.materialise(f"plain_{self.journeys.events.name.name}", query)
        costs = costs_by_channel(self.cost_lines)
        as_of = self.company.as_of.replace(tzinfo=None)
        found = measure_cohorts(
            self.company.warehouse, accounts, events, as_of=as_of, horizon=_HORIZON, costs=costs or None
        )
        first = min(self.cube.values("quarter"), default="")
        return CohortTable(tuple(row for row in found.rows if first <= row.period <= self.quarter.name))

    @cached_property
    def velocity(self) -> VelocityTable | None:
        """Pipeline and velocity of the quarter; ``None`` without opportunities."""
        deals = self.company.tables.get("opportunities")
        if deals is None:
            return None
        quarter = self.quarter
        return measure_velocity(
            self.company.warehouse, deals, first=quarter.first, after=quarter.after, period=quarter.name
        )

    @cached_property
    def histories(self) -> tuple[DealHistory, ...]:
        """Every deal with the days on which functions touched it."""
        return deal_histories(self.prepared)

    @cached_property
    def engagement(self) -> EngagementTable:
        """Open deals against won deals of the same kind, segment and age."""
        return compare_engagement(self.histories)

    @cached_property
    def engagement_back_test(self) -> BackTest:
        """How often deals were won that had been under-engaged after 30 days."""
        return back_test_engagement(self.histories, age=_AGE)

    @cached_property
    def comparison(self) -> ModelComparison:
        """Every function's share by each model that covers all kinds; models without enough data are withheld."""
        credit = {
            model: self.cube.sums("function", quarter=self.quarter.name, model=model) for model in self.ledger.models
        }
        whole = sum(credit[LEADING].values())
        complete = {
            name: found for name, found in credit.items() if abs(sum(found.values()) - whole) <= 1e-6 * abs(whole)
        }
        return ModelComparison(complete, {k: why for k, why in self.learned.withheld.items() if k in complete})

    @property
    def deals(self) -> int:
        """Events of the quarter."""
        return deals_of(self.journeys)

    def deal_tree(self, deal: str, *, model: str = LEADING) -> DealTree:
        """Return the tree of one deal, of any quarter.

        Args:
            deal: The id of the revenue event, or of its opportunity.
            model: The model.

        Raises:
            InputError: There is no such deal.
        """
        return tree_of_deal(self.prepared, self.ledger, deal, scale=self.scale, currency=self.currency, model=model)


def attribute_company(
    company: Company, spec: AttributionSpec | None = None, period: str | None = None, *, incomplete: str = ""
) -> CompanyAnalysis:
    """Attribute a company's revenue: journeys, models, the ledger to the cent, and every answer from them.

    Args:
        company: The company's records, taken in by ``open_company``; its engine stays open.
        spec: The measurement specification; default: what ships.
        period: The quarter that tables are for, such as ``2026Q2``; default: the last one that is over.
        incomplete: Which floor of completeness the records break, as ``audit_company(...).insufficient`` says.

    Raises:
        InputError: The period is no quarter.

    Examples:
        >>> from incrementality.capture import open_company, parse_sources
        >>> from incrementality.simulate import simulate_company
        >>> from incrementality.taxonomy import default_taxonomy
        >>> from incrementality.warehouse import connect
        >>> made = simulate_company(150, quarters=2, seed=3, dirty=False)
        >>> sources = parse_sources(dict(made.tables))
        >>> with connect() as engine:
        ...     company = open_company(sources, default_taxonomy(), engine, as_of=made.as_of)
        ...     analysis = attribute_company(company)
        ...     analysis.quarter.name, analysis.reconciliation.holds
        ('2025Q2', True)
    """
    quarter = Quarter.ended_by(company.as_of) if period is None else Quarter.parse(period)
    prepared = prepare(company, spec or parse_attribution())
    learned = learn(prepared)
    models = [*prepared.spec.credit_models(prepared.kinds, prepared.opportunities), *learned.rules]
    ledger = make_ledger(prepared.journeys, models)
    return CompanyAnalysis(
        prepared, quarter, learned, replace(ledger, fingerprint=prepared.spec.fingerprint), incomplete
    )
