"""What happens on the client's own machine under sessions with brokers, and to the ssh tunnel they go through."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.probing import open_session, seen
from tests.servers.afar import LOGIN, Afar
from tests.servers.child import installed
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
)
from tests.servers.looks import every
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import CLIENT, INSIDE, SERVER, Routed, routed
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.servers.test_nat import NODE
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_the_probe_stands_still(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """For longer than the server behind nginx waits for pongs; Node does not ask, and that session lives."""
    with routed() as hosts:
        hosts.start_python(ping_interval=2, ping_timeout=3)
        hosts.start_node()
        _, url = await asyncio.to_thread(behind_nginx, hosts, start, certificate, 8081)
        words = (*trusting(certificate), *every(1.4, "send hello", 30, "patient"), "--stdin")
        names = (f"asked={url}", f"asked-too={url}", f"patient={NODE}")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", "asked-too", opcode=10, dir="out")
            await echoed(watch, 2, "patient")
            with frozen(watch.process.pid):
                await asyncio.sleep(9)
            await over(watch, "asked", "asked-too")
            await echoed(watch, 2, "patient")
            await leave(watch, "patient", status=1)
    for session in ("asked", "asked-too"):
        assert watch.the("close", session)["initiator"] == "remote"
    recorder.keep("lines-probe-stopped-wss", watch)


async def test_the_probe_stands_still_under_brokers(afar: Afar, recorder: Recorder) -> None:
    """One session's beats are due every second and the broker gives up; the others' are rarer, and nobody does."""
    with routed(afar.host) as hosts:
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "fast", "rabbitmq", "1000,1000")
            await join(watch, afar, "slow", "rabbitmq", "10000,10000")
            await join(watch, afar, "amq", "activemq", "12000,4000")
            await beaten(watch, 2, "fast")
            with frozen(watch.process.pid):
                await asyncio.sleep(5.5)
            await over(watch, "fast")
            await beaten(watch, 1, "slow", "amq")
            await leave(watch, "slow", "amq", status=1)
    assert watch.the("close", "fast")["initiator"] == "remote"
    recorder.keep("lines-probe-stopped-one-of-three", watch)


async def test_a_socket_is_killed_here(afar: Afar, recorder: Recorder) -> None:
    """``ss -K`` for what goes to one port; the session to the broker's other port is not touched."""
    with routed(afar.host) as hosts:
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "web", "rabbitmq", "3000,3000")
            await join(watch, afar, "tcp", "rabbitmq-tcp", "3000,3000")
            await beaten(watch, 2, "web", "tcp")
            hosts.client.run(installed("ss", "iproute2"), "-K", "dport", "=", f":{afar.port('rabbitmq')}")
            await over(watch, "web")
            await beaten(watch, 1, "tcp")
            await leave(watch, "tcp", status=1)
    recorder.keep("lines-socket-killed-rabbitmq", watch)


async def test_the_default_route_is_away_for_a_moment(afar: Afar, recorder: Recorder) -> None:
    """A network manager that starts anew: the way is back after some seconds, and all sessions with it."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "tcp", "rabbitmq-tcp", "5000,5000")
            await join(watch, afar, "amq", "activemq", "8000,3000")
            await beaten(watch, 2, "tcp", "amq")
            hosts.client.ip("route", "delete", "default")
            await asyncio.sleep(4.4)
            hosts.client.ip("route", "add", "default", "via", INSIDE)
            await beaten(watch, 3, "tcp", "amq")
            await leave(watch, "tcp", "amq", status=0)
    recorder.keep("lines-default-route-away-for-a-moment", watch)


async def test_the_interface_comes_back_without_its_route(recorder: Recorder) -> None:
    """Down and up again by hand, and nobody put the default route back."""
    with routed() as hosts, elsewhere(hosts):
        hosts.be_patient(4)
        hosts.start_node()
        words = (*every(1.2, "send hello", 20), "--stdin")
        names = (f"near={NODE}", f"third={THERE}")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await echoed(watch, 2, "near", "third")
            hosts.client.ip("link", "set", "eth0", "down")
            await asyncio.sleep(1.5)
            hosts.client.ip("link", "set", "eth0", "up")
            await over(watch, "near", "third")
            await leave(watch, status=1)
    for session in ("near", "third"):
        assert watch.the("close", session)["initiator"] == "none"
    recorder.keep("lines-interface-back-without-route", watch)


async def test_the_interface_is_down_and_the_user_leaves(afar: Afar, recorder: Recorder) -> None:
    """Flight mode: with Linux' own patience no session has ended when the user leaves ten seconds later."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        async with watching("--stdin", "--close-timeout", "1", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "web", "rabbitmq", "2000,2000")
            await join(watch, afar, "amq", "activemq", "2500,2500")
            await beaten(watch, 2, "web", "amq")
            hosts.client.ip("link", "set", "eth0", "down")
            await asyncio.sleep(10)  # how long the user looks on
            await leave(watch, "web", "amq")
    recorder.keep("lines-interface-down-and-left", watch)


