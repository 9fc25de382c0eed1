"""The questions that make a request, as plain data: a terminal asks them one by one, a form shows them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.workspace.question import Question, applies

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["QUESTIONS", "next_question"]

_LOOKED_UP = (("history", ()),)

QUESTIONS: tuple[Question, ...] = (
    Question(
        key="question",
        ask="What do you want to learn?",
        help="One question with a yes or a no: Does the win-back journey bring lapsed customers back?",
    ),
    Question(
        key="decision",
        ask="Which decision will the answer change?",
        help="What you will do if it works, and if it does not: Send it in all countries, or stop it.",
    ),
    Question(key="owner", ask="Who decides?", help="A person or a team. They sign the design.", default="owner"),
    Question(
        key="scope",
        ask="What is withheld from those held out?",
        help="A whole journey, a step of one, what one function sends in it, a trigger, or everything (global).",
        kind="choice",
        choices=("journey", "step", "function", "trigger", "global"),
        default="journey",
    ),
    Question(
        key="journeys",
        ask="Its name? Several with commas between them",
        help="As your CRM tool calls it: win-back. Bills, contracts, legal and security messages cannot be withheld.",
        kind="names",
        longest=200,
    ),
    Question(
        key="functions",
        ask="Which functions of the company send it?",
        help="marketing, SDR, AE, presales, implementation, CS, product, support, executive, partner.",
        kind="names",
        default="marketing",
        longest=200,
    ),
    Question(
        key="purpose",
        ask="What are the messages for?",
        help="win-back, onboarding, upsell ... What a customer is owed (service, bills, security) reaches everyone.",
        longest=200,
    ),
    Question(
        key="unit",
        ask="What is drawn: contacts or whole accounts?",
        help="Accounts, where colleagues talk or the outcome is the account's. Otherwise contacts: they need fewer.",
        kind="choice",
        choices=("contact", "account"),
        default="contact",
    ),
    Question(
        key="why_this_unit",
        ask="Why?",
        help="One sentence that a reader can check: Every contact buys alone.",
        default="{unit}s decide one by one",
    ),
    Question(
        key="data_unit",
        ask="Which column holds the ids?",
        help="The column of your tables with the id of what is drawn.",
        default="{unit}_id",
    ),
    Question(
        key="data_source",
        ask="In which file will the outcomes lie?",
        help="A CSV or Parquet file in the experiment's folder; it may come later. ${NAME} is read from outside.",
        default="outcomes.csv",
    ),
    Question(
        key="metric",
        ask="Which metric decides? Its column's name",
        help="A business outcome: reactivated, revenue. Opens and clicks do not decide.",
        longest=80,
    ),
    Question(
        key="metric_kind",
        ask="What kind is it?",
        help="conversion: 0 or 1 for each unit. revenue: money. mean: another number. ratio: one sum over another.",
        kind="choice",
        choices=("conversion", "revenue", "mean", "ratio"),
        default="conversion",
    ),
    Question(
        key="numerator",
        ask="Which column is summed on top?",
        help="For the order value: spend.",
        needs=(("metric_kind", ("ratio",)),),
    ),
    Question(
        key="denominator",
        ask="Which column is summed below?",
        help="For the order value: orders.",
        needs=(("metric_kind", ("ratio",)),),
    ),
    Question(
        key="metric_unit",
        ask="In which unit or currency?",
        help="EUR, USD, days, sessions; empty where it has none.",
        optional=True,
        longest=20,
        needs=(("metric_kind", ("revenue", "mean", "ratio")),),
    ),
    Question(
        key="direction",
        ask="Is more of it better (increase), or less (decrease)?",
        help="decrease for cancellations, support cases, days to pay.",
        kind="choice",
        choices=("increase", "decrease"),
        default="increase",
    ),
    Question(
        key="window",
        ask="How long after the decision does it count?",
        help="For every unit alike, from the moment it became eligible: 14d, 28d, 8w.",
        kind="window",
        default="28d",
    ),
    Question(
        key="smallest_effect",
        ask="The smallest effect that would change the decision, relative to today?",
        help="10% turns 5 in 100 into 5.5 in 100. A smaller one needs many more units: be honest, not hopeful.",
        kind="share",
    ),
    Question(
        key="guardrails",
        ask="What must not get worse?",
        help="Unsubscribes, complaints, bounces, support cases: 0/1 columns, each with the rise that is too much.",
        kind="rows",
        optional=True,
        columns=(
            Question(
                key="name", ask="Its column's name? Empty: no more", help="unsubscribed", longest=80, optional=True
            ),
            Question(
                key="margin",
                ask="The rise that is too much?",
                help="In parts of all units: 0.003 is three more in a thousand.",
                kind="number",
            ),
        ),
    ),
    Question(
        key="history",
        ask="Is there a table of such units in the past? A file, or a table of the warehouse; empty: no",
        help="One row a unit and entry, from before anybody is held out. Then you need not know the numbers below.",
        optional=True,
    ),
    Question(
        key="history_unit",
        ask="Its column with the ids?",
        help="As in the outcomes' file, or another name.",
        default="{unit}_id",
        needs=_LOOKED_UP,
    ),
    Question(
        key="history_t0",
        ask="Its column with the day a unit became eligible? Empty: there is none",
        help="With it the units that come each week are counted, and units are left out whose window is still open.",
        optional=True,
        needs=_LOOKED_UP,
    ),
    Question(
        key="history_column",
        ask="Its column with the metric? Empty: the same name",
        help="Where the history calls the metric otherwise.",
        optional=True,
        needs=(*_LOOKED_UP, ("metric_kind", ("conversion", "revenue", "mean"))),
    ),
    Question(
        key="baseline",
        ask="How large is the metric today, without it?",
        help="0.05 is a conversion of 5 %; for money and numbers the mean of all units, zeros included.",
        kind="number",
        unless=("history",),
    ),
    Question(
        key="sd",
        ask="And its standard deviation?",
        help="Of all units' values, zeros included. An analyst knows; a guess makes the answer a guess.",
        kind="number",
        needs=(("metric_kind", ("revenue", "mean", "ratio")),),
        unless=("history",),
    ),
    Question(
        key="population",
        ask="How many are eligible now?",
        help="Those who would get it today.",
        kind="count",
        unless=("history",),
    ),
    Question(
        key="arrivals_per_week",
        ask="How many become eligible each week?",
        help="0 for a list that does not grow.",
        kind="count",
        default="0",
        unless=("history",),
    ),
    Question(
        key="holdout_share",
        ask="Which share is held out?",
        help="The design says whether that is enough, and what would be.",
        kind="share",
        default="10%",
    ),
    Question(
        key="starts",
        ask="First day? Empty: not known yet",
        help="Like 2026-03-02. The day on which the first unit is drawn.",
        kind="date",
        optional=True,
    ),
    Question(
        key="ends",
        ask="Last day on which units are drawn? Empty: not known yet",
        help="Outcomes are complete a window later.",
        kind="date",
        optional=True,
        after="starts",
    ),
    Question(
        key="answer_by",
        ask="By which day is the answer needed? Empty: no such day",
        help="The design says whether that can be.",
        kind="date",
        optional=True,
        needs=(("starts", ()),),
        after="starts",
    ),
    Question(
        key="layer",
        ask="In which layer? Empty: in none",
        help="Two experiments in one layer never share a unit: lifecycle-email.",
        optional=True,
        longest=63,
    ),
    Question(
        key="release_when",
        ask="When are those held out released?",
        help="Said beforehand, so that nobody is forgotten.",
        kind="choice",
        choices=("at the end", "after the answer", "never"),
        default="after the answer",
    ),
    Question(
        key="release_how",
        ask="And what do they get then?",
        help="send: what they missed. catch-up: a version of their own. nothing: from then on what everybody gets.",
        kind="choice",
        choices=("nothing", "send", "catch-up"),
        default="nothing",
        needs=(("release_when", ("at the end", "after the answer")),),
    ),
    Question(
        key="approvals",
        ask="Who has to sign?",
        help="Roles with commas between them. Their signature freezes the request.",
        kind="names",
        default="owner, analyst",
        longest=63,
    ),
)


def next_question(answers: Mapping[str, object]) -> Question | None:
    """Return the first question that is not answered yet, or ``None``.

    Examples:
        >>> next_question({}).key
        'question'
    """
    return next((asked for asked in QUESTIONS if asked.key not in answers and applies(asked, answers)), None)
