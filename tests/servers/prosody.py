"""Prosody as a child: XMPP over WebSocket on a loopback port, its users, and what a client of it says."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports

_CONF = """\
pidfile = "{home}/prosody.pid"
run_as_root = true
data_path = "{home}"
certificates = "{home}"
modules_enabled = {{ "saslauth", "disco", "ping", "websocket", "admin_shell"{modules} }}
modules_disabled = {{ "s2s" }}
admin_socket = "{home}/admin"
c2s_ports = {{ }}
http_ports = {{ {port} }}
https_ports = {{ }}
http_interfaces = {{ "{loopback}" }}
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
authentication = "internal_plain"
log = {{ info = "*console" }}
{lines}
VirtualHost "localhost"
"""

OPEN = 'send <open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="localhost" version="1.0"/>'
"""The start of a stream, as a session command."""

PASSCODE = "crew"


def authenticate(user: str, passcode: str = PASSCODE) -> str:
    """The login of ``user``, as a session command."""
    word = base64.b64encode(f"\0{user}\0{passcode}".encode()).decode()
    return f'send <auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">{word}</auth>'


def bind(resource: str) -> str:
    """The wish for a resource, as a session command."""
    inner = f'<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>{resource}</resource></bind>'
    return f'send <iq xmlns="jabber:client" type="set" id="bind">{inner}</iq>'


PING = 'send <iq xmlns="jabber:client" type="get" to="localhost" id="p"><ping xmlns="urn:xmpp:ping"/></iq>'
"""XMPP's own ping, as a session command."""


class Prosody(Daemon):
    """The server, with the users ``anna`` and ``bert``.

    Args:
        home: an empty directory for its files.
        lines: further lines of its configuration.
        modules: further modules of its own.
    """

    def __init__(self, home: Path, *lines: str, modules: tuple[str, ...] = ()) -> None:
        (port,) = free_ports(1)
        self._conf = home / "prosody.cfg.lua"
        more = "".join(f', "{module}"' for module in modules)
        self._conf.write_text(
            _CONF.format(home=home, port=port, loopback=LOOPBACK, modules=more, lines="\n".join(lines))
        )
        for user in ("anna", "bert"):
            self.ctl("register", user, "localhost", PASSCODE)
        program = [installed("prosody", "prosody"), "--config", str(self._conf), "-F"]
        super().__init__(port, program, log=home / "prosody.log")

    def ctl(self, *args: str) -> str:
        """What ``prosodyctl ARGS`` printed."""
        program = shutil.which("prosodyctl")
        assert program is not None, "prosodyctl is not installed: apt-get install prosody"
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self._conf.parent)}
        words = [program, "--config", str(self._conf), *args]
        done = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, f"prosodyctl {' '.join(args)}: {done.stdout}{done.stderr}"
        return done.stdout

    @property
    def url(self) -> str:
        """Its ``ws:`` target."""
        return f"ws://{LOOPBACK}:{self.port}/xmpp-websocket"
