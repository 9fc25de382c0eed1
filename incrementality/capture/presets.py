"""The column names of common exports of CRM, billing and support tools, so that users need not write them.

Facts about the tools, by their own documentation:

* Salesforce: `Object Reference <https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/>`_
  (Opportunity, Task, CampaignMember). Date-times of the API are UTC.
* HubSpot: `default deal properties <https://knowledge.hubspot.com/crm-deals/hubspots-default-deal-properties>`_ and
  `engagements <https://developers.hubspot.com/docs/api/crm/engagements>`_; labels of exports and internal names.
* Dynamics 365: `opportunity
  <https://learn.microsoft.com/en-us/dynamics365/sales/developer/entities/opportunity>`_ and `activitypointer
  <https://learn.microsoft.com/en-us/power-apps/developer/data-platform/reference/entities/activitypointer>`_.
* Pipedrive: `deals <https://developers.pipedrive.com/docs/api/v1/Deals>`_ and `activities
  <https://developers.pipedrive.com/docs/api/v1/Activities>`_; times are UTC.
* Stripe: `invoice line items <https://docs.stripe.com/api/invoice-line-item>`_ and `refunds
  <https://docs.stripe.com/api/refunds>`_; amounts are in the smallest unit, times in seconds since 1970.
* Zendesk: `tickets <https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/>`_; times are UTC.

A company may have renamed fields or stages: ``columns`` and ``values`` of its settings override single ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_PRESET", "PRESETS", "Preset"]


@dataclass(frozen=True, slots=True)
class Preset:
    """How one export of one tool is to be read.

    Attributes:
        table: The canonical table that it fills.
        meaning: What it is, in words.
        columns: For a canonical column the names that it may have there.
        constants: Values of columns that every row shares.
        values: For a column, what the tool's own spellings mean; ``*`` stands for every other one.
        time_zone: The zone of times without an offset; "" for the company's.
        time_format: As in :class:`~incrementality.capture.source.Source`.
        unit: Whether amounts are in major or minor units.

    Examples:
        >>> PRESETS["stripe_refunds"].unit, PRESETS["salesforce_opportunity"].columns["account_id"]
        ('minor', ('AccountId', 'Account ID'))
    """

    table: str
    meaning: str
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    time_zone: str = ""
    time_format: str = ""
    unit: Literal["major", "minor"] = "major"


NO_PRESET = Preset("", "no preset")

_SALESFORCE_OPPORTUNITY = Preset(
    "opportunities",
    "Salesforce, object Opportunity; the source that was first written down needs a column of your own",
    {
        "opportunity_id": ("Id", "Opportunity ID"),
        "account_id": ("AccountId", "Account ID"),
        "kind": ("Type", "Opportunity Type"),
        "created_at": ("CreatedDate", "Created Date"),
        "closed_at": ("CloseDate", "Close Date"),
        "outcome": ("StageName", "Stage"),
        "amount": ("Amount",),
        "currency": ("CurrencyIsoCode", "Opportunity Currency"),
        "edited_at": ("LastModifiedDate", "Last Modified Date"),
        "closer": ("OwnerId", "Owner ID"),
    },
    {"closer_function": "ae"},
    {
        "outcome": {"Closed Won": "won", "Closed Lost": "lost", "*": "open"},
        "kind": {
            "New Customer": "new",
            "New Business": "new",
            "Existing Customer - Upgrade": "expansion",
            "Existing Customer - Replacement": "renewal",
            "Existing Business": "expansion",
        },
    },
    time_zone="UTC",
)
_SALESFORCE_TASK = Preset(
    "touchpoints",
    "Salesforce, object Task: calls, e-mails and meetings of people; say whose function it is",
    {
        "touch_id": ("Id", "Activity ID"),
        "account_id": ("AccountId", "Account ID"),
        "contact_id": ("WhoId", "Contact ID"),
        "type": ("TaskSubtype", "Task Subtype", "Type"),
        "occurred_at": ("CompletedDateTime", "ActivityDate", "Date"),
        "logged_at": ("CreatedDate", "Created Date"),
        "actor": ("OwnerId", "Assigned To ID"),
        "outcome": ("CallDisposition", "Call Result"),
        "topic": ("Subject",),
        "opportunity_id": ("WhatId", "Opportunity ID"),
    },
    {"source_system": "salesforce_task"},
    time_zone="UTC",
)
_SALESFORCE_CAMPAIGN_MEMBER = Preset(
    "touchpoints",
    "Salesforce, object CampaignMember: who answered which campaign",
    {
        "touch_id": ("Id", "Member ID"),
        "account_id": ("AccountId", "Account ID"),
        "contact_id": ("ContactId", "LeadOrContactId", "Contact ID"),
        "campaign": ("CampaignId", "Campaign Name"),
        "occurred_at": ("FirstRespondedDate", "First Responded Date", "CreatedDate"),
        "outcome": ("Status", "Member Status"),
    },
    {"source_system": "salesforce_campaign_member", "function": "marketing"},
    time_zone="UTC",
)
_HUBSPOT_DEALS = Preset(
    "opportunities",
    "HubSpot, deals",
    {
        "opportunity_id": ("hs_object_id", "Record ID", "Deal ID"),
        "account_id": ("associatedcompanyid", "hs_primary_associated_company", "Associated Company IDs"),
        "kind": ("dealtype", "Deal Type"),
        "created_at": ("createdate", "Create Date"),
        "closed_at": ("closedate", "Close Date"),
        "outcome": ("dealstage", "Deal Stage"),
        "amount": ("amount", "Amount"),
        "currency": ("deal_currency_code", "Currency"),
        "edited_at": ("hs_lastmodifieddate", "Last Modified Date"),
        "closer": ("hubspot_owner_id", "Deal owner"),
        "reason": ("closed_lost_reason", "Closed Lost Reason"),
    },
    {"closer_function": "ae"},
    {
        "outcome": {"closedwon": "won", "Closed Won": "won", "closedlost": "lost", "Closed Lost": "lost", "*": "open"},
        "kind": {"newbusiness": "new", "New Business": "new", "existingbusiness": "expansion"},
    },
    time_zone="UTC",
)
_HUBSPOT_ACTIVITIES = Preset(
    "touchpoints",
    "HubSpot, engagements: calls, e-mails, meetings, notes; say whose function it is",
    {
        "touch_id": ("hs_object_id", "Record ID", "Activity ID"),
        "account_id": ("associatedcompanyid", "Associated Company IDs"),
        "contact_id": ("associatedcontactid", "Associated Contact IDs"),
        "opportunity_id": ("associateddealid", "Associated Deal IDs"),
        "type": ("hs_engagement_type", "hs_activity_type", "Activity type"),
        "occurred_at": ("hs_timestamp", "Activity date"),
        "logged_at": ("hs_createdate", "Create date"),
        "actor": ("hubspot_owner_id", "Activity assigned to"),
        "outcome": ("hs_meeting_outcome", "hs_call_disposition", "Call outcome"),
        "topic": ("hs_meeting_title", "hs_call_title", "hs_email_subject"),
    },
    {"source_system": "hubspot_activities"},
    time_zone="UTC",
)
_DYNAMICS_OPPORTUNITY = Preset(
    "opportunities",
    "Dynamics 365, table opportunity",
    {
        "opportunity_id": ("opportunityid",),
        "account_id": ("parentaccountid", "_parentaccountid_value", "customerid", "_customerid_value"),
        "created_at": ("createdon",),
        "closed_at": ("actualclosedate",),
        "outcome": ("statecode",),
        "amount": ("actualvalue", "estimatedvalue"),
        "edited_at": ("modifiedon",),
        "closer": ("ownerid", "_ownerid_value"),
    },
    {"closer_function": "ae"},
    {"outcome": {"0": "open", "1": "won", "2": "lost", "Open": "open", "Won": "won", "Lost": "lost"}},
    time_zone="UTC",
)
_DYNAMICS_ACTIVITY = Preset(
    "touchpoints",
    "Dynamics 365, table activitypointer; say whose function it is, and give the account or the contact",
    {
        "touch_id": ("activityid",),
        "opportunity_id": ("regardingobjectid", "_regardingobjectid_value"),
        "type": ("activitytypecode",),
        "occurred_at": ("actualend", "actualstart"),
        "logged_at": ("createdon",),
        "actor": ("ownerid", "_ownerid_value"),
        "topic": ("subject",),
    },
    {"source_system": "dynamics_activity"},
    time_zone="UTC",
)
_PIPEDRIVE_DEALS = Preset(
    "opportunities",
    "Pipedrive, deals",
    {
        "opportunity_id": ("id",),
        "account_id": ("org_id",),
        "created_at": ("add_time",),
        "closed_at": ("close_time", "won_time"),
        "outcome": ("status",),
        "amount": ("value",),
        "currency": ("currency",),
        "edited_at": ("update_time",),
        "closer": ("owner_id", "user_id"),
        "reason": ("lost_reason",),
    },
    {"closer_function": "ae"},
    {"outcome": {"won": "won", "lost": "lost", "open": "open", "deleted": "lost"}},
    time_zone="UTC",
)
_PIPEDRIVE_ACTIVITIES = Preset(
    "touchpoints",
    "Pipedrive, activities; say whose function it is",
    {
        "touch_id": ("id",),
        "account_id": ("org_id",),
        "contact_id": ("person_id",),
        "opportunity_id": ("deal_id",),
        "type": ("type",),
        "occurred_at": ("marked_as_done_time", "due_date"),
        "logged_at": ("add_time",),
        "actor": ("owner_id", "user_id"),
        "topic": ("subject",),
    },
    {"source_system": "pipedrive_activities"},
    time_zone="UTC",
)
_STRIPE_INVOICES = Preset(
    "invoices",
    "Stripe, invoice line items with the invoice's customer and time",
    {
        "line_id": ("id", "line_id"),
        "account_id": ("customer", "customer_id"),
        "amount": ("amount",),
        "currency": ("currency",),
        "issued_at": ("created", "date", "invoice_created"),
        "invoice_id": ("invoice", "invoice_id"),
    },
    time_zone="UTC",
    time_format="epoch",
    unit="minor",
)
_STRIPE_REFUNDS = Preset(
    "refunds",
    "Stripe, refunds; name the column that holds the invoice line or the revenue event",
    {
        "refund_id": ("id",),
        "amount": ("amount",),
        "currency": ("currency",),
        "refunded_at": ("created",),
    },
    time_zone="UTC",
    time_format="epoch",
    unit="minor",
)
_ZENDESK_TICKETS = Preset(
    "touchpoints",
    "Zendesk, tickets; the account is the organization",
    {
        "touch_id": ("id", "Id", "Ticket ID"),
        "account_id": ("organization_id", "Organization ID"),
        "contact_id": ("requester_id", "Requester id"),
        "occurred_at": ("created_at", "Created at"),
        "actor": ("assignee_id", "Assignee id"),
        "outcome": ("status", "Status"),
        "topic": ("subject", "Subject"),
        "channel": ("via_channel", "via.channel", "Via"),
    },
    {
        "source_system": "zendesk_tickets",
        "function": "support",
        "type": "ticket_opened",
        "direction": "inbound",
    },
    time_zone="UTC",
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "dynamics_activity": _DYNAMICS_ACTIVITY,
        "dynamics_opportunity": _DYNAMICS_OPPORTUNITY,
        "hubspot_activities": _HUBSPOT_ACTIVITIES,
        "hubspot_deals": _HUBSPOT_DEALS,
        "pipedrive_activities": _PIPEDRIVE_ACTIVITIES,
        "pipedrive_deals": _PIPEDRIVE_DEALS,
        "salesforce_campaign_member": _SALESFORCE_CAMPAIGN_MEMBER,
        "salesforce_opportunity": _SALESFORCE_OPPORTUNITY,
        "salesforce_task": _SALESFORCE_TASK,
        "stripe_invoices": _STRIPE_INVOICES,
        "stripe_refunds": _STRIPE_REFUNDS,
        "zendesk_tickets": _ZENDESK_TICKETS,
    }
)
