"""From the playground to production, a few buyers at a time, and back within seconds.

Staff buys in the playground while a share of the buyers pays in production. A buyer stays where the share put
them, also while it grows; a checkout stays in the environment in which it began, whatever the share becomes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

import attrs

from briqpay_async import BriqpayClient, Environment, NewSession, Session


@attrs.frozen
class RollOut:
    """Who pays where.

    Attributes:
        percent: How many buyers of a hundred pay at Briqpay in production; 0 takes everybody out.
        staff: Buyers who try things in the playground.
    """

    percent: int
    staff: frozenset[str] = frozenset()

    @classmethod
    def from_env(cls) -> RollOut:
        """Read for each new checkout, so that a change needs no new process."""
        staff = os.environ.get("SHOP_STAFF", "")
        return cls(int(os.environ.get("BRIQPAY_PERCENT", "0")), frozenset(filter(None, staff.split(","))))

    def environment(self, buyer: str) -> Environment | None:
        """Where a buyer pays; ``None`` is the checkout that the shop had before."""
        if buyer in self.staff:
            return Environment.PLAYGROUND
        place = int.from_bytes(hashlib.sha256(buyer.encode()).digest()[:4]) % 100
        return Environment.PRODUCTION if place < self.percent else None


def clients_from_env() -> dict[Environment, BriqpayClient]:
    """One client an environment, each with credentials of its own: those of the other do not work there."""
    return {
        environment: BriqpayClient(
            os.environ[f"BRIQPAY_{environment.name}_USERNAME"],
            os.environ[f"BRIQPAY_{environment.name}_SECRET"],
            environment=environment,
        )
        for environment in Environment
    }


class Checkouts:
    """The checkouts of a shop. What it keeps of them, a real shop keeps in its database."""

    def __init__(self, clients: Mapping[Environment, BriqpayClient]) -> None:
        self.clients = clients
        self.began_in: dict[str, Environment] = {}

    async def begin(self, buyer: str, new: NewSession, rollout: RollOut) -> Session | None:
        """Begin a checkout, or return ``None`` for the old one."""
        environment = rollout.environment(buyer)
        if environment is None:
            return None
        session = await self.clients[environment].sessions.create(new)
        self.began_in[session.id] = environment
        return session

    def client(self, session_id: str) -> BriqpayClient:
        """The client for all further calls about a checkout."""
        return self.clients[self.began_in[session_id]]
