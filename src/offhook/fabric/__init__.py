"""The message bus between processes: memory, a Unix socket, NATS. All implement
:mod:`offhook.session.ports.fabric`."""
