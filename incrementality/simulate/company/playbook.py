"""The company's playbook: which journey a moment starts, who acts in it, what it changes and what it leaves behind.

Many pushes saturate, some work only together, some do harm. The numbers are written for this world; no published
effect stands behind them.
"""

from __future__ import annotations

from incrementality.simulate.company.steps import Journey, Step, TouchKind

__all__ = ["JOURNEYS"]

_EARLY, _MIDDLE, _LATE = (0.0, 0.5), (0.3, 0.8), (0.6, 1.0)
_LARGER = (0.35, 0.7, 0.95)
_LARGEST = (0.02, 0.15, 0.6)


def _mail(mean: float = 2.0) -> TouchKind:
    return TouchKind("email_engagement", "email", mean, ("clicked", "opened"), 0.25, system="marketing_automation")


def _sequence(mean: float = 2.0) -> TouchKind:
    return TouchKind("sequence_email", "sales_outreach", mean, ("replied", "sent"), 0.15)


def _call(kind: str = "call", mean: float = 1.0) -> TouchKind:
    return TouchKind(kind, "phone", mean, ("connected", "attempted"), 0.5)


def _meeting(kind: str, mean: float = 1.0) -> TouchKind:
    return TouchKind(kind, "meeting", mean)


def _in_app(kind: str = "in_app_message", mean: float = 1.0) -> TouchKind:
    return TouchKind(kind, "in_app", mean, ("clicked", "read"), 0.4, "automatic", "product")


def _case(kind: str) -> TouchKind:
    return TouchKind(kind, "email", 1.0, ("answered", "sent"), 0.8, system="support_desk")


