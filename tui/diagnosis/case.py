"""The case of one connection: its trail, what surrounds it, and the causes its evidence speaks for and against.

Rules (``tui.diagnosis.rules``) are small functions over a ``Case``. A rule says how many times likelier a cause has
become by one relation; relations of one cause multiply, so they must be independent: never two of one fact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tui.diagnosis.kernel import Kernel
from tui.diagnosis.marks import Mark
from tui.diagnosis.trail import Trail
from tui.diagnosis.world import Drop, World
from tui.facts.findings import Blame, Close, Product

PRIOR = 0.2
"""The odds of a cause before any relation."""

SAID = 300.0
"""The peer told us, or we did it ourselves: alone enough to be certain."""
STRONG = 20.0
"""Hardly ever so without this cause; alone enough to be strong."""
FITS = 5.0
"""Consistent with it; two such make it strong."""
HINT = 2.0
UNLIKELY = 0.2
EXCLUDED = 0.01

IDLE_TIMERS = ("idle-timeout-proxy", "idle-timeout-server")
"""Whose timers end what is silent."""

PROXY_ENDS = ("proxy-reload", "proxy-restart", "proxy-crash")
"""How a proxy ends all that goes through it."""


class Reason(NamedTuple):
    """One relation: a key of the catalogue's ``verdict`` area, its arguments, and the facts it stands on."""

    key: str
    args: dict[str, Any]
    lines: list[int]


@dataclass(slots=True)
class Candidate:
    """One cause under consideration."""

    cause: str
    side: Blame
    odds: float = PRIOR
    told: bool = False
    """The peer said so, or we did it: only then can it be certain."""
    best: float = 0.0
    evidence: list[Reason] = field(default_factory=list)
    against: list[Reason] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)


class Case:
    """What the rules look at, and where they put what they find.

    Args:
        trail: the connection.
        world: what surrounds it at this moment.
        m: now, monotonic seconds.
    """

    def __init__(self, trail: Trail, world: World, m: float) -> None:
        self.trail = trail
        self.world = world
        self.m = m
        self.candidates: dict[str, Candidate] = {}
        self._doubts: list[tuple[str, float, Reason]] = []

    # What it is about.

    @property
    def kernel(self) -> Kernel:
        """The kernel's reports of the connection."""
        return self.trail.kernel

    @property
    def lossy(self) -> bool:
        """Whether the way there loses packets of ours here and there."""
        largest = max(self.trail.largest_survived, *(sent.size for sent in self.trail.sends), 0)
        return self.kernel.lossy(largest)

    @property
    def close(self) -> Close | None:
        """The close report; None while the connection lives."""
        return self.trail.close

    @property
    def at(self) -> float:
        """When the connection began to end; now, while it lives."""
        if self.trail.act is not None:
            return self.trail.act.m
        return self.trail.end.m if self.trail.end is not None else self.m

    @property
    def idle_tx(self) -> float:
        """Seconds from our last byte to the end, or to now."""
        return self._since(self.trail.last_out)

    @property
    def idle_rx(self) -> float:
        """Seconds from the last byte received to the end, or to now."""
        return self._since(self.trail.last_in)

    @property
    def idle_any(self) -> float:
        """Seconds from the last byte either way to the end, or to now."""
        return min(self.idle_tx, self.idle_rx)

    def _since(self, mark: Mark | None) -> float:
        since = mark.m if mark is not None else self.trail.ready.m if self.trail.ready is not None else self.at
        return max(0.0, self.at - since)

    @property
    def age(self) -> float | None:
        """Seconds from ready to the end, or to now; None if it never became ready."""
        return None if self.trail.ready is None else max(0.0, self.at - self.trail.ready.m)

    @property
    def unpolled_s(self) -> float:
        """The longest that no request of a SockJS session waited at the server, seconds: none did while we stood still,
        and what had been answered lay unread."""
        frozen, ready = self.trail.orders.frozen_at(self.at), self.trail.ready
        still = [
            max(stall.wall, stall.mono) for stall in self.world.stalls
            if stall.why != "reading" and ready is not None and ready.m <= stall.m <= self.at
        ]  # fmt: skip
        return max(self.trail.longest_poll_gap_s, self.at - frozen.m if frozen is not None else 0.0, *still)

    @property
    def by_requests(self) -> bool:
        """Whether each request may be a connection of its own: SockJS over XHR."""
        return self.trail.transport is not None and self.trail.transport.name != "websocket"

    @property
    def silent_end(self) -> bool:
        """TCP ended after ready, not by us, and no Close frame, SockJS ``c`` or STOMP ERROR said why."""
        close = self.close
        return (
            close is not None
            and self.trail.ready is not None
            and close.received is None
            and close.initiator in ("remote", "none")
            and close.error is None
            and close.sockjs is None
        )

    @property
    def cut(self) -> bool:
        """A silent end by a FIN or a RST: somebody ended TCP, rather than that it died of what did not arrive."""
        return self.silent_end and self.close is not None and self.close.transport.how in ("fin", "reset", "tls")

    @property
    def last_lines(self) -> list[int]:
        """The facts of the last bytes each way and of the end."""
        return self.lines(self.trail.last_out, self.trail.last_in, self.trail.fin, self.trail.end)

    @staticmethod
    def lines(*marks: Any) -> list[int]:
        """The numbers of the facts that are there, in order."""
        return sorted({mark.n for mark in marks if mark is not None and mark.n})

    # What is found.

    def blame(
        self,
        cause: str,
        side: Blame,
        times: float,
        key: str,
        lines: Sequence[int] = (),
        *,
        product: tuple[str, str] | None = None,
        **args: Any,
    ) -> None:
        """A relation that speaks for a cause: ``times`` likelier. The side is that of the strongest relation."""
        candidate = self.candidates.setdefault(cause, Candidate(cause, side))
        candidate.odds *= times
        candidate.told = candidate.told or times >= SAID
        candidate.evidence.append(Reason(f"verdict.{key}", args, list(lines)))
        if times > candidate.best:
            candidate.best, candidate.side = times, side
        if product is not None:
            named = Product(name=product[0], setting=product[1])
            if named not in candidate.products:
                candidate.products.append(named)

    def doubt(
        self, causes: str | Sequence[str], times: float, key: str, lines: Sequence[int] = (), **args: Any
    ) -> None:
        """A relation that speaks against a cause, or several, if anything speaks for it: ``times`` (below 1) as
        likely."""
        for cause in (causes,) if isinstance(causes, str) else causes:
            self._doubts.append((cause, times, Reason(f"verdict.{key}", args, list(lines))))

    def settle(self) -> list[Candidate]:
        """The candidates with their doubts counted, the likeliest first."""
        for cause, times, reason in self._doubts:
            candidate = self.candidates.get(cause)
            if candidate is not None:
                candidate.odds *= times
                candidate.against.append(reason)
        self._doubts.clear()
        return sorted(self.candidates.values(), key=lambda candidate: -candidate.odds)


def drop(case: Case, n: int) -> Drop:
    """A case that ended unasked, as history keeps it; ``n`` is its last fact."""
    trail = case.trail
    return Drop(
        s=trail.session.name, c=trail.number, remote=trail.remote, m=case.at, n=n, age=case.age,
        idle_any=case.idle_any, idle_tx=case.idle_tx, idle_rx=case.idle_rx,
    )  # fmt: skip
