"""Ways that go dark, forget, lose, are narrow, or swallow what is large."""

import asyncio

import pytest

from tests.probing import ask, open_session, seen
from tests.servers.ashore import begun, doors, forgets
from tests.servers.between import opened, says
from tests.servers.eels import NODE, PYTHON, STOMP, dark, light, looking, losing, moments
from tests.servers.frameworks import Aiohttp, Sanic
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, echoed, elsewhere, leave, over, within
from tests.servers.node import NodeEndings, SockJsNode
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_the_way_back_is_lost(recorder: Recorder) -> None:
    """Asymmetric routing breaks: what comes from the server is lost. It hears us, we hear nothing. Another is well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(3)
        hosts.start_python(8081)
        async with looking(hosts) as watch:
            await opened(watch, third={"url": THERE, "do": says(1.4, 12)}, chat={"url": PYTHON, "do": says(0.8, 4)})
            await echoed(watch, 3, "chat")
            dark(hosts, SERVER, "saddr")
            await within(watch, 20, "close", "chat")
            await over(watch, "chat", patience=4)
            await leave(watch, "third", status=1)
    assert watch.the("end", "chat")["how"] == "timeout"
    recorder.keep("eel-dark-way-back", watch)


async def test_beats_stop_in_the_dark(recorder: Recorder) -> None:
    """STOMP that beats both ways goes dark: what we say is unacknowledged. The server's other address is reached."""
    with routed() as hosts:
        hosts.be_patient(5)
        hosts.start_stomp(beat_every=1000, wants=1000)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                other={"url": f"ws://{OTHER}:8080/", "do": says(1.6, 14)},
                till={"url": STOMP, "heart_beat": "1000,1000"},
            )
            await beaten(watch, 3, "till")
            dark(hosts)
            await within(watch, 20, "close", "till")
            await over(watch, "till", patience=4)
            await leave(watch, "other", status=1)
    recorder.keep("eel-dark-stomp-beats", watch)


async def test_a_tunnel_of_a_railway(recorder: Recorder) -> None:
    """Two seconds of darkness, twice: chat, STOMP and pings wait and go on; nobody drops."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        hosts.start_stomp(beat_every=2000, wants=2000)
        async with looking(hosts) as watch:
            await opened(
                watch,
                chat={"url": NODE, "do": says(1.3, 12)},
                till={"url": STOMP, "heart_beat": "2000,2000"},
                pings={"url": NODE, "ping_interval": 1.8, "ping_timeout": 6.0},
            )
            await echoed(watch, 1, "chat")
            for _ in range(2):
                dark(hosts)
                await asyncio.sleep(1.7)
                light(hosts)
                await echoed(watch, 2, "chat")
            await beaten(watch, 1, "till")
            await leave(watch, "chat", "till", "pings", status=0)
    recorder.keep("eel-none-railway-tunnels", watch)


async def test_a_balancer_of_the_cloud_forgets(start: Starter, recorder: Recorder) -> None:
    """As an NLB does: a flow quiet for 3 s is forgotten and RST answers the next word. SockJS; it comes back."""
    with routed() as hosts:
        forgets(hosts, 3, reset=True)
        page = await begun(hosts.server, start, SockJsNode, heartbeat_delay=25000)
        doors(hosts, page)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                ticks={"url": NODE, "do": says(1.2, 12)},
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "websocket", "reconnect": True}
                | {"do": ["0.5 send a", "1.7 send b", "6.4 send c"]},
            )
            await within(watch, 20, "close", "page")
            await seen(watch, "sockjs", "page", kind="o", count=2)
            await asyncio.sleep(0.9)
            await leave(watch, "ticks", status=1)
    assert watch.of("end", "page")[0]["how"] == "reset"
    recorder.keep("eel-nlb-forgets-sockjs", watch)


async def test_pings_keep_a_flow(recorder: Recorder) -> None:
    """Behind the same kind of router three do what keeps a flow alive: ping, beat, talk. All are well."""
    with routed() as hosts:
        hosts.masquerade(forgets_after=4, strict=True)
        hosts.start_node()
        hosts.start_stomp(beat_every=2500, wants=2500)
        async with looking(hosts) as watch:
            await opened(
                watch,
                pings={"url": NODE, "ping_interval": 2.5, "ping_timeout": 2.0},
                beats={"url": STOMP, "heart_beat": "2500,2500"},
                talks={"url": NODE, "do": says(2.9, 12)},
            )
            await echoed(watch, 3, "talks")
            await leave(watch, "pings", "beats", "talks", status=0)
    recorder.keep("eel-none-router-forgets-nobody", watch)


async def test_a_bad_cable_spoils(recorder: Recorder) -> None:
    """Bits are wrong in four of ten packets and the kernels throw them away: our ping of python gives up."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_python(8081)
        weather = hosts.weather()
        async with looking(hosts) as watch:
            await opened(
                watch,
                feed={"url": PYTHON, "do": says(0.5, 20)}
                | {"ping_interval": 1.1, "ping_timeout": 3.4, "close_timeout": 0.8},
            )
            await echoed(watch, 3, "feed")
            weather.now(spoil=0.72)
            await within(watch, 30, "close", "feed")
            weather.now()
            await over(watch, "feed", patience=4)
            await leave(watch, status=1)
    close = watch.the("close", "feed")
    assert close["initiator"] == "local" and close["sent"]["code"] == 1011
    recorder.keep("eel-loss-bad-cable-our-pings", watch)


