"""How SIP messages go out and come in: one module per transport, each behind :class:`SipTransport`."""
