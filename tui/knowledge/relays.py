"""Programs that pass on what others say: reverse proxies and the ends of tunnels, by their names, or by how they write
the headers of others.
"""

import itertools
from collections.abc import Sequence

PROXIES = (
    "akamai", "angie", "apache", "ats/", "awselb", "balance", "big-ip", "bigip", "cache-main", "caddy", "cloudflare",
    "cloudfront", "envoy", "fastly", "google frontend", "h2o", "haproxy", "hitch", "httpd", "kong", "lighttpd",
    "litespeed", "mitm", "nghttpx", "nginx", "openresty", "pound", "redir", "rinetd", "skipper", "sniproxy", "sozu",
    "squid", "tengine", "toxiproxy", "traefik", "traffic_server", "ts_main", "varnish", "xinetd",
)  # fmt: skip
"""Words by which a reverse proxy is known in ``Server`` or ``Via``, and the names of the programs."""

FORWARDERS = frozenset(
    {"autossh", "chisel", "cloudflared", "dropbear", "frpc", "frps", "gost", "kubectl", "ngrok", "oc", "plink", "socat",
     "ssh", "sshd", "sshd-session", "stunnel", "stunnel3", "stunnel4", "wstunnel"}
)  # fmt: skip
"""Programs whose listening end is a tunnel's: they accept whether or not anybody is at the far end."""

ONE_EACH = frozenset({"inetd", "redir", "socat", "tcpserver", "xinetd"})
"""Programs that have a process for each connection: it ends with its connection."""

SMALL = ("cowboy", "deno", "envoy", "hypercorn")
"""Servers that write the names of their headers in small letters themselves."""

AS_GO = ("caddy", "go", "tornadoserver", "traefik")
"""Servers that spell ``Sec-Websocket-Accept`` themselves, as Go's ``http.Header`` does. One in Go that does not name
itself says its ``Date`` last; what passes on the headers of others sorts them."""


def proxy(said: str) -> bool:
    """Whether a ``Server`` or ``Via`` header, or a program's name, is a reverse proxy's."""
    return any(name in said.lower() for name in PROXIES)


def relays(program: str) -> bool:
    """Whether a program passes on what others say."""
    return program in FORWARDERS or proxy(program)


def rewriter(headers: Sequence[tuple[str, str]]) -> str:
    """The proxy that wrote the headers of a 101 anew, with a question mark; empty where none shows.

    HAProxy writes all names in small letters (its HTX, since 2.0), Apache and lighttpd move ``Connection`` to the end,
    Traefik spells them as Go does; servers do as the libraries they are made with. Measured over 3072 recordings: the
    only ones that it sees a proxy in and that had none are of Prosody, whose order is chance.
    """
    names = [name for name, _ in headers]
    small, values = [name.lower() for name in names], {name.lower(): value for name, value in headers}
    server = values.get("server", "").lower()
    if not {"connection", "upgrade", "sec-websocket-accept"} <= values.keys():
        return ""
    if names == small:
        return "" if (server.startswith(SMALL) if server else _small_by_itself(small, values)) else "HAProxy?"
    if small[-2:] == ["connection", "upgrade"]:
        return "Apache?"
    if "Sec-Websocket-Accept" in names and names == sorted(names):
        return "" if server.startswith(AS_GO) else "Traefik?"
    if server and small[-1] == "connection" and small.index("upgrade") < small.index("sec-websocket-accept"):
        return "" if server.startswith("jetty") else "lighttpd?"
    return ""


def untouched(headers: Sequence[tuple[str, str]]) -> bool:
    """Whether a 101 has its headers as servers write them by hand: each proxy that speaks HTTP names itself, sorts them
    or moves ``Connection`` (see ``rewriter``)."""
    names = [name for name, _ in headers]
    own = [name for name in names if name != "Date"]  # Go's server puts it behind the others, a proxy of Go among them
    go = "Sec-Websocket-Accept" in names and own == sorted(own) and names[-1:] == ["Date"]
    return go or ("Upgrade", "Connection") in itertools.pairwise(names)


def _small_by_itself(names: list[str], values: dict[str, str]) -> bool:
    """Whether a server that does not name itself writes small letters: hyper, Sanic, or Netty."""
    if names.index("connection") < names.index("upgrade") or names[:2] == ["date", "upgrade"]:
        return True
    return "date" not in names and values["connection"] == "upgrade"
