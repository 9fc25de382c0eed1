"""The taxonomy that ships: what a company gets without configuring anything."""

from __future__ import annotations

from functools import lru_cache

from incrementality.taxonomy.default_types import TYPES
from incrementality.taxonomy.taxonomy import Taxonomy
from incrementality.taxonomy.terms import (
    Channel,
    CreationSource,
    CreationTrigger,
    EventKind,
    Function,
    MilestoneRule,
    Outcome,
    Term,
    Topic,
    Vocabulary,
)

__all__ = ["default_taxonomy"]

_FUNCTIONS = (
    Function(name="marketing", aliases=("mktg", "demand generation", "demand gen", "growth marketing")),
    Function(name="sdr", label="SDR", aliases=("bdr", "sales development", "sales development representative")),
    Function(name="ae", label="AE", aliases=("sales", "account executive", "account manager", "sales rep")),
    Function(name="presales", aliases=("sales engineering", "sales engineer", "solutions engineering", "pre-sales")),
    Function(name="implementation", aliases=("professional services", "onboarding team", "services")),
    Function(name="cs", label="CS", aliases=("csm", "customer success", "customer success manager")),
    Function(name="product", aliases=("plg", "product led", "in product")),
    Function(name="support", aliases=("customer support", "service desk", "helpdesk")),
    Function(name="executive", aliases=("exec", "executives", "leadership")),
    Function(name="partner", aliases=("partners", "channel partner", "alliances")),
    Function(name="customer", label="customer (inbound)", aliases=("inbound", "customer inbound"), has_budget=False),
)
_STAGES = (
    *(Term(name=name) for name in ("awareness", "consideration", "evaluation", "purchase", "onboarding", "adoption")),
    Term(name="expansion", aliases=("upsell",)),
    Term(name="renewal"),
    Term(name="advocacy"),
)
_CHANNELS = (
    Channel(name="email", label="e-mail", aliases=("e-mail", "mail", "newsletter")),
    Channel(name="sms", label="SMS", aliases=("text message", "text")),
    Channel(name="push", aliases=("push notification", "web push", "mobile push")),
    Channel(name="in_app", label="in-app", aliases=("inapp", "in product", "product")),
    Channel(name="loyalty_offer", aliases=("loyalty",)),
    Channel(name="sales_outreach", aliases=("outreach", "outbound", "sales sequence")),
    Channel(name="phone", aliases=("call", "telephone"), offline=True),
    Channel(name="meeting", aliases=("video call", "onsite"), offline=True),
    Channel(name="paid_search", aliases=("cpc", "ppc", "sem", "google ads", "paidsearch")),
    Channel(name="organic_search", aliases=("organic", "seo")),
    Channel(name="paid_social", aliases=("social ads", "paidsocial", "facebook ads", "linkedin ads")),
    Channel(name="content_syndication", aliases=("syndication",)),
    Channel(name="web", aliases=("website", "site")),
    Channel(name="events", aliases=("event", "trade show", "field marketing"), offline=True),
    Channel(name="direct_mail", aliases=("post", "print mailing"), offline=True),
    Channel(name="partner", aliases=("partners", "reseller"), offline=True),
    Channel(name="referral", aliases=("referrals", "word of mouth")),
    Channel(name="affiliate", aliases=("affiliates",)),
    Channel(name="direct", aliases=("direct traffic", "none", "(none)", "(direct)")),
)
_OUTCOMES = (
    Outcome(name="attempted", aliases=("no answer", "left voicemail", "voicemail")),
    Outcome(name="connected", aliases=("call connected", "reached"), two_way=True),
    Outcome(name="scheduled", aliases=("booked",)),
    Outcome(name="held", aliases=("meeting held", "completed", "took place"), two_way=True),
    Outcome(name="registered"),
    Outcome(name="attended"),
    Outcome(name="answered", aliases=("case answered", "ticket answered"), two_way=True),
    Outcome(name="solved", aliases=("case solved", "ticket solved", "resolved"), two_way=True),
    Outcome(name="replied", aliases=("reply", "responded"), two_way=True),
    Outcome(name="signed", aliases=("contract signed", "order signed"), two_way=True),
    Outcome(name="won", aliases=("closed won",), two_way=True),
    Outcome(name="sent", diagnostic=True),
    Outcome(name="delivered", diagnostic=True),
    Outcome(name="bounced", aliases=("bounce", "hard bounce", "soft bounce"), diagnostic=True, negative=True),
    Outcome(name="opened", aliases=("open",), diagnostic=True),
    Outcome(name="read", diagnostic=True),
    Outcome(name="clicked", aliases=("click",), diagnostic=True),
    Outcome(name="visited", aliases=("visit",)),
    Outcome(name="app_event", aliases=("in app event",)),
    Outcome(name="purchased", aliases=("bought", "ordered")),
    Outcome(name="refunded", aliases=("returned",), negative=True),
    Outcome(name="unsubscribed", aliases=("unsubscribe",), negative=True),
    Outcome(name="opted_out", label="opted out by channel", aliases=("opt out", "opted out"), negative=True),
    Outcome(name="complained", aliases=("complaint", "spam report"), negative=True),
    Outcome(name="status_change", aliases=("status changed",)),
)
_DIRECTIONS = (
    Term(name="inbound", aliases=("in", "incoming", "received")),
    Term(name="outbound", aliases=("out", "outgoing")),
    Term(name="automatic", aliases=("automated", "auto", "system")),
)
_TOPICS = (
    *(Topic(name=name) for name in ("expansion", "renewal", "pricing", "onboarding", "adoption", "integration")),
    *(Topic(name=name) for name in ("security", "training", "support", "product_feedback")),
    Topic(name="unrelated", aliases=("other business", "off topic"), related=False),
)
_EVENT_KINDS = (
    EventKind(name="new", label="new customer", aliases=("new business", "new customer", "new logo", "net new")),
    EventKind(name="expansion", aliases=("upsell", "cross-sell", "add-on", "existing business")),
    EventKind(name="renewal", aliases=("renewals", "existing customer renewal")),
    EventKind(name="saved", label="saved renewal", aliases=("save",), beside="renewal"),
    EventKind(name="purchase", aliases=("order", "first order")),
    EventKind(name="repeat_order", aliases=("repeat purchase", "reorder")),
    EventKind(name="upgrade", aliases=("plan upgrade",)),
    EventKind(name="reactivation", aliases=("reactivated",)),
    EventKind(name="win_back", label="win-back", aliases=("winback",)),
    EventKind(name="referral", aliases=("referred customer",)),
)
_STEPS = (
    Term(name="lead"),
    Term(name="mql", label="MQL", aliases=("marketing qualified lead", "marketing qualified")),
    Term(name="sal", label="SAL", aliases=("sales accepted lead", "sales accepted")),
    Term(name="sql", label="SQL", aliases=("sales qualified lead", "sales qualified")),
    Term(name="opportunity", aliases=("opportunity created", "deal created")),
    Term(name="discovery"),
    Term(name="proposal", aliases=("proposal sent", "proposal/price quote")),
    Term(name="won", aliases=("closed won", "closedwon")),
    Term(name="lost", aliases=("closed lost", "closedlost")),
    Term(name="trial_start", aliases=("trial started", "trial")),
    Term(name="activation", aliases=("activated",)),
    Term(name="free_to_paid", label="free-to-paid", aliases=("converted to paid", "paid conversion")),
    Term(name="onboarding_complete", aliases=("onboarding completed", "onboarded")),
)
_BASES = (
    Term(name="invoiced", aliases=("billed",)),
    Term(name="acv", label="ACV", aliases=("annual contract value",)),
    Term(name="arr_change", label="ARR change", aliases=("arr", "delta arr")),
    Term(name="pipeline", label="pipeline (estimated)", aliases=("estimated",)),
)
_CREATION_SOURCES = (
    CreationSource(name="csm", label="CSM-initiated", aliases=("cs", "csm-initiated"), path="initiated", function="cs"),
    CreationSource(
        name="sales", label="sales-initiated", aliases=("ae", "sales-initiated"), path="initiated", function="ae"
    ),
    CreationSource(name="plg", label="product-led trigger", aliases=("product", "plg trigger"), function="product"),
    CreationSource(name="customer", label="customer inbound", aliases=("inbound",), function="customer"),
    CreationSource(name="customer_executive", aliases=("executive", "customer exec"), function="customer"),
    CreationSource(name="partner", aliases=("referral", "partner referral"), path="partner", function="partner"),
)
_CREATION_TRIGGERS = (
    CreationTrigger(name="quarterly_review", aliases=("qbr", "quarterly business review"), source="csm"),
    CreationTrigger(name="health_review", aliases=("health score review",), source="csm"),
    CreationTrigger(name="proactive_proposal", aliases=("proactive",), source="csm"),
    CreationTrigger(name="other", label="other (CSM-initiated)", source="csm"),
    CreationTrigger(name="renewal_negotiation", aliases=("renewal talk",), source="sales"),
    CreationTrigger(name="separate_upsell", aliases=("upsell",), source="sales"),
    CreationTrigger(name="usage_limit_approached", aliases=("usage limit", "usage threshold"), source="plg"),
    CreationTrigger(name="adoption_milestone", source="plg"),
    CreationTrigger(name="self_serve_upgrade", aliases=("self serve",), source="plg"),
    CreationTrigger(name="automatic_tier_change", aliases=("tier change", "auto upgrade"), source="plg"),
    CreationTrigger(name="email", label="customer's e-mail", aliases=("e-mail",), source="customer"),
    CreationTrigger(name="in_product", label="in-product request", aliases=("in app",), source="customer"),
    CreationTrigger(name="support_ticket", aliases=("ticket",), source="customer"),
)
_SIGNALS = (
    Term(name="unsubscribe", aliases=("unsubscribed",)),
    Term(name="complaint", aliases=("complained", "spam report")),
    Term(name="opt_out", label="opt-out by channel", aliases=("opted out",)),
    Term(name="bounce", aliases=("bounced",)),
    Term(name="suppression", aliases=("suppressed",)),
    Term(name="support_contact", aliases=("support load",)),
)
_MILESTONES = (
    MilestoneRule(
        name="usage_limit_approached",
        kind="threshold",
        event="seat_share",
        at_least=0.8,
        type="usage_depth",
        stage="expansion",
    ),
    MilestoneRule(name="first_export", kind="first_use", event="export"),
    MilestoneRule(name="workflow_done", kind="workflow", event="workflow_completed", type="key_workflow"),
    MilestoneRule(
        name="health_score_up", kind="rise", event="health_score", up_by=10.0, function="cs", type="health_score_gain"
    ),
)


