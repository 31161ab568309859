"""``/recording-push-config``: where recordings are uploaded to. The password is never shown."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import CONFLICT, INVALID, NOT_FOUND, Refused
from offhook.http.resources.params import CONFLICTS, needs, tenancy_changed
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.net.host_keys import fingerprint_of
from offhook.session.scopes import Scope
from offhook.session.tenancy import DEFAULT_PORTS, PushConfig, PushProtocol

_PLAIN = r"^[^\x00-\x1f\x7f]*$"
"""No control characters: a line break in a path or name would be a command to an FTP server."""


class PushRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where recordings are to be uploaded to."""

    protocol: Annotated[str, msgspec.Meta(max_length=8)]
    """`S3`, `SFTP`, `FTP` or `FTPS`, in any case."""
    host: Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=_PLAIN)]
    """A host name or address. S3: a region, or the URL of an endpoint."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    """Absent: the protocol's own."""
    username: Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=_PLAIN)]
    """S3: the id of the access key."""
    password: Annotated[str, msgspec.Meta(max_length=8192)] | None = None
    """S3: the secret of the access key. SFTP: a password, or a private key in PEM. Absent: the one that is
    there, if host and user stay the same."""
    path: Annotated[str, msgspec.Meta(max_length=1024, pattern=_PLAIN)] = "/"
    """A folder. S3: the bucket, then a prefix."""
    host_key: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    """SFTP: the key of the server, `SHA256:…` or `ssh-ed25519 AAAA…`. Absent: the key that the server shows
    first is the one."""


class PushView(View, frozen=True, kw_only=True):
    """Where recordings are uploaded to."""

    sub_account_id: str
    protocol: PushProtocol
    """How they are uploaded."""
    host: str
    """The server; S3: a region, or the URL of an endpoint."""
    port: int
    """The one that was given, or the protocol's own."""
    username: str
    """The user; S3: the id of the access key."""
    password_set: bool
    """Always true; the password itself is never shown."""
    path: str
    """The folder; S3: the bucket, then a prefix."""
    host_key_fingerprint: str | None = None
    """SFTP: the key that the server must show. Absent: the first one will be it."""
    status_code: int
    status_message: str


class PushChanged(PushView, frozen=True, kw_only=True):
    """What it is now, or was."""

    delete: bool
    """Whether it was deleted."""


@get(
    "/",
    operation_id="getRecordingPushConfig",
    summary="Show where recordings are uploaded to",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def get_push(caller: NamedDependency[Caller]) -> PushView:
    """404 where recordings stay on this server."""
    return PushView(**_fields(caller, _configured(caller)))


@post(
    "/",
    status_code=200,
    operation_id="putRecordingPushConfig",
    summary="Set where recordings are uploaded to",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def put_push(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], data: JSONBody[PushRequest]
) -> PushChanged:
    """Recordings that could not be uploaded so far are tried again soon."""
    config = _config(data, caller.sub_account.recording_push)
    problem = await deps.push_problem(config)
    if problem is not None:
        raise Refused(INVALID, problem)
    owner = caller.sub_account.sub_account_id
    await deps.store.put_push_config(owner, config)
    await deps.store.recordings_due(owner, deps.clock.now())
    await tenancy_changed(deps)
    return PushChanged(**_fields(caller, config), delete=False)


@delete(
    "/",
    status_code=200,
    operation_id="deleteRecordingPushConfig",
    responses=CONFLICTS,
    summary="Let recordings stay on this server",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def delete_push(deps: NamedDependency[Deps], caller: NamedDependency[Caller]) -> PushChanged:
    """Recordings that wait for their upload are kept here and served through links."""
    config = _configured(caller)
    owner = caller.sub_account.sub_account_id
    if not await deps.store.delete_push_config(owner):
        raise Refused(CONFLICT, "It is part of the operator's configuration")
    await deps.store.recordings_due(owner, deps.clock.now())
    await tenancy_changed(deps)
    return PushChanged(**_fields(caller, config), delete=True)


def _config(data: PushRequest, existing: PushConfig | None) -> PushConfig:
    """The configuration asked for. Raises a 422 :class:`.Refused`."""
    name = data.protocol.upper()
    if name not in PushProtocol.__members__:
        raise Refused(INVALID, "protocol: must be S3, SFTP, FTP or FTPS")
    protocol = PushProtocol(name)
    password = data.password
    if password is None and existing is not None:
        same = (existing.host, existing.username) == (data.host, data.username)
        password = existing.password if same else None
    if not password:
        raise Refused(INVALID, "password: is missing")
    if protocol is PushProtocol.S3 and not data.path.strip("/"):
        raise Refused(INVALID, "path: must begin with the name of the bucket")
    if data.host_key is not None:
        if protocol is not PushProtocol.SFTP:
            raise Refused(INVALID, "hostKey: only SFTP has one")
        try:
            fingerprint_of(data.host_key)
        except ValueError as error:
            raise Refused(INVALID, f"hostKey: {error}") from None
    return PushConfig(
        protocol=protocol,
        host=data.host,
        port=data.port,
        username=data.username,
        password=password,
        path=data.path,
        host_key=data.host_key,
    )


def _configured(caller: Caller) -> PushConfig:
    config = caller.sub_account.recording_push
    if config is None:
        raise Refused(NOT_FOUND, "There is no push configuration: recordings stay on this server")
    return config


def _fields(caller: Caller, config: PushConfig) -> dict[str, Any]:
    return {
        "sub_account_id": caller.sub_account.sub_account_id,
        "protocol": config.protocol,
        "host": config.host,
        "port": config.port or DEFAULT_PORTS[config.protocol],
        "username": config.username,
        "password_set": True,
        "path": config.path,
        "host_key_fingerprint": fingerprint_of(config.host_key) if config.host_key else None,
        "status_code": OK_CODE,
        "status_message": OK_MESSAGE,
    }


router = Router(
    "/recording-push-config", route_handlers=[get_push, put_push, delete_push], tags=["Recordings"]
)
