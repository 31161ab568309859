"""The console: pages for people at ``/console``, drawn by the server.

Reads come from the store's ports; every change goes through the API's own door
(:class:`~offhook.session.ports.api_door.ApiDoor`), so the rules, rights and texts are those of the API.
Whatever a session, a customer or a webhook says is shown as text: the templates escape, the pages carry a
policy that runs no inline script, and scripts build elements with ``textContent`` only.
"""
