"""Users and their rights: they leave, are torn away, come twice, and their logins and tokens run out."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.abreast import up
from tests.servers.apache import Apache
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, opened, says, sockjs, staged, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Tornado
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.homely import refuse, stomping
from tests.servers.house import house
from tests.servers.jvm import Jetty, Netty, Tomcat, Vertx
from tests.servers.lesser import Hitch, Nghttpx, Redir, Varnish
from tests.servers.lines import beaten, echoed, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import SockJsNode
from tests.servers.node_apps import Gateway, Rules
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.test_spring_boot_logins import LOGIN_PAGE, asked
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def a_clerk_disconnects(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Vert.x's STOMP over WebSocket and TLS by Envoy: a clerk says DISCONNECT between two messages; another stays."""
    server = await up(start, Vertx)
    envoy = await up(start, Envoy, server.port, certificate=certificate)
    base: Table = {"url": f"stomp+wss://localhost:{envoy.port}/stomp", "cacert": str(certificate.ca)}
    base |= {"heart_beat": "0,1000"}
    tables = {
        "stays": base | {"subscribe": ["lark"]},
        "clerk": base | {"do": [*says(0.8, 2.5, "stomp-send lark 1"), "2.9 disconnect"]},
    }
    watch = await staged(tables, "clerk", status=0)
    assert watch.the("close", "clerk")["asked"] is True
    recorder.keep("lark-envoy-vertx-clerk-disconnects", watch)


async def a_ticket_is_done(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Hypercorn's application closes a finished ticket by 1000, without a reason, behind Caddy; another goes on."""
    server = await up(start, Hypercorn)
    caddy = await up(start, Caddy, server.port, tls=f"{certificate.chain} {certificate.key}")
    tables = {
        "open": wss(caddy.port, certificate, do=says(1.2, 6)),
        "ticket": wss(caddy.port, certificate, do=[*says(0.9, 2), "2.6 send close 1000"]),
    }
    watch = await staged(tables, "ticket", stage="tls")
    assert watch.the("close", "ticket")["received"]["code"] == 1000
    recorder.keep("lark-caddy-hypercorn-ticket-done-1000", watch)


async def a_tab_is_left(start: Starter, recorder: Recorder) -> None:
    """The user goes to another page: our 1001 is answered by Tornado behind nginx; his other tab stays."""
    server = await up(start, Tornado)
    nginx = await up(start, Nginx, server.port, 40)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 3, "tab")
        await ask(watch, "close 1001 navigating away", "tab")

    tables = {"other": ws(nginx.port, do=says(1.5, 6)), "tab": ws(nginx.port, do=says(0.7, 6))}
    watch = await staged(tables, "tab", strike=strike, status=0)
    assert watch.the("close", "tab")["initiator"] == "local"
    recorder.keep("lark-nginx-tornado-tab-left-1001", watch)


async def a_script_aborts(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A script is stopped here in the middle of its talk with coder, by TLS of hitch; another script goes on."""
    server = await up(start, Coder)
    hitch = await up(start, Hitch, server.port, certificate)
    url = {"url": f"wss://localhost:{hitch.port}/ws"}
    tables = {
        "other": wss(hitch.port, certificate, do=says(1.3, 6)) | url,
        "script": wss(hitch.port, certificate, do=[*says(0.6, 2.5), "2.8 abort"]) | url,
    }
    watch = await staged(tables, "script", stage="tls", status=0)
    assert watch.the("close", "script")["initiator"] == "local"
    recorder.keep("lark-hitch-coder-script-aborts", watch)


async def a_job_resets(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A job's process is killed with unread bytes and its kernel says RST: RabbitMQ's Web STOMP by HAProxy."""
    haproxy = await up(start, HaProxy, broker.port, tunnel=40)
    tables = {
        "other": web_stomp(haproxy.port, "2100,2100"),
        "job": web_stomp(haproxy.port, "1900,1900", do=[*says(0.8, 3, "stomp-send /topic/l 1"), "3.4 reset"]),
    }
    watch = await staged(tables, "job", status=0)
    assert watch.the("close", "job")["initiator"] == "local"
    recorder.keep("lark-haproxy-rabbitmq-job-resets", watch)


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


async def five_ways_and_well(broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Raw by Varnish, TLS by hitch, STOMP by nghttpx, SockJS by HAProxy and past it: 40 kB, pings, silence."""
    server, page = await up(start, Tornado), await up(start, SockJsNode, heartbeat_delay=3100)
    varnish, hitch = await up(start, Varnish, server.port), await up(start, Hitch, server.port, certificate)
    nghttpx, haproxy = await up(start, Nghttpx, broker.port), await up(start, HaProxy, page.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            raw=ws(varnish.port, do=["0.9 send ERROR: upstream timed out (110)", "5.4 send-repeat x 40000"]),
            sealed=wss(hitch.port, certificate, ping_interval=2.3, ping_timeout=8.0),
            till=web_stomp(nghttpx.port, "2600,2600", do=says(1.7, 6, "stomp-send /topic/l closed by the server")),
            poll=sockjs(haproxy.port, "xhr-polling"),
            quiet=ws(server.port),
        )
        await seen(watch, "sockjs", "poll", kind="h", dir="in", count=2)
        await seen(watch, "frame", "sealed", opcode=10, dir="in", count=3)
        await leave(watch, "raw", "sealed", "till", "poll", "quiet", status=0)
    recorder.keep("lark-none-five-ways", watch)


async def late_and_well(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """A busy machine: one pong comes a second late and one beat is late too, and nobody minds; a third talks."""
    server = await up(start, Tornado, websocket_ping_interval=5.0, websocket_ping_timeout=5.0)
    nginx = await up(start, Nginx, server.port, 40)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            talks=ws(nginx.port, do=says(1.4, 9)),
            pongs=ws(nginx.port),
            till=web_stomp(broker.port, "3000,3000"),
        )
        await beaten(watch, 1, "till")
        await ask(watch, "hold-pongs", "pongs")
        await ask(watch, "hold-beats", "till")
        await seen(watch, "frame", "pongs", opcode=9, dir="in")
        await asyncio.sleep(0.8)
        await ask(watch, "release-beats", "till")
        await ask(watch, "release-pongs", "pongs")
        await beaten(watch, 1, "till")
        await asyncio.sleep(1.5)
        await leave(watch, "talks", "pongs", "till", status=0)
    recorder.keep("lark-none-late-pong-and-late-beat", watch)


async def test_they_leave(certificate: Certificate, broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Several at a time; most of the time is spent waiting."""
    runs = (a_clerk_disconnects, a_ticket_is_done, a_script_aborts)
    await side_by_side(
        (
            *(run(certificate, start, recorder) for run in runs),
            a_tab_is_left(start, recorder),
            a_job_resets(broker, start, recorder),
        )
    )


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


async def test_all_is_well(certificate: Certificate, broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """Two at a time."""
    await side_by_side(
        (five_ways_and_well(broker, certificate, start, recorder), late_and_well(broker, start, recorder))
    )
