"""Pages of reports, as they are filled."""

from datetime import UTC, datetime

from clicktrail.tracking.v1.connection_service_pb2 import SilentConnection
from clicktrail.tracking.v1.report_page_service_pb2 import ListScopesResponse
from common.clock import to_timestamp
from gateway.reports.access import Reader
from gateway.reports.pages import list_page
from gateway.reports.parameters import parameters_of

AT = datetime(2026, 11, 20, 17, 5, tzinfo=UTC)
READER = Reader("shop", "The shop", opens_all=True, until=AT)


def page(*silent: SilentConnection) -> str:
    """Return the list of a business without campaigns."""
    return list_page(READER, parameters_of({}), ListScopesResponse(), 1, silent).decode()


def test_connections_that_have_fallen_silent_are_told() -> None:
    """By their names, or their platforms, as texts; nothing is said where there are none."""
    named = SilentConnection(id="1", platform="shopify", name="<b>Outlet</b>", last_delivery_at=to_timestamp(AT))
    shown = page(named, SilentConnection(id="2", platform="woocommerce", last_delivery_at=to_timestamp(AT)))
    assert "Orders may be missing" in shown
    assert "&lt;b&gt;Outlet&lt;/b&gt;" in shown
    assert "woocommerce" in shown
    assert "17:05" in shown
    assert "Orders may be missing" not in page()
