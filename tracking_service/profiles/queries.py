"""The queries of profiles: what each does is said in `queries.sql`."""

from tracking_service.postgres.queries import Queries


class ProfileQueries(Queries):
    """The queries of profiles."""

    find_profile_key: str
    list_activities: str
    find_activity_position: str
    find_profile_keys: str
    find_recipients: str
    create_profiles: str
    take_back_profiles: str
    create_profile: str
    find_profile: str
    list_profiles: str
    find_position: str
    lock_profile: str
    change_profile: str
    has_tombstone: str
    forget_tombstone: str
    lock_identities: str
    find_identities: str
    name_identities: str
    remove_identities: str
    find_by_contact: str


QUERIES = ProfileQueries()