@lru_cache(maxsize=1)
def default_taxonomy() -> Taxonomy:
    """Return the taxonomy that ships.

    Examples:
        >>> taxonomy = default_taxonomy()
        >>> taxonomy.functions.names[:4], sorted(taxonomy.without_budget)
        (('marketing', 'sdr', 'ae', 'presales'), ['customer'])
        >>> taxonomy.types["demo"].function, taxonomy.event_kinds["saved"].beside
        ('ae', 'renewal')
    """
    return Taxonomy(
        functions=Vocabulary("functions", _FUNCTIONS),
        types=Vocabulary("types", TYPES),
        stages=Vocabulary("stages", _STAGES),
        channels=Vocabulary("channels", _CHANNELS),
        outcomes=Vocabulary("outcomes", _OUTCOMES),
        directions=Vocabulary("directions", _DIRECTIONS),
        topics=Vocabulary("topics", _TOPICS),
        event_kinds=Vocabulary("event_kinds", _EVENT_KINDS),
        steps=Vocabulary("steps", _STEPS),
        bases=Vocabulary("bases", _BASES),
        creation_sources=Vocabulary("creation_sources", _CREATION_SOURCES),
        creation_triggers=Vocabulary("creation_triggers", _CREATION_TRIGGERS),
        signals=Vocabulary("signals", _SIGNALS),
        milestones=Vocabulary("milestones", _MILESTONES),
    )
