"""Asterisk as a carrier, with digest, TLS, SRTP and session timers: takes our REGISTER, calls our numbers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from tests.support.asterisk import HERE, MODULES, write_files
from tests.support.certificates import Authority
from tests.support.net import free_port

USER, PASSWORD = "line1", "a-carriers-secret"
MORE = (
    *("res_pjsip_registrar", "res_pjsip_path", "res_pjsip_nat", "res_pjsip_rfc3326"),
    *("res_pjsip_outbound_authenticator_digest", "res_pjsip_dtmf_info", "pbx_spool"),
    *("app_dial", "app_senddtmf", "app_stack", "app_record", "bridge_simple"),
    *("res_musiconhold", "bridge_builtin_features", "func_channel", "app_verbose"),
)
DIALPLAN = """\
[carrier]
exten => _+1202555010X,1,Answer()
 same => n,MixMonitor({here}/both-${{EXTEN}}.wav,r({here}/${{EXTEN}}.wav))
 same => n,Playback({here}/tone)
 same => n,Wait(2)
 same => n,StopMixMonitor()
 same => n,Wait(120)
exten => +12025550200,1,Dial(PJSIP/desk,30)
[ours]
exten => press,1,Wait(3)
 same => n,SendDTMF(42#)
 same => n,Wait(30)
exten => listen,1,MixMonitor({here}/both-listen.wav,r({here}/listen.wav))
 same => n,Wait(6)
 same => n,StopMixMonitor()
 same => n,Hangup()
"""
PJSIP = """\
[global]
type = global
endpoint_identifier_order = auth_username,username
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:{port}
[tls]
type = transport
protocol = tls
bind = 127.0.0.1:{tls}
cert_file = {here}/carrier.pem
priv_key_file = {here}/carrier.key
method = tlsv1_2
verify_server = no
[{user}]
type = endpoint
transport = tls
context = carrier
identify_by = auth_username,username
disallow = all
allow = ulaw
auth = {user}
aors = {user}
direct_media = no
media_encryption = sdes
timers = always
timers_min_se = 90
timers_sess_expires = 90
moh_passthrough = yes
trust_id_outbound = yes
send_pai = yes
rewrite_contact = no
[{user}]
type = auth
auth_type = userpass
username = {user}
password = {password}
[{user}]
type = aor
max_contacts = 1
remove_existing = yes
minimum_expiration = 60
[desk]
type = endpoint
transport = udp
context = carrier
disallow = all
allow = ulaw
direct_media = no
aors = desk
[desk]
type = aor
contact = sip:desk@127.0.0.1:{desk}
"""


class CarrierFiles(NamedTuple):
    """What the carrier and its customer share."""

    tls: int
    """Its TLS port."""
    desk: int
    """Where its other customer's phone is, on UDP."""
    authority: Path
    """The authority of its certificate."""
    certificate: str
    key: str
    """Ours."""

    @classmethod
    def made(cls, folder: Path) -> CarrierFiles:
        """With new certificates in ``folder``."""
        authority = Authority(folder)
        authority.sign("carrier", addresses=["127.0.0.1"])
        certificate, key = authority.sign("ours", addresses=["127.0.0.1"])
        return cls(free_port(), free_port(), authority.file, certificate, key)

    def set_up(self, root: Path, folder: Path, port: int) -> None:
        """The configuration of Asterisk."""
        for name in ("carrier.pem", "carrier.key"):
            shutil.copy(self.authority.parent / name, folder / name)
            (folder / name).chmod(0o644)
        pjsip = PJSIP.format(
            port=port, tls=self.tls, desk=self.desk, here=HERE, user=USER, password=PASSWORD
        )
        write_files(root, folder, DIALPLAN.format(here=HERE), pjsip, (*MODULES, *MORE))
        (folder / "outgoing").mkdir()

    @property
    def address(self) -> str:
        """As a trunk's address."""
        return f"tls:127.0.0.1:{self.tls}"


def places_call(folder: Path, number: str, extension: str, *, caller: str) -> None:
    """Let Asterisk call a number of ours; once we answered, ``extension`` runs there."""
    text = (
        f"Channel: PJSIP/{number}@{USER}\nCallerID: <{caller}>\nWaitTime: 30\n"
        f"Context: ours\nExtension: {extension}\nPriority: 1\n"
    )
    new = folder / f"{extension}.call"
    new.write_text(text)
    new.rename(folder / "outgoing" / new.name)
