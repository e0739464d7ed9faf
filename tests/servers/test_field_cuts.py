"""What ends sessions in the field that were well: modems, tunnels, proxies far away and boxes; side by side."""

import signal

import pytest

from tests.probing import seen
from tests.servers.apache import Apache
from tests.servers.ashore import begun, doors, side_by_side
from tests.servers.between import opened, says
from tests.servers.child import installed
from tests.servers.frameworks import Sanic, Tornado
from tests.servers.goapps import Gobwas, Melody
from tests.servers.jvm import Artemis
from tests.servers.lesser import Varnish
from tests.servers.lines import beaten, echoed, leave, over, within
from tests.servers.python_apps import SockJsTornado
from tests.servers.recordings import Recorder
from tests.servers.routed import FAR, SERVER, Host, cable, routed
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

WHO = {"login": "anna", "passcode": "crew"}
BOAT = "10.81.0.2"
"""A host that is reached by the modem alone."""
INNER = "10.8.7.2"
"""The server's host inside the VPN."""


async def the_modem_falls_out(start: Starter, recorder: Recorder) -> None:
    """A USB modem leads to one host, the cable to all others: it falls out under a busy and a pinging session."""
    with routed() as hosts:
        hosts.be_patient(4)
        boat = Host(f"{hosts.client.name}-b")
        try:
            boat.build()
            cable(hosts.client, "10.81.0.1/24", "usb0", boat, f"{BOAT}/24", "eth0")
            server, home = await begun(boat, start, Melody), await begun(hosts.server, start, Sanic)
            doors(hosts, home)
            boat.set(net__ipv4__conf__all__route_localnet=1)
            rule = f"tcp dport {server.port} dnat ip to 127.0.0.1"
            boat.wall(rule, "prerouting", "nat", name="doors")
            url = f"ws://{BOAT}:{server.port}/ws"
            async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
                await opened(
                    watch,
                    cabled={"url": f"ws://{SERVER}:{home.port}/", "do": says(2.4, 25, "send tick")},
                    busy={"url": url, "do": says(1.2, 15, "send tick")},
                    pings={"url": url, "ping_interval": 2.3},
                )
                await echoed(watch, 2, "busy")
                hosts.client.ip("link", "delete", "usb0")
                for session in ("busy", "pings"):
                    await within(watch, 40, "close", session)
                await over(watch, "busy", "pings")
                await leave(watch, "cabled", status=1)
        finally:
            boat.remove()
    recorder.keep("field-local-modem-melody", watch)


async def the_battery_of_the_switch_is_empty(start: Starter, recorder: Recorder) -> None:
    """Our interface goes down under STOMP with Artemis and a poll; there is nothing else on this machine."""
    with routed() as hosts:
        hosts.be_patient(4)
        broker = await begun(hosts.server, start, Artemis)
        server = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=6)
        doors(hosts, broker, server)
        desk = {"url": f"stomp+ws://{SERVER}:{broker.port}", "heart_beat": "1900,1900"} | WHO
        poll = {"url": f"http://{SERVER}:{server.port}/echo", "sockjs_transport": "xhr-polling"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, desk=desk, poll=poll | {"do": says(3.2, 11, "send tick")})
            await beaten(watch, 2, "desk")
            hosts.client.ip("link", "set", "eth0", "down")
            for session in ("desk", "poll"):
                await within(watch, 30, "close", session)
            await over(watch, "desk", "poll", patience=2)
            await leave(watch, status=1)
    recorder.keep("field-local-cable-artemis-poll", watch)


async def the_vpn_ends(start: Starter, recorder: Recorder) -> None:
    """The far half of a home-made VPN is killed; the near one is told so, ends too, and its device with it."""
    with routed() as hosts:
        hosts.be_patient(4)
        server = await begun(hosts.server, start, Gobwas)
        doors(hosts, server)
        tun = "TUN:{}/24,up,iff-no-pi,tun-type=tun,tun-name={}"
        socat = installed("socat", "socat")
        say = ("sh", "-c", 'exec "$@" 2>&1', "sh", socat, "-d", "-d")
        far = hosts.start(*say, f"UDP-LISTEN:1195,bind={FAR}", tun.format(INNER, "vpn1"), says="listening")
        tunnel = (f"UDP:{FAR}:1195", tun.format("10.8.7.1", "vpn0"))
        hosts.start(*say, *tunnel, on=hosts.client, says="starting data transfer loop")
        url = f"ws://{{}}:{server.port}/ws"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                past={"url": url.format(SERVER), "do": says(2.2, 20, "send tick")},
                inside={"url": url.format(INNER), "do": says(1.1, 14, "send tick")},
                quiet={"url": url.format(INNER), "ping_interval": 3.1},
            )
            await echoed(watch, 2, "inside")
            far.kill()
            for session in ("inside", "quiet"):
                await within(watch, 30, "close", session)
            await over(watch, "inside", "quiet")
            await leave(watch, "past", status=1)
    recorder.keep("field-tunnel-vpn-gobwas", watch)


