"""Two hosts in network namespaces of the test's own and a cable between them: for what only a network can do."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

CLIENT, SERVER = "10.77.0.1", "10.77.0.2"


def _ip(*words: str) -> None:
    program = shutil.which("ip")
    assert program is not None, "ip is not installed: apt-get install iproute2"
    subprocess.run([program, *words], check=True, capture_output=True)


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

    def on_client(self, *command: str) -> None:
        """Runs a command on the client host."""
        subprocess.run([*self.client, *command], check=True, capture_output=True)

    @property
    def client(self) -> tuple[str, ...]:
        """The words in front of a command that run it on the client host."""
        return ("ip", "netns", "exec", self._client)

    @property
    def server(self) -> tuple[str, ...]:
        """The words in front of a command that run it on the server host."""
        return ("ip", "netns", "exec", self._server)

    def blackhole(self) -> None:
        """What the server would say goes nowhere, and nobody is told."""
        _ip("-n", self._server, "route", "replace", "blackhole", f"{CLIENT}/32")

    def unplug(self) -> None:
        """The client's own interface goes down."""
        _ip("-n", self._client, "link", "set", self._cable[0], "down")


@contextmanager
def network() -> Iterator[Network]:
    """A network that lasts as long as the block."""
    hosts = Network(f"who{os.getpid() % 100000}")
    try:
        hosts.build()
        yield hosts
    finally:
        hosts.remove()
