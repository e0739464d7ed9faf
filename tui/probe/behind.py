"""Who is behind a proxy or a tunnel of this machine: whoever it connected to for our connection, and so on."""

import ipaddress
from collections.abc import Sequence, Set
from typing import Any

import psutil

from tui.knowledge.relays import relays
from tui.probe.processes import Held, Place, Program, connections, family, holder, listener, place

MOST = 3
"""Connections that are followed: a tunnel's two halves and a server, or two proxies and a server."""

Ends = tuple[Place | None, Place | None]
"""A connection by its two places, this process's own first."""


def ends(table: Sequence[Any]) -> frozenset[Ends]:
    """The connections there are."""
    return frozenset((place(one.laddr), place(one.raddr)) for one in table if one.raddr)


def behind(front: Program, before: Set[Ends]) -> list[frozenset[Held]]:
    """The programs that stand behind one another, the nearest first, as far as they are on this machine. Where a proxy
    has connected to several meanwhile it is one of them, and who stands behind that is not looked for.

    Args:
        front: who has the other end of our connection.
        before: the connections there were before it was used: what a proxy connects to for us comes after. A tunnel's
            own connection, and what was connected sooner than we looked, are among them; then all count that it has.
    """
    chain: list[frozenset[Held]] = []
    table = connections()
    while relays(front.name) and len(chain) < MOST:
        ways = _ways(front, table)
        news = [way for way in ways if way not in before]
        found = frozenset(held for way in news or ways if (held := _held(way, table)) is not None)
        if not found:
            break
        chain.append(found)
        if len(found) > 1:
            break
        (held,) = found
        front = held.holds
    return chain


def _ways(program: Program, table: Sequence[Any]) -> list[Ends]:
    """The connections a program has made to others on this machine."""
    mine = family(program)
    doors = {one.laddr[1] for one in table if one.status == psutil.CONN_LISTEN}
    open_ = [one for one in table if one.pid in mine and one.status == psutil.CONN_ESTABLISHED]
    return [(place(one.laddr), place(one.raddr)) for one in open_ if one.laddr[1] not in doors and _here(one.raddr)]


def _here(address: Any) -> bool:
    found = place(address)
    return found is not None and ipaddress.ip_address(found[0]).is_loopback


def _held(way: Ends, table: Sequence[Any]) -> Held | None:
    near, far = way
    holds = holder(near, far, table)
    return Held(far, listener(far, table), holds) if holds is not None and far is not None else None
