"""Networks with ways of their own: portals, rate limits, addresses that come and go, kernels that ask who is there."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.probing import seen
from tests.servers.afar import Afar
from tests.servers.child import installed
from tests.servers.nginx import Certificate
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.routed import CLIENT, INSIDE, OTHER, SERVER, Routed, routed
from tests.servers.starting import Starter
from tests.servers.takes import Take
from tests.servers.test_doors import NAME, name_server
from tests.servers.test_nat import BEATS, NODE, PYTHON, STOMP, leave, talk
from tests.servers.test_ways import answered, assert_gave_up
from tests.servers.together import together
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

_PORTAL = """\
daemon off; pid {home}/pid; error_log stderr notice; events {{ }}
http {{
  access_log off; client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
  uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{ listen 8888; location / {{ return 302 http://portal.example/login?from=$host; }} }}
}}
"""


def portal(hosts: Routed, home: Path) -> None:
    """The router answers all HTTP of who has not logged in with the way to its login page (nginx does it)."""
    home = home / hosts.router.name
    home.mkdir()
    (home / "conf").write_text(_PORTAL.format(home=home))
    words = (installed("nginx", "nginx-light"), "-c", str(home / "conf"), "-p", str(home), "-e", "stderr")
    hosts.start("sh", "-c", 'exec "$@" 2>&1', "sh", *words, on=hosts.router, says="start worker process")


def send_to_portal(hosts: Routed) -> None:
    """Whose login is not, or no longer, good: new connections meet the portal."""
    hosts.router.wall('iifname "lan" tcp dport { 8080, 8081, 8082 } redirect to :8888', "prerouting", "nat", "portal")


async def not_logged_in(home: Path, take: Take, recorder: Recorder) -> None:
    """The 302 of a stranger instead of the 101; both sessions meet it."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_stomp()
        await asyncio.to_thread(portal, hosts, home)
        send_to_portal(hosts)
        names = (f"ws={NODE}", f"stomp={STOMP}")
        async with watching(*names, *BEATS, on=hosts.client.words, **POSTMORTEM) as watch:
            assert await watch.finish(60) == 3
    assert [line["status"] for line in watch.of("http", dir="in")] == [302, 302]
    recorder.keep(take.of("portal-not-logged-in"), watch)


async def login_runs_out(home: Path, take: Take, recorder: Recorder) -> None:
    """What is open gets a RST with its next word, who looks again meets the portal."""
    with routed() as hosts:
        hosts.start_node()
        hosts.start_python()
        await asyncio.to_thread(portal, hosts, home)
        words = (*talk(take.one_of(0.4, 0.5), 16, "A"), "--ping-interval", "0.9")
        async with watching(f"A={NODE}", f"B={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "A", "B")
            send_to_portal(hosts)
            hosts.router.wall('iifname "lan" tcp dport { 8080, 8081 } reject with tcp reset', name="closed")
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
    for close in watch.of("close"):
        assert (close["transport"]["how"], close["initiator"]) == ("reset", "remote")
    recorder.keep(take.of("portal-login-runs-out"), watch)


async def so_many_packets_a_second(take: Take, recorder: Recorder) -> None:
    """A firewall that drops what is more: bursts are said again, both sessions live."""
    with routed() as hosts:
        hosts.be_patient(9)
        hosts.start_node()
        hosts.start_stomp(beat_every=1000, wants=1000)
        rate = take.one_of(6, 8)
        hosts.router.wall(f"tcp flags & (syn | fin) == 0 limit rate over {rate}/second burst 3 packets drop")
        words = ("--heart-beat", "1000,1000", *talk(0.2, 10, "ws"), "--stdin", "--open-timeout", "20")
        async with watching(f"ws={NODE}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "ws", opcode=1, dir="in", count=10)
            await seen(watch, "stomp", "stomp", command="beat", dir="in", count=4)
            hosts.router.no_wall()
            assert await leave(watch) == 0
    recorder.keep(take.of("firewall-rate-limit"), watch)


async def our_address_is_away_for_a_moment(take: Take, recorder: Recorder) -> None:
    """A lease that is renewed late: the same address is back after a second or two, and the sessions with it."""
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.start_python()
        hosts.start_stomp(beat_every=1000, wants=1000)
        words = ("--heart-beat", "1000,1000", "--ping-interval", "0.8", "--stdin")
        async with watching(f"ws={PYTHON}", f"stomp={STOMP}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "ws", "stomp")
            hosts.client.ip("address", "delete", f"{CLIENT}/24", "dev", "eth0")
            await seen(watch, "heartbeat", "stomp", layer="stomp-in", state=take.one_of("late", "missed"))
            hosts.client.ip("address", "add", f"{CLIENT}/24", "dev", "eth0")
            hosts.client.ip("route", "replace", "default", "via", INSIDE)
            await seen(watch, "heartbeat", "stomp", layer="stomp-in", state="recovered")
            pongs = len(watch.of("frame", "ws", opcode=10, dir="in"))
            await seen(watch, "frame", "ws", opcode=10, dir="in", count=pongs + 3)
            assert await leave(watch) == 0
    recorder.keep(take.of("client-address-away-for-a-moment"), watch)


async def its_floating_address_is_taken_away(take: Take, recorder: Recorder) -> None:
    """From the server, which sends what comes for it back, until its time to live is over.

    The session to the server's other address lives.
    """
    with routed() as hosts:
        hosts.be_patient(3)
        hosts.start_node()
        hosts.start_stomp()
        names = (f"floating=ws://{OTHER}:8080/", f"fixed={STOMP}")
        words = (*BEATS, *talk(take.one_of(0.5, 0.7), 12, "floating"), "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "floating", "fixed")
            hosts.server.ip("address", "delete", f"{OTHER}/32", "dev", "lo")
            await seen(watch, "close", "floating")
            await seen(watch, "postmortem", "floating")
            assert not watch.of("close", "fixed")
            assert await leave(watch) == 1
    assert_gave_up(watch, "floating")
    recorder.keep(take.of("host-address-taken-away"), watch)


async def its_name_moves(take: Take, recorder: Recorder) -> None:
    """The server is killed, and its name leads to a new address by then, where one is served."""
    with routed() as hosts:
        node = hosts.start_node()
        name_server(hosts, f"--address=/{NAME}/{SERVER}")
        words = (*talk(0.5, 6), "--reconnect", "--stdin")
        async with watching(f"ws://{NAME}:8080/", *words, on=hosts.client.words) as watch:
            await answered(watch, take, "A")
            name_server(hosts, f"--address=/{NAME}/{OTHER}", at_router=True)
            hosts.server.wall(f"ip daddr {SERVER} tcp dport 8080 reject with tcp reset", "input")
            node.kill()
            node.wait()
            hosts.start_node()
            await seen(watch, "open", count=2)
            await leave(watch)
    assert watch.of("resolved")[0]["addresses"] == [SERVER]
    assert watch.of("resolved")[-1]["addresses"] == [OTHER]
    recorder.keep(take.of("host-killed-and-name-moves"), watch)


async def it_has_little_time(take: Take, recorder: Recorder) -> None:
    """A server whose machine is overloaded: it stands still for most of every second, and answers in between."""
    with routed() as hosts:
        node = hosts.start_node()
        hosts.start_python()
        words = ("--ping-interval", str(take.between(0.5, 0.8)), *talk(0.6, 10, "slow"), "--stdin")
        async with watching(f"slow={NODE}", f"other={PYTHON}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await answered(watch, take, "slow", "other")
            for _ in range(5):
                node.send_signal(signal.SIGSTOP)
                await asyncio.sleep(take.one_of(0.7, 0.9))
                node.send_signal(signal.SIGCONT)
                await asyncio.sleep(0.1)
            await seen(watch, "frame", "slow", opcode=1, dir="in", count=10)
            assert await leave(watch) == 0
    recorder.keep(take.of("host-overloaded"), watch)


async def a_narrow_way_up(afar: Afar, take: Take, recorder: Recorder) -> None:
    """Our beats wait behind a large SEND of ours; RabbitMQ counts what comes of it, and waits."""
    with routed(afar.host) as hosts:
        hosts.be_patient(9)
        words = ("--heart-beat", "1000,1000", "--stdin")
        async with watching(*afar.words("rabbitmq-tcp"), *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "stomp", command="beat", dir="in", count=2)
            rate = ("rate", "48kbit", "burst", "3000", "limit", "2000000")
            hosts.client.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *rate)
            await watch.command("stomp-send /queue/large " + "x" * take.one_of(20000, 25000))
            await seen(watch, "stomp", command="beat", dir="in", count=9)
            hosts.client.run("tc", "qdisc", "delete", "dev", "eth0", "root")
            beats = len(watch.of("stomp", command="beat", dir="in"))
            await seen(watch, "stomp", command="beat", dir="in", count=beats + 2)
            assert await leave(watch) == 0
    recorder.keep(take.of("broker-narrow-way-up"), watch)


async def its_kernel_asks_who_is_there(
    start: Starter, certificate: Certificate, take: Take, recorder: Recorder
) -> None:
    """TCP keepalive on the broker's side, after two seconds and every one: no beats are agreed.

    It keeps a router awake that forgets after three seconds. And it ends what nobody answers for while the client's
    cable is out, which the client hears of when it speaks again.
    """
    with routed() as hosts:
        hosts.be_patient(8)
        hosts.server.set(
            net__ipv4__tcp_keepalive_time=2, net__ipv4__tcp_keepalive_intvl=1, net__ipv4__tcp_keepalive_probes=2
        )
        conf = (f"stomp.listeners.tcp.2 = {SERVER}:61613", "stomp.tcp_listen_options.keepalive = true",
                "loopback_users = none")  # fmt: skip
        with hosts.server.inside():
            start(RabbitMq, certificate, conf=conf)
        hosts.masquerade(forgets_after=3, strict=True)
        words = (f"stomp://{SERVER}:61613", *LOGIN, "--heart-beat", "0,0", "--subscribe", "/queue/quiet", "--stdin")
        async with watching(*words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "tcp_info", when="silent", count=3)
            await watch.command("stomp-send /queue/quiet hello")
            await seen(watch, "stomp", command="MESSAGE")
            assert await leave(watch) == 0
        recorder.keep(take.of("keepalive-keeps-it-open"), watch)
        hosts.router.set(net__netfilter__nf_conntrack_tcp_timeout_established=600)
        async with watching(*words, "-n", "2", on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "stomp", "A1", command="CONNECTED")
            await seen(watch, "stomp", "A2", command="CONNECTED")
            hosts.router.ip("link", "set", "lan", "down")
            await seen(watch, "tcp_info", "A2", when="silent", count=4)
            hosts.router.ip("link", "set", "lan", "up")
            await watch.command("stomp-send /queue/quiet hello")
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
        for close in watch.of("close"):
            assert (close["transport"]["how"], close["initiator"]) == ("reset", "remote")
        recorder.keep(take.of("keepalive-ends-the-absent"), watch)


async def test_networks(tmp_path: Path, take: Take, recorder: Recorder) -> None:
    await together(
        (
            not_logged_in(tmp_path, take, recorder),
            login_runs_out(tmp_path, take, recorder),
            so_many_packets_a_second(take, recorder),
            our_address_is_away_for_a_moment(take, recorder),
            its_floating_address_is_taken_away(take, recorder),
            its_name_moves(take, recorder),
            it_has_little_time(take, recorder),
        )
    )


async def test_brokers(afar: Afar, start: Starter, certificate: Certificate, take: Take, recorder: Recorder) -> None:
    await its_kernel_asks_who_is_there(start, certificate, take, recorder)
    await a_narrow_way_up(afar, take, recorder)
