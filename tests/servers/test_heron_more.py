"""More ends as users meet them: a sensor that sleeps, a servlet container that stops, a proxy that starts anew."""

import asyncio
import signal

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import probing, seen
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, assert_cut, opened, says, staged, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.classic import ActiveMqWs
from tests.servers.forward import Dante
from tests.servers.house import house
from tests.servers.joined import CREW, beaten
from tests.servers.jvm import JavaWebSocket, Tomcat
from tests.servers.lesser import Redir, Rinetd, Varnish
from tests.servers.lines import echoed, leave
from tests.servers.looks import looked
from tests.servers.mosquitto import PING, connect
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.python_apps import CoilMq, SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.things import minding
from tests.watching import POSTMORTEM, Watch, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def a_sensor_keeps_not_alive(start: Starter, recorder: Recorder) -> None:
    """A sensor's processor sleeps and its PINGREQ does not come, where two seconds are agreed; a lamp's do. Caddy."""
    ping = f"send-binary {PING}"
    async with house(minding(), subprotocols=["mqtt"], ping_interval=None) as app:
        caddy = start(Caddy, app.port)

        def at(name: str, *do: str) -> Table:
            table = ws(caddy.port, f"/mqtt?user={name}", do=[f"0.3 send-binary {connect(name, 2)}", *do])
            return table | {"subprotocol": ["mqtt"]}

        tables = {"lamp": at("lamp", *says(1.4, 12, ping)), "sensor": at("sensor", *says(1.3, 3, ping))}
        watch = await staged(tables, "sensor")
    assert_cut(watch, "sensor")
    recorder.keep("heron-caddy-mqtt-sensor-keeps-not-alive", watch)


async def a_container_stops(start: Starter, recorder: Recorder) -> None:
    """Tomcat is stopped in order for the night under a desk and a wall, by rinetd; another server is well."""
    app, other = start(Tomcat), start(NodeWs)
    rinetd = start(Rinetd, app.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "frame", "desk", dir="in", opcode=1, count=3)
        await asyncio.to_thread(app.end, signal.SIGTERM)

    tables = {
        "elsewhere": ws(other.port, do=says(1.2, 7)),
        "desk": ws(rinetd.port, "/live?user=desk", do=says(0.7, 6)),
        "wall": ws(rinetd.port, "/live?user=wall"),
    }
    watch = await staged(tables, "desk", "wall", strike=strike)
    recorder.keep("heron-rinetd-tomcat-application-is-stopping", watch)


async def a_photo_is_too_large(start: Starter, recorder: Recorder) -> None:
    """A camera sends a photo of 66 kB where Java-WebSocket takes 20; another's thumbnails pass. By redir."""
    app = start(JavaWebSocket, max=20000)
    redir = start(Redir, app.port)
    tables = {
        "other": ws(redir.port, "/live?user=other", do=says(1.2, 6, "send thumb")),
        "camera": ws(redir.port, "/live?user=camera", do=["0.9 send thumb", "2.4 send-repeat photo 13200"]),
    }
    watch = await staged(tables, "camera")
    recorder.keep("heron-redir-java-websocket-photo-1009", watch)


async def a_bidder_is_aborted(start: Starter, recorder: Recorder) -> None:
    """An auction's program aborts a bidder whose bid it cannot read; the others bid on. By Varnish."""

    async def bids(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "bidder" and message == "bid 1e9":
            client.transport.abort()
        else:
            await client.send(f"{user}: {message!s}")

    async with house(bids) as app:
        varnish = start(Varnish, app.port)
        tables = {
            "other": ws(varnish.port, "/?user=other", do=says(1.1, 6, "send bid 10")),
            "bidder": ws(varnish.port, "/?user=bidder", do=[*says(0.8, 2, "send bid 20"), "2.5 send bid 1e9"]),
            "watches": ws(varnish.port, "/?user=watches"),
        }
        watch = await staged(tables, "bidder")
    assert_cut(watch, "bidder")
    recorder.keep("heron-varnish-python-aborts-a-bidder", watch)


async def dante_is_restarted(start: Starter, recorder: Recorder) -> None:
    """A SOCKS proxy gets new rules and is restarted under two of a broker's; a third is in its own network."""
    broker = start(CoilMq)
    proxy = start(Dante)
    there: Table = {"stomp_version": "1.0,1.1", "vhost": "localhost"}
    way: Table = there | {"proxy": f"socks5://{LOOPBACK}:{proxy.port}", "reconnect": True}

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "till", command="SEND", dir="out", count=3)
        await asyncio.to_thread(proxy.end, signal.SIGTERM)
        await asyncio.sleep(0.6)
        await asyncio.to_thread(proxy.begin)
        for name in ("till", "stock"):
            await seen(watch, "stomp", name, command="CONNECTED", count=2)
        await asyncio.sleep(1.0)

    tables = {
        "inside": stomp(broker.port, "0,0", CREW, do=says(1.3, 9, "stomp-send /topic/x 1")) | there,
        "till": stomp(broker.port, "0,0", CREW, do=says(0.8, 3, "stomp-send /topic/till 12")) | way,
        "stock": stomp(broker.port, "0,0", CREW, subscribe=["/topic/till"]) | way,
    }
    watch = await staged(tables, "till", "stock", strike=strike)
    recorder.keep("heron-dante-restarted-under-stomp", watch)


