"""Bad lines in the field: lossy, narrow, too small for large packets, dark, or forgetful; side by side."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.ashore import begun, doors, forgets, side_by_side
from tests.servers.between import opened, says
from tests.servers.forward import Login
from tests.servers.frameworks import Sanic, Tornado
from tests.servers.goapps import Gobwas
from tests.servers.golang import Gorilla
from tests.servers.jvm import Artemis
from tests.servers.lines import DEFAULT_RETRIES, THERE, beaten, echoed, elsewhere, leave, over, within
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_wire_weather import lose, lose_no_more
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

ANNA = Login("anna", "crew")
WHO = {"login": ANNA.user, "passcode": ANNA.password}
TALK = "stomp-send jms.queue.orders one"


async def gorilla_waits_for_pongs(start: Starter, recorder: Recorder) -> None:
    """Three packets of five are lost for a while, and gorilla's read deadline passes. Another host is reached well."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Gorilla, PongWait=2.6, PingPeriod=1.2)
        doors(hosts, server)
        table = {"url": f"ws://{SERVER}:{server.port}/ws", "do": says(1.4, 20, "send tick")}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(4.3, 40, "send tick")}, A=table)
            await echoed(watch, 2, "A")
            lose(hosts, 62, SERVER)
            await asyncio.sleep(6.2)
            lose_no_more(hosts)
            lose(hosts, 17, SERVER)
            await within(watch, 45, "close", "A")
            lose_no_more(hosts)
            await over(watch, "A")
            await leave(watch, "third", status=1)
    recorder.keep("field-loss-gorilla-pongs", watch)


async def artemis_misses_beats(start: Starter, recorder: Recorder) -> None:
    """A radio link in the rain: seven packets of ten are lost under STOMP over WebSocket, alone."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        table = {"url": f"stomp+ws://{SERVER}:{broker.port}", "heart_beat": "1700,1700"} | WHO
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A=table | {"do": [f"1.2 {TALK}", f"2.9 {TALK}"]})
            await beaten(watch, 2, "A")
            lose(hosts, 70, SERVER)
            await within(watch, 45, "close", "A")
            lose_no_more(hosts)
            await over(watch, "A")
            await leave(watch, status=1)
    recorder.keep("field-loss-artemis-alone", watch)


async def the_backup_runs(start: Starter, recorder: Recorder) -> None:
    """A neighbour's upload fills a village's way up; our beats to Artemis stand behind it, and the upload is well."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        desk = {"url": f"stomp://{SERVER}:{broker.port}", "heart_beat": "900,1400"} | WHO
        backup = {"url": f"ws://{SERVER}:8080/", "no_compression": True, "do": ["1.5 send-repeat x 42000"]}
        rate = ("rate", "24kbit", "burst", "1600", "limit", "900000")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, desk=desk)
            await beaten(watch, 2, "desk")
            hosts.client.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *rate)
            await opened(watch, backup=backup)
            await within(watch, 40, "close", "desk")
            await over(watch, "desk")
            hosts.client.run("tc", "qdisc", "del", "dev", "eth0", "root")
            await echoed(watch, 1, "backup")
            await leave(watch, "backup", status=1)
    recorder.keep("field-narrow-up-neighbour-artemis", watch)


async def the_film_runs(start: Starter, recorder: Recorder) -> None:
    """A film for one session fills the way down; the other's pongs stand behind it, and it waits for 2.2 s."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        server = await begun(hosts.server, start, Gobwas)
        doors(hosts, server)
        film = {"url": f"ws://{SERVER}:8080/", "no_compression": True, "do": ["2.3 send flood 1 70000"]}
        chat = {"ping_interval": 1.4, "ping_timeout": 2.2, "close_timeout": 1.7, "do": says(1.9, 12, "send tick")}
        rate = ("rate", "36kbit", "burst", "2000", "limit", "900000")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, chat={"url": f"ws://{SERVER}:{server.port}/ws"} | chat)
            hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *rate)
            await opened(watch, film=film)
            await within(watch, 40, "close", "chat")
            await over(watch, "chat")
            hosts.router.run("tc", "qdisc", "del", "dev", "lan", "root")
            await echoed(watch, 1, "film")
            await leave(watch, "film", status=1)
    recorder.keep("field-narrow-down-film-gobwas", watch)


async def the_token_is_too_large(start: Starter, recorder: Recorder) -> None:
    """Through a VPN's way that takes 900 bytes and tells nobody: an upgrade with a long token never arrives."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Tornado)
        doors(hosts, server)
        hosts.router.wall(f"ip daddr {SERVER} meta length > 900 drop")
        url = f"ws://{SERVER}:{server.port}/"
        token = [f"X-Roles: {'reader,writer,' * 190}"]
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, guest={"url": url, "do": says(1.7, 18, "send tick")})
            await watch.command(f'{{"cmd":"open","session":{{"name":"boss","url":"{url}","header":["{token[0]}"]}}}}')
            await within(watch, 25, "close", "boss")
            await over(watch, "boss")
            await leave(watch, "guest", status=3)
    assert not watch.of("open", "boss")
    recorder.keep("field-mtu-token-tornado", watch)


