"""Turns deliveries into events that were not, when they came."""

import asyncio

from common.logging import get_logger
from tracking_service.inbox.inbox import Inbox
from tracking_service.marks import work_when_woken

log = get_logger(__name__)


class InboxWorker:
    """Works off what waits in the inbox; any number of workers may run beside each other."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def run(self) -> None:
        """Work until cancelled. What fails is tried again."""
        await work_when_woken(self._inbox.work_off, asyncio.Event(), log, "deliveries of platforms wait")
