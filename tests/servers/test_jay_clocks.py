"""Clocks of proxies, servers and routers that run out over a session: silence, forgotten flows, an age."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import seen
from tests.servers.apache import Apache
from tests.servers.ashore import begun, doors, forgets
from tests.servers.between import Table, assert_cut, opened, says, staged, web_stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.child import installed
from tests.servers.endings import assert_said
from tests.servers.envoy import Envoy, seconds
from tests.servers.forward import Squid
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis, Jetty, Netty, Undertow, Vertx
from tests.servers.lesser import Redir, Varnish
from tests.servers.lines import beaten, behind_nginx, echoed, leave, open_doors, over, trusting
from tests.servers.nginx import Certificate
from tests.servers.node import NodeWs
from tests.servers.node_apps import Rules
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_a_shop_window_is_quiet(start: Starter, recorder: Recorder) -> None:
    """Varnish ends a pipe that is silent for 3.4 s: a window hears its last price later than it spoke; a till talks."""
    server = start(Undertow)
    varnish = start(Varnish, server.port, idle=3.4)
    tables = {
        "till": ws(varnish.port, "/live?user=till", do=says(1.2, 9)),
        "window": ws(varnish.port, "/live?user=window", do=["0.6 send clock 800 3"]),
    }
    watch = await staged(tables, "window")
    assert_cut(watch, "window")
    close = watch.the("close", "window")
    assert close["idle_any"] < close["idle_tx"] - 1.5
    recorder.keep("jay-varnish-undertow-window-quiet", watch)


async def test_a_page_without_beats_twice(
    broker: RabbitMq, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """stunnel's ``TIMEOUTidle`` of 4 s ends RabbitMQ's page that agreed on no beats, twice; who beats stays."""
    stunnel = start(Stunnel, broker.port, certificate, idle=4)
    base = {"url": f"stomp+wss://localhost:{stunnel.port}/ws", "cacert": str(certificate.ca)}

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "page", count=2)
        await seen(watch, "stomp", "page", command="CONNECTED", count=3)
        await asyncio.sleep(1.2)

    tables = {
        "beats": web_stomp(0, "1900,1900") | base,
        "page": web_stomp(0, "0,0") | base | {"reconnect": True, "do": ["0.8 stomp-send /topic/jay 1"]},
    }
    watch = await staged(tables, "page", strike=strike, stage="tls")
    recorder.keep("jay-stunnel-rabbitmq-no-beats-idle-twice", watch)


async def test_the_office_proxy_waits_four_seconds(start: Starter, recorder: Recorder) -> None:
    """Squid ends a CONNECT tunnel that was silent for 4 s; a colleague pings through it, another goes past it."""
    server, squid = start(NodeWs), start(Squid, read_timeout=4)
    way = {"proxy": f"http://{LOOPBACK}:{squid.port}"}
    tables = {
        "past": ws(server.port),
        "pings": ws(server.port, ping_interval=1.8, **way),
        "reads": ws(server.port, do=["0.7 send hello", "1.9 send the news please"], **way),
    }
    watch = await staged(tables, "reads")
    assert_cut(watch, "reads")
    recorder.keep("jay-squid-node-tunnel-idle", watch)


async def test_jetty_minds_an_idle_session(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Its ``idleTimeout`` is 3.7 s and it says so in its Close, behind Apache; who talks stays."""
    server = start(Jetty, idle=3700)
    apache = start(Apache, server.port)
    tables = {
        "talks": ws(apache.port, "/live?user=talks", do=says(1.5, 9)),
        "idle": ws(apache.port, "/live?user=idle", do=["0.9 send hello"]),
    }
    watch = await staged(tables, "idle")
    assert watch.the("close", "idle")["received"]["code"] == 1001
    recorder.keep("jay-apache-jetty-idle-1001", watch)


