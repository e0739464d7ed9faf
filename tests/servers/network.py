"""Two hosts in network namespaces of the test's own and a cable between them: for what only a network can do."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.child import installed

CLIENT, SERVER = "10.77.0.1", "10.77.0.2"


def _ip(*words: str) -> None:
    subprocess.run([installed("ip", "iproute2"), *words], check=True, capture_output=True)


class Network:
    """A client host and a server host. Made by ``network``."""

    def __init__(self, name: str) -> None:
        self._client, self._server = f"{name}-c", f"{name}-s"
        self._cable = (f"{name}c", f"{name}s")

    def build(self) -> None:
        """Makes the hosts and the cable."""
        here, there = self._cable
        for host in (self._client, self._server):
            _ip("netns", "add", host)
            _ip("-n", host, "link", "set", "lo", "up")
        _ip("link", "add", here, "netns", self._client, "type", "veth", "peer", "name", there, "netns", self._server)
        for host, end, address in ((self._client, here, CLIENT), (self._server, there, SERVER)):
            _ip("-n", host, "address", "add", f"{address}/24", "dev", end)
            _ip("-n", host, "link", "set", end, "up")
        # The kernel gives up after about a second instead of a quarter of an hour: this host's own setting.
        self.on_client("sysctl", "-qw", "net.ipv4.tcp_retries2=1", "net.ipv4.tcp_syn_retries=1")

    def remove(self) -> None:
        """Takes everything away again."""
        for host in (self._client, self._server):
            subprocess.run(["ip", "netns", "delete", host], check=False, capture_output=True)
        shutil.rmtree(Path("/etc/netns") / self._client, ignore_errors=True)

    def on_client(self, *command: str) -> None:
        """Runs a command on the client host."""
        subprocess.run([*self.client, *command], check=True, capture_output=True)

    @contextmanager
    def serving(self, command: Sequence[str]) -> Iterator[None]:
        """Runs a server on the server host as long as the block; it says a line when it is ready."""
        child = subprocess.Popen([*self.server, *command], stdout=subprocess.PIPE)
        assert child.stdout is not None
        try:
            assert child.stdout.readline()
            yield
        finally:
            child.kill()
            child.wait()
            child.stdout.close()

    @property
    def client(self) -> tuple[str, ...]:
        """The words in front of a command that run it on the client host."""
        return ("ip", "netns", "exec", self._client)

    @property
    def server(self) -> tuple[str, ...]:
        """The words in front of a command that run it on the server host."""
        return ("ip", "netns", "exec", self._server)

    def on_server(self, *command: str) -> None:
        """Runs a command on the server host."""
        subprocess.run([*self.server, *command], check=True, capture_output=True)

    def blackhole(self) -> None:
        """What the server would say goes nowhere, and nobody is told."""
        _ip("-n", self._server, "route", "replace", "blackhole", f"{CLIENT}/32")

    def unplug(self) -> None:
        """The client's own interface goes down."""
        _ip("-n", self._client, "link", "set", self._cable[0], "down")

    def unplug_far_end(self) -> None:
        """The server's interface goes down: the client's cable has no carrier any more, its address stays."""
        _ip("-n", self._server, "link", "set", self._cable[1], "down")

    def drop(self, port: int) -> None:
        """A firewall in front of the server swallows what is said to its ``port``."""
        self._wall(f"tcp dport {port} drop")

    def reject(self, port: int) -> None:
        """A firewall in front of the server answers what is said to its ``port`` with a RST."""
        self._wall(f"tcp dport {port} reject with tcp reset")

    def forget_idle_flows(self, seconds: int, *, reset: bool = False) -> None:
        """A stateful firewall in front of the server: it forgets a flow after ``seconds`` without a packet.

        What is said on a forgotten flow is swallowed; with ``reset`` it is answered with a RST.
        """
        timeout = f"net.netfilter.nf_conntrack_tcp_timeout_established={seconds}"
        self.on_server("sysctl", "-qw", timeout, "net.netfilter.nf_conntrack_tcp_loose=0")
        self._wall(f"ct state invalid {'reject with tcp reset' if reset else 'drop'}")

    def be_patient(self, retries: int) -> None:
        """The client's kernel gives up only after so many retransmissions: about 0.2 s, doubled each time."""
        self.on_client("sysctl", "-qw", f"net.ipv4.tcp_retries2={retries}")

    def keep_little(self) -> None:
        """The kernels keep few bytes for a program that does not read. It holds for sockets made from now on."""
        sizes = ("net.ipv4.tcp_rmem=4096 8192 8192", "net.ipv4.tcp_wmem=4096 8192 8192")
        self.on_client("sysctl", "-qw", *sizes)
        self.on_server("sysctl", "-qw", *sizes)

    def lose_every(self, count: int) -> None:
        """Of what the client says, one packet in ``count`` is lost."""
        self._wall(f"numgen inc mod {count} == 0 drop")

    def lose_one(self, number: int) -> None:
        """The ``number``-th packet that comes with something to say is lost, and no other."""
        self._wall(f"tcp flags & psh == psh numgen inc mod 100000 == {number} drop")

    def lose(self, percent: int) -> None:
        """Packets of either direction are lost at random."""
        self._wall(f"numgen random mod 100 < {percent} drop")
        self._wall(f"numgen random mod 100 < {percent} drop", hook="output")

    def lose_long(self, octets: int, *, hook: str = "input") -> None:
        """Packets of more octets vanish, as behind a tunnel whose ICMP is filtered; ``output``: the server's."""
        self._wall(f"meta length > {octets} drop", hook=hook)

    def slow_down(self, kbit: int) -> None:
        """The client's way out takes ``kbit``/s; what is more waits in a long queue."""
        tc = installed("tc", "iproute2")
        words = ("rate", f"{kbit}kbit", "burst", "3000", "limit", "2000000")
        self.on_client(tc, "qdisc", "add", "dev", self._cable[0], "root", "tbf", *words)

    def lose_address(self) -> None:
        """The client's address is taken away, as when a lease ends or another network is joined."""
        _ip("-n", self._client, "address", "flush", "dev", self._cable[0])

    def refuse(self, port: int, how: str) -> None:
        """A router in front of the server answers what is said to its ``port`` with an ICMP ``how``."""
        self._wall(f"tcp dport {port} reject with icmp type {how}")

    def drop_data(self, port: int) -> None:
        """What is said to the server's ``port`` is swallowed but for what opens a connection."""
        self._wall(f"tcp dport {port} tcp flags & (syn | psh) == psh drop")

    def ask_for_names(self, address: str) -> None:
        """The client's resolver asks the DNS server at ``address``, once and for a second."""
        place = Path("/etc/netns") / self._client
        place.mkdir(parents=True)
        (place / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:1 attempts:1\n")

    def reset_connections(self, port: int) -> None:
        """All connections to the server's ``port`` are reset, by a kernel and not by its program."""
        self.on_server(installed("ss", "iproute2"), "-K", "state", "established", "sport", "=", f":{port}")

    def _wall(self, rule: str, hook: str = "input") -> None:
        """Puts an nft rule in front of what enters the server host, or behind what leaves it."""
        table = f"table inet wall {{ chain at_{hook} {{ type filter hook {hook} priority 0; {rule}; }}; }}"
        self.on_server(installed("nft", "nftables"), table)


@contextmanager
def network(name: str = "") -> Iterator[Network]:
    """A network that lasts as long as the block; ``name`` is a letter or two where there are several at a time."""
    hosts = Network(f"who{os.getpid() % 100000}{name}")
    try:
        hosts.build()
        yield hosts
    finally:
        hosts.remove()
