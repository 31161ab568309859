"""Telephony: SIP and media joined to sockets, trunks and calls."""
