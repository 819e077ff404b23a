"""Counts what senders ask for, and refuses what is beyond their budgets: 429, and when to come again."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from heapq import nlargest
from operator import itemgetter
from typing import TypeAlias

from common.errors import FaultType
from gateway.account import Account
from gateway.http.errors import RefusedError, refused
from gateway.rate_limits.bucket import Bucket, seconds_until
from gateway.rate_limits.budgets import FROM_PAGES, FROM_SERVERS, FROM_STRANGERS, BudgetKind, Rate
from gateway.rate_limits.refusals import RefusalCounts

# Networks that are remembered: those that have asked for nothing for the longest are forgotten first.
NETWORKS_KEPT = 100_000
LONGEST_WAIT_SECONDS = 60
# Beyond half of what a business has, networks have less and less of theirs. The last tenth is for those alone that have
# asked for hardly anything, which is so many units.
_RESERVED = 0.1
_HARDLY_ANYTHING = 10
# What was used must fall some day.
_LEAST_PART = 0.001


BudgetKey: TypeAlias = tuple[str, BudgetKind, bool, str]
"""What finds a budget: its business, "" for none; its kind; whether it is of private tokens; its network, "" for all.

A plain tuple: each event needs two, and one with names takes three times as long to make.
"""


class RateLimits:
    """The budgets of this process. Everything happens in one event loop.

    A network has the less of its budget, the less is left of its business's: so the heaviest are refused first, and one
    that has hardly asked for anything is let through for as long as there is anything left. `part` is the part of every
    budget that this process has, as long as nothing else is agreed on with other gateways; `now` tells seconds.
    """

    def __init__(self, part: float = 1.0, *, is_on: bool = True, now: Callable[[], float] = time.monotonic) -> None:
        self._part = part
        self._is_on = is_on
        self._now = now
        self._of_businesses: dict[BudgetKey, Bucket] = {}
        self._of_networks: OrderedDict[BudgetKey, Bucket] = OrderedDict()
        self._asked: list[tuple[BudgetKey, Bucket]] = []
        """The buckets of which anything was asked since that was told to others."""
        self._agreed: list[Bucket] = []
        """The buckets that a part is agreed on of."""
        self.refusals = RefusalCounts()
        """What was refused of businesses."""

    def try_take(self, kind: BudgetKind, account: Account, network: str, units: float = 1) -> bool:
        """Take units of the budgets of an account and a network, if they have as many; tell whether they have."""
        return self._wait(kind, account, network, units) == 0

    def take(self, kind: BudgetKind, account: Account, network: str, units: float = 1) -> None:
        """Take units of the budgets of an account and a network. Raises the refusal with 429 where they are too few."""
        if wait := self._wait(kind, account, network, units):
            raise self._refused(kind, account, wait)

    def check(self, kinds: Iterable[BudgetKind], account: Account, network: str) -> None:
        """Refuse with 429 where the budgets have not one unit more of any of these kinds, before more is read."""
        wait, kind = min((self._wait(kind, account, network, 1, is_taken=False), kind) for kind in kinds)
        if wait:
            raise self._refused(kind, account, wait)

    def take_as_stranger(self, kind: BudgetKind, network: str) -> None:
        """Take a unit of what a network has without a credential. Raises the refusal with 429 where there is none."""
        if wait := self._wait_as_stranger(kind, network):
            raise _refused(kind, wait)

    def check_stranger(self, kind: BudgetKind, network: str) -> None:
        """Refuse with 429 where a network has nothing left without a credential."""
        if wait := self._wait_as_stranger(kind, network, is_taken=False):
            raise _refused(kind, wait)

    def demands(self, most: int) -> dict[BudgetKey, float]:
        """Return what was asked for since the last time, of the budgets of which most was."""
        asked = {key: bucket.asked for key, bucket in self._asked}
        for _, bucket in self._asked:
            bucket.asked = 0.0
        self._asked.clear()
        return dict(nlargest(most, asked.items(), key=itemgetter(1)))

    def agree(self, parts: Mapping[BudgetKey, float], otherwise: float | None = None) -> None:
        """Take what this process has of some budgets, and of all others; None: as it was."""
        if otherwise is not None:
            self._part = otherwise
        for bucket in self._agreed:
            bucket.part = None
        self._agreed.clear()
        for key, part in parts.items():
            # One that was forgotten meanwhile is asked for by nobody.
            if known := self._of_networks.get(key) or self._of_businesses.get(key):
                known.part = part
                self._agreed.append(known)

    def _refused(self, kind: BudgetKind, account: Account, wait: float) -> RefusedError:
        self.refusals.count(kind, account)
        return _refused(kind, wait)

    def _wait(self, kind: BudgetKind, account: Account, network: str, units: float, *, is_taken: bool = True) -> float:
        """Return how long to wait, or 0 and take the units."""
        if not self._is_on:
            return 0.0
        business_id, is_private = account.business_id, account.is_private
        of_business, of_network = (FROM_SERVERS if is_private else FROM_PAGES)[kind]
        now, key = self._now(), (business_id, kind, is_private, "")
        whole = self._of_businesses.get(key) or self._new_business(key, now)
        rate = self._rate(of_business, whole, account.rate_factor)
        used = whole.settle(rate, now)
        wait = seconds_until(units, used, rate)
        own: Bucket | None = None
        own_key = (business_id, kind, is_private, network)
        if of_network is not None:
            own = self._of_network(own_key, now)
            own_rate = _under_pressure(self._rate(of_network, own, account.rate_factor), used / rate.burst)
            wait = max(wait, seconds_until(units, own.settle(own_rate, now), own_rate))
        if is_taken:
            self._note(key, whole, units, is_refused=wait > 0)
            if own is not None:
                self._note(own_key, own, units, is_refused=wait > 0)
        return wait

    def _wait_as_stranger(self, kind: BudgetKind, network: str, *, is_taken: bool = True) -> float:
        if not self._is_on:
            return 0.0
        now, key = self._now(), ("", kind, False, network)
        bucket = self._of_network(key, now)
        rate = self._rate(FROM_STRANGERS[kind], bucket, 1)
        wait = seconds_until(1, bucket.settle(rate, now), rate)
        if is_taken:
            self._note(key, bucket, 1, is_refused=wait > 0)
        return wait

    def _note(self, key: BudgetKey, bucket: Bucket, units: float, *, is_refused: bool) -> None:
        if not bucket.asked:
            self._asked.append((key, bucket))
        bucket.asked += units
        if not is_refused:
            bucket.used += units

    def _rate(self, rate: Rate, bucket: Bucket, factor: float) -> Rate:
        part = factor * (self._part if bucket.part is None else bucket.part)
        return rate if part == 1 else Rate(rate.per_second * part, rate.burst * part)

    def _new_business(self, key: BudgetKey, now: float) -> Bucket:
        bucket = self._of_businesses[key] = Bucket(now)
        return bucket

    def _of_network(self, key: BudgetKey, now: float) -> Bucket:
        bucket = self._of_networks.get(key)
        if bucket is None:
            bucket = self._of_networks[key] = Bucket(now)
            if len(self._of_networks) > NETWORKS_KEPT:
                self._of_networks.popitem(last=False)
        else:
            self._of_networks.move_to_end(key)
        return bucket


def _under_pressure(rate: Rate, used: float) -> Rate:
    """Return what a network has where a part of its business's budget is used."""
    part = 2 * (1 - used / (1 - _RESERVED))
    if part >= 1:
        return rate
    part = max(_LEAST_PART, part)
    return Rate(rate.per_second * part, max(rate.burst * part, min(rate.burst, _HARDLY_ANYTHING)))


def _refused(kind: BudgetKind, wait: float) -> RefusedError:
    seconds = min(LONGEST_WAIT_SECONDS, math.ceil(wait))
    text = f"There are too many {kind} at the moment; come again in {seconds} seconds."
    return refused(429, FaultType.RATE_LIMITED, text, **{"retry-after": str(seconds)})
