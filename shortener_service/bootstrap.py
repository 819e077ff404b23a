"""Builds the shortener: each line names one part and what it needs."""

import asyncio
from dataclasses import replace

from grpc import aio

from clicktrail.common.v1.access_pb2 import ROLE_SHORTENER
from clicktrail.shortener.v1 import (
    domain_service_pb2_grpc,
    link_service_pb2_grpc,
    outbox_service_pb2_grpc,
    rate_service_pb2_grpc,
    redirect_service_pb2_grpc,
    refused_host_service_pb2_grpc,
    restore_service_pb2_grpc,
    session_service_pb2_grpc,
)
from clicktrail.tracking.v1 import relay_service_pb2
from common.logging import get_logger
from common.rpc.channels import open_channel
from common.rpc.security import service_security
from common.rpc.server import GrpcServer, Register
from shortener_service.domains.domains import Domains
from shortener_service.domains.proof import Proofs
from shortener_service.domains.servicer import DomainServicer
from shortener_service.domains.store import RedisDomainStore
from shortener_service.domains.txt_records import TxtRecords
from shortener_service.links.business_store import RedisBusinesses
from shortener_service.links.businesses import Businesses
from shortener_service.links.creation import Creation, Secret
from shortener_service.links.links import Links
from shortener_service.links.messages import LinkMessages
from shortener_service.links.servicer import LinkServicer
from shortener_service.links.store import RedisLinkStore
from shortener_service.links.templates import Templates
from shortener_service.outbox.delivery import Delivery
from shortener_service.outbox.direct_delivery import DirectlyDelivered
from shortener_service.outbox.relay import Appended, Deliver, OutboxRelay
from shortener_service.outbox.servicer import OutboxServicer
from shortener_service.outbox.store import RedisOutbox
from shortener_service.rates.rates import Rates
from shortener_service.rates.servicer import RateServicer
from shortener_service.rates.store import RedisRates
from shortener_service.recovery.archive_client import LinkArchive
from shortener_service.recovery.data_format import FORMAT
from shortener_service.recovery.installation import InstallationCopies, complete_if_new, wait_for_store
from shortener_service.recovery.installation_store import RedisInstallation
from shortener_service.recovery.restoration import Restoration
from shortener_service.recovery.servicer import RestoreServicer
from shortener_service.recovery.store import RedisRestore
from shortener_service.redirects.link_cache import LiveLinks
from shortener_service.redirects.redirects import Redirects
from shortener_service.redirects.servicer import RedirectServicer, SessionServicer
from shortener_service.redirects.sessions import Sessions
from shortener_service.redirects.store import RedisChanges, RedisClickStore
from shortener_service.redis.client import RedisCalls
from shortener_service.redis.keyspace import Keys, Shards
from shortener_service.refused_hosts.refused_hosts import RefusedHosts
from shortener_service.refused_hosts.servicer import RefusedHostServicer
from shortener_service.refused_hosts.store import RedisRefusedHostStore
from shortener_service.settings import ShortenerSettings
from shortener_service.token_client import BusinessAccounts, TokenOwners

log = get_logger(__name__)

DELIVERY_SECONDS = 10.0
# A person waits for this one.
DIRECT_DELIVERY_SECONDS = 1.0
# A delivery takes milliseconds; where tracking is gone already there is nothing to wait for.
RELAY_STOP_SECONDS = 2.0
# A Redis that takes longer to answer at the start is away, and health is to be told meanwhile.
START_PATIENCE_SECONDS = 2.0
SERVICES = tuple(
    f"clicktrail.shortener.v1.{name}Service"
    for name in ("Link", "Redirect", "Session", "Domain", "RefusedHost", "Restore", "Rate", "Outbox")
)


