"""CONNECT answered (STOMP 1.2, "Connecting"): the version, the beats and the user, or why not."""

import hmac
from dataclasses import dataclass

from tui.lab.policy import Policy
from tui.lab.rejection import Rejected
from tui.protocols.heartbeat import Agreed, Pair, negotiate, parse_pair
from tui.protocols.stomp import StompFrame


@dataclass(slots=True, frozen=True)
class Accepted:
    """What a client and the broker agreed on."""

    version: str
    beats: Agreed
    login: str | None


def choose_version(offered: str | None, versions: tuple[str, ...]) -> str:
    """The highest version both sides speak; an absent ``accept-version`` means 1.0.

    Raises:
        Rejected: no version is shared.
    """
    wanted = ["1.0"] if offered is None else [version.strip() for version in offered.split(",")]
    shared = sorted(set(wanted) & set(versions))
    if shared:
        return shared[-1]
    raise Rejected(
        "Version mismatch",
        f"Supported protocol versions are {' '.join(versions)}",
        (("version", ",".join(versions)),),
    )


def accept(frame: StompFrame, policy: Policy) -> Accepted:
    """What a CONNECT or STOMP frame comes to; ``host`` is ignored.

    Raises:
        Rejected: no shared version, an unreadable ``heart-beat``, a wrong login or passcode.
    """
    version = choose_version(frame.header("accept-version"), policy.versions)
    text = frame.header("heart-beat")
    try:
        client = Pair(0, 0) if text is None or version == "1.0" else parse_pair(text)
    except ValueError:
        raise Rejected("Invalid heart-beat header", f"heart-beat is {text}; it must be two integers: CX,CY") from None
    login = frame.header("login")
    if policy.users is not None:
        # A missing user costs the same time as a wrong passcode.
        known = policy.users.get(login or "", "")
        given = frame.header("passcode") or ""
        same = hmac.compare_digest(known.encode(), given.encode())
        if login not in policy.users or not same:
            raise Rejected("Bad CONNECT", f"Access refused for user '{login or ''}'")
    return Accepted(version, negotiate(client, policy.beats), login)