JOURNEYS: tuple[Journey, ...] = (
    Journey(
        "ad-retargeting",
        "site_visit",
        "interest",
        "awareness",
        "integration",
        (
            Step(
                "marketing",
                {"interest": 0.04},
                (
                    TouchKind(
                        "paid_impression", "paid_social", 3.0, ("delivered", "delivered"), 1.0, "automatic", "ads"
                    ),
                    TouchKind("ad_click", "paid_social", 0.4, ("clicked", "clicked"), 1.0, "inbound", "ads"),
                ),
                (0.8, 0.8, 0.8),
                irritation=0.4,
            ),
        ),
        "brand",
    ),
    Journey(
        "content-nurture",
        "download",
        "interest",
        "consideration",
        "integration",
        (
            Step(
                "marketing",
                {"interest": 0.35},
                (
                    TouchKind(
                        "content_download", "web", 1.0, ("clicked", "clicked"), 1.0, "inbound", "marketing_automation"
                    ),
                    _mail(),
                ),
                irritation=0.5,
                phase=_EARLY,
            ),
            Step("sdr", {"interest": 0.25}, (_sequence(1.5), _call()), (0.4, 0.6, 0.7), _MIDDLE, 0.3),
        ),
        "guide",
    ),
    Journey(
        "webinar-to-demo",
        "webinar",
        "interest",
        "consideration",
        "integration",
        (
            Step(
                "marketing",
                {"interest": 0.3},
                (
                    TouchKind("webinar", "events", 1.0, ("attended", "registered"), 0.5, "inbound", "webinar_tool"),
                    _mail(1.0),
                ),
                phase=_EARLY,
                irritation=0.3,
            ),
            Step("sdr", {"interest": 0.3}, (_call("discovery_call"), _call("meeting_set", 0.5)), phase=_MIDDLE),
            Step("ae", {"interest": 0.1, "deal": 0.2}, (_meeting("demo"),), (0.5, 0.7, 0.8), _LATE),
        ),
        "webinar",
    ),
    Journey(
        "outbound-prospecting",
        "good_fit",
        "interest",
        "awareness",
        "integration",
        (
            Step("sdr", {"interest": 0.7}, (_sequence(3.0), _call()), (0.8, 0.9, 0.9), irritation=0.6),
            Step("ae", {"interest": 0.25}, (_meeting("discovery", 0.6),), (0.3, 0.4, 0.5), _LATE),
        ),
    ),
    Journey(
        "partner-referral",
        "partner_knows",
        "interest",
        "consideration",
        "integration",
        (
            Step(
                "partner",
                {"interest": 0.9, "deal": 0.25},
                (
                    TouchKind(
                        "partner_referral", "partner", 1.0, ("answered", "sent"), 0.9, "inbound", "partner_portal"
                    ),
                ),
                phase=_EARLY,
            ),
            Step("ae", {"deal": 0.2}, (_meeting("discovery"),), (0.6, 0.7, 0.8), _LATE),
        ),
    ),
    Journey(
        "sales-process",
        "open_deal",
        "deal",
        "evaluation",
        "pricing",
        (
            Step(
                "ae",
                {"deal": 0.55},
                (_meeting("discovery"), _meeting("demo"), _meeting("proposal", 0.8), _call("follow_up")),
                (0.75, 0.95, 1.0),
            ),
            Step(
                "presales",
                {"deal": 0.35},
                (_meeting("technical_demo"), _meeting("security_and_compliance", 0.5)),
                _LARGER,
                _MIDDLE,
            ),
            Step("executive", {"deal": 0.3}, (_meeting("sponsor_meeting"),), _LARGEST, _LATE),
        ),
    ),
    Journey(
        "onboarding",
        "just_won",
        "usage",
        "onboarding",
        "adoption",
        (
            Step(
                "implementation",
                {"usage": 0.14},
                (_meeting("kick_off"), _meeting("go_live", 0.8)),
                (0.5, 0.9, 1.0),
                _EARLY,
            ),
            Step("cs", {"usage": 0.06}, (_meeting("onboarding_milestone", 1.5),), (0.4, 0.8, 1.0)),
            Step("product", {"usage": 0.05}, (_in_app(mean=2.0),)),
        ),
    ),
    Journey(
        "feature-adoption",
        "low_usage",
        "usage",
        "adoption",
        "adoption",
        (
            Step("product", {"usage": 0.06}, (_in_app("feature_adoption"), _in_app()), (0.8, 0.8, 0.8)),
            Step("marketing", {"usage": 0.005}, (_mail(1.0),), irritation=0.5),
        ),
        "tips",
    ),
    Journey(
        "seat-limit-nudge",
        "seats_nearly_used",
        "expansion",
        "expansion",
        "expansion",
        (
            Step("product", {"expansion": 0.6}, (_in_app("usage_depth"), _in_app()), phase=_EARLY, irritation=0.2),
            Step("cs", {"expansion": 0.15}, (_call("check_in"),), (0.3, 0.6, 0.8), _MIDDLE),
        ),
    ),
    Journey(
        "quarterly-review",
        "review_due",
        "expansion",
        "expansion",
        "expansion",
        (
            Step(
                "cs",
                {"expansion": 0.4, "renewal": 0.3},
                (_meeting("quarterly_review"), _meeting("account_plan", 0.4)),
                (0.3, 0.8, 1.0),
                _EARLY,
            ),
            Step("executive", {"expansion": 0.25, "renewal": 0.1}, (_meeting("executive_review"),), _LARGEST, _MIDDLE),
        ),
    ),
    Journey(
        "promotion-blast",
        "month_of_promotion",
        "expansion",
        "expansion",
        "expansion",
        (
            Step("marketing", {"expansion": 0.2, "renewal": -0.18}, (_mail(4.0),), irritation=0.5),
            Step("ae", {"expansion": 0.1, "renewal": -0.1}, (_sequence(1.0),), (0.2, 0.3, 0.3), _LATE, irritation=0.2),
        ),
        "promotion",
    ),
    Journey(
        "renewal-outreach",
        "renewal_due",
        "renewal",
        "renewal",
        "renewal",
        (
            Step("cs", {"renewal": 0.45}, (_meeting("check_in", 1.5),), (0.5, 0.9, 1.0)),
            Step("ae", {"renewal": 0.1, "expansion": 0.15}, (_meeting("proposal"),), (0.3, 0.7, 0.9), _LATE),
        ),
    ),
    Journey(
        "case-follow-up",
        "open_case",
        "renewal",
        "adoption",
        "support",
        (
            Step("support", {"renewal": 0.5, "usage": 0.01}, (_case("ticket_opened"), _case("ticket_solved"))),
            Step("product", {"renewal": 0.05}, (_in_app(mean=1.0),), (0.5, 0.5, 0.5), _LATE),
        ),
    ),
    Journey(
        "save-desk",
        "at_risk",
        "renewal",
        "renewal",
        "renewal",
        (
            Step("cs", {"renewal": 0.8}, (_call("save_call", 1.5),), (0.5, 0.8, 0.95), _MIDDLE),
            Step("support", {"renewal": 0.25}, (_case("ticket_escalated"),), (0.4, 0.5, 0.6), _MIDDLE),
            Step("executive", {"renewal": 0.35}, (_meeting("sponsor_meeting"),), _LARGEST, _LATE),
        ),
    ),
)
