"""STOMP sessions that join a run one by one, each with its own options, and talk at their own pace."""

from tests.probing import ask, open_session, seen
from tests.watching import Watch

GUEST = {"login": "guest", "passcode": "guest", "vhost": "/"}
"""Who logs in to RabbitMQ."""

CREW = {"login": "ground", "passcode": "crew"}
"""Who logs in to ActiveMQ."""

ANNA = {"login": "anna", "passcode": "crew"}
"""Who logs in to Artemis."""


async def join(watch: Watch, name: str, url: str, login: dict[str, str], beats: str, **table: object) -> None:
    """Opens a session and waits until the broker has let it in."""
    opened = await open_session(watch, name=name, url=url, heart_beat=beats, **login, **table)
    assert opened["ok"] is True
    await seen(watch, "stomp", name, command="CONNECTED")


async def subscribe(watch: Watch, session: str, destination: str) -> None:
    """Subscribes, and waits until the broker says that it took it."""
    frame = rf"stomp-frame SUBSCRIBE\nid:1\ndestination:{destination}\nreceipt:in\n\n\0"
    assert (await ask(watch, frame, session))["ok"] is True
    await seen(watch, "stomp", session, command="RECEIPT")


def talk(seconds: float, destination: str, until: float) -> list[str]:
    """What has a session send a message at a pace, as its ``do``."""
    return [f"{n * seconds:.2f} stomp-send {destination} turn {n}" for n in range(1, int(until / seconds) + 1)]


async def beaten(watch: Watch, session: str, count: int) -> None:
    """Waits for that many beats of the broker from now on."""
    so_far = len(watch.of("stomp", session, command="beat", dir="in"))
    await seen(watch, "stomp", session, command="beat", dir="in", count=so_far + count)
