"""Users and their programs: they leave, are sent away, never begin, come twice, stay for too long."""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import ask, open_session, probing, seen
from tests.servers.asgi_hosts import Hypercorn
from tests.servers.between import Table, opened, says, sockjs, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Tornado
from tests.servers.golang import Centrifuge
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis, Jetty
from tests.servers.lesser import Lighttpd, Nghttpx, Rinetd, Varnish
from tests.servers.lines import echoed, leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings, NodeWs, SockJsNode
from tests.servers.node_apps import Faye, Rules
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.test_spring_boot_logins import LOGIN_PAGE, ORDERS, asked
from tests.servers.traefik import Traefik
from tests.servers.uvicorn import Uvicorn
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_clerk_logs_out(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """Artemis, STOMP over WebSocket by nghttpx: DISCONNECT in the middle of work, and its RECEIPT; another stays."""
    nghttpx = start(Nghttpx, artemis.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{nghttpx.port}/", "heart_beat": "2100,2100"} | ANNA
    tables = {
        "stays": base | {"subscribe": ["jay.work"]},
        "clerk": base | {"do": [*says(0.8, 3, "stomp-send jay.work done"), "3.1 disconnect"]},
    }
    watch = await staged(tables, "clerk", status=0)
    assert watch.the("close", "clerk")["asked"] is True
    recorder.keep("jay-nghttpx-artemis-clerk-logs-out", watch)


async def test_a_download_is_done(start: Starter, recorder: Recorder) -> None:
    """faye says 1000 and that the export is complete, as its user wished; another export goes on. By Varnish."""
    server = start(Faye)
    varnish = start(Varnish, server.port)
    tables = {
        "goes-on": ws(varnish.port, do=says(1.2, 6, "send row")),
        "export": ws(varnish.port, do=[*says(0.7, 3, "send row"), "3.4 send close 1000 export complete"]),
    }
    watch = await staged(tables, "export")
    assert_said(watch.the("close", "export"), 1000, "export complete")
    recorder.keep("jay-varnish-faye-export-complete-1000", watch)


async def test_an_auction_is_over(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """An application on Hypercorn closes its bidder with a code of its own, by TLS of Envoy; another bids on."""
    server = start(Hypercorn)
    envoy = start(Envoy, server.port, certificate=certificate)
    tables = {
        "other": wss(envoy.port, certificate, do=says(1.3, 6, "send 40")),
        "bidder": wss(envoy.port, certificate, do=[*says(0.9, 3, "send 50"), "3.3 send close 4222 auction has ended"]),
    }
    watch = await staged(tables, "bidder", stage="tls")
    assert_said(watch.the("close", "bidder"), 4222, "auction has ended")
    recorder.keep("jay-envoy-hypercorn-auction-ended-4222", watch)


async def test_a_round_is_over_for_who_polls(start: Starter, recorder: Recorder) -> None:
    """sockjs-node says c[3777] to a player who polls, behind lighttpd; a stream of another game is well."""
    server = start(SockJsNode, heartbeat_delay=2300)
    lighttpd = start(Lighttpd, server.port)
    plays = [*says(0.9, 3, "send card"), "3.5 send close 3777 round over"]
    tables = {
        "other": sockjs(server.port, "xhr-streaming"),
        "player": sockjs(lighttpd.port, "xhr-polling", do=plays),
    }
    watch = await staged(tables, "player")
    assert watch.the("close", "player")["code"] == 3777
    recorder.keep("jay-lighttpd-sockjs-polls-round-over-3777", watch)


async def test_a_script_is_interrupted(start: Starter, recorder: Recorder) -> None:
    """A SockJS stream is aborted here in the middle of what it says; a socket of the same server stays. By HAProxy."""
    server = start(SockJsNode, heartbeat_delay=1700)
    haproxy = start(HaProxy, server.port)
    tables = {
        "stays": sockjs(haproxy.port, "websocket"),
        "script": sockjs(haproxy.port, "xhr-streaming", do=[*says(0.6, 2.5, "send line"), "2.7 abort"]),
    }
    watch = await staged(tables, "script", status=0)
    assert watch.the("close", "script")["initiator"] == "local"
    recorder.keep("jay-haproxy-sockjs-stream-aborted-here", watch)


async def test_a_server_says_good_bye_and_hangs(start: Starter, recorder: Recorder) -> None:
    """Tornado's Close is answered, then its only thread is busy for ever and TCP is never ended; behind rinetd."""
    server, other = start(Tornado), start(NodeWs)
    rinetd = start(Rinetd, server.port)
    tables = {
        "elsewhere": ws(other.port, do=says(1.1, 8)),
        "page": ws(rinetd.port, do=[*says(0.8, 2), "2.9 send leave 4000 60"], close_timeout=3.2),
    }
    watch = await staged(tables, "page")
    assert watch.the("close", "page")["received"]["code"] == 4000
    assert watch.the("end", "page")["how"] in ("local", "timeout")
    recorder.keep("jay-rinetd-tornado-says-bye-and-hangs", watch)


async def test_a_client_s_close_is_answered_and_no_more(start: Starter, recorder: Recorder) -> None:
    """Node answers our 1001 and stands still with TCP open; who is elsewhere is well."""
    server, other = start(NodeEndings), start(Uvicorn)
    tables: dict[str, dict[str, Any]] = {
        "elsewhere": {"url": other.url, "do": says(1.2, 9)},
        "tab": {"url": server.url, "do": ["0.5 send hello", "1.3 send hang-when-answered"], "close_timeout": 3.6},
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "command", "tab", do="send hang-when-answered")
        await echoed(watch, 1, "elsewhere")
        await ask(watch, "close 1001 tab closed", "tab")

    try:
        watch = await staged(tables, "tab", strike=strike, status=0)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert watch.the("close", "tab")["received"] is not None
    assert watch.the("end", "tab")["how"] in ("local", "timeout")
    recorder.keep("jay-node-answers-tab-and-stays", watch)


@pytest.fixture
def hasty(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker, which wants a login within 3.1 seconds; 10 otherwise."""
    broker.ctl("eval", "application:set_env(rabbitmq_stomp, login_timeout, 3100).")
    yield broker
    broker.ctl("eval", "application:unset_env(rabbitmq_stomp, login_timeout).")


async def test_a_worker_hangs_before_its_connect(hasty: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """RabbitMQ by Traefik's TCP: a worker opens its socket and never says CONNECT; a twin that does is well."""
    traefik = start(Traefik, hasty.stomp_port, tcp=True)
    base = stomp(traefik.port, "2200,2200")
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, twin=base)
        assert (await open_session(watch, name="worker", **base, no_stomp_connect=True))["ok"]
        await looked(watch, "worker")
        await leave(watch, "twin")
    assert watch.the("close", "worker")["initiator"] == "remote"
    recorder.keep("jay-traefik-rabbitmq-worker-never-connects", watch)


async def test_a_page_fails_before_its_connect(start: Starter, recorder: Recorder) -> None:
    """Its script fails after the WebSocket to Spring is open, and no CONNECT comes; behind Envoy, two others do."""
    spring = await asyncio.to_thread(start, Spring, heart_beat="2000,2000", first_message=2400)
    envoy = start(Envoy, spring.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{envoy.port}/ws", "heart_beat": "2000,2000"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, desk=base)
        await open_session(watch, name="page", **base, no_stomp_connect=True)
        await seen(watch, "open", "page")
        await asyncio.sleep(3.3)
        await opened(watch, phone=base)
        await looked(watch, "page")
        await leave(watch, "desk", "phone")
    assert watch.the("close", "page")["initiator"] == "remote"
    recorder.keep("jay-envoy-spring-page-fails-before-connect", watch)


async def test_a_player_joins_from_his_phone(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Jetty closes the older session of a user with 4090 when the newer comes; another player stays. HAProxy, TLS."""
    server = start(Jetty, twice="4090 logged in from a different location")
    haproxy = start(HaProxy, server.port, certificate=certificate, tunnel=40)

    def player(user: str, **options: object) -> Table:
        url = f"wss://localhost:{haproxy.port}/live?user={user}"
        return wss(haproxy.port, certificate, **options) | {"url": url}

    async def strike(watch: Watch) -> None:
        await echoed(watch, 3, "laptop")
        await opened(watch, phone=player("nils", do=says(0.8, 2)))
        await echoed(watch, 1, "phone")

    tables = {"rival": player("olga", do=says(1.4, 6)), "laptop": player("nils", do=says(0.9, 6))}
    watch = await staged(tables, "laptop", strike=strike, stage="tls")
    assert_said(watch.the("close", "laptop"), 4090, "logged in from a different location")
    recorder.keep("jay-haproxy-jetty-different-location-4090", watch)


async def test_centrifugo_knows_one_place(start: Starter, recorder: Recorder) -> None:
    """A user's newer device takes the older one's place, with a word of the application's; another user is well."""
    server, other = start(Centrifuge, One=True), start(NodeWs)

    def login(user: str) -> str:
        return f'0.2 send {{"id":1,"connect":{{"token":"{user}"}}}}'

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "tv", dir="in", opcode=1)
        await asyncio.sleep(1.7)
        await opened(watch, phone={"url": server.url, "do": [login("anna")]})
        await seen(watch, "frame", "phone", dir="in", opcode=1)

    tables: dict[str, Table] = {
        "elsewhere": ws(other.port, do=says(1.5, 6)),
        "guest": {"url": server.url, "do": [login("bert")]},
        "tv": {"url": server.url, "do": [login("anna")]},
    }
    watch = await staged(tables, "tv", strike=strike)
    assert_said(watch.the("close", "tv"), 4409, "connected from another device")
    recorder.keep("jay-centrifuge-another-device-4409", watch)


async def test_a_login_of_the_morning(start: Starter, recorder: Recorder) -> None:
    """Spring behind Caddy: one page's HTTP session is over after 5 s, though it says much; a colleague's is not."""
    spring = await asyncio.to_thread(start, Spring, options=LOGIN_PAGE, door="401", heart_beat="2900,2900")
    caddy = start(Caddy, spring.port)
    short, long = await asked(spring, "/login?seconds=5"), await asked(spring, "/login?seconds=900")
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{caddy.port}/ws", "heart_beat": "2900,2900"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            colleague=base | {"cookie": [long]},
            page=base | {"cookie": [short], "reconnect": True, "do": says(1.3, 5, ORDERS)},
        )
        await seen(watch, "http", "page", dir="in", status=401)
        await leave(watch, "colleague")
    assert watch.of("close", "page")[0]["code"] == 1008
    recorder.keep("jay-caddy-spring-login-of-the-morning", watch)


async def test_a_tab_did_not_poll(start: Starter, recorder: Recorder) -> None:
    """sockjs-node forgets who has not polled for 1.8 s; a tab in the background pauses for 4. A socket is well."""
    server = start(SockJsNode, heartbeat_delay=1600, disconnect_delay=1800)
    varnish = start(Varnish, server.port)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            front=sockjs(varnish.port, "websocket"),
            back=sockjs(varnish.port, "xhr-polling", do=["0.6 send hello"]),
        )
        await seen(watch, "sockjs", "back", dir="in", kind="h")
        await ask(watch, "pause-polling 4", "back")
        await looked(watch, "back")
        await leave(watch, "front", status=1)
    recorder.keep("jay-varnish-sockjs-tab-did-not-poll", watch)


async def test_a_token_of_five_seconds(start: Starter, recorder: Recorder) -> None:
    """The application closes with 3000, as the registry has it, when a JSON web token is over. By Nghttpx."""
    server, other = start(Rules, age={"after": 4700, "end": [3000, "Unauthorized: jwt expired"]}), start(NodeWs)
    nghttpx = start(Nghttpx, server.port)
    tables = {
        "elsewhere": ws(other.port, do=says(1.6, 7)),
        "wallet": ws(nghttpx.port, do=says(1.1, 5, "send balance")),
    }
    watch = await staged(tables, "wallet")
    assert_said(watch.the("close", "wallet"), 3000, "Unauthorized: jwt expired")
    recorder.keep("jay-nghttpx-wallet-jwt-expired-3000", watch)


async def test_credentials_end_under_stomp(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A home-made broker behind nginx says in an ERROR that one's access token has expired; then 1008. Others stay."""

    async def broker(user: str, client: ServerConnection, message: str | bytes) -> None:
        frame = str(message)
        if frame.startswith("CONNECT"):
            await client.send("CONNECTED\nversion:1.2\nheart-beat:0,0\nserver:quay/2.2\n\n\0")
            if user == "night":
                await asyncio.sleep(4.2)
                await client.send("ERROR\nmessage:The access token expired at 03:00\n\n\0")
                await client.close(1008, "token expired")
        elif frame.startswith("DISCONNECT"):
            await client.send("RECEIPT\nreceipt-id:disconnect\n\n\0")

    async with house(broker, ping_interval=2.3, subprotocols=["v12.stomp"]) as app:
        nginx = start(Nginx, app.port, 40, certificate)
        url = f"stomp+wss://localhost:{nginx.port}/?user="
        base: Table = {"cacert": str(certificate.ca), "heart_beat": "0,0"}
        tables = {
            "day": base | {"url": f"{url}day", "do": says(1.4, 5, "stomp-send /q/a 1")},
            "night": base | {"url": f"{url}night", "do": says(1.1, 4, "stomp-send /q/a 2")},
        }
        watch = await staged(tables, "night", stage="tls")
    assert_said(watch.the("close", "night"), 1008, "token expired")
    recorder.keep("jay-nginx-stomp-error-token-expired-1008", watch)
