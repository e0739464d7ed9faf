"""What tests of tunnels and dark ways share: runs on a client host, forwarders that lead afar, an overlay, a TUN."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.servers.ashore import begun
from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.routed import CLIENT, FAR, SERVER, Host, Routed
from tests.servers.ssh import SshTunnel
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch, watching

NODE, PYTHON, STOMP = f"ws://{SERVER}:8080/", f"ws://{SERVER}:8081/", f"stomp+ws://{SERVER}:8082/"
NEAR_END, FAR_END = "10.9.0.1", "10.9.0.2"
"""The addresses inside an overlay."""

_NAMES = str(Path(__file__).with_name("namesd.py"))


@asynccontextmanager
async def looking(hosts: Routed, *words: str) -> AsyncIterator[Watch]:
    """A run on the client host that looks after a drop."""
    async with watching("--stdin", *words, on=hosts.client.words, **POSTMORTEM) as watch:
        yield watch


def knows(hosts: Routed, **names: str | float | None) -> None:
    """The client asks a server that knows these names; a double underscore is a dot."""
    table = {name.replace("__", "."): address for name, address in names.items()}
    hosts.start(sys.executable, _NAMES, FAR, json.dumps(table))
    resolver(hosts, FAR)


def resolver(hosts: Routed, address: str, timeout: int = 2) -> None:
    """The client asks the name server at that address, once."""
    place = Path("/etc/netns") / hosts.client.name
    place.mkdir(parents=True, exist_ok=True)
    (place / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:{timeout} attempts:1\n")


def dark(hosts: Routed, address: str = SERVER, *ways: str) -> None:
    """The router swallows what goes to an address (``daddr``), what comes from there (``saddr``), or both."""
    for way in ways or ("daddr", "saddr"):
        hosts.router.wall(f"ip {way} {address} drop", name=f"dark_{way}")


def light(hosts: Routed, *ways: str) -> None:
    """The way is there again."""
    for way in ways or ("daddr", "saddr"):
        hosts.router.no_wall(f"dark_{way}")


def losing(hosts: Routed, percent: int, address: str, *ways: str) -> None:
    """So many packets in a hundred are lost, to an address and from it, or on one of the two ways."""
    for way in ways or ("daddr", "saddr"):
        hosts.router.wall(f"ip {way} {address} numgen random mod 100 < {percent} drop", name=f"loss_{way}")


async def ssh(hosts: Routed, start: Starter, backend: int, alive: int = 0) -> SshTunnel:
    """``ssh -L`` on the client host through an sshd on the server host, to a port there."""
    return await begun(hosts.client, start, SshTunnel, backend, alive=alive, afar=hosts.server.words, at=SERVER)


async def until(true: Callable[[], bool], seconds: float = 8) -> None:
    """Waits until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


class Forward(Daemon):
    """socat: a loopback port that leads to a port of another host, with a process for each connection."""

    def __init__(self, home: Path, address: str, port: int, *options: str) -> None:
        (mine,) = free_ports(1)
        to = (f"TCP-LISTEN:{mine},bind={LOOPBACK},reuseaddr,fork", f"TCP:{address}:{port}")
        super().__init__(mine, [installed("socat", "socat"), *options, *to], log=home / "socat.log")


def overlay(hosts: Routed) -> None:
    """A VXLAN between the client host and the server host, as container networks have."""
    for host, local, remote, address in (
        (hosts.client, CLIENT, FAR, NEAR_END),
        (hosts.server, FAR, CLIENT, FAR_END),
    ):
        host.ip("link", "add", "vx0", "type", "vxlan", "id", "42", "local", local, "remote", remote, "dstport", "4789")
        host.ip("address", "add", f"{address}/24", "dev", "vx0")
        host.ip("link", "set", "vx0", "up")


async def tun(hosts: Routed) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """A home-made VPN of two socats with TUN devices over UDP: its near half and its far half."""

    def half(host: Host, local: str, remote: str, address: str) -> subprocess.Popen[bytes]:
        udp = f"UDP4-DATAGRAM:{remote}:5555,bind={local}:5555"
        device = f"TUN:{address}/24,tun-name=tun9,iff-no-pi,up"
        return hosts.start("sh", "-c", f"echo up; exec socat {udp} {device}", on=host)

    near = half(hosts.client, CLIENT, FAR, NEAR_END)
    far = half(hosts.server, FAR, CLIENT, FAR_END)
    for host in (hosts.client, hosts.server):

        def there(name: str = host.name) -> bool:
            words = ["ip", "-n", name, "-o", "-4", "address", "show", "dev", "tun9"]
            done = subprocess.run(words, check=False, capture_output=True)
            return b"10.9.0." in done.stdout

        await until(there)
    return near, far


def moments(start: float, every: float, count: int, words: str) -> list[str]:
    """A session's ``do``: so many times from a moment on."""
    return [f"{start + n * every:.2f} {words}" for n in range(count)]
