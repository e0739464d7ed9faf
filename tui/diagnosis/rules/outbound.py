"""Our own proxy on the way out: it answered, and did not connect us; or it ended what it had carried."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tui.diagnosis.case import FITS, HINT, SAID, STRONG, UNLIKELY, Case
from tui.diagnosis.rules.siblings import names_of
from tui.diagnosis.world import Neighbour
from tui.facts.findings import Blame

SOCKS_FAILED = 1
"""SOCKS5's general failure (RFC 1928 §6): what a proxy says that cannot tell its reasons apart."""

ERRNOS = {"101": "unreachable", "110": "timed out", "111": "refused", "113": "unreachable"}
"""What Linux's error numbers mean, by which Squid says why it could not connect."""


def proxy_said_no(case: Case) -> None:
    """The outbound proxy answered, and did not connect us."""
    proxy = case.trail.proxy
    if case.close is None or case.trail.ready is not None or proxy is None or proxy.ok:
        return
    lines = case.lines(proxy, case.trail.end)
    if proxy.status == 407 or (proxy.error is not None and "auth" in proxy.error.lower()):
        case.blame("proxy-auth", "config", SAID, "proxy_auth", lines, error=proxy.error or proxy.status)
        return
    said, status = f"{proxy.error or ''} {_plain(proxy.why or '')}".lower(), proxy.status
    for cause, side, times in _proxy_causes(status, said, named=_by_name(case)):
        case.blame(cause, side, times, "proxy_refused", lines, error=proxy.why or proxy.error or status or "–")


def _plain(why: str) -> str:
    """The reason in words: Squid names it by an error's number, RFC 9209 by one of a list."""
    number = re.search(r"ERR_\w+ (\d+)$", why)
    return f"{why.replace('_', ' ')} {ERRNOS.get(number[1], '') if number is not None else ''}"


def _by_name(case: Case) -> bool:
    """Whether the target's host is a name, which a proxy looks up itself."""
    try:
        ipaddress.ip_address(urlsplit(case.trail.session.url).hostname or "")
    except ValueError:
        return True
    return False


def _proxy_causes(status: int | None, said: str, *, named: bool) -> Iterator[tuple[str, Blame, float]]:
    """What an outbound proxy's refusal may mean; only of a name can it say that it does not know it."""
    if "domain" in said or "dns" in said or "resolve" in said or "not known" in said or "host not found" in said:
        yield "dns-failure", "client", STRONG
    elif status == 504 or "timeout" in said or "timed out" in said or "ttl" in said:
        yield "upstream-timeout", "server", STRONG
    elif "unreachable" in said:
        yield "host-unreachable", "network", STRONG
        yield from (("dns-failure", "client", FITS),) if named else ()
    elif status == 403 or any(word in said for word in ("ruleset", "not allowed", "prohibited", "denied")):
        yield "forbidden", "config", STRONG
    elif "refused" in said:
        tunnels = status is None or status < 100  # SOCKS has a number of its own for that
        yield "upstream-down", "server", 0.8 * STRONG if tunnels else STRONG
        yield "connection-refused", "server", STRONG if tunnels else 0.9 * STRONG
    elif status in (500, 502, 503) or "unable to connect" in said:
        yield "upstream-down", "server", STRONG
        yield "connection-refused", "server", FITS
        yield from (("dns-failure", "client", 1.2 * FITS),) if named else ()
    elif status is None:  # it hung up without an answer
        yield "upstream-down", "server", FITS
        yield "connection-refused", "server", 0.8 * FITS
    elif status == SOCKS_FAILED:
        yield "upstream-down", "server", FITS
        yield "host-unreachable", "network", HINT
        yield from (("dns-failure", "client", 2 * FITS),) if named else ()


def others_go_past(case: Case) -> None:
    """It was hung up on, by way of our own proxy; those that go to the same server without it live on."""
    proxy = case.trail.proxy
    if not case.cut or proxy is None:
        return
    past = [one for one in case.world.neighbours if one.lives and one.trail.proxy is None and _same_target(case, one)]
    if not past:
        return
    args: dict[str, Any] = {"names": names_of(past), "url": proxy.url}
    lines = case.lines(proxy, case.trail.fin, *(one.trail.last_in for one in past))
    case.blame("proxy-restart", "proxy", 2 * FITS, "others_go_past", lines, **args)
    case.blame("proxy-crash", "proxy", FITS, "others_go_past", lines, **args)
    case.doubt(("abrupt-close", "server-crash", "server-restart"), UNLIKELY, "others_go_past", lines, **args)


def _same_target(case: Case, one: Neighbour) -> bool:
    return one.trail.session.url.partition("?")[0] == case.trail.session.url.partition("?")[0]


RULES = (proxy_said_no, others_go_past)