async def test_the_way_up_loses_beats(start: Starter, recorder: Recorder) -> None:
    """Of what goes up three quarters are lost: Sanic's pings come, our pongs are late, and it gives up."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Sanic, WEBSOCKET_PING_INTERVAL=1.5, WEBSOCKET_PING_TIMEOUT=1.5)
        doors(hosts, server)
        async with looking(hosts) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(1.6, 24)},
                chat={"url": f"ws://{SERVER}:{server.port}/", "do": says(0.5, 20)},
            )
            await echoed(watch, 3, "chat")
            losing(hosts, 80, SERVER, "daddr")
            await within(watch, 30, "close", "chat")
            hosts.router.no_wall("loss_daddr")
            await over(watch, "chat", patience=4)
            await leave(watch, "third", status=1)
    recorder.keep("eel-loss-up-server-gives-up", watch)


async def test_a_backup_fills_the_way_up(start: Starter, recorder: Recorder) -> None:
    """Pictures go up 4 kB a second: STOMP's beats wait behind them and our own pings are unanswered."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        rate = ("rate", "32kbit", "burst", "2500", "limit", "900000")
        async with looking(hosts) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(1.7, 20)},
                camera={"url": NODE, "no_compression": True, "do": says(0.8, 2.6)}
                | {"ping_interval": 1.2, "ping_timeout": 3.8, "close_timeout": 0.8},
            )
            await echoed(watch, 3, "camera")
            hosts.router.run("tc", "qdisc", "add", "dev", "wan", "root", "tbf", *rate)
            for _ in range(4):
                await ask(watch, "send-repeat p 14000", "camera")
            await within(watch, 30, "close", "camera")
            await over(watch, "camera", patience=8)
            await leave(watch, "third", status=1)
    assert watch.the("close", "camera")["initiator"] == "local"
    recorder.keep("eel-narrow-backup-fills-the-way-up", watch)


