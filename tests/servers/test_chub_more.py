"""More doors and hands: programs that fail, proxies without a backend in TCP, answers that never come, full servers."""

from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tests.servers.between import answer, says, ws
from tests.servers.house import house
from tests.servers.nginx import Nginx
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.weir import knocked

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_server_is_full(start: Starter, recorder: Recorder) -> None:
    """The application takes so many clients and no more, and says so with 503; by nginx."""

    def door(client: ServerConnection, request: Request) -> Response | None:
        if "user=late" in request.path:
            return client.respond(HTTPStatus.SERVICE_UNAVAILABLE, "server is at capacity, try again later\n")
        return None

    async with house(process_request=door, ping_interval=None) as app:
        nginx = start(Nginx, app.port)
        watch = await knocked(
            {"late": ws(nginx.port, "/?user=late")}, anna=ws(nginx.port, "/?user=in", do=says(1.2, 4))
        )
    assert answer(watch, "late") == 503
    recorder.keep("chub-nginx-server-at-capacity-503", watch)
