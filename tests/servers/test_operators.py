"""What an operator can do to one session, at a proxy, at a host or at a firewall, and what ``watch`` saw of it."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.probing import probing, seen
from tests.servers.child import installed
from tests.servers.haproxy import HaProxy
from tests.servers.network import SERVER, Network, network
from tests.servers.ports import LOOPBACK
from tests.servers.python import command
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra
from tests.servers.test_idle_proxies import chatter
from tests.servers.test_proxy_ends import LOOK, assert_cut, talked
from tests.watching import Watch, watching

pytestmark = pytest.mark.real

PORT, OTHER = 8080, 8081
HERE, THERE = f"ws://{SERVER}:{PORT}/", f"ws://{SERVER}:{OTHER}/"


@pytest.fixture
def hosts() -> Iterator[Network]:
    """Two hosts, and two servers on the second."""
    with network() as hosts, ExitStack() as running:
        for port in (PORT, OTHER):
            words = [*hosts.server, *command(SERVER, port, ping_interval=None)]
            child = running.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE))
            running.callback(child.send_signal, signal.SIGKILL)
            assert child.stdout is not None
            assert child.stdout.readline() == b"up\n"
        yield hosts


def port_of(watch: Watch, session: str) -> int:
    """The port a session has on the client's host."""
    return int(watch.the("tcp", session, role="main")["local"].rpartition(":")[2])


async def test_one_session_is_shut_down_at_haproxy(
    echo_port: int, start: Starter, recorder: Recorder, take: Take
) -> None:
    """``shutdown session``: that one gets a FIN, its twin nothing."""
    haproxy = start(HaProxy, echo_port)
    url = f"ws://{LOOPBACK}:{haproxy.port}/"
    talk = chatter(0.4, 3, take.one_of("A1", "A2"))
    async with probing(url, "-n", "2", "--stdin", *take.one_of(("--reconnect",), ()), *talk, **LOOK) as watch:
        await seen(watch, "open", count=2)
        await talked(watch, take)
        shown = re.search(rf"(0x\w+): \S+ src={LOOPBACK}:{port_of(watch, 'A1')} ", haproxy.say("show sess"))
        assert shown is not None
        haproxy.say(f"shutdown session {shown[1]}")
        await seen(watch, "close", "A1")
        await watch.finish()
    assert_cut(watch, "A1")
    assert watch.the("close", "A2")["asked"] is True
    recorder.keep(take.of("haproxy-shutdown-session"), watch)


@pytest.mark.parametrize("where", ["server", "client"])
async def test_a_socket_is_killed(hosts: Network, recorder: Recorder, take: Take, where: str) -> None:
    """``ss -K``: on the server's host its peer gets a RST; on our own we are told that our connection was aborted."""
    talk = chatter(0.4, 3, take.one_of("A1", "A2"))
    async with watching(HERE, "-n", "2", "--stdin", *talk, on=hosts.client, **LOOK) as watch:
        await seen(watch, "open", count=2)
        await talked(watch, take)
        killer, side = (hosts.on_server, "dport") if where == "server" else (hosts.on_client, "sport")
        killer(installed("ss", "iproute2"), "-K", "-t", "state", "established", f"{side} = :{port_of(watch, 'A1')}")
        await seen(watch, "close", "A1")
        assert await watch.finish() == 1
    end = watch.the("end", "A1")
    assert end["errno"] == ("ECONNRESET" if where == "server" else "ECONNABORTED")
    assert watch.the("close", "A1")["initiator"] == ("remote" if where == "server" else "local")
    assert watch.the("close", "A2")["asked"] is True
    recorder.keep(take.of(f"socket-killed-{where}"), watch)


@pytest.mark.parametrize("reset", [extra(False), True], ids=["swallowed", "reset"])
async def test_a_firewall_is_told_to_forget_a_busy_flow(
    hosts: Network, recorder: Recorder, take: Take, reset: bool
) -> None:
    """``conntrack -D``: what is said next is swallowed, or answered with a RST."""
    hosts.forget_idle_flows(600, reset=reset)
    talk = (*chatter(take.one_of(0.3, 0.4, 0.5), 6, "A"), *chatter(0.6, 6, "B"))
    async with watching(f"A={HERE}", f"B={THERE}", "--stdin", *talk, on=hosts.client) as watch:
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "A", dir="in", count=take.one_of(1, 2, 3))
        hosts.on_server(installed("conntrack", "conntrack"), "-D", "-p", "tcp", "--sport", str(port_of(watch, "A")))
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    end = watch.the("end", "A")
    assert (end["how"], end["errno"]) == (("reset", "ECONNRESET") if reset else ("timeout", "ETIMEDOUT"))
    assert watch.the("close", "B")["asked"] is True
    recorder.keep(take.of(f"conntrack-deleted-{'reset' if reset else 'swallowed'}"), watch)


async def test_a_firewall_rejects_one_of_two_servers(hosts: Network, recorder: Recorder, take: Take) -> None:
    """A rule that comes while both are busy: one port's packets are answered with a RST."""
    talk = (*chatter(take.one_of(0.3, 0.4), 4, "A"), *chatter(take.one_of(0.5, 0.6), 4, "B"))
    async with watching(f"A={HERE}", f"B={THERE}", "--stdin", *talk, on=hosts.client, **LOOK) as watch:
        await seen(watch, "open", count=2)
        await seen(watch, "frame", "A", dir="in", count=take.one_of(1, 2, 3))
        hosts.reject(PORT)
        await seen(watch, "close", "A")
        assert await watch.finish() == 1
    assert (watch.the("end", "A")["how"], watch.the("end", "A")["errno"]) == ("reset", "ECONNRESET")
    assert watch.the("close", "B")["asked"] is True
    recorder.keep(take.of("network-reject-one-of-two"), watch)
