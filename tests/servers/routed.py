"""A client host, a router and a server host in network namespaces of the test's own: for what happens on the way.

The server host has two addresses, ``SERVER`` and ``OTHER``, that the client reaches through the router alone.
"""

import ctypes
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from tests.servers import node, python
from tests.servers.child import installed

CLIENT, INSIDE = "10.78.1.2", "10.78.1.1"
OUTSIDE, FAR = "10.78.2.1", "10.78.2.2"
SERVER, OTHER = "10.79.0.1", "10.79.0.2"
SERVER6 = "fd79::1"

_WEATHER = Path(__file__).parent / "weatherd.py"
_NEW_NET = 0x40000000
_numbers = itertools.count(1)


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"


def _enter(namespace: Path) -> None:
    """Has this thread, and what it starts from now on, live in another network namespace."""
    descriptor = os.open(namespace, os.O_RDONLY)
    try:
        assert ctypes.CDLL(None, use_errno=True).setns(descriptor, _NEW_NET) == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(descriptor)


class Host:
    """One host. Its first words run a command there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.words = ("ip", "netns", "exec", name)

    def build(self) -> None:
        """Makes it."""
        _run(installed("ip", "iproute2"), "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def remove(self) -> None:
        """Takes it away, and what runs there."""
        left = subprocess.run(["ip", "netns", "pids", self.name], check=False, capture_output=True, text=True)
        for pid in left.stdout.split():
            subprocess.run(["kill", "-9", pid], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)
        shutil.rmtree(Path("/etc/netns") / self.name, ignore_errors=True)

    def run(self, *command: str) -> None:
        """Runs a command there to its end, which is success."""
        _run(*self.words, *command)

    def ip(self, *words: str) -> None:
        """Runs ``ip`` for it."""
        _run("ip", "-n", self.name, *words)

    def set(self, **values: object) -> None:
        """Sets sysctls, such as ``net__ipv4__ip_forward=1``."""
        self.run("sysctl", "-qw", *(f"{name.replace('__', '.')}={value}" for name, value in values.items()))

    def wall(self, rule: str, hook: str = "forward", kind: str = "filter", name: str = "wall") -> None:
        """Adds an nft rule."""
        words = f"table inet {name} {{ chain at_{hook} {{ type {kind} hook {hook} priority 0; {rule}; }}; }}"
        self.run(installed("nft", "nftables"), words)

    def no_wall(self, name: str = "wall") -> None:
        """Takes those rules away."""
        self.run("nft", "delete", "table", "inet", name)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Has this thread live there as long as the block: what it starts is started there."""
        here = Path("/proc/thread-self/ns/net")
        back = os.open(here, os.O_RDONLY)
        try:
            _enter(Path("/run/netns") / self.name)
            yield
        finally:
            assert ctypes.CDLL(None).setns(back, _NEW_NET) == 0
            os.close(back)


def cable(one: Host, here: str, name: str, two: Host, there: str, other: str) -> None:
    """Lays one between two hosts: the address, with its prefix, and the device's name at either end."""
    _run("ip", "link", "add", name, "netns", one.name, "type", "veth", "peer", "name", other, "netns", two.name)
    for host, device, address in ((one, name, here), (two, other, there)):
        host.ip("address", "add", address, "dev", device)
        host.ip("link", "set", device, "up")


class Weather:
    """The program between the router's two cables (``weatherd.py``). Made by ``Routed.weather``."""

    def __init__(self, says: IO[bytes]) -> None:
        self._says = says

    def now(self, **weather: object) -> None:
        """What becomes of packets from now on; what is not named is as in fair weather."""
        self._says.write(json.dumps(weather).encode() + b"\n")
        self._says.flush()