async def a_season_is_over(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """sockjs-tornado closes a fan who polls with 4777; another one's socket stays. TLS by stunnel."""
    app = start(SockJsTornado, heartbeat_delay=2.1)
    stunnel = start(Stunnel, app.port, certificate)
    base: Table = {"url": f"https://localhost:{stunnel.port}/echo", "cacert": str(certificate.ca)}
    tables = {
        "other": base | {"sockjs_transport": "websocket", "do": says(1.2, 6)},
        "fan": base
        | {"sockjs_transport": "xhr-polling", "do": ["0.8 send score", "2.6 send close 4777 the season is over"]},
    }
    watch = await staged(tables, "fan", stage="tls")
    assert watch.the("close", "fan")["sockjs"]["code"] == 4777
    recorder.keep("heron-stunnel-sockjs-poller-4777-season-over", watch)


async def test_ticks_are_not_acknowledged(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A tablet reads nothing for 3.5 s and so confirms no ticks: it is dropped as a slow consumer. nginx, TLS."""
    open_ticks: dict[str, int] = {}

    async def feed(user: str, client: ServerConnection) -> None:
        while True:
            await asyncio.sleep(0.4)
            open_ticks[user] += 1
            await client.send(f"tick {open_ticks[user]}")
            if open_ticks[user] > 8:
                await client.close(4013, "slow consumer: more than 8 ticks unacknowledged")
                return

    feeds: set[asyncio.Task[None]] = set()

    async def hear(user: str, client: ServerConnection, message: str | bytes) -> None:
        if message == "start":
            feeds.add(asyncio.create_task(feed(user, client)))
        open_ticks[user] = 0

    async with house(hear) as app:
        nginx = start(Nginx, app.port, 60, certificate)

        def at(user: str, *do: str) -> Table:
            table = wss(nginx.port, certificate, do=["0.3 send start", *do])
            return table | {"url": f"wss://localhost:{nginx.port}/?user={user}"}

        tables = {
            "desk": at("desk", *says(1.5, 9, "send seen")),
            "tablet": at("tablet", "1.4 send seen", "2.4 send seen", "2.5 freeze 4"),
        }
        watch = await staged(tables, "tablet", stage="tls")
        for one in feeds:
            one.cancel()
    assert watch.the("close", "tablet")["code"] == 4013
    recorder.keep("heron-nginx-ticks-not-acknowledged", watch)


async def test_more_ends(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Six at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            a_sensor_keeps_not_alive(start, recorder),
            a_container_stops(start, recorder),
            a_photo_is_too_large(start, recorder),
            a_bidder_is_aborted(start, recorder),
            dante_is_restarted(start, recorder),
            a_season_is_over(certificate, start, recorder),
        )
    )


async def test_one_is_stopped_in_silence(start: Starter, recorder: Recorder) -> None:
    """An operator stops the connection of a kiosk that says nothing but beats; another beats on. By nginx."""
    activemq = start(ActiveMqWs)
    nginx = start(Nginx, activemq.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{nginx.port}/", "heart_beat": "1800,1800"} | CREW
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(
            watch,
            other=base | {"connect_header": ["client-id: other"]},
            kiosk=base | {"connect_header": ["client-id: kiosk"], "do": ["0.4 subscribe /topic/heron"]},
        )
        await beaten(watch, "kiosk", 2)
        await asyncio.to_thread(activemq.stop_connection, "kiosk")
        await looked(watch, "kiosk")
        await beaten(watch, "other", 1)
        await leave(watch, "other", status=1)
    recorder.keep("heron-nginx-activemq-ws-one-stopped-in-silence", watch)


async def test_a_firewall_loads_its_rules(recorder: Recorder) -> None:
    """For a moment it resets what goes to one address of a host: a talker and one who pings. Both return; one stays."""
    with routed() as hosts:
        hosts.start_node()
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            other = f"ws://{OTHER}:8080/"
            await opened(
                watch,
                stays={"url": f"ws://{SERVER}:8080/", "do": says(1.3, 12)},
                busy={"url": other, "do": says(0.9, 7), "reconnect": True},
                pings={"url": other, "ping_interval": 1.1, "ping_timeout": 5, "reconnect": True},
            )
            await echoed(watch, 2, "busy")
            hosts.router.wall(f"ip daddr {OTHER} tcp dport 8080 reject with tcp reset", name="moment")
            for name in ("busy", "pings"):
                await seen(watch, "close", name)
            hosts.router.no_wall("moment")
            for name in ("busy", "pings"):
                await seen(watch, "open", name, count=2)
            await asyncio.sleep(1.5)
            await leave(watch, "stays")
    for name in ("busy", "pings"):
        assert watch.of("close", name)[0]["transport"]["how"] == "reset"
    recorder.keep("heron-firewall-resets-one-address-for-a-moment", watch)
