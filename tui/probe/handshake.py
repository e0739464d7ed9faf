"""The opening handshake on its way: the upgrade's request and its answer, each a fact as it passes."""

import time
from functools import partial

from tui.facts import facts
from tui.facts.clocks import Moment
from tui.facts.redaction import Redactor
from tui.probe import http_facts
from tui.probe.channel import Channel
from tui.probe.upgrade import Answer, Upgrade
from tui.probe.wires import Write


class Handshake:
    """One upgrade that is asked for.

    Args:
        upgrade: what is asked, and what comes of it.
        write: writes a fact of the connection.
        redactor: takes secrets out of what is written.
    """

    def __init__(self, upgrade: Upgrade, write: Write, redactor: Redactor) -> None:
        self.upgrade = upgrade
        self._write = write
        self._redactor = redactor
        self._asked_at = 0.0

    def ask(self, channel: Channel) -> None:
        """Sends the request."""
        request, data = self.upgrade.request, self.upgrade.data
        headers = list(request.headers.raw_items())
        fields = http_facts.asked(request.method, request.path, headers, len(data), self._redactor)
        self._asked_at = time.monotonic()
        channel.write(data, partial(self._write, facts.Http, **fields))

    @property
    def undecoded(self) -> int:
        """Bytes received of an answer that is not whole."""
        return self.upgrade.received if self.upgrade.answer is None else 0

    def answer(self, moment: Moment) -> Answer | None:
        """The answer, told as a fact, if it is as whole as it gets; None while it is not.

        Args:
            moment: when what made it whole came.
        """
        answer = self.upgrade.answer
        if answer is None:
            return None
        self._write(
            facts.Http, at=moment, raw=http_facts.unread(answer.raw, self._redactor), cut=answer.cut,
            ms=round((moment.m - self._asked_at) * 1000, 3),
            **http_facts.answered(answer.status, answer.phrase, answer.headers, answer.body, self._redactor),
        )  # fmt: skip
        return answer
