"""ActiveMQ Classic (Debian's package) as a child: STOMP over TCP on a loopback port, nothing kept, nothing shared."""

import os
import shutil
import signal
import socket
import time
from pathlib import Path

from tests.servers.child import Child
from tests.servers.ports import LOOPBACK, free_ports

_JAR = Path("/usr/share/activemq/bin/activemq.jar")
_START_SECONDS = 60

LOGIN = ("--login", "ground", "--passcode", "crew")
"""The options that log a client in."""

VISITOR = ("--login", "visitor", "--passcode", "crew")
"""The options that log in one who may read ``/queue/lobby.…``, and write nowhere."""

LONGEST_HEADER = 10 * 1024
"""Bytes of a header line ActiveMQ takes (its own limit, not configured here)."""

LARGEST = 64 * 1024
"""Bytes of a frame, as this broker is configured (``wireFormat.maxFrameSize``); the default is 100 MiB."""

_CONF = """\
<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans
    http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
    http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="ground" persistent="false" useJmx="false"
      dataDirectory="{home}/data" schedulePeriodForDestinationPurge="0">
    <plugins>
      <simpleAuthenticationPlugin>
        <users>
          <authenticationUser username="ground" password="crew" groups="crew"/>
          <authenticationUser username="visitor" password="crew" groups="guests"/>
        </users>
      </simpleAuthenticationPlugin>
      <authorizationPlugin><map><authorizationMap><authorizationEntries>
        <authorizationEntry queue=">" read="crew" write="crew" admin="crew"/>
        <authorizationEntry topic=">" read="crew" write="crew" admin="crew"/>
        <authorizationEntry queue="lobby.>" read="crew,guests" write="crew" admin="crew,guests"/>
        <authorizationEntry topic="ActiveMQ.Advisory.>" read="crew,guests" write="crew,guests" admin="crew,guests"/>
      </authorizationEntries></authorizationMap></map></authorizationPlugin>
    </plugins>
    <transportConnectors>
      <transportConnector name="stomp" uri="stomp://{loopback}:{port}?wireFormat.maxFrameSize={largest}"/>
    </transportConnectors>
  </broker>
</beans>
"""

_LOGGING = """\
log4j.rootLogger=INFO, out
log4j.logger.org.apache.activemq.transport.stomp=DEBUG
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %-5p %m%n
"""


class ActiveMq:
    """A broker that runs from construction to ``stop``. ``url`` is where STOMP over TCP is spoken."""

    def __init__(self, home: Path) -> None:
        java = shutil.which("java")
        assert java is not None and _JAR.exists(), "ActiveMQ is not installed: apt-get install activemq"
        (self.port,) = free_ports(1)
        conf = home / "conf"
        conf.mkdir()
        (conf / "activemq.xml").write_text(_CONF.format(home=home, loopback=LOOPBACK, port=self.port, largest=LARGEST))
        (conf / "log4j.properties").write_text(_LOGGING)
        (home / "tmp").mkdir()
        self._child = Child(
            [
                java, "-Xmx256M", f"-Djava.io.tmpdir={home}/tmp", "-Djava.net.preferIPv4Stack=true",
                "-Dactivemq.idgenerator.hostname=ground",  # its session ids would hold this machine's name
                f"-Dlog4j.configuration=file:{conf}/log4j.properties", f"-Dactivemq.home={_JAR.parents[1]}",
                f"-Dactivemq.base={home}", f"-Dactivemq.conf={conf}", f"-Dactivemq.data={home}/data",
                "-jar", str(_JAR), "start", f"xbean:file:{conf}/activemq.xml",
            ],
            log=home / "broker.log", env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home)}, cwd=home,
        )  # fmt: skip
        try:
            self._child.wait_until(self._logs_in, _START_SECONDS, "ActiveMQ")
        except BaseException:
            self.stop()
            raise

    def _logs_in(self) -> bool:
        """Whether the broker accepts a login."""
        connect = f"CONNECT\naccept-version:1.2\nhost:ground\nlogin:{LOGIN[1]}\npasscode:{LOGIN[3]}\n\n\0"
        try:
            with socket.create_connection((LOOPBACK, self.port), 1) as plain:
                plain.settimeout(5)
                plain.sendall(connect.encode())
                return plain.recv(4096).startswith(b"CONNECTED")
        except OSError:
            return False

    @property
    def url(self) -> str:
        """Its ``stomp:`` target."""
        return f"stomp://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Its process, for a test that holds it."""
        return self._child.pid

    @property
    def log(self) -> str:
        """What the broker has logged so far."""
        return self._child.log.read_text(errors="replace")

    def terminate(self) -> float:
        """Has the broker stop in its own order, as its administrator's ``stop`` does; the monotonic second of that."""
        moment = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        return moment

    def sigkill(self) -> float:
        """Kills the broker at once and returns the monotonic second at which it did."""
        moment = time.monotonic()
        os.kill(self.pid, signal.SIGKILL)
        return moment

    def stop(self) -> None:
        """Ends the broker. What it held is thrown away, so nobody waits for it to say goodbye."""
        self._child.stop(signal.SIGKILL)
