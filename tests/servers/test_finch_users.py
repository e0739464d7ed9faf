"""Users and their rights: they come twice, their logins and tokens run out, they leave or are torn away."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, probing, seen
from tests.servers.abreast import up
from tests.servers.activemq import ActiveMq
from tests.servers.apache import Apache
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says, staged, stomps, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.frameworks import Sanic
from tests.servers.golang import Centrifuge
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import CREW
from tests.servers.jvm import Jetty, Netty, Undertow, Vertx
from tests.servers.lesser import Lighttpd, Varnish
from tests.servers.lines import echoed, leave, over
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings
from tests.servers.node_apps import Gateway, Rules
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def a_cashier_opens_a_second_tab(start: Starter, recorder: Recorder) -> None:
    """Undertow closes the older of two tabs by 1008, ``Opened in another window``; another cashier stays. Lighttpd."""
    server = await up(start, Undertow, twice="1008 Opened in another window")
    lighttpd = await up(start, Lighttpd, server.port)
    url = "/live?user="

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "first")
        await opened(watch, second=ws(lighttpd.port, f"{url}rosa", do=says(0.9, 2)))
        await echoed(watch, 1, "second")

    tables = {
        "other": ws(lighttpd.port, f"{url}ines", do=says(1.3, 8)),
        "first": ws(lighttpd.port, f"{url}rosa", do=says(0.8, 6)),
    }
    watch = await staged(tables, "first", strike=strike)
    assert_said(watch.the("close", "first"), 1008, "Opened in another window")
    recorder.keep("finch-lighttpd-undertow-another-window-1008", watch)


async def two_devices_take_turns(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A phone and a tablet of one user throw each other out by 4410 and come back each time; another user is well."""
    server = await up(start, NodeEndings, one=[4410, "session replaced"])
    caddy = await up(start, Caddy, server.port)
    base: Table = {"url": f"ws://{LOOPBACK}:{caddy.port}/?user=lea", "reconnect": True}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, other=ws(caddy.port, "/?user=max", do=says(1.4, 14)), phone=base | {"do": ["0.5 send hi"]})
        await echoed(watch, 1, "phone")
        await opened(watch, tablet=base)
        await seen(watch, "close", "tablet", count=1)
        await seen(watch, "close", "phone", count=2)
        await ask(watch, "close 1000", "phone")
        await leave(watch, "other", status=1)
    for name in ("phone", "tablet"):
        assert_said(watch.of("close", name)[0], 4410, "session replaced")
    recorder.keep("finch-caddy-node-two-devices-take-turns", watch)


async def a_shop_logs_out(start: Starter, recorder: Recorder) -> None:
    """An application says 4002 ``Session expired, please sign in again`` to a page that did nothing for its 5 s."""

    async def rule(user: str, client: ServerConnection, message: str | bytes) -> None:
        await client.send(message)
        if user == "page" and message == "cart":
            await asyncio.sleep(4.6)
            await client.close(4002, "Session expired, please sign in again")

    async with house(rule, ping_interval=1.9) as app:
        varnish = await up(start, Varnish, app.port)
        tables = {
            "colleague": ws(varnish.port, "/?user=colleague", do=says(1.2, 9)),
            "page": ws(varnish.port, "/?user=page", do=["0.6 send hello", "1.1 send cart"]),
        }
        watch = await staged(tables, "page")
    assert_said(watch.the("close", "page"), 4002, "Session expired, please sign in again")
    recorder.keep("finch-varnish-python-session-expired-4002", watch)


async def a_hidden_tab_polls_no_more(start: Starter, recorder: Recorder) -> None:
    """sockjs-tornado forgets who did not poll for 1.7 s; a hidden tab pauses for 4.5 and has lost it. HAProxy."""
    server = await up(start, SockJsTornado, heartbeat_delay=1.5, disconnect_delay=1.7)
    haproxy = await up(start, HaProxy, server.port, tunnel=40)
    base: Table = {"url": f"http://{LOOPBACK}:{haproxy.port}/echo"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            front=base | {"sockjs_transport": "xhr-polling", "do": says(1.9, 9)},
            hidden=base | {"sockjs_transport": "xhr-polling", "do": ["0.5 send hello"]},
        )
        await seen(watch, "sockjs", "hidden", dir="in", kind="a")
        await ask(watch, "pause-polling 4.5", "hidden")
        await looked(watch, "hidden")
        await leave(watch, "front")
    recorder.keep("finch-haproxy-sockjs-tornado-hidden-tab", watch)


async def vertx_forgets_a_poller(start: Starter, recorder: Recorder) -> None:
    """Vert.x's SockJS session ends 2 s after the last poll; a page held up for 5 s asks for it in vain."""
    server = await up(start, Vertx, session=2000, heartbeat=1800)
    base: Table = {"url": server.sockjs("echo")}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            front=base | {"sockjs_transport": "websocket"},
            held=base | {"sockjs_transport": "xhr-polling", "do": ["0.5 send hello", "1.2 send more"]},
        )
        await seen(watch, "sockjs", "held", dir="in", kind="a", count=2)
        await ask(watch, "pause-polling 5", "held")
        await looked(watch, "held")
        await leave(watch, "front")
    recorder.keep("finch-vertx-sockjs-poller-forgotten", watch)


