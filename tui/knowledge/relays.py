"""Programs that pass on what others say: reverse proxies and the ends of tunnels, by their names."""

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


def proxy(said: str) -> bool:
    """Whether a ``Server`` or ``Via`` header, or a program's name, is a reverse proxy's."""
    return any(name in said.lower() for name in PROXIES)


def relays(program: str) -> bool:
    """Whether a program passes on what others say."""
    return program in FORWARDERS or proxy(program)
