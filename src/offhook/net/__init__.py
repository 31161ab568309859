"""Outgoing HTTP: the one place through which Offhook talks to hosts that customers name."""