class Shortener:
    """The running service: its server, its relay, and what they hold open."""

    def __init__(self, settings: ShortenerSettings) -> None:
        self._settings = settings
        shards = Shards(settings.outbox_shards)
        keys = Keys(shards)
        appended = Appended(shards.count)
        limit = -(-settings.outbox_limit // shards.count)
        self._calls = RedisCalls(settings.redis_address)
        security = service_security(settings, ROLE_SHORTENER)
        self._channel = open_channel(settings.tracking_target, security)
        self._installation = RedisInstallation(self._calls, keys, settings.redis_fsync, FORMAT)
        self._secret = Secret(self._installation.learn)
        self._archive = LinkArchive(self._channel)
        domain_store = RedisDomainStore(self._calls, keys)
        host_store = RedisRefusedHostStore(self._calls, keys)
        self._copies = InstallationCopies(self._installation, domain_store, host_store, self._archive)
        self._restoration = Restoration(
            self._installation, self._archive, lambda: RedisRestore.begin(self._calls, keys)
        )
        links = RedisLinkStore(self._calls, keys, outbox_limit_a_shard=limit, appended=appended.note)
        clicks = DirectlyDelivered(
            RedisClickStore(
                self._calls,
                keys,
                outbox_limit_a_shard=limit,
                session_ttl_seconds=settings.session_ttl_seconds,
                appended=appended.note,
            ),
            delivery_over(self._channel, DIRECT_DELIVERY_SECONDS),
        )
        refused_hosts = RefusedHosts(host_store, self._copies.note_change)
        proofs = Proofs(self._installation.learn, TxtRecords(settings.name_servers))
        domains = Domains(domain_store, proofs, refused_hosts, settings.public_url, self._copies.note_change)
        outbox = RedisOutbox(self._calls, keys, settings.relay_claim_seconds)
        self._relay = OutboxRelay(
            outbox,
            delivery_over(self._channel, DELIVERY_SECONDS),
            appended,
            shards.count,
            settings.relay_claim_seconds,
        )
        templates = Templates(links, settings.session_parameters, settings.template_cache_size)
        self._live_links = LiveLinks(
            links, templates, RedisChanges(self._calls, keys), shards, settings.link_cache_size
        )
        messages = LinkMessages(settings.public_url)
        businesses = Businesses(RedisBusinesses(self._calls), BusinessAccounts(self._channel))
        creation = Creation(links, templates, domains, messages, self._secret, businesses)
        single = Links(links, templates, domains, refused_hosts, messages, self._live_links.forget)
        redirects = Redirects(self._live_links, domains, refused_hosts, clicks, shards)
        self._server = GrpcServer(
            settings.shortener_listen,
            SERVICES,
            registrations(
                LinkServicer(creation, single, messages),
                RedirectServicer(redirects, single, messages),
                SessionServicer(Sessions(clicks, shards)),
                DomainServicer(domains),
                RefusedHostServicer(refused_hosts),
                RestoreServicer(self._restoration),
                RateServicer(Rates(RedisRates(self._calls, keys))),
                OutboxServicer(Delivery(outbox)),
            ),
            connection_age_seconds=settings.connection_age_seconds,
            security=replace(security, business_of=TokenOwners(self._channel).business_of),
        )
        self.port = self._server.port
        self._completing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept calls, and return when the store has answered; raise `UnsuitableStoreError` if it may not be used.

        Where it answers soon, as a rule, that comes first: a process that may not run takes no call, and a new replica
        refuses none because it does not know the secret yet.
        """
        ready = asyncio.create_task(wait_for_store(self._installation, self._secret))
        try:
            await asyncio.wait({ready}, timeout=START_PATIENCE_SECONDS)
            if ready.done():
                ready.result()
            await self._server.start()
            log.info("listening", port=self.port)
            await ready
        finally:
            ready.cancel()
        self._completing = asyncio.create_task(self._complete())
        self._relay.start()
        await self._server.set_serving(is_serving=True)
        log.info("serving")

    async def _complete(self) -> None:
        """Tell a new store from an emptied one, and keep the second copies of what is not a link."""
        await complete_if_new(self._installation, self._archive.count, self._restoration.complete_new)
        await self._copies.run()

    async def stop(self) -> None:
        """Finish the calls under way, then the relay's delivery, and let go of everything."""
        await self._server.stop(self._settings.drain_seconds)
        if self._completing is not None:
            self._completing.cancel()
            await asyncio.gather(self._completing, return_exceptions=True)
        await self._relay.stop(RELAY_STOP_SECONDS)
        await self._live_links.close()
        await self._channel.close()
        await self._calls.close()


def registrations(  # noqa: PLR0913, PLR0917  (one for each service)
    links: LinkServicer,
    redirects: RedirectServicer,
    sessions: SessionServicer,
    domains: DomainServicer,
    refused_hosts: RefusedHostServicer,
    restores: RestoreServicer,
    rates: RateServicer,
    outbox: OutboxServicer,
) -> list[Register]:
    """Return what adds each servicer to a server."""
    return [
        lambda server: link_service_pb2_grpc.add_LinkServiceServicer_to_server(links, server),
        lambda server: redirect_service_pb2_grpc.add_RedirectServiceServicer_to_server(redirects, server),
        lambda server: session_service_pb2_grpc.add_SessionServiceServicer_to_server(sessions, server),
        lambda server: domain_service_pb2_grpc.add_DomainServiceServicer_to_server(domains, server),
        lambda server: refused_host_service_pb2_grpc.add_RefusedHostServiceServicer_to_server(refused_hosts, server),
        lambda server: restore_service_pb2_grpc.add_RestoreServiceServicer_to_server(restores, server),
        lambda server: rate_service_pb2_grpc.add_RateServiceServicer_to_server(rates, server),
        lambda server: outbox_service_pb2_grpc.add_OutboxServiceServicer_to_server(outbox, server),
    ]


def delivery_over(channel: aio.Channel, seconds: float) -> Deliver:
    """Return what delivers bytes to tracking as they are: they were serialized when they went into the outbox."""
    call = channel.unary_unary(
        "/clicktrail.tracking.v1.RelayService/Deliver",
        request_serializer=bytes,
        response_deserializer=relay_service_pb2.DeliverResponse.FromString,
    )

    async def deliver(delivery: bytes) -> object:
        return await call(delivery, timeout=seconds, wait_for_ready=True)

    return deliver
