"""People, and what they did: the use cases."""

from collections.abc import Set as AbstractSet
from dataclasses import replace

from common.clock import now
from common.errors import field_fault, invalid
from common.ids import new_uuid7
from tracking_service.postgres.pages import Page
from tracking_service.profiles.activity_store import Activity, PostgresActivities
from tracking_service.profiles.profile import CHANGEABLE, Profile, profile_faults
from tracking_service.profiles.store import PostgresProfiles, unknown_profile


class Profiles:
    """Creates, reads and changes profiles, and lists what their people did."""

    def __init__(self, store: PostgresProfiles, activities: PostgresActivities) -> None:
        self._store = store
        self._activities = activities

    async def create(self, business_id: str, profile: Profile) -> Profile:
        """Create a profile; without an id one is made.

        Raises INVALID with every fault, `PROFILE_TAKEN`, `IDENTITY_TAKEN`, `BUSINESS_UNKNOWN`.
        """
        created = replace(profile, id=profile.id or str(new_uuid7(profile.created_at)))
        if faults := list(profile_faults(created)):
            raise invalid(faults)
        await self._store.create(business_id, created)
        return created

    async def profile(self, business_id: str, profile_id: str) -> Profile:
        """Return a profile. Raises `PROFILE_UNKNOWN`."""
        found = await self._store.find(business_id, profile_id)
        if found is None:
            raise unknown_profile()
        return found

    async def change(self, business_id: str, profile: Profile, fields: AbstractSet[str]) -> Profile:
        """Take over these fields of a profile and return it as it is then.

        Raises INVALID with every fault, `PROFILE_UNKNOWN`, `IDENTITY_TAKEN`.
        """
        fixed = sorted(set(fields) - CHANGEABLE)
        faults = [field_fault(field, "cannot be changed.") for field in fixed]
        of_fields = [fault for fault in profile_faults(profile) if (fault.parameter or "").split(".")[0] in fields]
        if faults or of_fields:
            raise invalid([*faults, *of_fields])
        return await self._store.change(business_id, profile, fields, now())

    async def activities(
        self, business_id: str, profile_id: str, page: Page, *, with_programs: bool
    ) -> tuple[list[Activity], bool]:
        """Return a page of what a person did, newest first, and whether there is more. Raises `PROFILE_UNKNOWN`.

        with_programs adds what programs did with the person's links.
        """
        found = await self._activities.page(business_id, profile_id, page, with_programs=with_programs)
        if found is None:
            raise unknown_profile("profile")
        return found
