"""Recordings: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import PushChanged, PushView, RecordingList, RecordingsErased


class RecordingsCalls(Sender):
    """Recordings."""

    def list_recordings(self, session_id: str) -> RecordingList:
        """List the recordings of a session."""
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/recordings/{sessionId}",
            RecordingList,
            names={"sessionId": session_id},
        )

    def erase_recordings(self, session_id: str) -> RecordingsErased:
        """Erase the recordings of a session from this server."""
        return self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/recordings/{sessionId}",
            RecordingsErased,
            names={"sessionId": session_id},
        )

    def get_recording_push_config(self) -> PushView:
        """Show where recordings are uploaded to."""
        return self._send(
            "GET", "/api/v1/subaccounts/{subAccountId}/recording-push-config", PushView
        )

    def put_recording_push_config(
        self,
        *,
        protocol: str,
        host: str,
        username: str,
        port: int | None = None,
        password: str | None = None,
        path: str | None = None,
        host_key: str | None = None,
    ) -> PushChanged:
        """Set where recordings are uploaded to.

        ``protocol``: ``S3``, ``SFTP``, ``FTP`` or ``FTPS``, in any case.
        ``host``: A host name or address. S3: a region, or the URL of an endpoint.
        ``port``: Absent: the protocol's own.
        ``username``: S3: the id of the access key.
        ``password``: S3: the secret of the access key. SFTP: a password, or a private key in PEM.
            Absent: the one that is there, if host and user stay the same.
        ``path``: A folder. S3: the bucket, then a prefix.
        ``host_key``: SFTP: the key of the server, ``SHA256:…`` or ``ssh-ed25519 AAAA…``. Absent:
            the key that the server shows first is the one.
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/recording-push-config",
            PushChanged,
            body={
                "protocol": protocol,
                "host": host,
                "port": port,
                "username": username,
                "password": password,
                "path": path,
                "hostKey": host_key,
            },
        )

    def delete_recording_push_config(self) -> PushChanged:
        """Let recordings stay on this server."""
        return self._send(
            "DELETE", "/api/v1/subaccounts/{subAccountId}/recording-push-config", PushChanged
        )


class AsyncRecordingsCalls(AsyncSender):
    """Recordings."""

    async def list_recordings(self, session_id: str) -> RecordingList:
        """List the recordings of a session."""
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/recordings/{sessionId}",
            RecordingList,
            names={"sessionId": session_id},
        )

    async def erase_recordings(self, session_id: str) -> RecordingsErased:
        """Erase the recordings of a session from this server."""
        return await self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/recordings/{sessionId}",
            RecordingsErased,
            names={"sessionId": session_id},
        )

    async def get_recording_push_config(self) -> PushView:
        """Show where recordings are uploaded to."""
        return await self._send(
            "GET", "/api/v1/subaccounts/{subAccountId}/recording-push-config", PushView
        )

    async def put_recording_push_config(
        self,
        *,
        protocol: str,
        host: str,
        username: str,
        port: int | None = None,
        password: str | None = None,
        path: str | None = None,
        host_key: str | None = None,
    ) -> PushChanged:
        """Set where recordings are uploaded to.

        ``protocol``: ``S3``, ``SFTP``, ``FTP`` or ``FTPS``, in any case.
        ``host``: A host name or address. S3: a region, or the URL of an endpoint.
        ``port``: Absent: the protocol's own.
        ``username``: S3: the id of the access key.
        ``password``: S3: the secret of the access key. SFTP: a password, or a private key in PEM.
            Absent: the one that is there, if host and user stay the same.
        ``path``: A folder. S3: the bucket, then a prefix.
        ``host_key``: SFTP: the key of the server, ``SHA256:…`` or ``ssh-ed25519 AAAA…``. Absent:
            the key that the server shows first is the one.
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/recording-push-config",
            PushChanged,
            body={
                "protocol": protocol,
                "host": host,
                "port": port,
                "username": username,
                "password": password,
                "path": path,
                "hostKey": host_key,
            },
        )

    async def delete_recording_push_config(self) -> PushChanged:
        """Let recordings stay on this server."""
        return await self._send(
            "DELETE", "/api/v1/subaccounts/{subAccountId}/recording-push-config", PushChanged
        )
