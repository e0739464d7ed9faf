"""What set a session that dropped apart from one that lives (§5.2): every difference before the drop, as plain text."""

from collections.abc import Callable, Iterator

from tui.diagnosis.case import Case
from tui.diagnosis.trail import Trail
from tui.facts.facts import Fact
from tui.facts.findings import Compare, Difference


def compare(fact: Fact, case: Case, other: Trail) -> Compare:
    """The differences between the case's connection and a survivor, as they stand at ``fact``."""
    return Compare(
        finding=True, t=fact.t, m=fact.m, s=case.trail.session.name, c=case.trail.number, n=fact.n,
        with_=other.session.name, differs=list(_differences(case, other)),
    )  # fmt: skip


def _differences(case: Case, other: Trail) -> Iterator[Difference]:
    for key, of in _PLAIN.items():
        this, that = of(case.trail), of(other)
        if this != that:
            yield Difference(key=key, this=this, other=that)
    for key, measure in _MEASURED.items():
        mine, theirs = measure(case.trail, case.at), measure(other, case.at)
        if abs(mine - theirs) > max(1.0, 0.25 * max(mine, theirs)):
            yield Difference(key=key, this=f"{mine:.1f} s", other=f"{theirs:.1f} s")


def _address(trail: Trail) -> str:
    return trail.remote


def _local(trail: Trail) -> str:
    return (trail.tcp.local or "").rpartition(":")[0] if trail.tcp is not None else ""


def _backend(trail: Trail) -> str:
    return trail.server


def _beats(trail: Trail) -> str:
    return f"{trail.beat_out_s:g} s, {trail.beat_in_s:g} s"


def _subprotocol(trail: Trail) -> str:
    return trail.open.subprotocol or "" if trail.open is not None else ""


def _login(trail: Trail) -> str:
    return str(trail.session.spec.get("login", ""))


def _target(trail: Trail) -> str:
    return trail.session.url


def _subscriptions(trail: Trail) -> str:
    return ", ".join(str(one) for one in trail.session.spec.get("subscribe", ()))


def _orders(trail: Trail) -> str:
    return ", ".join(order.words for order in trail.orders)


_PLAIN: dict[str, Callable[[Trail], str]] = {
    "target": _target, "address": _address, "local": _local, "backend": _backend, "subprotocol": _subprotocol,
    "login": _login, "beats": _beats, "subscriptions": _subscriptions, "commands": _orders,
}  # fmt: skip


def _own_gap(trail: Trail, at: float) -> float:
    last = at - trail.last_out.m if trail.last_out is not None else 0.0
    return max(trail.longest_out_s, last)


def _idle_tx(trail: Trail, at: float) -> float:
    return max(0.0, at - trail.last_out.m) if trail.last_out is not None else 0.0


def _idle_rx(trail: Trail, at: float) -> float:
    return max(0.0, at - trail.last_in.m) if trail.last_in is not None else 0.0


def _age(trail: Trail, at: float) -> float:
    return max(0.0, at - trail.ready.m) if trail.ready is not None else 0.0


_MEASURED: dict[str, Callable[[Trail, float], float]] = {
    "own_gap": _own_gap, "idle_tx": _idle_tx, "idle_rx": _idle_rx, "age": _age,
}  # fmt: skip