async def the_report_is_too_large(start: Starter, recorder: Recorder) -> None:
    """What gorilla tells a subscriber in one large message never comes down; who told it to is well."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        server = await begun(hosts.server, start, Gorilla)
        doors(hosts, server)
        url = f"ws://{SERVER}:{server.port}/ws"
        sub = {"ping_interval": 1.6, "ping_timeout": 4.4, "close_timeout": 1.2, "no_compression": True}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, sub={"url": url} | sub)
            await opened(watch, pub={"url": url, "do": ["0.9 send tick", "3.1 send flood 1 9000", "5.2 send tick"]})
            await seen(watch, "frame", "sub", dir="in", opcode=10)
            hosts.router.wall(f"ip saddr {SERVER} meta length > 1100 drop")
            await within(watch, 30, "close", "sub")
            await over(watch, "sub")
            await leave(watch, "pub", status=1)
    recorder.keep("field-mtu-report-gorilla", watch)


async def all_is_dark(start: Starter, recorder: Recorder) -> None:
    """The cellar of the provider burns: three sessions of three kinds with three servers, and nothing comes back."""
    with routed() as hosts:
        hosts.be_patient(4)
        gobwas = await begun(hosts.server, start, Gobwas)
        artemis = await begun(hosts.server, start, Artemis)
        tornado = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=4)
        doors(hosts, gobwas, artemis, tornado)
        desk = {"url": f"stomp://{SERVER}:{artemis.port}", "heart_beat": "2100,2100"} | WHO
        poll = {"url": f"http://{SERVER}:{tornado.port}/echo", "sockjs_transport": "xhr-streaming"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                desk=desk,
                chat={"url": f"ws://{SERVER}:{gobwas.port}/ws", "do": says(1.3, 20, "send tick")},
                stream=poll | {"do": says(2.7, 20, "send tick")},
            )
            await beaten(watch, 2, "desk")
            hosts.router.wall("meta l4proto tcp drop")
            for session in ("desk", "chat", "stream"):
                await within(watch, 40, "close", session)
            await over(watch, "desk", "chat", "stream")
            await leave(watch, status=1)
    recorder.keep("field-blackhole-three-kinds", watch)


async def the_way_back_is_lost(start: Starter, recorder: Recorder) -> None:
    """A wrong route after maintenance: what Sanic says never arrives, nor what its kernel acknowledges."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(5)
        server = await begun(hosts.server, start, Sanic)
        doors(hosts, server)
        table = {"url": f"ws://{SERVER}:{server.port}/", "do": says(1.6, 12, "send tick")}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, third={"url": THERE, "do": says(3.7, 30, "send tick")}, one=table, two=table)
            await echoed(watch, 2, "one", "two")
            hosts.router.wall(f"ip saddr {SERVER} drop")
            for session in ("one", "two"):
                await within(watch, 40, "close", session)
            await over(watch, "one", "two")
            await leave(watch, "third", status=1)
    recorder.keep("field-blackhole-way-back-sanic", watch)


async def the_telephone_sleeps_between_words(start: Starter, recorder: Recorder) -> None:
    """A mobile network forgets after three seconds; our pings come every six, and it is so again after we came back."""
    with routed() as hosts:
        hosts.be_patient(3)
        forgets(hosts, 3)
        server = await begun(hosts.server, start, Tornado)
        doors(hosts, server)
        table = {"url": f"ws://{SERVER}:{server.port}/", "reconnect": True, "ping_interval": 6.0, "do": ["0.6 send in"]}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A=table)
            await watch.until(lambda line: line["type"] == "close" and line["c"] == 2, 50)
            await leave(watch)
    recorder.keep("field-nat-telephone-again", watch)


async def the_hotel_forgets_who_is_quiet(start: Starter, recorder: Recorder) -> None:
    """Its box answers our word after seven quiet seconds by a RST; no beats were agreed. The talker lives."""
    with routed() as hosts:
        forgets(hosts, 4, reset=True)
        broker = await begun(hosts.server, start, Artemis)
        doors(hosts, broker)
        table = {"url": f"stomp+ws://{SERVER}:{broker.port}", "heart_beat": "0,0"} | WHO
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, talker=table | {"do": says(1.8, 14, TALK)})
            await opened(watch, quiet=table | {"do": [f"0.4 {TALK}", f"7.6 {TALK}"]})
            await within(watch, 25, "close", "quiet")
            await over(watch, "quiet")
            await asyncio.sleep(0.9)
            await leave(watch, "talker", status=1)
    assert watch.of("end", "quiet")[0]["how"] == "reset"
    recorder.keep("field-nat-hotel-artemis", watch)


async def test_lossy_and_narrow(start: Starter, recorder: Recorder) -> None:
    """Four lines at a time."""
    runs = (gorilla_waits_for_pongs, artemis_misses_beats, the_backup_runs, the_film_runs)
    await side_by_side(run(start, recorder) for run in runs)


async def test_dark_ways(start: Starter, recorder: Recorder) -> None:
    """Four ways at a time."""
    runs = (the_token_is_too_large, the_report_is_too_large, all_is_dark, the_way_back_is_lost)
    await side_by_side(run(start, recorder) for run in runs)


async def test_forgetful(start: Starter, recorder: Recorder) -> None:
    """Two boxes at a time."""
    await side_by_side(
        (the_telephone_sleeps_between_words(start, recorder), the_hotel_forgets_who_is_quiet(start, recorder))
    )
