"""Dialogs (RFC 3261 §12): tags, CSeq, route set, remote target, and where the next request goes."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from offhook.sip.agent_events import Address
from offhook.sip.call_states import DIALOG, DialogEvent, DialogState
from offhook.sip.encoding import default_port
from offhook.sip.grammar import GrammarError, SipUri, parse_name_addr, parse_uri, tag_of, uri_of
from offhook.sip.hosts import is_ip
from offhook.sip.message import Message, Request, Response
from offhook.sip.transport import Transports

_INSIDE = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


class Dialog:
    """One dialog, early or confirmed."""

    __slots__ = (
        "_sources",
        "early_sdp",
        "local",
        "local_cseq",
        "peer",
        "remote",
        "remote_cseq",
        "remote_tag",
        "remote_target",
        "route_set",
        "rseq",
        "settled_early",
        "state",
    )

    def __init__(
        self,
        *,
        local: str,
        remote: str,
        remote_target: str,
        route_set: tuple[str, ...],
        local_cseq: int,
        remote_cseq: int | None,
        peer: Address,
        state: DialogState,
        hosts: Iterable[str] = (),
    ) -> None:
        self.state = state
        self.local = local
        """Our From (or To) value, tag included."""
        self.remote = remote
        self.remote_tag = tag_of(remote)
        self.remote_target = remote_target
        self.route_set = route_set
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        """Highest CSeq number seen from the peer; None before its first request."""
        self.peer = peer
        """Where its messages come from: the next hop when the route is a name we cannot resolve."""
        self.early_sdp: bytes | None = None
        self.rseq: int | None = None
        """Of the last reliable provisional response that we acknowledged (RFC 3262)."""
        self.settled_early = False
        """Whether a reliable provisional response brought the answer to our offer."""
        self._sources = (peer.host, *hosts)

    def comes_from(self, host: str) -> bool:
        """Whether an address literal is the peer's, its Contact's, or in the route set."""
        return host in self._sources or host in _hosts_of((self.remote_target, *self.route_set))

    def answered(self) -> None:
        """A 2xx confirms the dialog."""
        self.state = DIALOG.after(self.state, DialogEvent.ANSWERED)

    def end(self) -> None:
        """The call, or this branch of it, is over. Idempotent."""
        if self.state is not DialogState.TERMINATED:
            self.state = DIALOG.after(self.state, DialogEvent.ENDED)

    @classmethod
    def of_request(cls, request: Request, local: str, source: Address) -> Dialog:
        """The dialog that an INVITE creates at the callee (RFC 3261 §12.1.1)."""
        number = request.cseq[0]
        remote = request.get("from") or ""
        return cls(
            local=local,
            remote=remote,
            remote_target=request.contact_uri or parse_name_addr(remote).uri,
            route_set=tuple(request.values("record-route")),
            local_cseq=0,
            remote_cseq=number,
            peer=source,
            state=DialogState.EARLY,
        )

    @classmethod
    def of_response(
        cls, response: Response, local: str, uri: str, cseq: int, peer: Address
    ) -> Dialog:
        """The dialog that a response creates at the caller (RFC 3261 §12.1.2).

        ``uri`` is the request's, for peers that give no Contact. ``peer`` is where the request was
        sent; the response's own source counts as the peer's as well.
        """
        source = response.source
        if source is not None and source.transport == peer.transport:
            # The connection, with the address that a name has led to; of UDP the local address only.
            peer = peer._replace(flow=source.flow) if peer.transport == "udp" else source
        return cls(
            local=local,
            remote=response.get("to") or "",
            remote_target=response.contact_uri or uri,
            route_set=tuple(reversed(response.values("record-route"))),
            local_cseq=cseq,
            remote_cseq=None,
            peer=peer,
            state=DialogState.CONFIRMED if response.status >= 200 else DialogState.EARLY,
            hosts=[] if source is None else [source.host],
        )

    def refresh_target(self, message: Message) -> None:
        """A target refresh (re-INVITE, UPDATE, their 2xx) names a new Contact (§12.2)."""
        uri = message.contact_uri
        if uri is not None:
            self.remote_target = uri

    def accepts(self, request: Request) -> bool:
        """Whether the CSeq is in order (§12.2.2); a lower one is not. Remembers it."""
        number = request.cseq[0]
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def next_hop(self, transports: Transports) -> tuple[str, str, Address]:
        """Request-URI, finished Route lines and destination of a request inside the dialog.

        A first route without ``lr`` is a strict router's: it goes into the Request-URI and the
        remote target to the end of the route (§12.2.1.1).
        """
        if not self.route_set:
            aim = destination_of(self.remote_target, self.peer)
            return self.remote_target, "", transports.reachable(aim, self.peer)
        try:
            first = parse_name_addr(self.route_set[0]).uri
            loose = "lr" in parse_uri(first).params
        except GrammarError:
            first, loose = self.remote_target, True
        routes = self.route_set
        uri = self.remote_target
        if not loose:
            routes = (*routes[1:], f"<{uri}>")
            uri = first
        lines = "".join(f"Route: {route}\r\n" for route in routes)
        return uri, lines, transports.reachable(destination_of(first, self.peer), self.peer)


def _hosts_of(values: Iterable[str]) -> frozenset[str]:
    """The address literals in URIs or name-addrs."""
    hosts = set()
    for value in values:
        try:
            host = parse_uri(uri_of(value) if "<" in value else value).host
        except GrammarError:
            continue
        if is_ip(host):
            hosts.add(host)
    return frozenset(hosts)


def destination_of(uri: str, peer: Address) -> Address:
    """The address a URI leads to when it holds an IP literal, else ``peer``.

    When a peer with a public address names a private one, that address is behind its NAT: ``peer`` as well.
    """
    try:
        parsed = parse_uri(uri)
    except GrammarError:
        return peer
    host = parsed.params.get("maddr") or parsed.host  # RFC 3263 §4
    if host != peer.host and (not is_ip(host) or (is_inside(host) and not is_inside(peer.host))):
        return peer
    transport = _transport_of(parsed, peer)
    port = parsed.port or default_port(transport)
    # A local UDP address stays. A connection is used again for the same host (RFC 5923).
    keep = transport == peer.transport and (transport == "udp" or host == peer.host)
    return Address(transport, host, port, peer.flow if keep else 0)


def _transport_of(uri: SipUri, peer: Address) -> str:
    """What a URI names (RFC 3263 §4.1), else what the peer uses; never back from TLS to clear text."""
    if peer.transport in ("tls", "ws", "wss"):
        return peer.transport
    if uri.scheme == "sips":
        return "tls"
    named = (uri.params.get("transport") or "").lower()
    return named if named in ("udp", "tcp", "tls") else peer.transport


def is_inside(host: str) -> bool:
    """Whether an address literal is private, shared, link-local or loopback: not reachable from outside."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _INSIDE if network.version == address.version)
