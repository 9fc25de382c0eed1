"""The touch types that ship: what each function does, and at which lifecycle stage."""

from __future__ import annotations

from incrementality.taxonomy.terms import TouchType

__all__ = ["EXPANSION_TRIGGERS", "TYPES"]

EXPANSION_TRIGGERS = frozenset(
    {
        "adoption_milestone",
        "aha_moment",
        "automatic_tier_change",
        "feature_adoption",
        "key_workflow",
        "power_use",
        "self_serve_upgrade",
        "usage_depth",
        "usage_limit_approached",
    }
)


def _types(function: str, *rows: tuple[str, str, str, tuple[str, ...]]) -> tuple[TouchType, ...]:
    return tuple(
        TouchType(name=name, label=label, aliases=aliases, function=function, stage=stage)
        for name, stage, label, aliases in rows
    )


TYPES: tuple[TouchType, ...] = (
    *_types(
        "marketing",
        ("ad_click", "awareness", "", ("click", "paid click")),
        ("paid_impression", "awareness", "", ("impression", "ad impression", "ad view")),
        ("content_download", "consideration", "", ("download", "whitepaper", "ebook", "asset download")),
        ("webinar", "consideration", "", ("webinar attended", "webinar registration")),
        ("email_engagement", "consideration", "e-mail engagement", ("marketing email", "newsletter", "email click")),
        ("reply", "consideration", "", ("email reply",)),
        ("site_visit", "awareness", "", ("web visit", "website visit", "page visit")),
        ("return_visit", "consideration", "", ("repeat visit",)),
        ("event", "consideration", "", ("trade show", "conference", "field event")),
    ),
    *_types(
        "sdr",
        ("call", "consideration", "", ("phone call", "cold call", "outbound call")),
        ("sequence_email", "consideration", "sequence e-mail", ("sequence step", "outreach email", "sales email")),
        ("discovery_call", "consideration", "", ("intro call",)),
        ("qualification", "consideration", "qualification (MQL to SQL)", ("mql to sql", "qualified")),
        ("meeting_set", "evaluation", "", ("meeting booked",)),
    ),
    *_types(
        "ae",
        ("discovery", "evaluation", "", ("discovery meeting",)),
        ("demo", "evaluation", "", ("product demo", "sales demo")),
        ("proposal", "purchase", "", ("quote", "proposal sent")),
        ("pricing", "purchase", "", ("pricing discussion", "negotiation")),
        ("stakeholder_meeting", "evaluation", "", ("sales meeting",)),
        ("rfp", "evaluation", "RFP", ("request for proposal", "tender")),
        ("follow_up", "purchase", "follow-up", ("followup",)),
    ),
    *_types(
        "presales",
        ("technical_demo", "evaluation", "", ("tech demo",)),
        ("proof_of_concept", "evaluation", "", ("poc", "pilot", "trial support")),
        ("architecture_review", "evaluation", "", ("solution design",)),
        ("integration_assessment", "evaluation", "", ("integration review",)),
        ("security_and_compliance", "purchase", "", ("security review", "security questionnaire", "compliance review")),
        ("objection", "evaluation", "objection handled", ("objection handling",)),
        ("questions_and_answers", "evaluation", "Q&A", ("q&a", "technical q&a")),
    ),
    *_types(
        "cs",
        ("onboarding_milestone", "onboarding", "", ("onboarding step",)),
        ("quarterly_review", "adoption", "", ("qbr", "quarterly business review", "business review")),
        ("account_plan", "adoption", "", ("success plan",)),
        ("adoption_coaching", "adoption", "", ("training", "coaching", "enablement")),
        ("health_score_gain", "adoption", "health-score gain", ("health gain",)),
        ("check_in", "adoption", "check-in", ("checkin",)),
        ("save_call", "renewal", "", ("retention call", "churn call")),
        ("expansion_identified", "expansion", "", ("upsell identified", "csql", "cs qualified lead")),
    ),
    *_types(
        "product",
        ("feature_adoption", "adoption", "", ("feature used",)),
        ("usage_depth", "adoption", "", ("usage threshold", "usage limit")),
        ("key_workflow", "adoption", "", ("workflow completed",)),
        ("aha_moment", "onboarding", "", ("activation event",)),
        ("power_use", "adoption", "", ("power user",)),
        ("in_app_message", "adoption", "in-app message", ("in app prompt", "in app banner")),
        ("adoption_milestone", "adoption", "", ("milestone reached",)),
        ("usage_limit_approached", "expansion", "", ("usage alert", "limit approached")),
        ("self_serve_upgrade", "expansion", "self-serve upgrade", ("upgraded alone",)),
        ("automatic_tier_change", "expansion", "", ("tier change",)),
    ),
    *_types(
        "support",
        ("ticket_opened", "adoption", "", ("ticket", "case opened", "case")),
        ("ticket_solved", "adoption", "", ("ticket closed", "case closed", "case solved", "ticket resolved")),
        ("ticket_escalated", "adoption", "", ("escalation", "case escalated")),
        ("satisfaction", "adoption", "satisfaction survey", ("csat", "satisfaction survey")),
    ),
    *_types(
        "implementation",
        ("kick_off", "onboarding", "kick-off", ("kickoff", "project kickoff")),
        ("implementation_milestone", "onboarding", "", ("milestone", "project milestone")),
        ("go_live", "onboarding", "go-live", ("golive", "launch")),
    ),
    *_types(
        "executive",
        ("sponsor_meeting", "renewal", "", ("executive meeting", "executive sponsor meeting")),
        ("executive_review", "renewal", "", ("review", "executive business review", "ebr")),
    ),
    *_types(
        "partner",
        ("partner_referral", "awareness", "referral by a partner", ("referral",)),
        ("co_sell", "evaluation", "co-sell", ("cosell", "joint meeting")),
    ),
    *_types("customer", ("inbound_request", "expansion", "", ("inbound", "customer request", "inbound email"))),
)
