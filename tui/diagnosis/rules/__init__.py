"""The rules, in the order of the house's knowledge (§6.5): who ended it, did it open, did the peer say why, how TCP
ended, which clock fits, our last messages, this machine, the other sessions, the past, the post-mortem, the process at
the other end.

A rule is a function of a ``Case``: it looks at the evidence and blames or doubts causes. It knows no other rule.
"""

from collections.abc import Callable

from tui.diagnosis.case import Case
from tui.diagnosis.rules import (
    admitted,
    afterwards,
    apart,
    behind,
    brokers,
    clocks,
    codes,
    forwarding,
    history,
    inner,
    liveness,
    machine,
    messages,
    opening,
    ours,
    outbound,
    process,
    reaching,
    requests,
    siblings,
    tcp,
    tls,
    together,
    words,
)  # fmt: skip

Rule = Callable[[Case], None]

RULES: tuple[Rule, ...] = (
    *ours.RULES, *reaching.RULES, *tls.RULES, *opening.RULES, *outbound.RULES, *requests.RULES, *words.RULES,
    *inner.RULES, *codes.RULES, *tcp.RULES, *liveness.RULES, *clocks.RULES, *messages.RULES, *machine.RULES,
    *forwarding.RULES, *siblings.RULES, *together.RULES, *apart.RULES, *admitted.RULES, *brokers.RULES,
    *history.RULES, *afterwards.RULES, *process.RULES, *behind.RULES,
)  # fmt: skip
"""Every rule about a connection that ended."""
