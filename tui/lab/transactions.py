"""One client's open transactions (STOMP 1.2, "BEGIN"): frames held back until COMMIT, forgotten at ABORT."""

from tui.lab.rejection import Rejected
from tui.protocols.stomp import StompFrame


class Transactions:
    """``tui.lab.broker`` begins, fills and ends them; a client that goes takes them with it, as by ABORT.

    Args:
        limit: the most frames they may hold together, each BEGIN counted.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[str, list[StompFrame]] = {}
        self._size = 0

    def begin(self, name: str) -> None:
        """Opens one.

        Raises:
            Rejected: it is open already, or there are too many.
        """
        if name in self._open:
            raise Rejected("Transaction exists already", f"transaction is {name}")
        self._grow()
        self._open[name] = []

    def hold(self, name: str, frame: StompFrame) -> None:
        """Keeps a SEND, ACK or NACK for later.

        Raises:
            Rejected: no such transaction is open, or it holds too much.
        """
        held = self._find(name)
        self._grow()
        held.append(frame)

    def end(self, name: str) -> list[StompFrame]:
        """Closes one; what it held, in order.

        Raises:
            Rejected: no such transaction is open.
        """
        held = self._find(name)
        del self._open[name]
        self._size -= len(held) + 1
        return held

    def _find(self, name: str) -> list[StompFrame]:
        if name not in self._open:
            raise Rejected("No such transaction", f"transaction is {name}")
        return self._open[name]

    def _grow(self) -> None:
        if self._size == self._limit:
            raise Rejected("The transactions are too big", f"they may hold {self._limit} frames together")
        self._size += 1
