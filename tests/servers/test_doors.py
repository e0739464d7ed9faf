"""What a session meets at the door: names that lead nowhere, dead addresses, programs that speak otherwise."""

import socket
import subprocess
from pathlib import Path

import pytest

from tests.probing import seen
from tests.servers.child import installed
from tests.servers.recordings import Recorder
from tests.servers.routed import FAR, INSIDE, OTHER, SERVER, SERVER6, Routed, routed
from tests.servers.takes import Take
from tests.servers.test_nat import BEATS, leave, talk
from tests.servers.together import together
from tests.watching import POSTMORTEM, watching

pytestmark = [pytest.mark.real, pytest.mark.extra]

NAME = "live.ground.example"
DEAD, DEAD6 = "10.79.0.99", "fd79::99"


def name_server(hosts: Routed, *options: str, at_router: bool = False) -> None:
    """Has the client ask a dnsmasq, the server's or the router's, which knows what ``options`` say and nothing else."""
    address = INSIDE if at_router else FAR
    hosts.start(
        "sh", "-c", 'exec "$@" 2>&1', "sh", installed("dnsmasq", "dnsmasq-base"),
        "--keep-in-foreground", "--log-facility=-", "--no-hosts", "--no-resolv", "--conf-file=/dev/null",
        "--bind-interfaces", f"--listen-address={address}", "--user=root", "--pid-file=", *options,
        on=hosts.router if at_router else hosts.server, says="started",
    )  # fmt: skip
    place = Path("/etc/netns") / hosts.client.name
    place.mkdir(parents=True, exist_ok=True)
    (place / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:1 attempts:1\n")


NAMES = {
    "nxdomain": (("--local=/ground.example/",), "dns"),
    "no-address": ((f"--txt-record={NAME},nothing here", "--local=/ground.example/"), "dns"),
    "refused": ((), "dns"),
    "old-address": ((f"--address=/{NAME}/{DEAD}",), "unreachable"),
    "walled-address": ((f"--address=/{NAME}/{OTHER}",), "timeout"),
}
"""What the name server knows; how that ends an attempt to open a session."""


async def a_name(take: Take, recorder: Recorder, name: str) -> None:
    """The session to another name of the same server is well."""
    options, how = NAMES[name]
    with routed() as hosts:
        hosts.start_node()
        hosts.start_stomp()
        hosts.router.ip("route", "add", "unreachable", f"{DEAD}/32")
        hosts.server.wall(f"ip daddr {OTHER} tcp dport 8080 drop", "input")
        name_server(hosts, *options, f"--address=/other.example/{SERVER}")
        names = (f"lost=ws://{NAME}:8080/", "well=stomp+ws://other.example:8082/")
        words = (*BEATS, "--stdin", "--open-timeout", str(take.between(2, 4)))
        async with watching(*names, *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "lost")
            await seen(watch, "stomp", "well", command="beat", dir="in", count=take.one_of(2, 3))
            assert await leave(watch) == 3
    assert watch.the("end", "lost")["how"] == how
    recorder.keep(take.of(f"name-{name}"), watch)


async def one_family_is_dead(take: Take, recorder: Recorder, dead: str) -> None:
    """The name has an address of each family, and no way leads to one of them: the other is taken, and all is well."""
    with routed() as hosts:
        hosts.speak_ipv6()
        hosts.client.set(net__ipv4__tcp_syn_retries=4)
        hosts.start_node()
        wait_for_ipv6(hosts)
        if dead == "ipv6":
            hosts.router.wall("meta nfproto ipv6 tcp dport 8080 drop")
        else:
            hosts.router.wall("meta nfproto ipv4 tcp dport 8080 drop")
        name_server(hosts, f"--address=/{NAME}/{SERVER}", f"--address=/{NAME}/{SERVER6}")
        words = (*talk(0.5, 4), "--ping-interval", str(take.between(0.8, 1.2)), "--stdin")
        async with watching(f"ws://{NAME}:8080/", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "frame", opcode=1, dir="in", count=4)
            assert await leave(watch) == 0
    recorder.keep(take.of(f"dead-{dead}"), watch)


async def ipv6_dies_later(take: Take, recorder: Recorder) -> None:
    """Two sessions by IPv6; a router on the way loses it. Who looks again comes in by IPv4."""
    with routed() as hosts:
        hosts.speak_ipv6()
        hosts.start_node()
        wait_for_ipv6(hosts)
        name_server(hosts, f"--address=/{NAME}/{SERVER}", f"--address=/{NAME}/{SERVER6}")
        words = ("-n", "2", "--ping-interval", str(take.between(0.5, 0.8)))
        async with watching(f"ws://{NAME}:8080/", *words, on=hosts.client.words, **POSTMORTEM) as watch:
            for session in ("A1", "A2"):
                await seen(watch, "frame", session, opcode=10, dir="in", count=take.one_of(2, 3))
            hosts.router.wall("meta nfproto ipv6 tcp dport 8080 drop")
            await seen(watch, "close", count=2)
            assert await watch.finish(60) == 1
    for close in watch.of("close"):
        assert (close["transport"]["how"], close["initiator"]) == ("timeout", "none")
    recorder.keep(take.of("ipv6-dies-later"), watch)


SPEAKERS = {
    "redis": ("redis-server", "--port", "9000", "--save", "", "--protected-mode", "no"),
    "sshd": ("sshd", "-D", "-e", "-p", "9000", "-o", "PidFile=none", "-o", "UsePAM=no", "-f", "/dev/null", "-h"),
    "dns": ("dnsmasq", "--keep-in-foreground", "--no-resolv", "--conf-file=/dev/null", "--port", "9000", "--user=root",
            "--log-facility=-", "--pid-file="),
    "python-http": ("python3", "-u", "-m", "http.server", "9000"),
}  # fmt: skip
"""Programs that listen where a WebSocket server is looked for."""


def host_key(home: Path) -> str:
    """A key for sshd, and the directory it wants."""
    key = home / "host"
    words = ("-q", "-t", "ed25519", "-N", "", "-f", str(key))
    subprocess.run([installed("ssh-keygen", "openssh-client"), *words], check=True, capture_output=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    return str(key)


def wait_for_ipv6(hosts: Routed) -> None:
    """Returns when the client reaches Node by IPv6: new addresses are held back for a second or two."""
    with hosts.client.inside():
        socket.create_connection((SERVER6, 8080), 10).close()


async def another_program(take: Take, recorder: Recorder, name: str, home: Path) -> None:
    """The session to the right port is well."""
    program, *words = SPEAKERS[name]
    if name == "sshd":
        words.append(host_key(home))
    says = {"redis": "Ready to accept", "sshd": "listening", "dns": "started", "python-http": "Serving"}[name]
    with routed() as hosts:
        hosts.start_python()
        hosts.start("sh", "-c", 'exec "$@" 2>&1', "sh", installed(program, name), *words, says=says)
        wrong = take.one_of(f"ws://{SERVER}:9000/", f"stomp+ws://{SERVER}:9000/")
        timeout = ("--open-timeout", str(take.between(2, 4)), "--stdin")
        names = (f"wrong={wrong}", f"right=ws://{SERVER}:8081/")
        async with watching(*names, *timeout, *talk(0.5, 3, "right"), on=hosts.client.words, **POSTMORTEM) as watch:
            await seen(watch, "close", "wrong")
            await seen(watch, "frame", "right", opcode=1, dir="in", count=2)
            assert await leave(watch) == 3
    recorder.keep(take.of(f"port-of-{name}"), watch)


async def test_names(take: Take, recorder: Recorder) -> None:
    await together(
        (
            *(a_name(take, recorder, name) for name in NAMES),
            one_family_is_dead(take, recorder, "ipv6"),
            one_family_is_dead(take, recorder, "ipv4"),
            ipv6_dies_later(take, recorder),
        )
    )


async def test_other_programs(tmp_path: Path, take: Take, recorder: Recorder) -> None:
    await together(another_program(take, recorder, name, tmp_path) for name in SPEAKERS)
