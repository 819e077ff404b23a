"""ProfileService: messages to profiles and activities, and back."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import profile_service_pb2 as pb
from clicktrail.tracking.v1 import profile_service_pb2_grpc
from tracking_service.messages import check_texts, page_from
from tracking_service.profiles.messages import activity_message, profile_from, profile_message
from tracking_service.profiles.profiles import Profiles
from tracking_service.profiles.store import PostgresProfiles

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

Erase = Callable[[str, str], Awaitable[None]]
"""Erases the person of a business with this profile. Raises `PROFILE_UNKNOWN`."""


class ProfileServicer(profile_service_pb2_grpc.ProfileServiceServicer):
    """Serves people and what they did."""

    def __init__(self, profiles: Profiles, store: PostgresProfiles, erase: Erase) -> None:
        self._profiles = profiles
        self._store = store
        self._erase = erase

    async def CreateProfile(self, request: pb.CreateProfileRequest, _context: "Context") -> pb.CreateProfileResponse:
        """Create a profile."""
        check_texts(request, "profile")
        created = await self._profiles.create(request.business_id, profile_from(request.profile))
        return pb.CreateProfileResponse(profile=profile_message(created))

    async def GetProfile(self, request: pb.GetProfileRequest, _context: "Context") -> pb.GetProfileResponse:
        """Read a profile."""
        check_texts(request)
        return pb.GetProfileResponse(
            profile=profile_message(await self._profiles.profile(request.business_id, request.id))
        )

    async def UpdateProfile(self, request: pb.UpdateProfileRequest, _context: "Context") -> pb.UpdateProfileResponse:
        """Change a profile."""
        check_texts(request, "profile")
        wanted = profile_from(request.profile, request.id)
        changed = await self._profiles.change(request.business_id, wanted, frozenset(request.update_mask.paths))
        return pb.UpdateProfileResponse(profile=profile_message(changed))

    async def EraseProfile(self, request: pb.EraseProfileRequest, _context: "Context") -> pb.EraseProfileResponse:
        """Erase a person."""
        check_texts(request)
        await self._erase(request.business_id, request.id)
        return pb.EraseProfileResponse()

    async def ListProfiles(self, request: pb.ListProfilesRequest, _context: "Context") -> pb.ListProfilesResponse:
        """List profiles."""
        check_texts(request)
        profiles, has_more = await self._store.page(request.business_id, page_from(request))
        return pb.ListProfilesResponse(profiles=[profile_message(profile) for profile in profiles], has_more=has_more)

    async def ListActivities(self, request: pb.ListActivitiesRequest, _context: "Context") -> pb.ListActivitiesResponse:
        """List what a person did."""
        check_texts(request)
        found, has_more = await self._profiles.activities(
            request.business_id,
            request.profile,
            page_from(request),
            with_programs=request.include == pb.ACTIVITY_INCLUSION_ALL,
        )
        return pb.ListActivitiesResponse(activities=[activity_message(one) for one in found], has_more=has_more)
