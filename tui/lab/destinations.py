"""Every destination of one broker by its name: ``/topic/…`` goes to everybody, ``/queue/…`` to one."""

from tui.lab.policy import Policy
from tui.lab.queues import Queue, Room
from tui.lab.rejection import Rejected
from tui.lab.topic import Topic

Destination = Topic | Queue


class Destinations:
    """Made when first named, forgotten when nothing and nobody is there."""

    def __init__(self, policy: Policy) -> None:
        self.room = Room(policy.queues_limit)
        self._refusals = policy.refusals
        self._made: dict[str, Destination] = {}

    def find(self, name: str) -> Destination:
        """The destination called ``name``; ``release`` it when done.

        Raises:
            Rejected: no kind of destination starts like that.
        """
        check_name(name)
        destination = self._made.get(name)
        if destination is None:
            destination = Queue(self.room, self._refusals) if is_queue(name) else Topic()
            self._made[name] = destination
        return destination

    def release(self, name: str) -> None:
        """Forgets a destination that is empty."""
        destination = self._made.get(name)
        if destination is not None and destination.empty:
            del self._made[name]


def check_name(name: str) -> None:
    """Can there be a destination called ``name``?

    Raises:
        Rejected: no kind of destination starts like that.
    """
    if not name.startswith(("/topic/", "/queue/")):
        raise Rejected("Unknown destination", f"destination is {name}; this broker serves /topic/… and /queue/…")


def is_queue(name: str) -> bool:
    """Whether messages sent there are kept."""
    return name.startswith("/queue/")
