"""Messages to profiles and activities, and back."""

from clicktrail.tracking.v1 import profile_service_pb2 as pb
from common.clock import now, to_timestamp
from tracking_service.identity.evidence import Identity
from tracking_service.messages import json_from, json_message, money_message
from tracking_service.profiles.activity_store import Activity
from tracking_service.profiles.profile import Profile


def profile_from(message: pb.Profile, profile_id: str | None = None) -> Profile:
    """Return the profile that a request describes; profile_id stands in the path, where it does."""
    identities = dict.fromkeys(Identity(identity.source, identity.user_id) for identity in message.identities)
    return Profile(
        id=message.id if profile_id is None else profile_id,
        name=message.name if message.HasField("name") else None,
        email=message.email if message.HasField("email") else None,
        phone=message.phone if message.HasField("phone") else None,
        identities=tuple(identities),
        metadata=json_from(message.metadata.text, "metadata"),
        created_at=now(),
    )


def profile_message(profile: Profile) -> pb.Profile:
    """Return a profile as a message."""
    return pb.Profile(
        id=profile.id,
        name=profile.name,
        email=profile.email,
        phone=profile.phone,
        identities=[pb.Identity(source=one.source, user_id=one.user_id) for one in profile.identities],
        metadata=json_message(profile.metadata),
        created_at=to_timestamp(profile.created_at),
    )


def activity_message(activity: Activity) -> pb.Activity:
    """Return a click or an event as lists show it."""
    return pb.Activity(
        id=str(activity.id),
        action=activity.action,
        occurred_at=to_timestamp(activity.occurred_at),
        tracked_at=None if activity.tracked_at is None else to_timestamp(activity.tracked_at),
        received_at=to_timestamp(activity.received_at),
        session=activity.session,
        link=activity.link,
        campaign=activity.campaign,
        journey=activity.journey,
        object=json_message(activity.object),
        amount=None if activity.amount is None else money_message(activity.amount),
        metadata=json_message(activity.metadata),
        url=activity.url,
        device=activity.device,
        browser=activity.browser,
        os=activity.os,
        country=activity.country,
        verdict=activity.verdict,
        source=activity.source,
    )
