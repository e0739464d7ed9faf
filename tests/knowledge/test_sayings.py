"""What peers say before they go: applications word it as they like, and mean the same."""

import pytest

from tui.knowledge.sayings import meant

REASONS = {
    "permission-denied": [
        "You do not have access to this room",
        "User lacks role ADMIN",
        "access to topic orders is denied",
        "insufficient permissions",
        "not a member of this channel",
        "read-only user",
        "subscription refused: private topic",
        "You must be an editor to publish",
        "operation not permitted for this user",
        "missing scope: orders:write",
    ],
    "auth-failed": [
        "Invalid token",
        "bad token",
        "Authentication failed",
        "invalid API key",
        "Unauthorized",
        "login incorrect",
        "signature mismatch",
        "wrong password",
        "no credentials provided",
        "token missing",
        "authentication required",
    ],
    "auth-expired": [
        "token expired",
        "JWT expired at 12:00",
        "your login has expired",
        "session token is no longer valid",
        "access token has been revoked",
        "credentials expired",
        "token no longer valid",
    ],
    "session-expired": [
        "session expired",
        "Session timed out",
        "HTTP session invalidated",
        "session not found",
        "unknown session",
        "no such session",
    ],
    "duplicate-session": [
        "logged in from another device",
        "replaced by a newer connection",
        "another tab took over",
        "duplicate connection",
        "you signed in elsewhere",
        "connection superseded",
        "opened in another window",
        "Another client connected with the same id",
    ],
    "rate-limited": [
        "rate limit exceeded",
        "too many messages",
        "slow down",
        "Too many requests",
        "flood protection",
        "quota exceeded",
        "message rate too high",
        "too many connections from your address",
        "connection limit reached",
    ],
    "idle-timeout-server": [
        "idle timeout",
        "no activity for 60 seconds",
        "client inactive",
        "connection idle for too long",
        "inactivity timeout",
        "Timed out waiting for data",
        "session idle",
    ],
    "connection-lifetime": [
        "maximum connection age reached",
        "max connection duration exceeded",
        "connection lifetime exceeded",
        "please reconnect: connection older than 1h",
        "periodic reconnect",
    ],
    "going-away": [
        "server shutting down",
        "service stopping",
        "Server going away",
        "node is draining",
        "shutdown",
        "planned maintenance",
        "server is being stopped",
        "leaving for maintenance",
    ],
    "server-restart": [
        "service restart",
        "server is restarting",
        "restarting for update",
        "rolling deploy",
        "new version deployed",
        "restart in progress",
    ],
    "try-again-later": [
        "server overloaded",
        "try again later",
        "temporarily unavailable",
        "server busy",
        "at capacity, come back later",
        "please retry",
        "upstream database unavailable",
    ],
    "server-error": [
        "internal server error",
        "unexpected condition",
        "unhandled exception",
        "NullPointerException",
        "database connection lost",
        "internal error",
        "something went wrong",
        "handler crashed",
    ],
    "message-too-big": [
        "message too big",
        "payload exceeds limit",
        "Message is larger than 64 KB",
        "frame too large",
        "maximum message size exceeded",
        "text message too long",
    ],
    "protocol-error": [
        "malformed frame",
        "invalid JSON",
        "unexpected message type",
        "unknown command",
        "bad opcode",
        "protocol violation",
        "could not parse message",
        "invalid message format",
    ],
    "admin-kill": [
        "kicked by admin",
        "disconnected by operator",
        "closed by administrator",
        "terminated by moderator",
        "you have been banned",
        "connection closed by management",
        "forcibly closed by an admin",
        "removed by host",
    ],
    "server-ping-timeout": [
        "ping timeout",
        "no pong received",
        "pong timeout",
        "no response to ping",
        "client did not answer ping",
    ],
    "client-heartbeat-missed": [
        "heartbeat missed",
        "no heartbeat from client",
        "heart-beat timeout",
        "client heartbeat timed out",
        "heartbeat timeout",
    ],
    "backpressure": [
        "slow consumer",
        "client too slow",
        "send buffer overflow",
        "outgoing queue full",
        "write timeout",
        "send queue exceeded",
        "consumer lagging",
    ],
    "subscription-cancelled": ["subscription cancelled", "topic deleted", "queue was deleted"],
    "broker-unavailable": [
        "broker is down",
        "broker not available",
        "lost connection to broker",
        "message broker unavailable",
        "upstream broker closed",
    ],
    "upstream-down": [
        "backend unavailable",
        "upstream closed",
        "bad gateway",
        "backend connection failed",
        "could not reach backend",
    ],
    "origin-rejected": ["origin not allowed", "invalid origin"],
    "unsupported-data": [
        "binary not supported",
        "text frames only",
        "only text messages are accepted",
        "unsupported data",
        "cannot handle binary",
    ],
    "invalid-utf8": ["invalid UTF-8", "invalid utf8 sequence", "text is not valid UTF-8"],
}
"""Reasons of Close frames, by what they say."""

NOTHING = [
    "bye",
    "done",
    "job complete",
    "game over",
    "stream ended",
    "conversation closed",
    "export complete",
    "end of stream",
    "policy violation",
]
"""Reasons that are no cause: whoever says them was done."""


@pytest.mark.parametrize(("cause", "reason"), [(cause, said) for cause, all_ in REASONS.items() for said in all_])
def test_what_a_reason_means(cause: str, reason: str) -> None:
    saying = meant("reason", reason, 1008)
    assert saying is not None and saying.cause == cause


@pytest.mark.parametrize("reason", NOTHING)
def test_a_reason_that_blames_nobody(reason: str) -> None:
    assert meant("reason", reason, 1000) is None
