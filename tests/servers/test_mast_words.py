"""Words that one side does not take, goodbyes that come to no end, and a broker that forgets whom it promised beats."""

import asyncio
import time
from collections import defaultdict, deque

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from tests.probing import open_session, probing, seen
from tests.servers.between import Table, opened, says, staged, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.endings import assert_said
from tests.servers.haproxy import HaProxy
from tests.servers.house import house
from tests.servers.joined import beaten
from tests.servers.lesser import Hitch, Nghttpx, Redir, Rinetd
from tests.servers.lines import leave
from tests.servers.nginx import Certificate
from tests.servers.node import NodeEndings, NodeWs
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.socat import Socat
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

UTF_16 = "819600000000" + "\ufeffK\u00f6ln 50667".encode("utf-16-le").hex()
HEADLINE = "Z\u00fcrich: Tram 11 f\u00e4hrt \u00fcber Stauffacher \u2014 \u5ef6\u8bef"


async def headlines(user: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that cuts its news to so many bytes for a small display."""
    said = HEADLINE.encode()
    await client.send(said[:-2] if user == "wall" and message == "next" else said, text=True)


async def test_a_headline_is_cut_in_a_character(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """The display on the wall gets two bytes less, and so half a character; by Caddy with TLS."""
    async with house(headlines) as app:
        caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
        base = wss(caddy.port, certificate, no_compression=True)
        url = f"wss://localhost:{caddy.port}/?user="
        tables = {
            "wall": base | {"url": url + "wall", "do": ["0.5 send hello", "1.7 send now", "2.9 send next"]},
            "desk": base | {"url": url + "desk", "do": says(1.2, 5, "send next")},
        }
        watch = await staged(tables, "wall")
    assert watch.the("close", "wall")["sent"]["code"] == 1007
    recorder.keep("mast-caddy-headline-cut-in-a-character", watch)


async def test_a_scanner_speaks_utf_16(start: Starter, recorder: Recorder) -> None:
    """Its library sends the string as Windows has it; Node behind Traefik says 1007."""
    app = start(NodeEndings)
    traefik = start(Traefik, app.port)
    table = ws(traefik.port, no_compression=True)
    tables = {
        "scanner": table | {"do": ["0.8 send 50667", f"2.1 raw-frame {UTF_16}"]},
        "browser": table | {"do": says(0.9, 5, "send K\u00f6ln 50667")},
    }
    watch = await staged(tables, "scanner")
    assert watch.the("close", "scanner")["received"]["code"] == 1007
    recorder.keep("mast-traefik-scanner-speaks-utf-16", watch)


async def base64_only(_: str, client: ServerConnection, message: str | bytes) -> None:
    """An application that wants voice as text."""
    if isinstance(message, bytes):
        await client.close(1003, "audio must be base64 in a text frame")
    else:
        await client.send(message)


async def test_voice_as_bytes(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A new headset sends its sound as it is, after a while of greetings in text; by hitch."""
    async with house(base64_only) as app:
        hitch = start(Hitch, app.port, certificate)
        url = f"wss://localhost:{hitch.port}/?user="
        base = wss(hitch.port, certificate)
        tables = {
            "headset": base
            | {"url": url + "headset", "do": [*says(0.7, 2, "send hi"), f"2.6 send-binary {'7f' * 96}"]},
            "softphone": base | {"url": url + "softphone", "do": says(1.3, 5, "send f39/f39/")},
        }
        watch = await staged(tables, "headset", stage="tls")
    assert_said(watch.the("close", "headset"), 1003, "audio must be base64 in a text frame")
    recorder.keep("mast-hitch-voice-as-bytes-1003", watch)


async def test_two_of_three_are_too_many(start: Starter, recorder: Recorder) -> None:
    """The program sheds load: 1013 for a busy and a silent one, the paying customer stays; by nghttpx."""
    async with house() as app:
        way = start(Nghttpx, app.port)

        async def strike(watch: Watch) -> None:
            await seen(watch, "frame", "lobby", dir="in", opcode=1, count=4)
            for name in ("lobby", "stats"):
                await app.clients[name].close(1013, "server overloaded")

        tables = {
            "paying": ws(way.port, "/?user=paying", do=says(1.1, 6)),
            "lobby": ws(way.port, "/?user=lobby", do=says(0.6, 6)),
            "stats": ws(way.port, "/?user=stats"),
        }
        watch = await staged(tables, "lobby", "stats", strike=strike)
    assert_said(watch.the("close", "stats"), 1013, "server overloaded")
    recorder.keep("mast-nghttpx-overloaded-two-of-three-1013", watch)


async def test_there_is_no_seat_again_and_again(start: Starter, recorder: Recorder) -> None:
    """A student is sent away as soon as he is in, three times; who came first sits. By rinetd."""
    async with house() as app:
        way = start(Rinetd, app.port)
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, first=ws(way.port, "/?user=first", do=says(1.4, 8)))
            assert (await open_session(watch, name="student", **ws(way.port, "/?user=student", reconnect=True)))["ok"]
            for count in (1, 2, 3):
                await seen(watch, "open", "student", count=count)
                await asyncio.sleep(0.3)
                await app.clients["student"].close(1013, "all seats taken, come back in a minute")
                await seen(watch, "close", "student", count=count)
            await leave(watch, "first", status=1)
    for close in watch.of("close", "student")[:3]:
        assert close["received"]["code"] == 1013
    recorder.keep("mast-rinetd-no-seat-again-and-again-1013", watch)


