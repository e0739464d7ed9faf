"""Hosts and programs at the far end of a line, many behind nginx with TLS: dead, killed, frozen, or slow and well."""

import asyncio
import signal

import pytest

from tests.probing import open_session, seen
from tests.servers.afar import Afar
from tests.servers.child import children
from tests.servers.frozen import frozen
from tests.servers.lines import (
    DEFAULT_RETRIES,
    THERE,
    beaten,
    behind_nginx,
    echoed,
    elsewhere,
    join,
    leave,
    over,
    trusting,
    within,
)
from tests.servers.looks import every
from tests.servers.nginx import Certificate
from tests.servers.recordings import Recorder
from tests.servers.routed import OTHER, SERVER, routed
from tests.servers.starting import Starter
from tests.servers.test_nat import NODE, PYTHON
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

PLAIN = "--no-compression"


async def test_a_box_forgets_an_idle_tls_session(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """A router at home forgets after three seconds; one session chats often enough, one does not."""
    with routed() as hosts:
        hosts.be_patient(4)
        hosts.start_node()
        _, url = behind_nginx(hosts, start, certificate, 8080)
        hosts.masquerade(forgets_after=3, strict=True)
        chat = every(1.6, "send hello", 20, "busy")
        words = (*trusting(certificate), *chat, "--do", "0.8 idle: send one", "--do", "7.4 idle: send two", "--stdin")
        async with watching(f"idle={url}", f"busy={url}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await over(watch, "idle")
            await leave(watch, "busy", status=1)
    assert watch.the("close", "idle")["initiator"] == "none"
    recorder.keep("lines-wss-idle-forgotten", watch)


async def test_a_balancer_resets_the_idle(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Both ends get a RST five seconds after the last byte; the second idle one was quiet from later on."""
    with routed() as hosts:
        hosts.start_python()
        _, url = behind_nginx(hosts, start, certificate, 8081)
        hosts.weather(idle=5)
        words = (*trusting(certificate), *every(2.2, "send hello", 16, "busy"), "--do", "1.9 later: send hello")
        names = (f"idle={url}", f"later={url}", f"busy={url}")
        async with watching(*names, *words, "--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await over(watch, "idle", "later")
            await leave(watch, "busy", status=1)
    for session in ("idle", "later"):
        close = watch.the("close", session)
        assert (close["transport"]["how"], close["initiator"]) == ("reset", "remote")
    recorder.keep("lines-wss-idle-reset-by-box", watch)


async def test_a_host_is_dead(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Its cable is out: three sessions to its two addresses are lost, one to a host on another cable is not."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(4)
        hosts.start_python()
        _, url = behind_nginx(hosts, start, certificate, 8081)
        words = (*trusting(certificate), *every(3.1, "send hello", 22), "--stdin")
        names = (f"tls={url}", f"plain={PYTHON}", f"second=ws://{OTHER}:8081/", f"third={THERE}")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 1, "tls", "plain", "second", "third")
            hosts.server.ip("link", "set", "eth0", "down")
            await over(watch, "tls", "plain", "second")
            await leave(watch, "third", status=1)
    for session in ("tls", "plain", "second"):
        assert watch.the("close", session)["initiator"] == "none"
    recorder.keep("lines-host-dead-third-lives", watch)


async def test_a_program_is_killed_while_it_sends(recorder: Recorder) -> None:
    """A download over a narrow line: what its kernel still has of it arrives, and then its end."""
    with routed() as hosts, elsewhere(hosts):
        python = hosts.start_python()
        rate = ("rate", "600kbit", "burst", "3000", "limit", "60000")
        hosts.router.run("tc", "qdisc", "add", "dev", "lan", "root", "tbf", *rate)
        names = (f"download={PYTHON}", f"chat={PYTHON}", f"third={THERE}")
        words = (PLAIN, *every(1.3, "send hello", 16, "chat"), *every(1.7, "send hello", 14, "third"), "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 2, "chat", "third")
            await watch.command("download: send flood 40 70000 60")
            await echoed(watch, 3, "download")
            python.kill()
            await over(watch, "download", "chat")
            await leave(watch, "third", status=1)
    for session in ("download", "chat"):
        assert (watch.the("close", session)["initiator"], watch.the("close", session)["code"]) == ("remote", 1006)
    recorder.keep("lines-killed-while-it-sends", watch)


async def test_a_program_is_killed_under_idle_sessions(recorder: Recorder) -> None:
    """Nobody had said anything for seconds; another program of its host, and another host, go on."""
    with routed() as hosts, elsewhere(hosts):
        node = hosts.start_node()
        hosts.start_python()
        names = (f"one={NODE}", f"two=ws://{OTHER}:8080/", f"neighbour={PYTHON}", f"third={THERE}")
        words = (*every(2.4, "send hello", 12, "neighbour"), *every(2.9, "send hello", 12, "third"), "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 3, "neighbour")
            node.kill()
            await over(watch, "one", "two")
            await leave(watch, "neighbour", "third", status=1)
    for session in ("one", "two"):
        assert (watch.the("close", session)["initiator"], watch.the("close", session)["code"]) == ("remote", 1006)
    recorder.keep("lines-killed-under-idle", watch)


async def test_nginx_stands_still(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Its worker is stopped: who pings through it gives up; who goes to the backend past it is answered."""
    with routed() as hosts:
        hosts.start_node()
        nginx, url = behind_nginx(hosts, start, certificate, 8080)
        pings = ("--ping-interval", "1.5", "--ping-timeout", "4", "--close-timeout", "2", "--stdin")
        names = (f"through={url}", f"past={NODE}")
        async with watching(*names, *trusting(certificate), *pings, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "through", opcode=10, dir="in", count=2)
            with frozen(*children(nginx.pid)):
                await over(watch, "through", stage="tls")
                await leave(watch, "past", status=1)
    close = watch.the("close", "through")
    assert (close["initiator"], close["sent"]["code"]) == ("local", 1011)
    recorder.keep("lines-nginx-stands-still", watch)


async def test_activemq_stands_still(afar: Afar, recorder: Recorder) -> None:
    """Its kernel takes all we say; RabbitMQ on the same host beats, and the user leaves."""
    with routed(afar.host) as hosts:
        async with watching("--stdin", "--close-timeout", "2", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(
                watch, afar, "amq", "activemq", "3000,2000", do=every(1.9, "stomp-send /queue/a hello", 16)[1::2]
            )
            await join(watch, afar, "rabbit", "rabbitmq-tcp", "2500,2500")
            await beaten(watch, 2, "amq")
            with frozen(afar.activemq_pid):
                await beaten(watch, 6, "rabbit")
                await leave(watch, "amq", "rabbit")
    recorder.keep("lines-activemq-stands-still", watch)


async def test_a_quiet_session_under_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Nothing for half a minute from anybody: no pings, no beats, a long ``proxy_read_timeout``. All is well."""
    with routed() as hosts:
        hosts.start_python()
        _, url = behind_nginx(hosts, start, certificate, 8081)
        words = (*trusting(certificate), "--do", "1.1 send early", "--do", "31 send late", "--stdin")
        async with watching(url, "-n", "2", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            for session in ("A1", "A2"):
                await within(watch, 40, "frame", session, dir="in", text="late")
            await leave(watch, "A1", "A2", status=0)
    recorder.keep("lines-wss-quiet-and-well", watch)


async def test_a_long_dark_moment_under_tls(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Seven seconds of nothing in either direction under a chat; all of it is said again afterwards."""
    with routed() as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        hosts.start_node()
        _, url = behind_nginx(hosts, start, certificate, 8080)
        words = (*trusting(certificate), *every(2, "send hello", 20, "chat"), "--stdin")
        async with watching(f"chat={url}", f"idle={url}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 2, "chat")
            hosts.router.wall("drop", name="dark")
            await asyncio.sleep(7)
            hosts.router.no_wall("dark")
            await echoed(watch, 6, "chat")
            await watch.command("idle: send and I")
            await echoed(watch, 1, "idle")
            await leave(watch, "chat", "idle", status=0)
    recorder.keep("lines-wss-long-dark-moment", watch)


async def test_nginx_stands_still_at_the_door(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """TCP opens, and TLS is never answered; the session to a host elsewhere opens."""
    with routed() as hosts, elsewhere(hosts):
        hosts.start_node()
        nginx, url = behind_nginx(hosts, start, certificate, 8080)
        words = (*trusting(certificate), "--open-timeout", "6", *every(1.8, "send hello", 8, "third"), "--stdin")
        with frozen(*children(nginx.pid)):
            async with watching(f"third={THERE}", f"tls={url}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
                await over(watch, "tls")
                await leave(watch, "third", status=3)
    assert watch.the("end", "tls")["phase"] == "tls"
    recorder.keep("lines-door-nginx-frozen", watch)


async def test_a_broker_port_swallows_syns(afar: Afar, recorder: Recorder) -> None:
    """A security group that was forgotten: with a kernel that says SYN again as often as Linux does."""
    with routed(afar.host) as hosts:
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        hosts.router.wall(f"tcp dport {afar.port('activemq')} drop")
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "rabbit", "rabbitmq", "2000,2000")
            url, *_ = afar.words("activemq")
            await open_session(watch, name="amq", url=url, open_timeout=8.5)
            await over(watch, "amq")
            await leave(watch, "rabbit", status=3)
    assert (watch.the("end", "amq")["how"], watch.the("end", "amq")["phase"]) == ("timeout", "tcp")
    recorder.keep("lines-door-broker-swallowed", watch)


async def test_wrong_ports(afar: Afar, start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Nobody listens where RabbitMQ's manual has it, and STOMP is spoken to an nginx with TLS."""
    with routed(afar.host) as hosts:
        nginx, _ = await asyncio.to_thread(behind_nginx, hosts, start, certificate, 1)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "right", "rabbitmq-tcp", "2000,2000")
            urls = {"nobody": f"stomp+ws://{SERVER}:15674/ws", "nginx": f"stomp://{SERVER}:{nginx.port}"}
            for name, url in urls.items():
                await open_session(watch, name=name, url=url, open_timeout=6)
                await over(watch, name)
            await leave(watch, "right", status=3)
    assert watch.the("end", "nobody")["how"] == "refused"
    recorder.keep("lines-door-wrong-ports", watch)


async def test_no_way_to_one_host(recorder: Recorder) -> None:
    """The router has lost the route to one server and says so; a typo leads to an address nobody has."""
    with routed() as hosts, elsewhere(hosts):
        hosts.start_node()
        hosts.client.set(net__ipv4__tcp_syn_retries=6)
        hosts.router.ip("route", "delete", f"{OTHER}/32")
        names = (f"third={THERE}", f"lost=stomp+ws://{OTHER}:8080/", "typo=stomp://10.78.2.77:61613")
        words = (*every(1.5, "send hello", 8, "third"), "--open-timeout", "9", "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await over(watch, "lost", "typo")
            await leave(watch, "third", status=3)
    for session in ("lost", "typo"):
        assert (watch.the("end", session)["how"], watch.the("end", session)["phase"]) == ("unreachable", "tcp")
    recorder.keep("lines-door-no-way-to-one", watch)


async def test_a_watchdog_kills_a_program_that_hangs(recorder: Recorder) -> None:
    """It has stood still for a moment, and what the client said meanwhile was never read."""
    with routed() as hosts:
        hosts.start_python()
        python = hosts.start_python(port=8085)
        words = (PLAIN, *every(1.9, "send hello", 10, "other"), *every(0.35, "send-repeat x 3000", 9, "stream"))
        names = (f"stream=ws://{SERVER}:8085/", f"other={PYTHON}")
        async with watching(*names, *words, "--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 6, "stream")
            python.send_signal(signal.SIGSTOP)
            sent = len(watch.of("frame", "stream", opcode=1, dir="out"))
            await seen(watch, "frame", "stream", opcode=1, dir="out", count=sent + 3)
            python.kill()
            await over(watch, "stream")
            await leave(watch, "other", status=1)
    close = watch.the("close", "stream")
    assert (close["transport"]["how"], close["initiator"]) == ("reset", "remote")
    recorder.keep("lines-hangs-and-is-killed", watch)
