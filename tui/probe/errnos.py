"""What an errno says of how a connection ended."""

import errno

from tui.facts.facts import How

_HOW: dict[int, How] = {
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ECONNABORTED: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.ECONNREFUSED: "refused",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EHOSTDOWN: "unreachable",
}


def how(error: OSError) -> How:
    """The ``how`` of an ``end`` fact; ``local`` where the reason is on this machine (no port left, no permission)."""
    return _HOW.get(error.errno or 0, "local")


def name(error: OSError) -> str:
    """The errno's name, e.g. ``ECONNRESET``."""
    return errno.errorcode.get(error.errno or 0, str(error.errno))
