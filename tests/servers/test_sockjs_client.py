"""sockjs-client, and @stomp/stompjs over it, hold conversations with the lab over every transport it has."""

from urllib.parse import urlsplit

import pytest

from tests.servers.nginx import Nginx
from tests.servers.node import converse
from tests.servers.ports import LOOPBACK
from tests.servers.starting import Starter
from tests.servers.transports import over_all_transports
from tui.lab.lab import running
from tui.lab.policy import Policy
from tui.protocols.heartbeat import Pair

pytestmark = pytest.mark.real


@over_all_transports
async def test_the_echo(transport: str) -> None:
    async with running() as urls:
        said = await converse("sockjs-conversation.mjs", "echo", urls["sockjs_echo"], transport)
    lengths = [len("first: 你好\n"), len('"quoted", [and] \\'), 200_000, len("end"), len("the last")]
    assert said[0] == {"what": "open", "transport": transport}
    assert [(line["what"], line["length"]) for line in said[1:-1]] == [("message", length) for length in lengths]
    assert [line["same"] for line in said[1:-2]] == [True] * 4
    assert said[-1] == {"what": "closed", "code": 3001, "reason": "enough", "wasClean": True}


@over_all_transports
async def test_stomp_with_beats(transport: str) -> None:
    async with running(Policy(beats=Pair(300, 300), grace=5)) as urls:
        said = await converse("sockjs-conversation.mjs", "stomp", urls["sockjs"].removeprefix("stomp+"), transport)
    assert said[0] == {"what": "connected", "version": "1.2", "beats": "300,300"}
    assert said[1:-1] == [{"what": "message", "body": "grüß 你好"}, {"what": "beats"}]
    assert said[-1]["what"] == "closed"


async def test_where_a_proxy_makes_no_upgrade_the_next_transport_is_taken(start: Starter) -> None:
    async with running() as urls:
        echo = urlsplit(urls["sockjs_echo"])
        assert echo.port is not None
        nginx = start(Nginx, echo.port, upgrades=False)
        url = f"http://{LOOPBACK}:{nginx.port}{echo.path}"
        said = await converse("sockjs-conversation.mjs", "echo", url, "websocket,xhr-streaming")
    assert said[0] == {"what": "open", "transport": "xhr-streaming"}
    assert said[-1] == {"what": "closed", "code": 3001, "reason": "enough", "wasClean": True}


@over_all_transports
async def test_a_close_arrives_with_its_code(transport: str) -> None:
    async with running() as urls:
        said = await converse(
            "sockjs-conversation.mjs", "echo", urls["sockjs_echo"] + "?close=4001&reason=logged+in+elsewhere", transport
        )
    assert said[-1] == {"what": "closed", "code": 4001, "reason": "logged in elsewhere", "wasClean": True}
