"""Offhook: an open, self-hosted programmable-voice server speaking the Callflows API."""

__version__ = "0.1.0"
