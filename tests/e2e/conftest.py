"""The whole system, under the name that the tests of this folder know it by."""

from tests.support.killable import chain, killable
from tests.support.system import PHONE, System, client_with

__all__ = ["PHONE", "System", "chain", "client_with", "killable"]
