"""The actions that a business has beside the built-in ones."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from clicktrail.tracking.v1.action_service_pb2 import Action
from common.errors import (
    ClicktrailError,
    Fault,
    FaultType,
    Reason,
    already_exists,
    field_fault,
    invalid,
    not_allowed,
    not_found,
)
from common.field_rules import pattern_of, rules
from common.ids import uuid_of
from tracking_service.actions.catalogue import ALIASES, CATALOGUE, OURS

NAME_LENGTH = rules(Action, "name").max_length
TITLE_LENGTH = rules(Action, "title").max_length
CHANGEABLE = frozenset({"name", "title", "conversion", "important"})

_NAME = pattern_of(rules(Action, "name"))


@dataclass(frozen=True, slots=True)
class CustomAction:
    """An action of a business's own; title None means that people see the name."""

    id: UUID
    name: str
    title: str | None
    conversion: bool
    important: bool
    created_at: datetime


class ActionStore(Protocol):
    """Where actions are kept. A Protocol, since the store imports what it keeps from here."""

    async def create(self, business_id: str, action: CustomAction) -> None:
        """Keep a new action. Raises `BUSINESS_UNKNOWN`, `ACTION_TAKEN`."""

    async def find(self, business_id: str, action_id: UUID) -> CustomAction | None:
        """Return an action, if there is one."""

    async def change(self, business_id: str, wanted: CustomAction, fields: Collection[str]) -> CustomAction | None:
        """Take over these fields and return the action. Raises `ACTION_TAKEN`, `NOT_ALLOWED`."""

    async def delete(self, business_id: str, action_id: UUID) -> bool:
        """Delete an action without events; tell whether there was one. Raises `NOT_ALLOWED`."""


class CustomActions:
    """Creates, reads, changes and deletes custom actions."""

    def __init__(self, store: ActionStore) -> None:
        self._store = store

    async def create(self, business_id: str, action: CustomAction) -> CustomAction:
        """Create an action. Raises INVALID with every fault, `ACTION_TAKEN`, `BUSINESS_UNKNOWN`."""
        check(action, CHANGEABLE)
        await self._store.create(business_id, action)
        return action

    async def action(self, business_id: str, action_id: str) -> CustomAction:
        """Return an action. Raises `ACTION_UNKNOWN`."""
        found = await self._store.find(business_id, _uuid(action_id))
        if found is None:
            raise unknown_action()
        return found

    async def change(
        self, business_id: str, action_id: str, wanted: CustomAction, fields: Collection[str]
    ) -> CustomAction:
        """Take over these fields of an action and return it as it is then.

        Raises INVALID with every fault, `ACTION_UNKNOWN`, `ACTION_TAKEN`, and `NOT_ALLOWED` for another name where
        there are events.
        """
        check(wanted, fields)
        changed = await self._store.change(business_id, replace(wanted, id=_uuid(action_id)), fields)
        if changed is None:
            raise unknown_action()
        return changed

    async def delete(self, business_id: str, action_id: str) -> None:
        """Delete an action. Raises `ACTION_UNKNOWN`, and `NOT_ALLOWED` where there are events."""
        if not await self._store.delete(business_id, _uuid(action_id)):
            raise unknown_action()


def check(action: CustomAction, fields: Collection[str]) -> None:
    """Raise INVALID with every fault among these fields."""
    fixed = sorted(set(fields) - CHANGEABLE)
    faults = [field_fault(field, "cannot be changed.") for field in fixed]
    faults += [fault for fault in _faults(action) if fault.parameter in fields]
    if faults:
        raise invalid(faults)


def unknown_action() -> ClicktrailError:
    """Return the error for an action that there is not."""
    return not_found(Reason.ACTION_UNKNOWN, "There is no such action.", "id")


def taken() -> ClicktrailError:
    """Return the error for a name that another action has."""
    return already_exists(Reason.ACTION_TAKEN, "Another action has this name.", "name")


def has_events(parameter: str | None, description: str) -> ClicktrailError:
    """Return the error for what the events of an action forbid."""
    return not_allowed(Reason.NOT_ALLOWED, description, parameter)


def _faults(action: CustomAction) -> Iterator[Fault]:
    if not action.name:
        yield field_fault("name", "is missing.", FaultType.PARAMETER_MISSING)
    elif not _NAME.fullmatch(action.name) or len(action.name) > NAME_LENGTH:
        yield field_fault("name", f"must be `object.verb` in lower case, at most {NAME_LENGTH} characters.")
    elif action.name in CATALOGUE or action.name in ALIASES or action.name in OURS:
        yield field_fault("name", "is that of a built-in action.", FaultType.PARAMETER_NOT_UNIQUE)
    if action.title is not None and len(action.title) > TITLE_LENGTH:
        yield field_fault("title", f"must be at most {TITLE_LENGTH} characters.")


def _uuid(text: str) -> UUID:
    found = uuid_of(text)
    if found is None:
        raise unknown_action()
    return found
