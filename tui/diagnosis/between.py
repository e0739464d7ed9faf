"""What stands between us and the server, as far as it shows: a reverse proxy that names itself or listens on this
machine, or a forwarder (``ssh -L``, kubectl, stunnel) that does.
"""

from tui.diagnosis.case import Case
from tui.diagnosis.trail import Trail
from tui.facts.facts import Postmortem
from tui.facts.findings import Blame
from tui.knowledge import relays

VPNS = (
    "cscotun", "flannel", "geneve", "gpd", "gre", "ipip", "ipsec", "l2tp", "nordlynx", "ppp", "proton", "sit",
    "tailscale", "tap", "tun", "utun", "vpn", "vti", "vx", "wg", "xfrm", "zt",
)  # fmt: skip
"""How the interfaces of VPNs and overlays are named: OpenVPN, WireGuard, macOS, Cisco, GlobalProtect, Tailscale,
ZeroTier, VXLAN, Linux's own tunnels …"""


def vpn(case: Case) -> str | None:
    """The VPN's interface that the connection goes out by, if it does."""
    name = case.trail.route.interface if case.trail.route is not None else None
    return name if name is not None and name.lower().startswith(VPNS) else None


def listening(case: Case) -> str | None:
    """The program that listens at the other end, where that is this machine and it tells."""
    return _listening(case.trail)


def _listening(trail: Trail) -> str | None:
    return trail.route.program if trail.route is not None else None


def proxied(case: Case) -> str:
    """The reverse proxy that answers for the server, by its own word or by its hand; empty where none shows, in what it
    said to this session or to others at the same address."""
    others = (one.trail for one in case.world.neighbours if one.same_server)
    return next((found for trail in (case.trail, *others) if (found := _proxied(trail))), "")


def _proxied(trail: Trail) -> str:
    program = _listening(trail)
    for said in (trail.http_server, trail.answered("via"), program or ""):
        if relays.proxy(said):
            return said
    if program is not None and _ends_tls(trail, program):
        return program
    return relays.rewriter(trail.answer.headers) if trail.answer is not None and trail.answer.status == 101 else ""


def front(case: Case) -> bool:
    """Whether the process is a proxy's: one before the server, or our own outbound one."""
    return bool(proxied(case)) or case.trail.proxy is not None


def says_close(case: Case) -> bool:
    """Whether a proxy stands in front that ends the sessions it carries with a Close of its own, 1001, when it reloads
    (Caddy: measured); others just cut them."""
    return "caddy" in proxied(case).lower()


def timeless(case: Case) -> bool:
    """Whether the proxy in front has no idle timer for what was upgraded, unless it is told to (Caddy, Traefik)."""
    return any(name in proxied(case).lower() for name in ("caddy", "traefik"))


def forwarder(case: Case) -> str | None:
    """The forwarder that listens at the other end, if one does."""
    program = listening(case)
    if program is None or program not in relays.FORWARDERS or _ends_tls(case.trail, program):
        return None
    return program


def ended_behind(case: Case) -> Postmortem | None:
    """The nearest program behind the other end that has ended since, as far as that is known: who answers now is
    another, and sessions that live are with another."""
    last = {fact.program: fact for fact in case.trail.afterwards if fact.stage == "behind"}
    return next((fact for fact in last.values() if not fact.ok), None)


def _ends_tls(trail: Trail, program: str) -> bool:
    """Whether a stunnel stands before the server rather than before us: we speak TLS with it."""
    return program.startswith("stunnel") and trail.tls is not None


def in_between(case: Case) -> Blame:
    """The side of a cut without a word, which is a proxy's way more than a server's: the server's only where the
    program that listens is known to be no proxy."""
    return "server" if listening(case) is not None and not proxied(case) else "proxy"


def of_an_age(case: Case) -> Blame:
    """The side that ends a connection for its age: the server's where it said Close, or hung up on one whose 101 came
    as servers write it, for what passes on TCP counts no ages as a rule."""
    close, answer = case.close, case.trail.answer
    if close is not None and close.received is not None:
        return "server"
    own_hand = answer is not None and answer.status == 101 and relays.untouched(answer.headers)
    hung_up = own_hand and case.trail.fin is not None and not proxied(case)
    return "server" if hung_up else in_between(case)
