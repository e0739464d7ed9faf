"""The verdict's vocabulary: the ids scripts match on, in both languages, and every known way to drop maps to one."""

import itertools
import re
from collections import Counter

import pytest

from tui.knowledge.causes import GROUPS, causes, group
from tui.knowledge.sayings import meant, sayings
from tui.knowledge.timeouts import bound_of, windows

IDS = frozenset(
    """
none normal-close server-close local-abort client-heartbeat-missed server-heartbeat-missed server-ping-timeout
client-ping-timeout server-freeze client-stalled backpressure idle-timeout-proxy idle-timeout-server nat-timeout
connection-lifetime going-away server-restart server-crash abrupt-close server-abort close-handshake-stalled
try-again-later server-error upstream-down upstream-timeout proxy-reload proxy-restart proxy-crash admin-kill
broker-unavailable tcp-reset network-blackhole packet-loss bandwidth-limited mtu-blackhole local-network-down
host-unreachable tunnel-drop dns-failure connection-refused connect-timeout upgrade-rejected not-found forbidden
origin-rejected rate-limited redirect handshake-timeout handshake-invalid headers-too-big not-websocket proxy-auth
server-unavailable proxy-strips-upgrade proxy-buffering sticky-session-missing websocket-disabled
subprotocol-mismatch wrong-port tls-expected tls-not-spoken tls-cert-expired tls-cert-not-yet-valid
tls-cert-untrusted tls-hostname-mismatch tls-client-cert-required tls-handshake-failed protocol-error
truncated-frame invalid-utf8 unsupported-data message-too-big policy-violation auth-failed auth-expired
permission-denied vhost-not-found version-mismatch destination-invalid destination-not-found resource-locked
subscription-cancelled stomp-connect-missing duplicate-session session-expired unknown
    """.split()  # noqa: SIM905
)
"""The house's list, as it stands: an id is never renamed."""

CATALOGUE = frozenset(
    """
stomp-client-beat-missed background-tab-timer-throttle client-event-loop-blocked server-silent-client-watchdog
broker-zero-grace spring-2n-gap-vs-tight-client spring-sockjs-beat-switched-off no-heartbeat-negotiated
one-way-heartbeat artemis-default-ttl cowboy-ws-idle-60s stomp-login-timeout sockjs-pong-timeout ws-ping-timeout
server-inbound-starved laptop-sleep mobile-or-app-freeze nginx-idle-60s haproxy-idle apache-proxy-timeout
aws-alb-idle-60s aws-nlb-nat-350s gcp-lb-30s-lifetime cloudflare-idle-100s cloudflare-edge-restart
cloudfront-idle-10min heroku-h15-55s azure-lb-4min envoy-stream-idle-5min aws-apigw-limits nginx-reload
haproxy-reload-hardstop proxy-strips-upgrade proxy-buffers-stream non-sticky-lb lb-target-drain
corporate-proxy-or-antivirus per-ip-or-user-connection-limit nat-mapping-expired nat-or-firewall-flush rst-injected
network-interface-lost network-changed-ip path-blackhole remote-host-vanished server-process-killed
server-process-hung mtu-blackhole server-fd-or-backlog-exhausted tls-cert-expired-or-changed
tls-version-or-sni-mismatch mixed-content-ws tls-record-damaged tls-truncation plain-to-tls-port-or-reverse
origin-rejected upgrade-auth-or-routing-error subprotocol-mismatch message-too-big close-frame-lost invalid-utf8
stomp-framing-as-1007 deflate-mismatch masking-violation wrong-data-type eof-in-mid-frame stomp-error-fatal
stomp-access-denied stomp-bad-frame stomp-frame-too-large stomp-version-or-host-mismatch broker-behind-server-down
own-disconnect-echo broker-cancelled-consumer duplicate-client-id exclusive-resource-locked
heart-beat-header-missing-crash duplicate-login-kick http-session-or-token-ended planned-server-stop slow-consumer
spring-time-to-first-message server-exception-1011 rate-limit-or-policy overload-shedding tomcat-idle
jetty-idle-30s page-navigation browser-send-buffer-full client-code-closed sockjs-session-id-reuse
sockjs-http-fallback browser-connection-limit http2-websocket-bug dns-or-failover port-proxy-or-ssh-tunnel
    """.split()  # noqa: SIM905
)
"""The numbered entries of the house's knowledge of drops, and the short ones of the last."""


def test_the_ids_are_the_houses() -> None:
    assert sorted(causes()) == sorted(IDS)
    assert sum(len(group(name)) for name in GROUPS) == len(IDS), "an id stands in two groups"


@pytest.mark.parametrize("name", sorted(IDS))
def test_every_cause_says_all_in_both_languages(name: str) -> None:
    cause = causes()[name]
    texts = [cause.name, cause.what, *(text for text in (cause.confirm, cause.fix) if text is not None)]
    for text in texts:
        assert text.en.strip() and re.search(r"[\u3400-\u9fff]", text.zh)
    assert cause.sides
    assert name == "none" or (cause.confirm is not None and cause.fix is not None)


def test_every_known_way_to_drop_is_one_cause() -> None:
    found = Counter(entry for cause in causes().values() for entry in cause.entries)
    assert [entry for entry, count in found.items() if count > 1] == []
    wanted = {*CATALOGUE, *(window.id for window in windows())}
    assert sorted(wanted - set(found)) == []
    assert sorted(set(found) - wanted) == []


def test_a_window_ends_in_the_cause_it_is_listed_under() -> None:
    for window in windows():
        assert window.id in causes()[window.cause].entries, window.id


def test_windows_are_windows() -> None:
    for window in windows():
        least, most = window.seconds(10_000, 10.0)
        assert 0 <= least <= most, window.id
        assert window.product and window.setting and window.end


@pytest.mark.parametrize(
    ("given", "seconds"), [(60, 60.0), ("2n", 20.0), ("3n+0.5", 30.5), ("3n+tick+1", 32.0), ("1.5n", 15.0)]
)
def test_a_bound_in_intervals(given: float | str, seconds: float) -> None:
    assert bound_of(given).seconds(10.0, 1.0) == seconds


@pytest.mark.parametrize("given", ["n", "2x", "n2", "-"])
def test_a_bound_that_is_none(given: str) -> None:
    with pytest.raises(ValueError, match=given):
        bound_of(given)


def test_sayings_are_expressions_of_known_causes() -> None:
    for saying in itertools.chain(*sayings().values()):
        re.compile(saying.match)
        assert saying.cause in causes()
        assert saying.side in causes()[saying.cause].sides, saying.match


def test_the_special_saying_goes_before_the_general() -> None:
    special = meant("reason", "This connection was established under an authenticated HTTP session that has ended.")
    assert special is not None and special.cause == "session-expired"
    assert meant("reason", "have a nice day") is None
    timed_out = meant("reason", "keepalive ping timeout", 1011)
    assert timed_out is not None and timed_out.cause == "server-ping-timeout"
