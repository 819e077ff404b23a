"""How fields and enum values are called in the JSON of the API."""

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from clicktrail.common.v1 import json_pb2

# Fields that are left out, rather than null, where the other one is absent.
SHOWN_WITH: dict[str, str] = {
    "clicktrail.common.v1.Fault.parameter": "parameter",
    "clicktrail.tracking.v1.Token.token": "token",
    # Known of clicks alone, and those always have a verdict.
    "clicktrail.tracking.v1.Activity.device": "verdict",
    "clicktrail.tracking.v1.Activity.browser": "verdict",
    "clicktrail.tracking.v1.Activity.os": "verdict",
    "clicktrail.tracking.v1.Activity.country": "verdict",
    "clicktrail.tracking.v1.Activity.verdict": "verdict",
    # A report names the one thing that it is about.
    "clicktrail.tracking.v1.Report.campaign": "campaign",
    "clicktrail.tracking.v1.Report.journey": "journey",
    "clicktrail.tracking.v1.Report.message": "message",
    "clicktrail.tracking.v1.Report.link": "link",
}


def key_of(field: FieldDescriptor) -> str:
    """Return a field's key: its name in the proto, or the `json_name` that the proto gives it."""
    first, *others = field.name.split("_")
    derived = first + "".join(word.capitalize() for word in others)
    return field.name if field.json_name == derived else field.json_name


def is_internal(field: FieldDescriptor) -> bool:
    """Tell whether a field stands in no JSON."""
    return bool(field.GetOptions().Extensions[json_pb2.internal])


def is_inline(field: FieldDescriptor) -> bool:
    """Tell whether the JSON of a field stands for its whole message."""
    return bool(field.GetOptions().Extensions[json_pb2.inline])


def enum_words(enum: EnumDescriptor) -> dict[int, str]:
    """Return the words of an enum's values, such as "event" for REPORT_BASIS_EVENT; without the one for "not set"."""
    prefix = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in enum.name).lstrip("_") + "_"
    return {value.number: value.name.removeprefix(prefix).lower() for value in enum.values if value.number}
