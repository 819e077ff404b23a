"""Tell device, browser and operating system from a user agent, by the maintained list of ua-parser."""

from functools import lru_cache
from typing import NamedTuple

from ua_parser import parse

UNKNOWN = "unknown"
# Nobody's says more in more; a made-up one must not cost more.
_LONGEST = 1_000
# The list takes some names out of the user agent as they stand. Each is a value of a breakdown, and in its index.
_LONGEST_NAME = 100
# User agents remembered, about 1 KB each: the same few thousand make nearly all clicks.
_REMEMBERED = 10_000
_DESKTOPS = frozenset({"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD"})


class UserAgent(NamedTuple):
    """What a user agent says of itself."""

    device: str
    browser: str
    os: str


@lru_cache(_REMEMBERED)
def describe(user_agent: str) -> UserAgent:
    """Return what a user agent says of itself: the kind of device, browser and system by their families."""
    told = parse(user_agent[:_LONGEST])
    system = told.os.family if told.os else UNKNOWN
    model = " ".join(filter(None, (told.device.family, told.device.brand, told.device.model))) if told.device else ""
    browser = told.user_agent.family if told.user_agent else UNKNOWN
    return UserAgent(_kind(user_agent, system, model), browser[:_LONGEST_NAME], system[:_LONGEST_NAME])


def _kind(user_agent: str, system: str, model: str) -> str:
    if "iPad" in model or "Tablet" in model or "Kindle" in model:
        return "tablet"
    if "Mobi" in user_agent or "iPhone" in model or "Smartphone" in model:
        return "mobile"
    if system == "Android":
        # Google's advice to makers: a phone says "Mobile", a tablet does not.
        return "tablet"
    return "desktop" if system in _DESKTOPS else UNKNOWN
