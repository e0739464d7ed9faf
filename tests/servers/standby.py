"""A server host and its standby, which share a virtual address by keepalived (VRRP), behind a router."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import node
from tests.servers.child import installed
from tests.servers.routed import OUTSIDE, Host, Routed, cable, routed

VIRTUAL, STANDBY = "10.78.2.100", "10.78.2.3"
"""The address that one of them has, and the standby's own."""

_CONF = """\
global_defs {{
  vrrp_version 3
}}
vrrp_instance live {{
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority {priority}
  advert_int {every}
  virtual_ipaddress {{
    {address}/24
  }}
}}
"""


class Pair:
    """The two hosts, each with Node's ws on 8080 and the home-made STOMP server on 8082. Made by ``pair``.

    Args:
        hosts: the client, the router and the first server host, which has the virtual address as long as it can.
        standby: the second, not built yet.
        home: a directory for keepalived's files.
        every: seconds between two words of the one that has the address; the other takes it after three times that.
    """

    def __init__(self, hosts: Routed, standby: Host, home: Path, *, every: float) -> None:
        self.hosts, self.standby = hosts, standby
        self._home, self._every = home, every
        router = hosts.router
        router.ip("link", "add", "dmz", "type", "bridge", "forward_delay", "0")
        cable(router, "10.78.3.1/24", "wan2", standby, f"{STANDBY}/24", "eth0")
        standby.ip("route", "add", "default", "via", OUTSIDE)
        router.ip("address", "delete", f"{OUTSIDE}/24", "dev", "wan")
        for port in ("wan", "wan2"):
            router.ip("link", "set", port, "master", "dmz")
        router.ip("address", "add", f"{OUTSIDE}/24", "dev", "dmz")
        router.ip("link", "set", "dmz", "up")
        hosts.server.ip("route", "replace", "default", "via", OUTSIDE)
        for host in (hosts.server, standby):
            hosts.start(*node.command("ws.mjs", "::", 8080), on=host)
            hosts.start(*node.command("stomp.mjs", "::", 8082, beatEvery=500, beats=10000, wants=500), on=host)
        self.keeper = self.keep(hosts.server, 150, "MASTER")
        self.keep(standby, 100, "BACKUP")

    def keep(self, host: Host, priority: int = 150, state: str = "MASTER") -> subprocess.Popen[bytes]:
        """Starts keepalived on a host and waits until it is what it is to be."""
        own = self._home / host.name
        own.mkdir(exist_ok=True)
        (own / "conf").write_text(_CONF.format(priority=priority, every=self._every, address=VIRTUAL))
        files = ("-f", str(own / "conf"), "-p", str(own / "pid"), "-r", str(own / "vrrp"))
        words = (
            installed("keepalived", "keepalived"),
            "--vrrp",
            "--dont-fork",
            "--log-console",
            "--log-detail",
            *files,
        )
        return self.hosts.start("sh", "-c", 'exec "$@" 2>&1', "sh", *words, on=host, says=f"Entering {state} STATE")

    def move(self) -> None:
        """Its administrator stops keepalived on the first host: the standby takes the address at once."""
        self.keeper.terminate()
        self.keeper.wait()

    def come_back(self) -> None:
        """Starts it anew: the first host takes the address back."""
        self.keeper = self.keep(self.hosts.server)

    def crash(self) -> None:
        """The first host is gone; the standby hears nothing of it and takes the address."""
        self.hosts.server.ip("link", "set", "eth0", "down")


@contextmanager
def pair(home: Path, *, every: float = 0.3) -> Iterator[Pair]:
    """The hosts, as long as the block lasts."""
    with routed() as hosts:
        standby = Host(f"{hosts.server.name}2")
        standby.build()
        try:
            yield Pair(hosts, standby, home, every=every)
        finally:
            standby.remove()
