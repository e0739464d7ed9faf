"""Which protocol the first bytes of an answer are of, where they are not what was expected."""

from collections.abc import Mapping, Sequence

_PREFIXES: Sequence[tuple[str, str]] = (
    ("\x15\x03", "TLS"),  # an alert record, RFC 8446 §5.1
    ("\x16\x03", "TLS"),
    ("HTTP/", "HTTP"),
    ("<!doctype html", "HTTP"),  # an answer of HTTP/0.9: no head
    ("<html", "HTTP"),
    ("SSH-", "SSH"),  # RFC 4253 §4.2
    ("AMQP", "AMQP"),  # the header of the version a broker speaks, AMQP 0-9-1 §4.2.2
    ("220-", "SMTP / FTP"),  # RFC 5321 §4.2, RFC 959 §5.4
    ("220 ", "SMTP / FTP"),
    ("* OK", "IMAP"),  # RFC 3501 §7.1.5
    ("+OK", "POP3"),  # RFC 1939 §4
    ("-ERR", "Redis"),
    ("RFB ", "VNC"),  # RFC 6143 §7.1.1
    ("CONNECTED\n", "STOMP"),
    ("ERROR\n", "STOMP"),
    ("\x05\x00", "SOCKS5"),  # RFC 1928 §3
    ("\x05\xff", "SOCKS5"),
    ("\x00\x00", "HTTP/2"),  # a SETTINGS frame of at most 255 bytes, RFC 9113 §6.5
    ("@RSYNCD:", "rsync"),
    ("INFO {", "NATS"),
)

PROGRAMS: Mapping[str, str] = {
    "dovecot": "IMAP / POP3", "mariadbd": "MySQL", "memcached": "memcached", "mongod": "MongoDB", "mysqld": "MySQL",
    "postgres": "PostgreSQL",
    "redis-server": "Redis", "valkey-server": "Redis", "vsftpd": "FTP",
}  # fmt: skip
"""Programs that serve one protocol, none of ours, and may end a connection without a word of it."""


def protocol(raw: str) -> str | None:
    """The protocol whose greeting or refusal bytes (as Latin-1) begin like; None where nothing known does."""
    start = raw.lstrip("\r\n")[:32]
    for prefix, name in _PREFIXES:
        if start[: len(prefix)].lower() == prefix.lower():
            return name
    # A MySQL greeting: a length of three bytes, number 0, then protocol version 10.
    return "MySQL" if raw[3:5] == "\x00\x0a" else None