async def test_the_address_is_taken_away(afar: Afar, recorder: Recorder) -> None:
    """Under a session that beats and one that publishes now and then, with Linux' own patience; the user leaves."""
    with routed(afar.host) as hosts:
        hosts.be_patient(DEFAULT_RETRIES)
        async with watching("--stdin", "--close-timeout", "1", on=hosts.client.words, **POSTMORTEM) as watch:
            sends = every(2.3, "stomp-send /topic/x more", 30)[1::2]
            await join(watch, afar, "publishes", "rabbitmq-tcp", "0,5000", do=sends)
            await join(watch, afar, "beats", "rabbitmq", "3000,3000")
            await beaten(watch, 2, "publishes", "beats")
            hosts.client.ip("address", "delete", f"{CLIENT}/24", "dev", "eth0")
            await asyncio.sleep(12)  # how long the user looks on
            await leave(watch)
    recorder.keep("lines-address-gone-and-left", watch)


async def test_nothing_is_plugged_in(recorder: Recorder) -> None:
    """The client's interface is down before anything is opened."""
    with routed() as hosts:
        hosts.client.ip("link", "set", "eth0", "down")
        names = (f"first={NODE}", f"second=stomp://{SERVER}:61613")
        async with watching(*names, "--open-timeout", "5", "--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await over(watch, "first", "second", patience=2)
            await leave(watch, status=3)
    for session in ("first", "second"):
        assert watch.the("end", session)["how"] == "unreachable"
    recorder.keep("lines-door-interface-down", watch)


def ask_for_names(hosts: Routed, address: str) -> None:
    """The client's resolver asks the name server at that address, twice and for two seconds each time."""
    place = Path("/etc/netns") / hosts.client.name
    place.mkdir(parents=True, exist_ok=True)
    (place / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:2 attempts:2\n")


async def test_no_name_server_answers(recorder: Recorder) -> None:
    """The one the client was told of is at an address nobody has; who goes by address gets in."""
    with routed() as hosts:
        hosts.start_node()
        ask_for_names(hosts, "10.78.1.53")
        names = (f"address={NODE}", "name=stomp+wss://broker.ground.example:15674/ws")
        words = (*every(1.3, "send hello", 12, "address"), "--open-timeout", "9", "--stdin")
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await over(watch, "name")
            await leave(watch, "address", status=3)
    assert watch.the("end", "name")["phase"] == "dns"
    recorder.keep("lines-door-no-name-server", watch)


@pytest.mark.parametrize("half", ["near", "far"])
async def test_an_ssh_tunnel_to_a_broker_ends(afar: Afar, start: Starter, recorder: Recorder, half: str) -> None:
    """Two sessions go through it with beats, and one past it."""
    backend = afar.port("rabbitmq-tcp")
    with routed(afar.host) as hosts:

        def tunnelled() -> SshTunnel:
            with hosts.client.inside():
                return start(SshTunnel, backend, afar=afar.host.words, at=SERVER)

        # sshd goes to the broker from its own host, where nothing comes in by the doors.
        rule = f"ip daddr {SERVER} tcp dport {backend} dnat ip to 127.0.0.1"
        afar.host.wall(rule, "output", "nat", name=f"own{hosts.number}")
        tunnel = await asyncio.to_thread(tunnelled)
        async with watching("--stdin", on=hosts.client.words, **POSTMORTEM) as watch:
            await join(watch, afar, "past", "rabbitmq", "3000,3000")
            login = {"login": LOGIN[1], "passcode": LOGIN[3], "vhost": LOGIN[5]}
            for name, beats in (("one", "2000,2000"), ("two", "0,0")):
                url = f"stomp://{LOOPBACK}:{tunnel.port}"
                await open_session(watch, name=name, url=url, heart_beat=beats, **login)
                await seen(watch, "stomp", name, command="CONNECTED")
            await beaten(watch, 2, "one")
            if half == "near":
                tunnel.kill_client(signal.SIGTERM)
            else:
                tunnel.signal_far_half(signal.SIGKILL)
            await over(watch, "one", "two")
            await leave(watch, "past", status=1)
        afar.host.no_wall(f"own{hosts.number}")
    recorder.keep(f"lines-ssh-to-rabbitmq-{half}-half-ends", watch)


async def test_the_way_under_an_ssh_tunnel_goes_dark(afar: Afar, start: Starter, recorder: Recorder) -> None:
    """ssh asks every two seconds and gives up; a host that is reached without it is still there."""
    backend = afar.port("rabbitmq-tcp")
    with routed(afar.host) as hosts, elsewhere(hosts):
        hosts.be_patient(DEFAULT_RETRIES)

        def tunnelled() -> SshTunnel:
            with hosts.client.inside():
                return start(SshTunnel, backend, alive=2, afar=afar.host.words, at=SERVER)

        rule = f"ip daddr {SERVER} tcp dport {backend} dnat ip to 127.0.0.1"
        afar.host.wall(rule, "output", "nat", name=f"own{hosts.number}")
        tunnel = await asyncio.to_thread(tunnelled)
        words = (*every(2.2, "send hello", 12, "third"), "--stdin")
        async with watching(f"third={THERE}", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            login = {"login": LOGIN[1], "passcode": LOGIN[3], "vhost": LOGIN[5]}
            url = f"stomp://{LOOPBACK}:{tunnel.port}"
            await open_session(watch, name="through", url=url, heart_beat="2000,2000", **login)
            await seen(watch, "stomp", "through", command="CONNECTED")
            await beaten(watch, 2, "through")
            hosts.router.wall(f"ip daddr {SERVER} drop")
            await over(watch, "through")
            await leave(watch, "third", status=1)
        afar.host.no_wall(f"own{hosts.number}")
    recorder.keep("lines-ssh-to-rabbitmq-way-dark", watch)
