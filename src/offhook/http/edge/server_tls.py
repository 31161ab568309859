"""https: the server's certificate, read again without a restart.

Existing connections keep their certificate; new ones get the one read last.
"""

from __future__ import annotations

import logging
import ssl

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
"""From the connection to the end of the TLS handshake."""


class ServerTls:
    """Holds the context that handshakes use (TLS 1.2 and newer, HTTP/1.1).

    Raises OSError, of which :class:`ssl.SSLError` is one, for files that cannot be used.
    """

    def __init__(self, certificate: str, key: str) -> None:
        self._certificate = certificate
        self._key = key
        self.context = self._read()

    def reload(self) -> None:
        """Read the files again; files that cannot be used are logged and change nothing."""
        try:
            self._read()  # load it into a new context first: a broken pair would damage the one in use
            self.context.load_cert_chain(self._certificate, self._key, password=_no_passphrase)
        except OSError as error:
            log.error("%s: the old certificate stays in use: %s", self._certificate, error)
        else:
            log.info("%s: read again", self._certificate)

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._certificate, self._key, password=_no_passphrase)
        return context


def _no_passphrase() -> str:
    """Refuse a key with a passphrase, because a server has no terminal to ask at."""
    raise OSError("the key has a passphrase; a server needs one without")
