"""What tests of lines and hosts share: doors to servers that listen on a loopback, one more host, looks that end."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.probing import open_session, seen
from tests.servers import node
from tests.servers.activemq import LOGIN as CREW
from tests.servers.afar import LOGIN as ANNA
from tests.servers.afar import Afar
from tests.servers.nginx import Certificate, Nginx
from tests.servers.routed import SERVER, Host, Routed, cable
from tests.servers.starting import Starter
from tests.watching import Watch

THIRD = "10.79.0.3"
"""The address of the host that ``elsewhere`` makes."""
THERE = f"ws://{THIRD}:8080/"
"""Node's ws on it."""

DEFAULT_RETRIES = 15
"""How often Linux says again what nobody acknowledges, unless told otherwise: a quarter of an hour."""


def open_doors(host: Host, *ports: int) -> None:
    """What comes to these ports of the host is passed on to its loopback, where its servers listen."""
    host.set(net__ipv4__conf__all__route_localnet=1)
    host.wall(f"tcp dport {{ {', '.join(map(str, ports))} }} dnat ip to 127.0.0.1", "prerouting", "nat", name="doors")


def behind_nginx(
    hosts: Routed, start: Starter, certificate: Certificate, backend: int, read_timeout: float = 60
) -> tuple[Nginx, str]:
    """An nginx on the server host that speaks TLS in front of a port of that host, and its ``wss:`` target."""
    with hosts.server.inside():
        nginx = start(Nginx, backend, read_timeout, certificate)
    open_doors(hosts.server, nginx.port)
    return nginx, f"wss://{SERVER}:{nginx.port}/"


def trusting(certificate: Certificate) -> tuple[str, ...]:
    """The options that have a session believe that certificate, whatever address it goes to."""
    return ("--cacert", str(certificate.ca), "--servername", "localhost")


@contextmanager
def elsewhere(hosts: Routed) -> Iterator[Host]:
    """One more host with Node's ws at ``THERE``, behind the same router on a cable of its own."""
    host = Host(f"{hosts.router.name}-e")
    try:
        host.build()
        cable(hosts.router, "10.80.250.1/24", "side", host, "10.80.250.2/24", "eth0")
        host.ip("address", "add", f"{THIRD}/32", "dev", "lo")
        hosts.router.ip("route", "add", f"{THIRD}/32", "via", "10.80.250.2")
        host.ip("route", "add", "default", "via", "10.80.250.1")
        hosts.start(*node.command("ws.mjs", "::", 8080), on=host)
        yield host
    finally:
        host.remove()


async def join(watch: Watch, afar: Afar, name: str, broker: str, beats: str, **table: object) -> None:
    """Has the probe open a session at one of the brokers and waits until it is let in."""
    url, *_ = afar.words(broker)
    _, login, _, passcode, *vhost = CREW if broker == "activemq" else ANNA
    words = {"login": login, "passcode": passcode, **({"vhost": vhost[1]} if vhost else {})}
    opened = await open_session(watch, name=name, url=url, heart_beat=beats, **words, **table)
    assert opened["ok"], opened
    await seen(watch, "stomp", name, command="CONNECTED")


async def beaten(watch: Watch, count: int, *sessions: str) -> None:
    """Waits until the server has beaten so often from now on."""
    before = [len(watch.of("stomp", session, command="beat", dir="in")) for session in sessions]
    for session, beats in zip(sessions, before, strict=True):
        await seen(watch, "stomp", session, command="beat", dir="in", count=beats + count)


async def echoed(watch: Watch, count: int, *sessions: str) -> None:
    """Waits until so many messages have come in from now on."""
    before = [len(watch.of("frame", session, opcode=1, dir="in")) for session in sessions]
    for session, echoes in zip(sessions, before, strict=True):
        await seen(watch, "frame", session, opcode=1, dir="in", count=echoes + count)


async def within(watch: Watch, seconds: float, kind: str, session: str, **fields: object) -> None:
    """Waits for so long for a session's line."""
    wanted = {"type": kind, "s": session} | fields
    await watch.until(lambda line: wanted.items() <= line.items(), seconds)


async def over(watch: Watch, *sessions: str, patience: float = 5.2, stage: str = "tcp") -> None:
    """Waits until these sessions have ended, and until the look after each failed or came to that stage."""

    async def look(session: str) -> None:
        with suppress(AssertionError):  # none is taken after some ends
            await watch.until(
                lambda line: (
                    line["type"] == "postmortem"
                    and line["s"] == session
                    and (not line["ok"] or line["stage"] in (stage, "http"))
                ),
                patience,
            )

    for session in sessions:
        await seen(watch, "close", session)
    await asyncio.gather(*(look(session) for session in sessions))


async def leave(watch: Watch, *well: str, status: int | None = None) -> None:
    """The user leaves while the sessions named live; ``status`` is the exit status, where it is known."""
    for session in well:
        assert not watch.of("close", session), f"{session} has ended"
    await watch.command("quit")
    assert await watch.finish(40) in ((0, 1, 3) if status is None else (status,))
