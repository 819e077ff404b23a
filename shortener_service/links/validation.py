"""What a caller asks to create, checked: all its faults at once, in the names of the HTTP contract."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from clicktrail.shortener.v1.link_pb2 import Link as LinkMessage
from common.errors import Faults, FaultType
from common.field_rules import PATH_STEPS, in_words, objection_to_id, pattern_of, rules
from common.json_text import DEEPEST, JsonReader, JsonTextError
from shortener_service import destinations
from shortener_service.domains.domains import Objection
from shortener_service.links import codes
from shortener_service.links.link import Template

LONGEST_NAMES = {
    name: rules(LinkMessage, name).max_length for name in ("campaign", "journey", "message", "external_id")
}
LONGEST_UTM_VALUE = rules(LinkMessage, "utm").max_length
LONGEST_METADATA_BYTES = rules(LinkMessage, "metadata").max_bytes

_PROFILES = rules(LinkMessage, "profile")
_PARAMETERS = rules(LinkMessage, "session_parameters")
_PROFILE = pattern_of(_PROFILES)
_PARAMETER = pattern_of(_PARAMETERS)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# Numbers are read as text: their value is the sender's business.
_METADATA = JsonReader(str, DEEPEST)


class Draft(NamedTuple):
    """One link to create from a template. Empty is absent."""

    profile: str = ""
    external_id: str = ""
    code: str = ""
    """A custom code."""


def check_template(template: Template, faults: Faults, *, objection: Objection, now: datetime) -> None:
    """Note everything that is wrong with a template, but for its domain's owner."""
    check_destination(template.destination, faults, objection)
    check_names(template, faults)
    check_options(template, faults, objection)
    if template.expires_at is not None and template.expires_at <= now:
        faults.add("expires_at", "has passed already.")


def check_destination(destination: str, faults: Faults, objection: Objection) -> None:
    """Note what is wrong with a destination."""
    if not destination:
        faults.add("destination", "is missing.", FaultType.PARAMETER_MISSING)
    else:
        _check_address("destination", destination, faults, objection)


def check_names(template: Template, faults: Faults) -> None:
    """Note what is wrong with campaign, journey and message."""
    if template.campaign and template.journey:
        faults.add("campaign", "and journey exclude each other.", FaultType.AMBIGUOUS_PARAMETER)
    for name in ("campaign", "journey", "message"):
        _check_name(name, getattr(template, name), faults)
    for name in ("campaign", "journey"):
        if getattr(template, name) in PATH_STEPS:
            faults.add(name, "cannot be a step of a path: no address would lead to its report.")


def check_options(template: Template, faults: Faults, objection: Objection) -> None:
    """Note what is wrong with the UTM parameters, the fallback, the session's parameters and the metadata."""
    for name, value in template.utm:
        if len(value) > LONGEST_UTM_VALUE or _CONTROL.search(value):
            faults.add(
                f"utm.{name}", f"takes at most {LONGEST_UTM_VALUE} characters, none of them a control character."
            )
    if template.fallback_url:
        _check_address("fallback_url", template.fallback_url, faults, objection)
    _check_session_parameters(template.session_parameters, faults)
    if template.metadata:
        _check_metadata(template.metadata, faults)


def check_draft(draft: Draft, faults: Faults) -> None:
    """Note what is wrong with one link's own fields."""
    if draft.profile and not _PROFILE.fullmatch(draft.profile):
        faults.add("profile", f"takes {in_words(_PROFILES)}.")
    elif objection := objection_to_id(draft.profile):
        faults.add("profile", objection)
    _check_name("external_id", draft.external_id, faults)
    if draft.code and not codes.is_well_formed(draft.code):
        faults.add("code", f"takes {in_words(codes.LIMITS)}.")
    elif draft.code and codes.is_reserved(draft.code):
        faults.add("code", "is a path of our own and cannot be a link.", FaultType.NOT_ALLOWED)


def _check_name(parameter: str, value: str, faults: Faults) -> None:
    longest = LONGEST_NAMES[parameter]
    if len(value) > longest or _CONTROL.search(value):
        faults.add(parameter, f"takes at most {longest} characters, none of them a control character.")
    elif value != value.strip():
        faults.add(parameter, "has white space at its beginning or end.")


def _check_address(parameter: str, text: str, faults: Faults, objection: Objection) -> None:
    try:
        address = destinations.parse(text)
    except destinations.UnacceptableAddressError as error:
        faults.add(parameter, f"{error}.")
        return
    if why := objection(address):
        faults.add(parameter, why)


def _check_session_parameters(names: Sequence[str], faults: Faults) -> None:
    if len(names) > _PARAMETERS.max_items:
        faults.add("session_parameters", f"takes at most {_PARAMETERS.max_items} names.")
    if not all(_PARAMETER.fullmatch(name) for name in names):
        faults.add("session_parameters", f"takes names of {in_words(_PARAMETERS)}.")
    if len(set(names)) < len(names):
        faults.add("session_parameters", "has a name twice.", FaultType.PARAMETER_NOT_UNIQUE)


def _check_metadata(text: bytes, faults: Faults) -> None:
    if len(text) > LONGEST_METADATA_BYTES:
        faults.add("metadata", f"is longer than {LONGEST_METADATA_BYTES // 1024} KB.")
        return
    try:
        value = _METADATA.read(text)
    except JsonTextError as error:
        faults.add("metadata", f"{error}.")
        return
    if not isinstance(value, dict):
        faults.add("metadata", "is not a JSON object.")
