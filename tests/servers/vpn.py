"""OpenVPN and WireGuard between the client host and the server host of a ``Routed``, each half a child."""

import subprocess
from pathlib import Path

from tests.servers.child import installed
from tests.servers.routed import FAR, Host, Routed

NEAR_END, FAR_END = "10.8.0.1", "10.8.0.2"
"""The addresses inside the tunnel."""


class OpenVpn:
    """OpenVPN with a static key, over UDP, its device ``tun0`` on both hosts.

    Args:
        hosts: where.
        home: a directory for its key.
        near: options of the near half, such as ``--ping-restart 4``.
        far: options of the far half.
    """

    def __init__(self, hosts: Routed, home: Path, *, near: str = "", far: str = "") -> None:
        self._hosts, self._far_options = hosts, far.split()
        program = installed("openvpn", "openvpn")
        key = home / f"openvpn{hosts.number}.key"
        subprocess.run([program, "--genkey", "secret", str(key)], check=True, capture_output=True)
        self._words = (program, "--dev", "tun0", "--dev-type", "tun", "--secret", str(key), "--proto", "udp",
                       "--cipher", "AES-256-CBC", "--port", "1194", "--ping", "1", "--verb", "3")  # fmt: skip
        self.far = self.begin_far()
        self.near = hosts.start(
            *self._words, "--ifconfig", NEAR_END, FAR_END, "--remote", FAR, *near.split(),
            on=hosts.client, says="Initialization Sequence Completed",
        )  # fmt: skip

    def begin_far(self) -> subprocess.Popen[bytes]:
        """Starts the far half, which has not been or has ended."""
        words = (*self._words, "--ifconfig", FAR_END, NEAR_END, "--float", *self._far_options)
        self.far = self._hosts.start(*words, says="UDPv4 link remote")
        return self.far


class WireGuard:
    """WireGuard's own program in user space, a device on each host.

    Args:
        hosts: where.
        home: a directory for its keys.
        keepalive: seconds after which the near half says something in any case; 0: never.
    """

    def __init__(self, hosts: Routed, home: Path, *, keepalive: int = 0) -> None:
        self._hosts = hosts
        self.near, self.far = f"wgc{hosts.number}", f"wgs{hosts.number}"
        self._keys = {device: home / f"{device}.key" for device in (self.near, self.far)}
        program = installed("wireguard-go", "wireguard-go wireguard-tools")
        for device, host in ((self.near, hosts.client), (self.far, hosts.server)):
            private = subprocess.run(["wg", "genkey"], check=True, capture_output=True).stdout
            self._keys[device].write_bytes(private)
            hosts.start("env", "LOG_LEVEL=verbose", program, "-f", device, on=host, says="UAPI listener started")
        words = ("allowed-ips", f"{FAR_END}/32", "endpoint", f"{FAR}:51820", "persistent-keepalive", str(keepalive))
        # The far half first: an unanswered first word is said again after five seconds only.
        self._begin(hosts.server, FAR_END, self.far, self.near, "allowed-ips", f"{NEAR_END}/32")
        self._begin(hosts.client, NEAR_END, self.near, self.far, *words)

    def public(self, device: str) -> str:
        """A device's public key."""
        private = self._keys[device].read_bytes()
        return subprocess.run(["wg", "pubkey"], input=private, check=True, capture_output=True).stdout.decode().strip()

    def _begin(self, host: Host, address: str, device: str, peer: str, *words: str) -> None:
        host.ip("address", "add", f"{address}/24", "dev", device)
        host.ip("link", "set", device, "up")
        own = ("private-key", str(self._keys[device]), "listen-port", "51820")
        host.run("wg", "set", device, *own, "peer", self.public(peer), *words)

    def revoke(self) -> None:
        """The far half's administrator takes the near half's key away."""
        self._hosts.server.run("wg", "set", self.far, "peer", self.public(self.near), "remove")
