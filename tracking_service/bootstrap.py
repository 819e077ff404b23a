"""Builds the service: each line names one dependency."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from functools import partial

from clicktrail.common.v1.access_pb2 import ROLE_TRACKING
from clicktrail.tracking.v1 import (
    account_service_pb2_grpc,
    action_service_pb2_grpc,
    connection_service_pb2_grpc,
    event_service_pb2_grpc,
    hook_service_pb2_grpc,
    judgement_service_pb2_grpc,
    link_archive_service_pb2_grpc,
    profile_service_pb2_grpc,
    refused_request_service_pb2_grpc,
    rejection_service_pb2_grpc,
    relay_service_pb2_grpc,
    report_page_service_pb2_grpc,
    report_service_pb2_grpc,
    session_service_pb2_grpc,
)
from common.logging import get_logger
from common.rpc.channels import open_channel
from common.rpc.security import service_security
from common.rpc.server import GrpcServer, Register, until_stopped
from tracking_service.accounts.accounts import Accounts
from tracking_service.accounts.known_accounts import KnownAccounts
from tracking_service.accounts.servicer import AccountServicer
from tracking_service.accounts.store import PostgresAccounts
from tracking_service.actions.custom_actions import CustomActions
from tracking_service.actions.servicer import ActionServicer
from tracking_service.actions.store import PostgresActions
from tracking_service.attribution.explanation import Explanations
from tracking_service.attribution.store import PostgresAttribution, PostgresExplanations
from tracking_service.attribution.worker import AttributionWorker
from tracking_service.clicks.origins import Origins, describe, open_countries
from tracking_service.clicks.servicer import RelayServicer
from tracking_service.clicks.store import PostgresDeliveries
from tracking_service.connections.connections import Connections
from tracking_service.connections.renewal import SecretRenewal
from tracking_service.connections.store import PostgresConnections
from tracking_service.counters.store import PostgresVersions
from tracking_service.erasure.erasures import Erasures, ErasureWorker
from tracking_service.erasure.store import PostgresErasure
from tracking_service.events.context_store import PostgresEventContexts
from tracking_service.events.intake import EventIntake
from tracking_service.events.refund_store import PostgresRefunds
from tracking_service.events.servicer import EventServicer
from tracking_service.events.store import PostgresEvents
from tracking_service.inbox.connection_servicer import ConnectionServicer
from tracking_service.inbox.inbox import Inbox, InboxUses
from tracking_service.inbox.intake import Proof
from tracking_service.inbox.known_hooks import KnownHooks
from tracking_service.inbox.servicer import HookServicer
from tracking_service.inbox.silence import SilenceWatch
from tracking_service.inbox.store import PostgresInbox
from tracking_service.inbox.worker import InboxWorker
from tracking_service.judgements.rejudgement import Rejudgement
from tracking_service.judgements.servicer import JudgementServicer
from tracking_service.judgements.store import PostgresJudgements
from tracking_service.key_ring import KeyRing
from tracking_service.links.archive_store import PostgresInstallation, PostgresLinkExport, PostgresLinkListing
from tracking_service.links.servicer import LinkArchiveServicer
from tracking_service.postgres.availability import CircuitBreaker
from tracking_service.postgres.migrate import until_fit
from tracking_service.postgres.partitions import INBOX, Partitions
from tracking_service.postgres.pool import Postgres
from tracking_service.profiles.activity_store import PostgresActivities
from tracking_service.profiles.profiles import Profiles
from tracking_service.profiles.servicer import ProfileServicer
from tracking_service.profiles.store import PostgresProfiles
from tracking_service.reassignment.store import PostgresReassignment
from tracking_service.reassignment.worker import ReassignmentWorker
from tracking_service.reconciliation.reconciliation import Reconciliation
from tracking_service.reconciliation.store import PostgresReconcile
from tracking_service.refused_requests.servicer import RefusedRequestServicer
from tracking_service.refused_requests.store import PostgresRefusedRequests
from tracking_service.rejections.rejections import DELIVERY, EVENT
from tracking_service.rejections.servicer import RejectionServicer
from tracking_service.rejections.store import PostgresRejected
from tracking_service.reports.known_scopes import KnownScopes
from tracking_service.reports.page import ReportPage
from tracking_service.reports.page_servicer import ReportPageServicer
from tracking_service.reports.page_store import PostgresReportPage
from tracking_service.reports.recipient_store import PostgresRecipients
from tracking_service.reports.recipients import Recipients
from tracking_service.reports.reports import Reports
from tracking_service.reports.servicer import ReportServicer
from tracking_service.reports.store import PostgresReports
from tracking_service.reports.watch import ReportWatch
from tracking_service.sessions.binding_store import PostgresBindings
from tracking_service.sessions.bindings import Bindings
from tracking_service.sessions.servicer import SessionServicer
from tracking_service.sessions.sessions import Sessions
from tracking_service.sessions.store import PostgresSessions
from tracking_service.settings import TrackingSettings
from tracking_service.shortener_client import ShortenerLinks, ShortenerSessions, ShortenerVerdicts
from tracking_service.spool.events import store_events
from tracking_service.spool.folder import DELIVERIES
from tracking_service.spool.hooks import DuringOutage, SpoolHooks, store_deliveries
from tracking_service.spool.intake import SpoolIntake
from tracking_service.spool.replay import SpoolReplay
from tracking_service.spool.spool import Spool

log = get_logger(__name__)

# A PostgreSQL that takes longer to answer at the start is away: then what is known without it has to do.
START_PATIENCE_SECONDS = 2.0


class OutageFallback:
    """The parts that take over while PostgreSQL is away, put together."""

    def __init__(
        self, settings: TrackingSettings, postgres: Postgres, intake: EventIntake, kept: PostgresInbox
    ) -> None:
        folder, limit, rejected = settings.spool_dir, settings.spool_limit_bytes, PostgresRejected(postgres)
        self.breaker = CircuitBreaker(postgres)
        self.accounts = KnownAccounts(folder, PostgresAccounts(postgres), self.breaker)
        self._spool = Spool(folder, limit)
        self.hooks = DuringOutage(
            self.breaker, KnownHooks(folder, kept, self.breaker), Spool(folder, limit, DELIVERIES)
        )
        self.intake = SpoolIntake(intake, self._spool, self.accounts, self.breaker)
        self.replay = SpoolReplay(self._spool, EVENT, store_events(intake), rejected, self.breaker)
        self.delivery_replay = SpoolReplay(self.hooks.spool, DELIVERY, store_deliveries(kept), rejected, self.breaker)

    async def open(self) -> None:
        """Open the files."""
        await self._spool.open()
        await self.hooks.spool.open()

    async def close(self) -> None:
        """Close the files; what waits in them is left to the next process."""
        await self.breaker.close()
        await self._spool.close()
        await self.hooks.spool.close()
        await self.accounts.close()
        await self.hooks.known.close()


class TrackingService:
    """The whole service in one process.

    Serves from the moment that PostgreSQL has answered or, while it is away, that the last known accounts are there.
    """

    def __init__(self, settings: TrackingSettings, postgres: Postgres) -> None:
        self._postgres = postgres
        self._drain_seconds = settings.drain_seconds
        self._partitions = Partitions(postgres, {INBOX: timedelta(days=settings.inbox_retention_days)})
        self._attribution_woken = asyncio.Event()
        self._erasure_woken = asyncio.Event()
        security = service_security(settings, ROLE_TRACKING)
        self._shortener_channel = open_channel(settings.shortener_target, security)
        self._shortener = ShortenerLinks(self._shortener_channel)
        self._reassignment_woken = asyncio.Event()
        events = PostgresEvents(postgres, self._partitions, self._attribution_woken.set)
        kept = PostgresInbox(postgres, self._partitions)
        self._fallback = OutageFallback(settings, postgres, EventIntake(events, PostgresEventContexts(postgres)), kept)
        origins = Origins(describe, open_countries(settings.country_database).of)
        self._deliveries = PostgresDeliveries(postgres, self._partitions, origins, self._attribution_woken.set)
        report_store = PostgresReports(postgres)
        self._known_scopes = KnownScopes(report_store, self._shortener)
        self._reports = Reports(report_store, self._known_scopes)
        self._watch = ReportWatch(self._reports, PostgresVersions(postgres))
        self._accounts = Accounts(PostgresAccounts(postgres), self._fallback.accounts, self._fallback.breaker)
        key_ring = KeyRing(settings.encryption_keys.get_secret_value())
        shops = PostgresConnections(postgres)
        connections, self._renewal = Connections(shops, key_ring), SecretRenewal(shops, key_ring)
        self._connections = ConnectionServicer(connections, kept, settings.public_url)
        self._silence = SilenceWatch(kept)
        self._erasures = Erasures(PostgresErasure(postgres), self._erasure_woken)
        self._inbox = Inbox(
            kept,
            settings.session_parameters,
            InboxUses(
                ShortenerSessions(self._shortener_channel).fresh,
                self._fallback.intake.track,
                self._erasures.forget,
            ),
        )
        self._hooks = SpoolHooks(kept, Proof(key_ring, settings.session_parameters), self._inbox, self._fallback.hooks)
        registers = self._registers()
        self._server = GrpcServer(
            settings.tracking_listen,
            list(registers),
            list(registers.values()),
            connection_age_seconds=settings.connection_age_seconds,
            security=replace(security, business_of=self._accounts.business_of),
        )
        self._upkeep: asyncio.Task[None] | None = None
        self._serving = asyncio.Event()

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._server.port

    async def start(self) -> asyncio.Task[None]:
        """Begin to accept calls, and return the task of all upkeep: where it ends, the service has failed."""
        await self._server.start()
        self._upkeep = asyncio.create_task(self._keep_up())
        return self._upkeep

    async def until_serving(self) -> None:
        """Return once calls are served."""
        await self._serving.wait()

    async def stop(self) -> None:
        """Finish the calls under way, end the upkeep, close the connections."""
        await self._watch.close()
        await self._server.stop(self._drain_seconds)
        if self._upkeep is not None:
            self._upkeep.cancel()
            await asyncio.wait({self._upkeep})
        await self._hooks.close()
        await self._fallback.close()
        await self._shortener.close()
        await self._postgres.close()

    def _registers(self) -> dict[str, Register]:
        """Return each gRPC service's full name, with what registers its servicer."""
        postgres = self._postgres
        actions = PostgresActions(postgres)
        profiles = PostgresProfiles(postgres)
        wake = (self._attribution_woken.set, self._reassignment_woken.set)
        sessions, bindings = Sessions(PostgresSessions(postgres, *wake)), Bindings(PostgresBindings(postgres, *wake))
        return {
            "clicktrail.tracking.v1.AccountService": partial(
                account_service_pb2_grpc.add_AccountServiceServicer_to_server, AccountServicer(self._accounts)
            ),
            "clicktrail.tracking.v1.ActionService": partial(
                action_service_pb2_grpc.add_ActionServiceServicer_to_server,
                ActionServicer(CustomActions(actions), actions),
            ),
            "clicktrail.tracking.v1.ConnectionService": partial(
                connection_service_pb2_grpc.add_ConnectionServiceServicer_to_server, self._connections
            ),
            "clicktrail.tracking.v1.EventService": partial(
                event_service_pb2_grpc.add_EventServiceServicer_to_server,
                EventServicer(
                    self._fallback.intake.track,
                    Explanations(PostgresExplanations(postgres)),
                    PostgresRefunds(postgres),
                ),
            ),
            "clicktrail.tracking.v1.HookService": partial(
                hook_service_pb2_grpc.add_HookServiceServicer_to_server, HookServicer(self._hooks.receive)
            ),
            "clicktrail.tracking.v1.JudgementService": partial(
                judgement_service_pb2_grpc.add_JudgementServiceServicer_to_server,
                JudgementServicer(
                    Rejudgement(
                        PostgresJudgements(postgres),
                        ShortenerVerdicts(self._shortener_channel),
                        self._attribution_woken.set,
                    )
                ),
            ),
            "clicktrail.tracking.v1.LinkArchiveService": partial(
                link_archive_service_pb2_grpc.add_LinkArchiveServiceServicer_to_server,
                LinkArchiveServicer(
                    PostgresLinkListing(postgres), PostgresLinkExport(postgres), PostgresInstallation(postgres)
                ),
            ),
            "clicktrail.tracking.v1.ProfileService": partial(
                profile_service_pb2_grpc.add_ProfileServiceServicer_to_server,
                ProfileServicer(Profiles(profiles, PostgresActivities(postgres)), profiles, self._erasures.erase),
            ),
            "clicktrail.tracking.v1.RefusedRequestService": partial(
                refused_request_service_pb2_grpc.add_RefusedRequestServiceServicer_to_server,
                RefusedRequestServicer(PostgresRefusedRequests(postgres)),
            ),
            "clicktrail.tracking.v1.RejectionService": partial(
                rejection_service_pb2_grpc.add_RejectionServiceServicer_to_server,
                RejectionServicer(PostgresRejected(postgres)),
            ),
            "clicktrail.tracking.v1.ReportService": partial(
                report_service_pb2_grpc.add_ReportServiceServicer_to_server,
                ReportServicer(
                    self._reports,
                    self._watch,
                    Recipients(PostgresRecipients(postgres), self._known_scopes),
                    Reconciliation(PostgresReconcile(postgres)),
                ),
            ),
            "clicktrail.tracking.v1.ReportPageService": partial(
                report_page_service_pb2_grpc.add_ReportPageServiceServicer_to_server,
                ReportPageServicer(ReportPage(PostgresReportPage(postgres), self._reports, self._known_scopes)),
            ),
            "clicktrail.tracking.v1.SessionService": partial(
                session_service_pb2_grpc.add_SessionServiceServicer_to_server, SessionServicer(sessions, bindings)
            ),
            "clicktrail.tracking.v1.RelayService": partial(
                relay_service_pb2_grpc.add_RelayServiceServicer_to_server, RelayServicer(self._deliveries)
            ),
        }

    def _background(self) -> list[Callable[[], Coroutine[None, None, None]]]:
        """Return what runs beside the calls for as long as the service does; one that ends ends the service."""
        attribution = AttributionWorker(PostgresAttribution(self._postgres), self._attribution_woken)
        reassignment = ReassignmentWorker(
            PostgresReassignment(self._postgres), self._reassignment_woken, self._attribution_woken.set
        )
        erasure = ErasureWorker(PostgresErasure(self._postgres), self._shortener, self._erasure_woken)
        return [
            self._partitions.keep_ahead,
            attribution.run,
            reassignment.run,
            erasure.run,
            InboxWorker(self._inbox).run,
            self._silence.run,
            self._renewal.run,
            self._fallback.replay.run,
            self._fallback.delivery_replay.run,
            self._fallback.accounts.keep_in_step,
            self._fallback.hooks.known.keep_in_step,
        ]

    async def _keep_up(self) -> None:
        await self._fallback.open()
        await self._until_fit()
        await self._partitions.make_ahead()
        self._fallback.breaker.mark_back()
        await self._serve()
        async with asyncio.TaskGroup() as tasks:
            for run in self._background():
                tasks.create_task(run())

    async def _until_fit(self) -> None:
        """Wait for PostgreSQL; where that takes long, serve meanwhile what the last known accounts allow."""
        fit = asyncio.create_task(until_fit(self._postgres))
        try:
            await asyncio.wait({fit}, timeout=START_PATIENCE_SECONDS)
            if not fit.done() and await self._fallback.accounts.is_complete():
                log.warning("PostgreSQL is away: events go to the spool until it answers")
                await self._serve()
            await fit
        finally:
            fit.cancel()

    async def _serve(self) -> None:
        await self._server.set_serving(is_serving=True)
        self._serving.set()


async def build(settings: TrackingSettings) -> TrackingService:
    """Return the service, not started; nothing is connected yet."""
    postgres = await Postgres.open(settings.postgres_address, settings.postgres_connections)
    return TrackingService(settings, postgres)


async def serve(settings: TrackingSettings) -> None:
    """Serve until the process is asked to stop. Raises what made the upkeep fail."""
    service = await build(settings)
    stopped = asyncio.create_task(until_stopped())
    failed = await service.start()
    log.info("listening", port=service.port)
    await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
    has_failed = failed.done()
    await service.stop()
    stopped.cancel()
    if has_failed:
        failed.result()