async def test_a_slow_line_that_lives(start: Starter, recorder: Recorder) -> None:
    """An ISDN line of 8 kB a second carries a picture of 40 kB that a program sends; the session lives, and waits."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, NodeEndings)
        doors(hosts, server)
        rate = ("rate", "40kbit", "burst", "2500", "limit", "900000")
        hosts.server.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *rate)
        url = f"ws://{SERVER}:{server.port}/"
        async with looking(hosts) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(1.9, 14)},
                desk={"url": url, "no_compression": True}
                | {"do": [*says(0.8, 2), "2.3 send flood 40000", *moments(3, 1, 4, "send more")]},
            )
            await seen(watch, "frame", "desk", dir="in", text="more", count=3)
            await leave(watch, "third", "desk", status=0)
    recorder.keep("eel-narrow-picture-comes-down", watch)


async def test_a_large_cookie_vanishes(recorder: Recorder) -> None:
    """One whose login fills a cookie of 3 kB never gets an answer to its upgrade; who has none is let in."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        hosts.router.wall(f"ip daddr {SERVER} meta length > 1100 drop", name="pppoe")
        async with looking(hosts) as watch:
            await opened(watch, guest={"url": NODE, "do": says(1.2, 10)})
            await open_session(watch, name="member", url=NODE, cookie=[f"jwt={'e' * 3000}"], open_timeout=8.0)
            await within(watch, 20, "close", "member")
            await over(watch, "member", patience=3)
            await leave(watch, "guest", status=3)
    recorder.keep("eel-mtu-cookie-of-3-kb", watch)


async def test_a_long_page_does_not_come(start: Starter, recorder: Recorder) -> None:
    """What is large does not come down: the stream of a SockJS page stops at a long message, small ones came before."""
    with routed() as hosts:
        hosts.be_patient(8)
        page = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=1.0)
        doors(hosts, page)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                chat={"url": NODE, "do": says(1.2, 16)},
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "websocket"}
                | {"ping_interval": 1.6, "ping_timeout": 3.6, "close_timeout": 0.8, "no_compression": True},
            )
            await ask(watch, "send short", "page")
            await seen(watch, "frame", "page", dir="in", text='a["short"]')
            hosts.router.wall(f"ip saddr {SERVER} meta length > 900 drop", name="down")
            await ask(watch, "send-repeat w 7000", "page")
            await within(watch, 30, "close", "page")
            await over(watch, "page", patience=4)
            await leave(watch, "chat", status=1)
    recorder.keep("eel-mtu-answer-never-comes-sockjs", watch)


async def test_polls_in_the_dark(start: Starter, recorder: Recorder) -> None:
    """A SockJS page polls when the way goes dark; one at aiohttp on the same host goes as well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(3)
        page = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=1.2)
        server = await begun(hosts.server, start, Aiohttp)
        doors(hosts, page, server)
        async with looking(hosts) as watch:
            await opened(
                watch,
                third={"url": THERE, "do": says(1.8, 14)},
                page={"url": f"http://{SERVER}:{page.port}/echo", "sockjs_transport": "xhr-polling"}
                | {"do": says(0.7, 9)},
                raw={"url": f"ws://{SERVER}:{server.port}/", "do": says(0.9, 6)},
            )
            await echoed(watch, 2, "raw")
            dark(hosts)
            for name in ("page", "raw"):
                await within(watch, 20, "close", name)
            await over(watch, "page", "raw", patience=3)
            await leave(watch, "third", status=1)
    recorder.keep("eel-dark-polls-and-raw", watch)


async def test_a_feed_hears_nothing_of_the_dark(recorder: Recorder) -> None:
    """A reader of pushes has nothing to say: it goes dark, and the user's own word finds it 3 s later."""
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        async with looking(hosts) as watch:
            await opened(
                watch,
                other={"url": f"ws://{OTHER}:8080/", "do": says(1.5, 14)},
                feed={"url": NODE, "do": ["0.4 send flood 8 200", "5.0 send still?"]},
            )
            await seen(watch, "frame", "feed", dir="in", count=8)
            dark(hosts)
            await within(watch, 20, "close", "feed")
            await over(watch, "feed", patience=4)
            await leave(watch, "other", status=1)
    recorder.keep("eel-dark-reader-says-one-word", watch)