class Routed:
    """The three hosts. Made by ``routed``; ``client``, ``router`` and ``server`` are its hosts."""

    def __init__(self, number: int, server: Host | None) -> None:
        name = f"whr{os.getpid() % 100000}-{number}"
        self.client, self.router = Host(f"{name}-c"), Host(f"{name}-r")
        self.server = server or Host(f"{name}-s")
        self._shared, self._number = server is not None, number
        self._running = ExitStack()

    def build(self) -> None:
        """Makes the hosts, the cables and the ways."""
        for host in (self.client, self.router):
            host.build()
        cable(self.client, f"{CLIENT}/24", "eth0", self.router, f"{INSIDE}/24", "lan")
        self.router.set(net__ipv4__ip_forward=1)
        self.client.ip("route", "add", "default", "via", INSIDE)
        outside, far, device = OUTSIDE, FAR, "eth0"
        if self._shared:
            outside, far = (f"10.80.{self._number}.{end}" for end in (1, 2))
            device = f"eth{self._number}"
        else:
            build_server(self.server)
        cable(self.router, f"{outside}/24", "wan", self.server, f"{far}/24", device)
        for address in (SERVER, OTHER):
            self.router.ip("route", "add", f"{address}/32", "via", far)
        if self._shared:
            self.masquerade(quiet=True)
        else:
            self.server.ip("route", "add", "default", "via", outside)
        self.be_patient(2)
        self.client.set(net__ipv4__tcp_syn_retries=1)

    def speak_ipv6(self) -> None:
        """Gives the hosts IPv6 too: the server is ``SERVER6``."""
        self.router.set(net__ipv6__conf__all__forwarding=1)
        for host, device, address in (
            (self.client, "eth0", "fd78:1::2/64"),
            (self.router, "lan", "fd78:1::1/64"),
            (self.router, "wan", "fd78:2::1/64"),
            (self.server, "eth0", "fd78:2::2/64"),
            (self.server, "lo", f"{SERVER6}/128"),
        ):
            host.ip("address", "add", address, "dev", device, "nodad")
        self.client.ip("-6", "route", "add", "default", "via", "fd78:1::1")
        self.router.ip("-6", "route", "add", f"{SERVER6}/128", "via", "fd78:2::2")
        self.server.ip("-6", "route", "add", "default", "via", "fd78:2::1")

    def remove(self) -> None:
        """Takes everything away again."""
        self._running.close()
        for host in (self.client, self.router, *(() if self._shared else (self.server,))):
            host.remove()

    def be_patient(self, retries: int) -> None:
        """The client's kernel gives up only after so many retransmissions: about 0.2 s, doubled each time."""
        self.client.set(net__ipv4__tcp_retries2=retries)

    @property
    def number(self) -> int:
        """One that no other network of this process has."""
        return self._number

    def start(self, *command: str, on: Host | None = None, says: str = "") -> subprocess.Popen[bytes]:
        """Starts a program on the server host, or another; it ends with the hosts.

        Args:
            command: its words.
            on: the other host.
            says: what is in the line it says when it is ready; otherwise it is with its first.
        """
        host = on or self.server
        child = subprocess.Popen(
            [*host.words, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._running.callback(_end, child)
        assert child.stdout is not None
        for line in child.stdout:
            if says.encode() in line:
                return child
        raise AssertionError(f"{command[0]} ended before it was ready")

    def start_node(self, port: int = 8080, **options: object) -> subprocess.Popen[bytes]:
        """Starts Node's ws on all addresses of the server host."""
        return self.start(*node.command("ws.mjs", "::", port, **options))

    def start_python(self, port: int = 8081, **options: object) -> subprocess.Popen[bytes]:
        """Starts python-websockets on all addresses of the server host; it pings nobody unless told."""
        return self.start(*python.command("0.0.0.0", port, **{"ping_interval": None, **options}))

    def start_stomp(self, port: int = 8082, beat_every: int = 500, wants: int = 500) -> subprocess.Popen[bytes]:
        """Starts the home-made STOMP server on all addresses of the server host."""
        return self.start(*node.command("stomp.mjs", "::", port, beatEvery=beat_every, beats=10000, wants=wants))

    def masquerade(self, *, forgets_after: int | None = None, strict: bool = False, quiet: bool = False) -> None:
        """The router hides its client behind its own outer address, as one at home does.

        Args:
            forgets_after: seconds without a packet after which it forgets a flow.
            strict: a packet of a flow it does not know is swallowed, not taken for the first of one.
            quiet: what comes from outside on no flow it knows is swallowed, not answered with a RST.
        """
        self.router.wall('oifname "wan" masquerade', "postrouting", "nat", name="home")
        if quiet:
            self.router.wall('iifname "wan" ct state new drop', "input", name="quiet")
        if strict:
            self.router.set(net__netfilter__nf_conntrack_tcp_loose=0)
            self.router.wall("ct state invalid drop", name="strict")
        if forgets_after is not None:
            self.router.set(net__netfilter__nf_conntrack_tcp_timeout_established=forgets_after)

    def forget_flows(self) -> None:
        """The router forgets all flows it knows, as when it starts anew."""
        self.router.run(installed("conntrack", "conntrack"), "-F")

    def weather(self, **weather: object) -> Weather:
        """Has a program between the router's cables decide what becomes of packets; its words are in its script."""
        child = self.start(sys.executable, str(_WEATHER), on=self.router)
        self.router.set(net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__weather__rp_filter=0)
        self.router.ip("route", "add", "default", "dev", "weather", "table", "78")
        for cable in ("lan", "wan"):
            self.router.ip("rule", "add", "iif", cable, "lookup", "78")
        assert child.stdin is not None
        made = Weather(child.stdin)
        made.now(**weather)
        return made


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            stream.close()


def build_server(host: Host) -> None:
    """Makes the server's host, with its two addresses."""
    host.build()
    for address in (SERVER, OTHER):
        host.ip("address", "add", f"{address}/32", "dev", "lo")


@contextmanager
def routed(server: Host | None = None) -> Iterator[Routed]:
    """Hosts that last as long as the block.

    Args:
        server: a server's host that several such blocks share; each has a router there that hides its client.
    """
    hosts = Routed(next(_numbers), server)
    try:
        hosts.build()
        yield hosts
    finally:
        hosts.remove()