def answers_and_stays(connection: Connection) -> None:
    """A device whose firmware answers a Close and never ends TCP."""
    connection.upgrade()
    while (frame := connection.receive()).opcode != Opcode.CLOSE:
        connection.frame(Opcode(frame.opcode), frame.payload)
    connection.frame(Opcode.CLOSE, frame.payload)
    connection.hold()


async def test_a_device_keeps_tcp(start: Starter, recorder: Recorder) -> None:
    """A console leaves in order; the device answers its Close and keeps the connection. Another server is elsewhere."""
    other = start(NodeWs)
    with ScriptedServer(answers_and_stays) as device:
        way = start(Socat, device.port)
        tables = {
            "elsewhere": ws(other.port, do=says(1.3, 7)),
            "console": ws(way.port, do=[*says(0.6, 2.5, "send show"), "3.1 close 1000 done"], close_timeout=3.4),
        }
        watch = await staged(tables, "console", status=0)
    close = watch.the("close", "console")
    assert close["sent"]["code"] == close["received"]["code"] == 1000
    recorder.keep("mast-socat-device-keeps-tcp-after-our-close", watch)


def says_goodbye_and_stays(connection: Connection) -> None:
    """A camera that shows a few frames, says its Close, hears ours and never ends TCP."""
    connection.upgrade()
    for number in range(5):
        connection.frame(Opcode.BINARY, bytes([number]) * 40)
        time.sleep(0.5)
    connection.close(1000, "recording ended")
    connection.receive_close()
    connection.hold()


async def test_a_camera_says_goodbye_and_stays(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """By stunnel, which waits with it; a session with another program is well."""
    other = start(NodeWs)
    with ScriptedServer(says_goodbye_and_stays) as camera:
        way = start(Stunnel, camera.port, certificate)
        tables = {
            "elsewhere": ws(other.port, do=says(1.1, 7)),
            "viewer": wss(way.port, certificate, close_timeout=2.6),
        }
        watch = await staged(tables, "viewer", stage="tls", status=1)
    close = watch.the("close", "viewer")
    assert close["sent"]["code"] == close["received"]["code"] == 1000
    recorder.keep("mast-stunnel-camera-says-1000-and-stays", watch)


async def test_a_key_is_held_down(start: Starter, recorder: Recorder) -> None:
    """Refresh, refresh, refresh: more than eight requests in two seconds are too many; by redir."""
    heard: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=9))

    async def metered(user: str, client: ServerConnection, message: str | bytes) -> None:
        times = heard[user]
        times.append(time.monotonic())
        if len(times) == 9 and times[-1] - times[0] < 2:
            await client.close(1008, "rate limit exceeded (8 requests / 2s)")
        else:
            await client.send(message)

    async with house(metered) as app:
        way = start(Redir, app.port)
        burst = [f"{2.4 + n * 0.06:.2f} send refresh" for n in range(12)]
        tables = {
            "trader": ws(way.port, "/?user=trader", do=["0.5 send refresh", "1.5 send refresh", *burst]),
            "calm": ws(way.port, "/?user=calm", do=says(1.2, 6, "send refresh")),
        }
        watch = await staged(tables, "trader")
    assert_said(watch.the("close", "trader"), 1008, "rate limit exceeded (8 requests / 2s)")
    recorder.keep("mast-redir-refresh-key-held-down-1008", watch)


class Kiosks:
    """A home-made STOMP broker that beats every 1.5 s to those it remembers."""

    def __init__(self) -> None:
        self.remembered: dict[str, ServerConnection] = {}

    async def rule(self, user: str, client: ServerConnection, message: str | bytes) -> None:
        """Lets in who connects, and answers receipts."""
        frame = str(message)
        if frame.startswith("CONNECT"):
            await client.send("CONNECTED\nversion:1.2\nserver:kioskd/3\nheart-beat:1500,1500\n\n\0")
            self.remembered[user] = client
        elif "\nreceipt:" in frame:
            await client.send(f"RECEIPT\nreceipt-id:{frame.partition('receipt:')[2].partition(chr(10))[0]}\n\n\0")

    async def beat(self) -> None:
        """Beats until it is cancelled."""
        while True:
            await asyncio.sleep(1.5)
            for client in list(self.remembered.values()):
                try:
                    await client.send("\n")
                except ConnectionClosed:
                    continue


async def test_a_broker_forgets_a_kiosk(start: Starter, recorder: Recorder) -> None:
    """Its timer is lost: it answers our pings and takes our beats, and beats no more; the other kiosk's runs on."""
    kiosks = Kiosks()
    async with house(kiosks.rule, ping_interval=None, subprotocols=["v12.stomp"]) as app:
        way = start(HaProxy, app.port)
        ticking = asyncio.create_task(kiosks.beat())

        base: Table = {"heart_beat": "1500,1500", "ping_interval": 1.2, "ping_timeout": 6.0}
        url = f"stomp+ws://{LOOPBACK}:{way.port}/?user="
        tables = {name: base | {"url": url + name} for name in ("hall", "kiosk")}
        async with probing("--stdin", **POSTMORTEM) as watch:
            await opened(watch, **tables)
            await beaten(watch, "kiosk", 3)
            del kiosks.remembered["kiosk"]
            await seen(watch, "heartbeat", "kiosk", layer="stomp-in", state="missed")
            pongs = len(watch.of("frame", "kiosk", dir="in", opcode=10))
            await seen(watch, "frame", "kiosk", dir="in", opcode=10, count=pongs + 5)
            await beaten(watch, "hall", 1)
            await leave(watch, "hall", "kiosk")
        ticking.cancel()
    recorder.keep("mast-haproxy-broker-forgets-a-kiosk", watch)