async def somebody_logs_out_of_ssh(start: Starter, recorder: Recorder) -> None:
    """``ssh -L`` to a broker far away is hung up with its terminal: two STOMP sessions; a chat goes past it."""
    with routed() as hosts:
        broker, chat = await begun(hosts.server, start, Artemis), await begun(hosts.server, start, Sanic)
        doors(hosts, broker, chat)
        # sshd goes to the broker from its own host, where nobody comes by the doors.
        rule = f"ip daddr {SERVER} tcp dport {broker.port} dnat ip to 127.0.0.1"
        hosts.server.wall(rule, "output", "nat", name="own")
        tunnel = await begun(hosts.client, start, SshTunnel, broker.port, afar=hosts.server.words, at=SERVER)
        desk = {"url": f"stomp://127.0.0.1:{tunnel.port}", "heart_beat": "2600,2600"} | WHO
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(
                watch,
                past={"url": f"ws://{SERVER}:{chat.port}/", "do": says(1.9, 12, "send tick")},
                desk=desk,
                till=desk | {"do": says(1.3, 9, "stomp-send jms.queue.a one")},
            )
            await beaten(watch, 1, "desk", "till")
            tunnel.kill_client(signal.SIGHUP)
            await over(watch, "desk", "till", patience=3)
            await leave(watch, "past", status=1)
    recorder.keep("field-tunnel-ssh-artemis-afar", watch)


async def varnish_waits_no_longer(start: Starter, recorder: Recorder) -> None:
    """``pipe_timeout`` is 4.5 s, far away on a line with delay: the quiet one is cut, the one that pings is not."""
    with routed() as hosts:
        hosts.weather(delay=0.09, jitter=0.03)
        server = await begun(hosts.server, start, Melody, PingPeriod=60.0, PongWait=70.0)
        varnish = await begun(hosts.server, start, Varnish, server.port, idle=4.5)
        doors(hosts, varnish)
        url = f"ws://{SERVER}:{varnish.port}/ws"
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, pings={"url": url, "ping_interval": 2.9})
            await opened(watch, quiet={"url": url, "do": ["0.8 send tick", "3.7 send tick"]})
            await within(watch, 25, "close", "quiet")
            await over(watch, "quiet")
            await leave(watch, "pings", status=1)
    recorder.keep("field-idle-varnish-melody-afar", watch)


async def apache_waits_no_longer(start: Starter, recorder: Recorder) -> None:
    """``ProxyTimeout`` is 5 s and sockjs-tornado beats every 25: two quiet streams are cut, one is spoken to."""
    with routed() as hosts:
        server = await begun(hosts.server, start, SockJsTornado)
        apache = await begun(hosts.server, start, Apache, server.port, timeout=5)
        doors(hosts, apache)
        table = {"url": f"http://{SERVER}:{apache.port}/echo", "sockjs_transport": "websocket"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, talks=table | {"do": says(2.8, 18, "send tick")})
            await opened(watch, quiet=table, later=table | {"do": ["2.2 send tick"]})
            for session in ("quiet", "later"):
                await within(watch, 25, "close", session)
            await over(watch, "quiet", "later")
            await leave(watch, "talks", status=1)
    recorder.keep("field-idle-apache-sockjs-tornado-afar", watch)


async def a_box_resets_the_stream(start: Starter, recorder: Recorder) -> None:
    """A box that inspects says RST to both ends of a stream at a word it does not like; a stream next to it lives."""
    with routed() as hosts:
        hosts.weather(word="salary", delay=0.02)
        server = await begun(hosts.server, start, SockJsTornado, heartbeat_delay=3)
        doors(hosts, server)
        table = {"url": f"http://{SERVER}:{server.port}/echo", "sockjs_transport": "websocket"}
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, other=table | {"do": says(2.3, 12, "send tick")})
            await opened(
                watch, A=table | {"no_compression": True, "do": [*says(1.2, 4, "send tick"), "5.3 send salary"]}
            )
            await within(watch, 20, "close", "A")
            await over(watch, "A")
            await leave(watch, "other", status=1)
    assert watch.the("end", "A")["how"] == "reset"
    recorder.keep("field-reset-word-sockjs-tornado", watch)


async def one_busy_flow_is_reset(start: Starter, recorder: Recorder) -> None:
    """A provider's box ends a flow by RST to us and to Tornado, in the middle of its talk; alone."""
    with routed() as hosts:
        server = await begun(hosts.server, start, Tornado)
        doors(hosts, server)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await opened(watch, A={"url": f"ws://{SERVER}:{server.port}/", "do": says(0.7, 12, "send tick")})
            await echoed(watch, 5, "A")
            port = watch.of("tcp", "A", role="main")[0]["local"].rpartition(":")[2]
            hosts.router.wall(f"tcp sport {port} reject with tcp reset")
            await seen(watch, "close", "A")
            await over(watch, "A")
            await leave(watch, status=1)
    recorder.keep("field-reset-flow-tornado-alone", watch)


async def test_here(start: Starter, recorder: Recorder) -> None:
    """Three machines at a time."""
    runs = (the_modem_falls_out, the_vpn_ends, somebody_logs_out_of_ssh)
    await side_by_side(run(start, recorder) for run in runs)


async def test_nothing_is_left(start: Starter, recorder: Recorder) -> None:
    """One machine whose only interface is down."""
    await the_battery_of_the_switch_is_empty(start, recorder)


async def test_between(start: Starter, recorder: Recorder) -> None:
    """Four ways at a time."""
    runs = (varnish_waits_no_longer, apache_waits_no_longer, a_box_resets_the_stream, one_busy_flow_is_reset)
    await side_by_side(run(start, recorder) for run in runs)
