"""Who is at the other end, where that is this machine: an ``ssh -L``, a ``kubectl port-forward`` or a stunnel accepts
every connection itself, and what the server behind it does comes through second-hand. And whether it, and who stands
behind it, is still there after a drop: a process that runs on has ended the connection of its own will, one that is
gone has ended with it.
"""

import asyncio
import ipaddress
from collections.abc import Set
from typing import Any, Self

from tui.probe.behind import Ends, behind, ends
from tui.probe.processes import Held, Program, connections, holder, listener, place, runs, youngest_s


class Peer:
    """The programs at the other end of one connection, if that is this machine. They are looked for in a thread."""

    def __init__(self, remote: tuple[Any, ...] | str, listens: Program | None, others: Set[Ends]) -> None:
        self._remote = remote
        self._listens = listens
        self._others = others
        """The connections there were when it was reached."""
        self._held: Held | None = None
        self._behind: list[frozenset[Held]] = []

    @classmethod
    async def at(cls, remote: tuple[Any, ...] | str) -> Self:
        """Whoever listens at an address, as ``getpeername`` says it."""
        if isinstance(remote, str) or not ipaddress.ip_address(remote[0].partition("%")[0]).is_loopback:
            return cls(remote, None, frozenset())
        table = await asyncio.to_thread(connections)
        return cls(remote, await asyncio.to_thread(listener, (remote[0], remote[1]), table), ends(table))

    @property
    def name(self) -> str | None:
        """The name of the program that listens; None where that is not known."""
        return self._listens.name if self._listens is not None else None

    async def accepted(self, local: tuple[Any, ...] | str) -> None:
        """Finds the process that holds the other end of a connection of ours, once it has answered (a worker, where
        its master listens), and who stands behind it."""
        if self._listens is not None:
            await asyncio.to_thread(self._find, local)

    def _find(self, local: tuple[Any, ...] | str) -> None:
        far = place(self._remote)
        holds = holder(place(local), far, connections())
        if holds is not None and far is not None:
            self._held = Held(far, self._listens, holds)
            self._behind = behind(holds, self._others)

    async def after(self) -> str | None:
        """``now``, where nothing shows yet whether anybody listens."""
        return (await asyncio.to_thread(_now, self._held))[1] if self._held is not None else None

    def now(self, *, listening: bool) -> str | None:
        """What has become of the process that held the other end, as ``Held.now`` says it; None where it never was
        known.

        Args:
            listening: whether a connection to where it listened is accepted.
        """
        return self._held.now(listening=listening) if self._held is not None else None

    async def anew_s(self) -> float | None:
        """How long the youngest process of whoever listens there now has run, seconds; None where that is not known."""
        return await asyncio.to_thread(youngest_s, self._held.at) if self._held is not None else None

    def lives_on(self) -> None:
        """The session lives: of several that may stand behind, those that have ended are not it."""
        for at, several in enumerate(self._behind):
            if len(several) > 1:
                self._behind[at] = frozenset(held for held in several if runs(held.holds)) or several

    async def behind(self) -> list[tuple[str, str]]:
        """Who stands behind it, the nearest first: their names, and what has become of them. Of several that may be it,
        one that has ended, or stands still, if one does."""
        found = []
        for several in self._behind:
            now = sorted([await asyncio.to_thread(_now, held) for held in several])
            ended = [one for one in now if one[1] != "lives"]
            if not ended:
                found.append((", ".join(sorted({name for name, _ in now})), "lives"))
            elif len(ended) == 1 or len(now) == len(ended):
                found.append(ended[0])
        return found


def _now(held: Held) -> tuple[str, str]:
    """Its name, and what has become of it; ``closing`` where it lives, and nobody listens there any more."""
    listening = listener(held.at, connections()) is not None
    now = held.now(listening=listening)
    return held.holds.name, "closing" if now == "lives" and held.listens is not None and not listening else now