async def a_token_ends_and_is_refused(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A gateway closes by 4401 when a JSON web token is over; the reconnect shows it once more and gets 401. nginx."""
    gateway = await up(start, Gateway, expired=[4401, "token has expired"], tick=1800)
    nginx = await up(start, Nginx, gateway.port, 40, certificate)
    url = f"wss://localhost:{nginx.port}/?token="
    short, long = await asyncio.to_thread(gateway.token, "ada", 5), await asyncio.to_thread(gateway.token, "bob", 900)
    tables = {
        "bob": wss(nginx.port, certificate, do=says(1.5, 9)) | {"url": url + long},
        "ada": wss(nginx.port, certificate, reconnect=True) | {"url": url + short},
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "http", "ada", dir="in", status=401)

    watch = await staged(tables, "ada", strike=strike, stage="tls")
    assert_said(watch.of("close", "ada")[0], 4401, "token has expired")
    recorder.keep("finch-nginx-gateway-token-expired-then-401", watch)


async def centrifuge_s_login_ends(start: Starter, recorder: Recorder) -> None:
    """Centrifugo's library says that the connection's login has expired; a direct session elsewhere is well. Apache."""
    server, other = await up(start, Centrifuge, Expires=4.0), await up(start, Netty)
    apache = await up(start, Apache, server.port)
    login = '0.3 send {"id":1,"connect":{"token":"anna"}}'
    tables: dict[str, Table] = {
        "other": ws(other.port, "/live?user=other", do=says(1.3, 12)),
        "anna": {"url": server.url.replace(str(server.port), str(apache.port)), "do": [login]},
    }
    watch = await staged(tables, "anna")
    assert watch.the("close", "anna")["initiator"] == "remote"
    recorder.keep("finch-apache-centrifuge-login-expired", watch)


async def a_tab_is_closed(start: Starter, recorder: Recorder) -> None:
    """A user leaves a busy page: 1001 from here, in the middle of echoes; his other page stays. Behind Caddy."""
    server = await up(start, Sanic)
    caddy = await up(start, Caddy, server.port)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 3, "tab")
        await ask(watch, "close 1001", "tab")

    tables = {"stays": ws(caddy.port, do=says(1.2, 6)), "tab": ws(caddy.port, do=says(0.4, 5))}
    watch = await staged(tables, "tab", strike=strike, status=0)
    assert watch.the("close", "tab")["initiator"] == "local"
    recorder.keep("finch-caddy-sanic-tab-closed", watch)


async def a_shift_ends(activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A worker leaves ActiveMQ by DISCONNECT after its last order; a game says 1000 as it is over. Both by stunnel."""
    stunnel = await up(start, Stunnel, activemq.port, certificate)
    game = await up(start, Jetty)
    tables = {
        "stays": stomps(stunnel.port, "2500,2500", certificate, CREW),
        "worker": stomps(stunnel.port, "2500,2500", certificate, CREW)
        | {"do": [*says(0.7, 2.5, "stomp-send /queue/finch done"), "2.9 disconnect"]},
        "game": ws(game.port, "/live?user=game", do=["0.6 send move", "2.0 send close 1000 game over"]),
    }
    watch = await staged(tables, "worker", "game")
    assert watch.the("close", "worker")["asked"] is True
    assert_said(watch.the("close", "game"), 1000, "game over")
    recorder.keep("finch-stunnel-activemq-shift-ends-game-over", watch)


async def a_script_is_killed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Two of three TLS sessions of one program are torn away here: one by ``reset``, one by ``abort``. By nginx."""
    server = await up(start, Rules)
    nginx = await up(start, Nginx, server.port, 40, certificate)

    async def strike(watch: Watch) -> None:
        await echoed(watch, 2, "one")
        await ask(watch, "reset", "one")
        await ask(watch, "abort", "two")

    tables = {
        "stays": wss(nginx.port, certificate, do=says(1.1, 6)),
        "one": wss(nginx.port, certificate, do=says(0.7, 5)),
        "two": wss(nginx.port, certificate),
    }
    watch = await staged(tables, "one", "two", strike=strike, status=0)
    recorder.keep("finch-nginx-node-torn-away-here", watch)


async def an_agent_kills_a_socket(start: Starter, recorder: Recorder) -> None:
    """A security agent of this machine kills a SockJS socket twice, which comes back; one by another address stays."""
    with routed() as hosts:
        server = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=2.0)
        doors(hosts, server)
        base: Table = {"sockjs_transport": "websocket"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                spared=base | {"url": f"http://{OTHER}:{server.port}/echo", "do": says(1.5, 14)},
                board=base | {"url": f"http://{SERVER}:{server.port}/echo", "do": says(0.9, 2), "reconnect": True},
            )
            for count in (1, 2):
                await seen(watch, "sockjs", "board", kind="h", dir="in", count=count)
                hosts.client.run("ss", "-K", "-t", "state", "established", "dst", SERVER)
                await seen(watch, "close", "board", count=count)
                await seen(watch, "sockjs", "board", kind="o", dir="in", count=count + 1)
            await over(watch, "board", patience=1)
            await leave(watch, "spared", status=1)
    assert watch.of("close", "board")[0]["initiator"] == "local"
    recorder.keep("finch-sockjs-agent-kills-a-socket-twice", watch)


async def test_logins(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time."""
    runs = (a_cashier_opens_a_second_tab, a_shop_logs_out, centrifuge_s_login_ends, a_hidden_tab_polls_no_more)
    sealed = (two_devices_take_turns, a_token_ends_and_is_refused)
    await side_by_side(
        (*(run(start, recorder) for run in runs), *(run(certificate, start, recorder) for run in sealed))
    )


async def test_leaving(activemq: ActiveMq, certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Several at a time."""
    runs = (vertx_forgets_a_poller, a_tab_is_closed, an_agent_kills_a_socket)
    await side_by_side(
        (
            *(run(start, recorder) for run in runs),
            a_shift_ends(activemq, certificate, start, recorder),
            a_script_is_killed(certificate, start, recorder),
        )
    )
