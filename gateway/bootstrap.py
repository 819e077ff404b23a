"""Puts the gateway together; each line names one dependency."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing import parent_process

from clicktrail.common.v1.access_pb2 import ROLE_GATEWAY
from clicktrail.shortener.v1 import domain_service_pb2, link_service_pb2
from clicktrail.tracking.v1 import (
    account_service_pb2,
    action_service_pb2,
    connection_service_pb2,
    event_service_pb2,
    link_archive_service_pb2,
    profile_service_pb2,
    report_page_service_pb2,
    report_service_pb2,
    session_service_pb2,
)
from common.garbage import spare_what_stays
from common.logging import configure_logging, get_logger
from common.rpc.security import caller_security
from common.settings.settings import load_settings
from gateway.api.transcoder import Transcoder
from gateway.app import Application, Gateway
from gateway.auth import Credentials
from gateway.events.events import Events
from gateway.events.fast_path import SingleEvents
from gateway.events.operations import COMPONENTS
from gateway.hooks.hooks import Hooks
from gateway.http.admission import Connections, Room
from gateway.http.router import Router
from gateway.http.routes import API
from gateway.http.server import connections_for
from gateway.openapi.document import document_route
from gateway.probes import own_routes
from gateway.rate_limits.limits import RateLimits
from gateway.rate_limits.refusals import RefusalReports
from gateway.rate_limits.shares import BudgetShares
from gateway.redirects.error_pages import STYLE as LINKS
from gateway.redirects.fast_path import ShortLinks
from gateway.redirects.preview import LinkPages
from gateway.redirects.redirects import Redirects
from gateway.reports.access import ReportAccess
from gateway.reports.downloads import ReportDownloads
from gateway.reports.site import STYLE as REPORTS
from gateway.reports.site import ReportSite
from gateway.reports.streams import ReportStreams
from gateway.reports.watch import Watches
from gateway.rpc.batcher import Batcher, Limits
from gateway.rpc.clients import connect
from gateway.rpc.fresh_sessions import FreshSessions
from gateway.rpc.streams import EventBatches, RedirectBatches
from gateway.settings import GatewaySettings
from gateway.tracker.routes import TrackerRoutes
from gateway.tracker.script import script_routes

log = get_logger(__name__)

# So long the event loop waits for the thread that works on a large body, whenever both want the interpreter: a tenth of
# what is usual, and several times in each request.
SWITCH_SECONDS = 0.0005
# So many addresses at the least it takes to have all connections.
ADDRESSES_AT_LEAST = 4

TRANSCODED = (
    domain_service_pb2.DESCRIPTOR.services_by_name["DomainService"],
    link_service_pb2.DESCRIPTOR.services_by_name["LinkService"],
    link_archive_service_pb2.DESCRIPTOR.services_by_name["LinkArchiveService"],
    session_service_pb2.DESCRIPTOR.services_by_name["SessionService"],
    profile_service_pb2.DESCRIPTOR.services_by_name["ProfileService"],
    action_service_pb2.DESCRIPTOR.services_by_name["ActionService"],
    connection_service_pb2.DESCRIPTOR.services_by_name["ConnectionService"],
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"],
    event_service_pb2.DESCRIPTOR.services_by_name["EventService"],
    report_service_pb2.DESCRIPTOR.services_by_name["ReportService"],
    report_page_service_pb2.DESCRIPTOR.services_by_name["ReportPageService"],
)


def build() -> Application:
    """Return the application of one worker, set by the environment. The server calls it in each of its workers."""
    settings = load_settings(GatewaySettings)
    configure_logging(service="gateway", level=settings.log_level, log_format=settings.log_format)
    most = connections_for(settings.queue_limit)
    # Behind proxies all connections are theirs.
    most_of_address = most // ADDRESSES_AT_LEAST if settings.client_addresses.is_direct else most
    return Application(partial(open_gateway, settings), Connections(most, most_of_address))


@asynccontextmanager
async def open_gateway(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """Open the gateway; on leaving, what is under way is finished."""
    _stop_with_parent()
    sys.setswitchinterval(SWITCH_SECONDS)
    security = caller_security(settings, ROLE_GATEWAY)
    services = connect(settings.shortener_target, settings.tracking_target, settings.call_seconds, security)
    limits = RateLimits(1 / settings.http_workers, is_on=settings.rate_limits)
    credentials = Credentials(services, limits)
    fresh_sessions = FreshSessions(services)
    hits = Batcher(
        RedirectBatches(services, settings.redirect_seconds),
        Limits(settings.flight_size, settings.redirect_flights_in_air, settings.queue_limit, settings.redirect_seconds),
    )
    submissions = Batcher(
        EventBatches(services, settings.call_seconds),
        Limits(settings.flight_size, settings.event_flights_in_air, settings.queue_limit, settings.call_seconds),
    )
    addresses = settings.client_addresses
    events = Events(credentials, limits, fresh_sessions, submissions, addresses)
    pages = TrackerRoutes(services, credentials, fresh_sessions)
    transcoder = Transcoder(services, credentials, limits, fresh_sessions)
    watches = Watches(services)
    access = ReportAccess(services, credentials, limits)
    downloads = ReportDownloads(services, access)
    streams = ReportStreams(access, watches)
    routes = [
        *transcoder.routes(TRANSCODED),
        *events.routes(),
        *pages.routes(),
        *downloads.routes(),
        *streams.routes(),
        *Hooks(services, limits).routes(),
        *script_routes(),
        *LinkPages(services, limits, settings.abuse_address).routes(),
        *own_routes(services),
        *ReportSite(services, access, watches).routes(),
    ]
    document = document_route([route.operation for route in routes], COMPONENTS)
    styles = {"/v1": API, "/reports": REPORTS}
    router = Router([*routes, document], styles, LINKS, Room(settings.queue_limit), addresses)
    refusals = RefusalReports(services, limits.refusals)
    upkeep = [
        asyncio.create_task(BudgetShares(services, limits).keep_in_step()),
        asyncio.create_task(refusals.keep_telling()),
    ]
    log.info("serving", pid=os.getpid())
    spare_what_stays()
    links = ShortLinks(Redirects(hits, limits, addresses), router.own_paths)
    yield Gateway((links, SingleEvents(events)), router, watches)
    watches.close()
    for task in upkeep:
        task.cancel()
    await hits.close()
    await submissions.close()
    await refusals.tell()
    await services.close()
    log.info("stopped", pid=os.getpid())


def _stop_with_parent() -> None:
    """Stop this worker when the process that started it is gone: a worker left behind would keep the port."""
    parent = parent_process()
    if parent is None:
        return
    sentinel, loop = parent.sentinel, asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(sentinel)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(sentinel, stop)
