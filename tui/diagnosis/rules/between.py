"""What stands between us and the server, as far as it shows: a reverse proxy that names itself, or listens here."""

from tui.diagnosis.case import Case
from tui.diagnosis.rules.forwarding import ends_tls
from tui.facts.findings import Blame

PROXIES = (
    "apache", "awselb", "caddy", "cloudflare", "envoy", "haproxy", "httpd", "nginx", "openresty", "squid", "traefik",
    "varnish",
)  # fmt: skip
"""Words by which a reverse proxy is known in ``Server`` or ``Via``, and the names of the programs."""


def proxied(case: Case) -> str:
    """The reverse proxy that answers for the server, by its own word; empty where none shows."""
    trail = case.trail
    program = trail.route.program if trail.route is not None else None
    for said in (trail.http_server, trail.answered("via"), program or ""):
        if any(name in said.lower() for name in PROXIES):
            return said
    return program if program is not None and ends_tls(case, program) else ""


def in_between(case: Case) -> Blame:
    """The side of a cut without a word, which is a proxy's way more than a server's: the server's only where the
    program that listens is known to be no proxy."""
    listens = case.trail.route is not None and case.trail.route.program is not None
    return "server" if listens and not proxied(case) else "proxy"
