"""How links and templates are written in the store: small, and the same bytes for the same content for ever."""

import hashlib
import json
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any
from uuid import UUID

from common.clock import to_rfc3339
from shortener_service.links.link import UTM_NAMES, Block, LinkRecord, Template

TEMPLATE_ID_BYTES = 8

_DISABLED, _HAS_PROFILE, _HAS_EXTERNAL_ID, _EXTERNAL_ID_IS_PROFILE, _CHANGED, _DETACHED, _BLOCKED = (
    1 << bit for bit in range(7)
)
_HEAD = struct.Struct(">B8sI")
_CHANGE = struct.Struct(">8sQ")
# Since when it is blocked, and whether its owner has it disabled: `_DISABLED` stands for both then, so that a release
# that knows of no blocks does not redirect.
_BLOCK = struct.Struct(">I?")
# The first byte of a text is its length, or one of these.
_UUID = 0xFF
_LONG = 0xFE
_UUID_LENGTH = 36


def template_to_bytes(template: Template) -> bytes:
    """Return a template as canonical JSON: only what it has, sorted by name."""
    fields: dict[str, Any] = {
        "business_id": template.business_id,
        "destination": template.destination,
        "domain": template.domain,
        "campaign": template.campaign,
        "journey": template.journey,
        "message": template.message,
        "utm": dict(template.utm),
        "expires_at": to_rfc3339(template.expires_at) if template.expires_at else "",
        "fallback_url": template.fallback_url,
        "session_parameters": template.session_parameters,
        "metadata": template.metadata.decode(),
    }
    present = {name: value for name, value in fields.items() if value}
    return json.dumps(present, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def template_from_bytes(content: bytes) -> Template:
    """Return the template that was written so."""
    fields: dict[str, Any] = json.loads(content)
    expires_at = fields.pop("expires_at", None)
    utm = fields.pop("utm", {})
    return Template(
        **fields
        | {
            "utm": tuple((name, utm[name]) for name in UTM_NAMES if name in utm),
            "expires_at": datetime.fromisoformat(expires_at) if expires_at else None,
            "session_parameters": tuple(fields.get("session_parameters", ())),
            "metadata": fields.get("metadata", "").encode(),
        }
    )


def template_id_of(content: bytes) -> bytes:
    """Return the id of a template: the first 8 bytes of its content's hash."""
    return hashlib.sha256(content).digest()[:TEMPLATE_ID_BYTES]


def template_id_text(template_id: bytes) -> str:
    """Return a template's id as it is shown and used in keys."""
    return urlsafe_b64encode(template_id).rstrip(b"=").decode()


def template_id_from_text(text: str) -> bytes:
    """Return the template's id that is shown so."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def record_to_bytes(record: LinkRecord) -> bytes:
    """Return a link's record, 13 bytes and its texts; up to 64 bytes stay packed in the store."""
    flags = _DISABLED * (record.is_disabled or record.block is not None) | _DETACHED * record.is_detached
    texts = b""
    if record.profile:
        flags |= _HAS_PROFILE
        texts += _text_to_bytes(record.profile)
    if record.external_id and record.external_id == record.profile:
        flags |= _EXTERNAL_ID_IS_PROFILE
    elif record.external_id:
        flags |= _HAS_EXTERNAL_ID
        texts += _text_to_bytes(record.external_id)
    change = b""
    if record.changed_milliseconds:
        flags |= _CHANGED
        change = _CHANGE.pack(record.first_template_id, record.changed_milliseconds)
    block = b""
    if record.block:
        flags |= _BLOCKED
        block = _BLOCK.pack(record.block.since_seconds, record.is_disabled) + _text_to_bytes(record.block.reason)
    return _HEAD.pack(flags, record.template_id, record.created_seconds) + texts + change + block


def record_from_bytes(content: bytes) -> LinkRecord:
    """Return the record that was written so."""
    flags, template_id, created_seconds = _HEAD.unpack_from(content)
    at = _HEAD.size
    profile = external_id = ""
    if flags & _HAS_PROFILE:
        profile, at = _text_from_bytes(content, at)
    if flags & _HAS_EXTERNAL_ID:
        external_id, at = _text_from_bytes(content, at)
    elif flags & _EXTERNAL_ID_IS_PROFILE:
        external_id = profile
    origin_id, changed = b"", 0
    if flags & _CHANGED:
        origin_id, changed = _CHANGE.unpack_from(content, at)
        at += _CHANGE.size
    is_disabled = bool(flags & _DISABLED)
    is_detached = bool(flags & _DETACHED)
    block = None
    if flags & _BLOCKED:
        since_seconds, is_disabled = _BLOCK.unpack_from(content, at)
        block = Block(since_seconds, _text_from_bytes(content, at + _BLOCK.size)[0])
    return LinkRecord(
        template_id, created_seconds, profile, external_id, is_disabled, origin_id, changed, is_detached, block
    )


def _text_to_bytes(text: str) -> bytes:
    if len(text) == _UUID_LENGTH:
        packed = _packed_uuid(text)
        if packed is not None:
            return bytes([_UUID]) + packed
    raw = text.encode()
    if len(raw) < _LONG:
        return bytes([len(raw)]) + raw
    return bytes([_LONG]) + len(raw).to_bytes(2, "big") + raw


def _text_from_bytes(content: bytes, at: int) -> tuple[str, int]:
    length = content[at]
    at += 1
    if length == _UUID:
        return str(UUID(bytes=content[at : at + 16])), at + 16
    if length == _LONG:
        length = int.from_bytes(content[at : at + 2], "big")
        at += 2
    return content[at : at + length].decode(), at + length


def _packed_uuid(text: str) -> bytes | None:
    """Return the 16 bytes of a UUID in its canonical writing; another writing would not come back as it was."""
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value.bytes if str(value) == text else None
