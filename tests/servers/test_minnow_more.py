"""More doors of a week: portals, maintenance by the proxy, HTTP/1.0, CSRF, ingress, Redis, echo of a bad handshake."""

from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.servers.apache import Apache
from tests.servers.between import answer, says, ws
from tests.servers.child import Daemon, installed
from tests.servers.house import echo, house
from tests.servers.pond import refusals
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


class Redis(Daemon):
    """Redis on a loopback port; nothing is kept."""

    def __init__(self, home: Path) -> None:
        (port,) = free_ports(1)
        words = [installed("redis-server", "redis-server"), "--port", str(port), "--bind", LOOPBACK, "--save", ""]
        super().__init__(port, [*words, "--dir", str(home)], log=home / "redis.log")


async def test_a_csrf_token_is_missing(recorder: Recorder, start: Starter) -> None:
    """403 with an Origin that is right: it is the CSRF token that is missing, and the body says so. By Apache."""

    def door(client: ServerConnection, request: Request) -> Response | None:
        if "csrf=" in request.path:
            return None
        return client.respond(HTTPStatus.FORBIDDEN, '{"detail":"CSRF Failed: CSRF token missing."}\n')

    async with house(echo, process_request=door, ping_interval=None) as app:
        apache = start(Apache, app.port)
        origin = "https://parcels.example"
        watch = await refusals(
            {"form": ws(apache.port, "/ws?user=f", origin=origin)},
            after=1.1,
            before=0.9,
            page=ws(apache.port, "/ws?user=p&csrf=8f1", origin=origin, do=says(0.9, 5)),
        )
    assert answer(watch, "form") == 403
    recorder.keep("minnow-apache-csrf-token-missing-403", watch)
