"""ProfileService: messages to profiles and activities, and back."""

from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import profile_service_pb2 as pb
from clicktrail.tracking.v1 import profile_service_pb2_grpc
from common.clock import now, to_timestamp
from tracking_service.activities import Activity
from tracking_service.erasures import Erasures
from tracking_service.messages import check_texts, json_from, json_message, money_message, page_from
from tracking_service.people import Identity, Profile
from tracking_service.profiles import Profiles

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]


class ProfileServicer(profile_service_pb2_grpc.ProfileServiceServicer):
    """Serves people and what they did."""

    def __init__(self, profiles: Profiles, erasures: Erasures) -> None:
        self._profiles = profiles
        self._erasures = erasures

    async def CreateProfile(self, request: pb.CreateProfileRequest, _context: "Context") -> pb.CreateProfileResponse:
        """Create a profile."""
        check_texts(request, "profile")
        created = await self._profiles.create(request.business_id, _from_message(request.profile))
        return pb.CreateProfileResponse(profile=_to_message(created))

    async def GetProfile(self, request: pb.GetProfileRequest, _context: "Context") -> pb.GetProfileResponse:
        """Read a profile."""
        check_texts(request)
        return pb.GetProfileResponse(profile=_to_message(await self._profiles.profile(request.business_id, request.id)))

    async def UpdateProfile(self, request: pb.UpdateProfileRequest, _context: "Context") -> pb.UpdateProfileResponse:
        """Change a profile."""
        check_texts(request, "profile")
        wanted = _from_message(request.profile, request.id)
        changed = await self._profiles.change(request.business_id, wanted, frozenset(request.update_mask.paths))
        return pb.UpdateProfileResponse(profile=_to_message(changed))

    async def EraseProfile(self, request: pb.EraseProfileRequest, _context: "Context") -> pb.EraseProfileResponse:
        """Erase a person."""
        check_texts(request)
        await self._erasures.erase(request.business_id, request.id)
        return pb.EraseProfileResponse()

    async def ListProfiles(self, request: pb.ListProfilesRequest, _context: "Context") -> pb.ListProfilesResponse:
        """List profiles."""
        check_texts(request)
        profiles, has_more = await self._profiles.page(request.business_id, page_from(request))
        return pb.ListProfilesResponse(profiles=[_to_message(profile) for profile in profiles], has_more=has_more)

    async def ListActivities(self, request: pb.ListActivitiesRequest, _context: "Context") -> pb.ListActivitiesResponse:
        """List what a person did."""
        check_texts(request)
        found, has_more = await self._profiles.activities(request.business_id, request.profile, page_from(request))
        return pb.ListActivitiesResponse(activities=[activity_message(one) for one in found], has_more=has_more)


def _from_message(message: pb.Profile, profile_id: str | None = None) -> Profile:
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


def _to_message(profile: Profile) -> pb.Profile:
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
    )