async def test_a_listener_under_news(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """coder's read deadline of 3.3 s ends who only hears its news; who talks has been there for longer and stays."""
    server = start(Coder, ReadWait=3.3, Says=1.1, Cert=str(certificate.chain), Key=str(certificate.key))
    url = {"url": server.tls_url}
    tables = {
        "talks": wss(server.port, certificate, do=says(1.3, 8)) | url,
        "hears": wss(server.port, certificate, do=["0.5 send hello", "1.2 send thanks"]) | url,
    }
    watch = await staged(tables, "hears", stage="tls")
    close = watch.the("close", "hears")
    assert close["initiator"] == "remote" and close["idle_any"] < 2 < close["idle_tx"]
    recorder.keep("jay-wss-coder-hears-news-only", watch)


async def test_a_till_never_logs_in(start: Starter, recorder: Recorder) -> None:
    """A program wants the word ``login`` within 3.3 s of the opening: one till says it, one waits for its user."""
    server = start(Rules, login={"within": 3300, "end": [4003, "login timeout"]})
    caddy = start(Caddy, server.port)
    tables = {
        "signed-in": ws(caddy.port, do=["0.6 send login", *says(1.4, 6)]),
        "waits": ws(caddy.port),
    }
    watch = await staged(tables, "waits")
    assert_said(watch.the("close", "waits"), 4003, "login timeout")
    recorder.keep("jay-caddy-rules-login-timeout-4003", watch)


async def test_a_gateway_says_that_one_was_inactive(start: Starter, recorder: Recorder) -> None:
    """Netty's IdleStateHandler closes with a code of its own after 3.2 s without a word of either side. By HAProxy."""
    server = start(Netty, all=3200, bye="4408 idle for too long")
    haproxy = start(HaProxy, server.port, tunnel=40)
    tables = {
        "talks": ws(haproxy.port, "/live?user=talks", do=says(1.1, 8)),
        "idle": ws(haproxy.port, "/live?user=idle", do=["0.8 send hello"]),
    }
    watch = await staged(tables, "idle")
    assert_said(watch.the("close", "idle"), 4408, "idle for too long")
    recorder.keep("jay-haproxy-netty-idle-4408", watch)


async def test_a_router_resets_what_it_forgot(start: Starter, recorder: Recorder) -> None:
    """A firewall remembers a quiet flow for 3 s and answers what comes then by RST; a chat on it is busy and well."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Undertow)
        doors(hosts, server)
        forgets(hosts, 3, reset=True)
        url = f"ws://{SERVER}:{server.port}/live?user="
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                chat={"url": f"{url}chat", "do": says(1.4, 15)},
                form={"url": f"{url}form", "do": ["0.7 send name", "1.5 send street", "7.4 send town"]},
            )
            await over(watch, "form")
            await leave(watch, "chat", status=1)
    assert watch.the("end", "form")["how"] == "reset"
    recorder.keep("jay-firewall-resets-a-slow-form", watch)


async def test_a_router_swallows_rare_beats(start: Starter, recorder: Recorder) -> None:
    """Artemis agreed on a beat in 6 s and the router forgets after 3: nobody hears of the other; a fast one is well."""
    with routed() as hosts:
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        forgets(hosts, 3)
        base: Table = {"url": f"stomp://{SERVER}:{broker.port}"} | ANNA
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                fast=base | {"heart_beat": "1700,1700"},
                rare=base | {"heart_beat": "6000,6000", "do": ["0.9 stomp-send jay.q one"]},
            )
            await over(watch, "rare")
            await leave(watch, "fast", status=1)
    assert watch.the("close", "rare")["received"] is None
    recorder.keep("jay-router-swallows-rare-beats-of-artemis", watch)


async def test_a_lone_dashboard_pings_too_rarely(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A router forgets after 3 s and swallows the pings of every 5; the dashboard comes back, and it happens again."""
    with routed() as hosts:
        hosts.start_node()
        _, url = behind_nginx(hosts, start, certificate, 8080)
        forgets(hosts, 3)
        words = (f"board={url}", *trusting(certificate), "--ping-interval", "5", "--reconnect", "--stdin")
        async with watching(*words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "board", count=2)
            await seen(watch, "open", "board", count=3)
            await watch.command("quit")
            assert await watch.finish(40) == 1
    assert {close["transport"]["how"] for close in watch.of("close", "board")[:2]} == {"timeout"}
    recorder.keep("jay-router-swallows-pings-of-a-lone-dashboard", watch)


async def test_no_stream_is_older(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """Envoy's ``max_stream_duration`` is 5 s, whoever beats: two of Vert.x that came apart; one goes past Envoy."""
    server = start(Vertx)
    envoy = start(
        Envoy,
        server.port,
        certificate=certificate,
        route={"timeout": "0s", "max_stream_duration": {"max_stream_duration": seconds(5)}},
    )
    base: Table = {"heart_beat": "1000,1000"}
    way = base | {"url": f"stomp+wss://localhost:{envoy.port}/stomp", "cacert": str(certificate.ca)}

    async def strike(watch: Watch) -> None:
        await beaten(watch, 2, "first")
        await opened(watch, second=way)

    tables = {"past": base | {"url": server.stomp_url}, "first": way | {"do": says(1.2, 6, "stomp-send jay 1")}}
    watch = await staged(tables, "first", "second", strike=strike, stage="tls")
    ages = [watch.the("close", name)["age"] for name in ("first", "second")]
    assert max(ages) - min(ages) < 0.6
    recorder.keep("jay-envoy-vertx-no-stream-is-older", watch)


async def test_a_session_of_two_hours(start: Starter, recorder: Recorder) -> None:
    """An application closes everybody at the age of 4.6 s and says why: two that came one after the other."""
    ages: list[asyncio.Task[None]] = []

    async def rule(_: str, client: ServerConnection, message: str | bytes) -> None:
        if message == "hello":
            ages.append(asyncio.create_task(ends(client)))
        await client.send(message)

    async def ends(client: ServerConnection) -> None:
        await asyncio.sleep(4.4)
        await client.close(1001, "Connection duration limit reached")

    other = start(NodeWs)
    async with house(rule, ping_interval=None) as app:
        redir = start(Redir, app.port)

        async def strike(watch: Watch) -> None:
            await echoed(watch, 1, "one")
            await opened(watch, two=ws(redir.port, "/?user=two", do=["0.2 send hello", *says(1.1, 4.2)]))

        tables = {
            "other": ws(other.port, do=says(1.7, 9)),
            "one": ws(redir.port, "/?user=one", do=["0.2 send hello", *says(0.9, 4.2)]),
        }
        watch = await staged(tables, "one", "two", strike=strike)
    for name in ("one", "two"):
        assert_said(watch.the("close", name), 1001, "Connection duration limit reached")
    recorder.keep("jay-redir-python-duration-limit-1001", watch)


async def test_a_security_program_kills_sockets(start: Starter, recorder: Recorder) -> None:
    """``ss -K`` on the client's machine ends STOMP's sockets to one address; one to another address is spared."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Vertx)
        port = int(server.stomp_url.rpartition(":")[2])
        open_doors(hosts.server, port)
        base: Table = {"heart_beat": "1000,1000"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                spared=base | {"url": f"stomp://{OTHER}:{port}"},
                till=base | {"url": f"stomp://{SERVER}:{port}", "do": says(0.9, 3, "stomp-send jay 1")},
                board=base | {"url": f"stomp://{SERVER}:{port}", "subscribe": ["jay"]},
            )
            await beaten(watch, 2, "board")
            hosts.client.run(installed("ss", "iproute2"), "-K", "-t", "state", "established", "dst", SERVER)
            await over(watch, "till", "board")
            await leave(watch, "spared", status=1)
    assert {watch.the("close", name)["initiator"] for name in ("till", "board")} == {"local"}
    recorder.keep("jay-stomp-sockets-killed-on-this-machine", watch)
