"""More clocks and users: proxies that wait for a word, tabs that do not poll, tokens and logins that are over."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, seen
from tests.servers.abreast import up
from tests.servers.ashore import side_by_side
from tests.servers.between import assert_cut, says, sockjs, staged, ws
from tests.servers.haproxy import HaProxy
from tests.servers.homely import refuse, stomping
from tests.servers.lesser import Lighttpd, Nghttpx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.outside import house_there, outside, there_stomp
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.servers.test_cod_clocks import worded
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def lighttpd_waits(start: Starter, recorder: Recorder) -> None:
    """lighttpd bears 4 s of silence: a board drops and is back; who talks by it is well."""
    server = await up(start, NodeWs)
    lighttpd = await up(start, Lighttpd, server.port, idle=4)

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "board")
        await seen(watch, "open", "board", count=2)
        await asyncio.sleep(1)

    tables = {
        "talks": ws(lighttpd.port, do=says(1.3, 12)),
        "board": ws(lighttpd.port, do=["0.5 send hello"], reconnect=True),
    }
    watch = await staged(tables, "board", strike=strike)
    assert_cut(watch, "board")
    recorder.keep("cod-lighttpd-node-idle-and-back", watch)


async def haproxy_ends_a_socket(start: Starter, recorder: Recorder) -> None:
    """sockjs-node beats every 25 s, HAProxy's ``timeout tunnel`` is 3.6: a quiet socket is cut; who talks is well."""
    server = await up(start, SockJsNode, heartbeat_delay=25000)
    haproxy = await up(start, HaProxy, server.port, tunnel=3.6)
    tables = {
        "talks": sockjs(haproxy.port, "websocket", do=says(1.4, 9)),
        "quiet": sockjs(haproxy.port, "websocket", do=["0.6 send hello"]),
    }
    watch = await staged(tables, "quiet")
    assert watch.the("close", "quiet")["initiator"] == "remote"
    recorder.keep("cod-haproxy-sockjs-socket-quiet", watch)


async def a_tab_sleeps(start: Starter, recorder: Recorder) -> None:
    """sockjs-node forgets who has not polled for 1.5 s; a tab by nghttpx pauses for 4. A socket by it is well."""
    server = await up(start, SockJsNode, heartbeat_delay=1700, disconnect_delay=1500)
    nghttpx = await up(start, Nghttpx, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "sockjs", "tab", dir="in", kind="h")
        await ask(watch, "pause-polling 4", "tab")
        await seen(watch, "close", "tab")

    tables = {
        "socket": sockjs(nghttpx.port, "websocket", do=says(1.9, 8)),
        "tab": sockjs(nghttpx.port, "xhr-polling", do=["0.5 send hello"]),
    }
    watch = await staged(tables, "tab", strike=strike)
    recorder.keep("cod-nghttpx-sockjs-tab-sleeps", watch)


async def in_an_error(recorder: Recorder, name: str, message: str, body: str) -> None:
    """A home-made broker on another host ends a user by an ERROR; another of its users is well."""

    async def nothing(_: str, __: ServerConnection, ___: str | bytes) -> None:
        pass

    with routed() as hosts:
        rule = stomping(nothing, "quay/3.0")
        async with house_there(hosts, rule, ping_interval=2.1, subprotocols=["v12.stomp"]) as app:

            async def strike(watch: Watch) -> None:
                await seen(watch, "stomp", "desk", command="SEND", dir="out", count=3)
                await refuse(app.clients["desk"], message, body, code=1000)

            tables = {
                who: there_stomp(app.port, "0,0", f"/?user={who}", do=says(0.9, 9, "stomp-send /q/a 1"))
                for who in ("other", "desk")
            }
            watch = await outside(hosts, tables, "desk", strike=strike, patience=1.5)
    assert watch.the("stomp", "desk", command="ERROR")
    recorder.keep(name, watch)


async def test_all(start: Starter, recorder: Recorder) -> None:
    """Several at a time."""
    runs = (lighttpd_waits, haproxy_ends_a_socket, a_tab_sleeps)
    busy = says(1.0, 12)
    await side_by_side(
        (
            *(run(start, recorder) for run in runs),
            in_an_error(recorder, "cod-afar-stomp-error-token-expired", "Access refused", "JWT expired 312 ms ago"),
            in_an_error(recorder, "cod-afar-stomp-error-newer-login", "Superseded by a newer login of user desk", ""),
            worded(recorder, "cod-afar-sesion-caducada", 4003, "Su sesión ha caducado", 3.6, do=busy),
            worded(recorder, "cod-afar-1008-no-data-for-4-s", 1008, "Idle timeout: no data received", 4.5),
        )
    )
