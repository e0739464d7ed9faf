"""Users and their rights: they come twice, and their logins and tokens run out."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.abreast import up
from tests.servers.apache import Apache
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, opened, says, sockjs, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Tornado
from tests.servers.haproxy import HaProxy
from tests.servers.homely import refuse, stomping
from tests.servers.house import house
from tests.servers.jvm import Jetty, Netty, Tomcat
from tests.servers.lesser import Hitch, Nghttpx, Redir, Varnish
from tests.servers.lines import echoed, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.node_apps import Gateway, Rules
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.test_spring_boot_logins import LOGIN_PAGE, asked
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def the_http_session_is_over(start: Starter, recorder: Recorder) -> None:
    """A page on SockJS's socket of Spring: its HTTP session is over after 5 s, and its way back is refused. nghttpx."""
    spring = await up(start, Spring, options=LOGIN_PAGE, door="401", heart_beat="2700,2700")
    nghttpx = await up(start, Nghttpx, spring.port)
    short, long = await asked(spring, "/login?seconds=5"), await asked(spring, "/login?seconds=900")
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{nghttpx.port}/sockjs", "sockjs_transport": "websocket"}
    base |= {"heart_beat": "2700,2700"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            colleague=base | {"cookie": [long]},
            page=base | {"cookie": [short], "reconnect": True, "do": says(1.4, 5, "stomp-send /topic/orders 1")},
        )
        await seen(watch, "close", "page")
        await seen(watch, "http", "page", dir="in", status=401)
        await leave(watch, "colleague")
    recorder.keep("lark-nghttpx-spring-sockjs-http-session-over", watch)


async def a_tab_did_not_poll(start: Starter, recorder: Recorder) -> None:
    """sockjs-node forgets who has not polled for 2 s; a tab behind Envoy pauses for 4.5. A stream by it is well."""
    server = await up(start, SockJsNode, heartbeat_delay=1900, disconnect_delay=2000)
    envoy = await up(start, Envoy, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            front=sockjs(envoy.port, "xhr-streaming"),
            tab=sockjs(envoy.port, "xhr-polling", do=["0.5 send hello", "1.1 send there"]),
        )
        await seen(watch, "sockjs", "tab", dir="in", kind="h")
        await ask(watch, "pause-polling 4.5", "tab")
        await looked(watch, "tab")
        await leave(watch, "front", status=1)
    recorder.keep("lark-envoy-sockjs-tab-did-not-poll", watch)


async def a_form_took_too_long(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An application closes by 4419 when the web session behind a form ran out, by hitch; another page is well."""
    why = "Your session has expired. Please sign in again."
    server, other = await up(start, Rules, age={"after": 4600, "end": [4419, why]}), await up(start, Tornado)
    hitch = await up(start, Hitch, server.port, certificate)
    tables = {
        "other": ws(other.port, do=says(1.7, 8)),
        "form": wss(hitch.port, certificate, do=says(1.2, 3.8, "send draft")),
    }
    watch = await staged(tables, "form", stage="tls")
    assert_said(watch.the("close", "form"), 4419, why)
    recorder.keep("lark-hitch-node-session-expired-4419", watch)


async def a_newer_connection(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Netty replaces the older connection of a user by the newer one, with 4409, behind Envoy; another user stays."""
    server = await up(start, Netty, twice="4409 replaced by a newer connection")
    envoy = await up(start, Envoy, server.port, certificate=certificate)

    def user(name: str, **options: object) -> Table:
        return wss(envoy.port, certificate, **options) | {"url": f"wss://localhost:{envoy.port}/live?user={name}"}

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "first")
        await opened(watch, second=user("mia", do=says(0.9, 2)))
        await echoed(watch, 1, "second")

    tables = {"other": user("tom", do=says(1.6, 6)), "first": user("mia", do=says(1.0, 6))}
    watch = await staged(tables, "first", strike=strike, stage="tls")
    assert_said(watch.the("close", "first"), 4409, "replaced by a newer connection")
    recorder.keep("lark-envoy-netty-replaced-4409", watch)


