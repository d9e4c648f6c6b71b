"""Leads to dial, and what became of each attempt."""

from typing import Annotated

import msgspec

from vss_router.events.envelope import Command, Event, Id, OpenStruct, Time

__all__ = ["AutodialLead", "LeadDisposition", "LeadMetadata"]


class LeadMetadata(OpenStruct, frozen=True, kw_only=True):
    """Who the lead is and where it comes from."""

    client_name: str | None = None
    lead_source: str | None = None


class AutodialLead(Command, frozen=True, kw_only=True):
    """Dial this number for a campaign, the highest `priority` (0 to 10) first, not before `not_before`."""

    command: str = "autodial.lead"
    lead_id: Id
    phone_number: str
    campaign_id: Id
    priority: Annotated[int, msgspec.Meta(ge=0, le=10)] = 5
    metadata: LeadMetadata = LeadMetadata()
    not_before: Time | None = None


class LeadDisposition(Event, frozen=True, kw_only=True):
    """What became of one attempt to reach a lead (`attempt` counts from 1), and when the next one is due."""

    event: str = "lead.disposition"
    lead_id: Id
    campaign_id: Id
    attempt: int
    disposition: str
    call_id: Id | None = None
    next_attempt_at: Time | None = None
