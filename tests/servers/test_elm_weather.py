"""Lines that are lossy, narrow or too small for large packets, and a bad one that carries everything all the same."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import Table, opened, says
from tests.servers.frameworks import Aiohttp, Sanic
from tests.servers.goapps import Gobwas, Melody
from tests.servers.joined import ANNA
from tests.servers.jvm import Artemis
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, behind_nginx, echoed, elsewhere, leave, over, within
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_doors import trusts
from tests.servers.test_wire_weather import lose, lose_no_more
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def the_wifi_is_weak(start: Starter, recorder: Recorder) -> None:
    """Half of all packets to one site are lost, later more: our ping gives up. What goes elsewhere is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Aiohttp)
        doors(hosts, server)
        chat: Table = {"url": f"ws://{SERVER}:{server.port}/", "ping_interval": 1.6, "ping_timeout": 4.0}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(3.1, 40)},
                chat=chat | {"close_timeout": 1.0, "do": says(1.1, 25)},
            )
            await echoed(watch, 2, "chat")
            lose(hosts, 45, SERVER)
            await asyncio.sleep(4.0)
            lose_no_more(hosts)
            lose(hosts, 68, SERVER)
            await within(watch, 40, "close", "chat")
            lose_no_more(hosts)
            await over(watch, "chat")
            await leave(watch, "third", status=1)
    assert watch.the("close", "chat")["initiator"] == "local"
    assert max(line["total_retrans"] for line in watch.of("tcp_info", "chat")) > 1
    recorder.keep("elm-aiohttp-weak-wifi", watch)


async def photos_over_a_narrow_line(start: Starter, recorder: Recorder) -> None:
    """A van sends photos over a line that takes 8 kB a second, and its ping stands behind them; a quiet one stays."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Sanic)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/"
        photos = ["1.0 send begin", *(f"{3 + n * 1.5:.1f} send-repeat x 40000" for n in range(4))]
        van: Table = {"url": url, "no_compression": True, "ping_interval": 2.0, "ping_timeout": 5.0, "do": photos}
        rate = ("rate", "64kbit", "burst", "3000", "limit", "900000")
        hosts.client.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *rate)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, quiet={"url": url, "do": ["0.5 send hello"]}, van=van | {"close_timeout": 1.2})
            await within(watch, 40, "close", "van")
            await over(watch, "van", patience=8)
            await leave(watch, "quiet", status=1)
    assert watch.the("close", "van")["initiator"] == "local"
    recorder.keep("elm-sanic-photos-over-a-narrow-line", watch)


async def a_form_with_an_attachment(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Through an office VPN that swallows large packets: words pass, an attachment does not. By nginx, over TLS."""
    with routed() as hosts:
        hosts.be_patient(4)
        server = await begun(hosts.server, start, Gobwas)
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, server.port)
        hosts.router.wall(f"ip daddr {SERVER} meta length > 1280 drop", name="vpn")
        sealed: Table = {"url": f"{url}ws", "no_compression": True} | trusts(certificate)
        form = ["0.6 send name", "1.4 send street", "2.3 send-repeat x 9000"]
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, words=sealed | {"do": says(1.6, 25)}, form=sealed | {"do": form, "reconnect": True})
            await within(watch, 30, "close", "form")
            await seen(watch, "open", "form", count=2)
            await echoed(watch, 1, "words")
            await leave(watch, "words", status=1)
    assert watch.of("end", "form")[0]["how"] == "timeout"
    recorder.keep("elm-nginx-gobwas-attachment-too-large-for-a-vpn", watch)


async def a_train_in_the_rain(start: Starter, recorder: Recorder) -> None:
    """One packet in ten is lost, some come twice or late, and for three seconds none comes: everybody is well."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Artemis)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=5000)
        server = await begun(hosts.server, start, Melody)
        doors(hosts, broker, page, server)
        weather = hosts.weather(delay=0.09, jitter=0.08)
        rain = {"delay": 0.09, "jitter": 0.15, "lose": 0.1, "double": 0.08, "swap": 0.1}
        desk: Table = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "6000,6000"} | ANNA
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                desk=desk,
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "xhr-streaming"},
                chat={"url": f"ws://{SERVER}:{server.port}/ws", "do": says(2.3, 30)},
            )
            weather.now(**rain)
            await echoed(watch, 2, "chat")
            weather.now(lose=1)
            await asyncio.sleep(3.0)
            weather.now(**rain)
            await echoed(watch, 1, "chat")
            weather.now(delay=0.09)
            await beaten(watch, 1, "desk")
            await leave(watch, "desk", "page", "chat", status=0)
    recorder.keep("elm-well-train-in-the-rain", watch)


async def test_weather(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Four lines at a time; most of the time is spent waiting."""
    runs = (the_wifi_is_weak, photos_over_a_narrow_line, a_train_in_the_rain)
    sealed = a_form_with_an_attachment(start, certificate, recorder)
    await side_by_side((*(run(start, recorder) for run in runs), sealed))