async def signed_in_elsewhere(start: Starter, recorder: Recorder) -> None:
    """A home-made STOMP server says in an ERROR that this account signed in on another device; by HAProxy."""
    present: dict[str, ServerConnection] = {}

    async def nothing(*_: object) -> None:
        pass

    talk = stomping(nothing, "loft/1.9")

    async def rule(user: str, client: ServerConnection, message: str | bytes) -> None:
        await talk(user, client, message)
        if str(message).startswith(("CONNECT", "STOMP")):
            account = user.partition("-")[0]
            if (older := present.get(account)) is not None:
                await refuse(older, "Signed out: this account has signed in on another device", code=1000)
            present[account] = client

    async with house(rule, ping_interval=2.6, subprotocols=["v12.stomp"]) as app:
        haproxy = await up(start, HaProxy, app.port, tunnel=40)
        base: Table = {"heart_beat": "0,0"}
        url = f"stomp+ws://{LOOPBACK}:{haproxy.port}/?user="

        async def strike(watch: Watch) -> None:
            await seen(watch, "stomp", "home", command="SEND", dir="out", count=2)
            await opened(watch, phone=base | {"url": f"{url}zoe-phone", "do": says(0.8, 3, "stomp-send /q/a 1")})
            await seen(watch, "stomp", "phone", command="SEND", dir="out", count=2)

        tables = {
            "other": base | {"url": f"{url}kim-home", "do": says(1.4, 6, "stomp-send /q/a 2")},
            "home": base | {"url": f"{url}zoe-home", "do": says(0.9, 6, "stomp-send /q/a 3")},
        }
        watch = await staged(tables, "home", strike=strike)
    assert watch.the("stomp", "home", command="ERROR")
    recorder.keep("lark-haproxy-stomp-error-signed-in-elsewhere", watch)


async def a_second_window(start: Starter, recorder: Recorder) -> None:
    """Tomcat closes the older of a user's two windows by 1008 behind Caddy; another user stays."""
    server = await up(start, Tomcat, twice="1008 Another session was opened by this user")
    caddy = await up(start, Caddy, server.port)
    url = "/live?user="

    async def strike(watch: Watch) -> None:
        await echoed(watch, 3, "first")
        await opened(watch, second=ws(caddy.port, f"{url}uwe"))
        await asyncio.sleep(1)

    tables = {
        "other": ws(caddy.port, f"{url}ida", do=says(1.2, 6)),
        "first": ws(caddy.port, f"{url}uwe", do=says(0.7, 6)),
    }
    watch = await staged(tables, "first", strike=strike)
    assert_said(watch.the("close", "first"), 1008, "Another session was opened by this user")
    recorder.keep("lark-caddy-tomcat-second-window-1008", watch)


async def a_token_runs_out(start: Starter, recorder: Recorder) -> None:
    """A gateway behind Varnish ends a feed whose token is over; it comes back with the same and is closed by 4401."""
    server = await up(start, Gateway, expired=[4403, "token expired"], late=[4401, "jwt expired"])
    varnish = await up(start, Varnish, server.port)
    good, short = await asyncio.to_thread(server.token, "eva"), await asyncio.to_thread(server.token, "ron", 5)

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "feed", count=3)

    tables = {
        "other": ws(varnish.port, f"/?token={good}", do=says(1.8, 14)),
        "feed": ws(varnish.port, f"/?token={short}", do=says(1.1, 4), reconnect=True),
    }
    watch = await staged(tables, "feed", strike=strike)
    assert_said(watch.of("close", "feed")[0], 4403, "token expired")
    assert_said(watch.of("close", "feed")[1], 4401, "jwt expired")
    recorder.keep("lark-varnish-gateway-token-over-then-4401", watch)


async def an_access_token_is_over(start: Starter, recorder: Recorder) -> None:
    """Jetty says 1008 and that the access token is over, to one who reads, by Apache; a page elsewhere is well."""
    server = await up(start, Jetty, token="4400 1008 access_token has expired", idle=30000)
    other = await up(start, Tornado)
    apache = await up(start, Apache, server.port)
    tables = {
        "other": ws(other.port, do=says(1.5, 8)),
        "app": ws(apache.port, "/live?user=app", do=["0.5 send hello", "1.3 send clock 700 9"]),
    }
    watch = await staged(tables, "app")
    assert_said(watch.the("close", "app"), 1008, "access_token has expired")
    recorder.keep("lark-apache-jetty-access-token-1008", watch)


async def a_stream_s_token_is_over(start: Starter, recorder: Recorder) -> None:
    """sockjs-node says c[4401] to an XHR stream whose token is over, by redir; a socket by it is well."""
    server = await up(start, SockJsNode, heartbeat_delay=2200)
    redir = await up(start, Redir, server.port)
    tables = {
        "socket": sockjs(redir.port, "websocket", do=says(1.5, 6)),
        "stream": sockjs(redir.port, "xhr-streaming", do=[*says(0.9, 3), "3.3 send close 4401 Token expired"]),
    }
    watch = await staged(tables, "stream")
    assert watch.the("close", "stream")["code"] == 4401
    recorder.keep("lark-redir-sockjs-stream-token-4401", watch)


async def test_sessions_run_out(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (the_http_session_is_over, a_tab_did_not_poll)
    await side_by_side((*(run(start, recorder) for run in runs), a_form_took_too_long(certificate, start, recorder)))


async def test_they_come_twice(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (signed_in_elsewhere, a_second_window)
    await side_by_side((*(run(start, recorder) for run in runs), a_newer_connection(certificate, start, recorder)))


async def test_tokens_run_out(start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (a_token_runs_out, an_access_token_is_over, a_stream_s_token_is_over)
    await side_by_side(run(start, recorder) for run in runs)
