"""SRTP by hand (RFC 3711, 6188, 7714), to compare with: one SSRC in one direction, replays allowed."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from offhook.negotiated import SrtpKey, SrtpSuite

_GCM = (SrtpSuite.AEAD_AES_128_GCM, SrtpSuite.AEAD_AES_256_GCM)
_SHORT = (SrtpSuite.AES_CM_128_HMAC_SHA1_32, SrtpSuite.AES_256_CM_HMAC_SHA1_32)
_HEADER = 12
_ENCRYPTED = 1 << 31


def _counter_mode(key: bytes, iv: int, data: bytes) -> bytes:
    """AES in counter mode (RFC 3711 §4.1.1)."""
    return Cipher(algorithms.AES(key), modes.CTR(iv.to_bytes(16, "big"))).encryptor().update(data)


class Srtp:
    """Protects and opens the packets of one direction."""

    def __init__(self, key: SrtpKey) -> None:
        self.suite = key.suite
        size = 32 if "256" in key.suite else 16
        self._master = key.key[:size]
        self._master_salt = key.key[size:].ljust(14, b"\0")
        self._is_gcm = key.suite in _GCM
        self._salt_octets = 12 if self._is_gcm else 14
        self._rtp = self._derive(0, size), self._derive(1, 20), self._derive(2, self._salt_octets)
        self._rtcp = self._derive(3, size), self._derive(4, 20), self._derive(5, self._salt_octets)
        self.rollovers = 0
        self._highest: int | None = None

    def _derive(self, label: int, octets: int) -> bytes:
        """A session key (RFC 3711 §4.3.1)."""
        salt = int.from_bytes(self._master_salt, "big") ^ label << 48
        return _counter_mode(self._master, salt << 16, bytes(octets))

    def _index(self, packet: bytes) -> int:
        """The packet's index (RFC 3711 §3.3.1, appendix A)."""
        sequence = int.from_bytes(packet[2:4], "big")
        rollovers = self.rollovers
        if self._highest is not None and self._highest - sequence > 1 << 15:
            rollovers += 1
        self.rollovers, self._highest = rollovers, sequence
        return rollovers << 16 | sequence

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet with a header of 12 octets, encrypted."""
        index = self._index(packet)
        key, auth, salt = self._rtp
        if self._is_gcm:
            header = packet[:_HEADER]
            return header + AESGCM(key).encrypt(
                self._gcm_iv(salt, packet[8:12], index), packet[_HEADER:], header
            )
        body = packet[:_HEADER] + _counter_mode(
            key, self._cm_iv(salt, packet[8:12], index), packet[_HEADER:]
        )
        return body + self._tag(auth, body + (index >> 16).to_bytes(4, "big"))[: self._tag_octets]

    def open(self, packet: bytes) -> bytes:
        """The RTP packet again; raises when it was changed."""
        index = self._index(packet)
        key, auth, salt = self._rtp
        if self._is_gcm:
            header = packet[:_HEADER]
            gcm_iv = self._gcm_iv(salt, packet[8:12], index)
            return header + AESGCM(key).decrypt(gcm_iv, packet[_HEADER:], header)
        body, tag = packet[: -self._tag_octets], packet[-self._tag_octets :]
        assert self._tag(auth, body + (index >> 16).to_bytes(4, "big"))[: len(tag)] == tag
        iv = self._cm_iv(salt, packet[8:12], index)
        return body[:_HEADER] + _counter_mode(key, iv, body[_HEADER:])

    def protect_report(self, report: bytes, index: int) -> bytes:
        """A compound RTCP packet, encrypted (RFC 3711 §3.4, 7714 §9)."""
        key, auth, salt = self._rtcp
        word = (_ENCRYPTED | index).to_bytes(4, "big")
        if self._is_gcm:
            iv = self._gcm_iv(salt, report[4:8], index, is_report=True)
            return report[:8] + AESGCM(key).encrypt(iv, report[8:], report[:8] + word) + word
        body = report[:8] + _counter_mode(key, self._cm_iv(salt, report[4:8], index), report[8:])
        return body + word + self._tag(auth, body + word)[:10]

    def open_report(self, packet: bytes) -> bytes:
        """The compound RTCP packet again; raises when it was changed."""
        key, auth, salt = self._rtcp
        if self._is_gcm:
            body, word = packet[:-4], packet[-4:]
            index = int.from_bytes(word, "big") & ~_ENCRYPTED
            gcm_iv = self._gcm_iv(salt, packet[4:8], index, is_report=True)
            return body[:8] + AESGCM(key).decrypt(gcm_iv, body[8:], body[:8] + word)
        body, word, tag = packet[:-14], packet[-14:-10], packet[-10:]
        assert self._tag(auth, body + word)[:10] == tag
        index = int.from_bytes(word, "big") & ~_ENCRYPTED
        return body[:8] + _counter_mode(key, self._cm_iv(salt, packet[4:8], index), body[8:])

    @property
    def _tag_octets(self) -> int:
        return 4 if self.suite in _SHORT else 10

    def _tag(self, key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, hashlib.sha1).digest()

    def _cm_iv(self, salt: bytes, ssrc: bytes, index: int) -> int:
        return int.from_bytes(salt, "big") << 16 ^ int.from_bytes(ssrc, "big") << 64 ^ index << 16

    def _gcm_iv(self, salt: bytes, ssrc: bytes, index: int, *, is_report: bool = False) -> bytes:
        # RTP: 2 zero octets, SSRC, index of 6 octets; RTCP: 2, SSRC, 2, index of 4 (RFC 7714 §8.1, 9.1).
        plain = int.from_bytes(ssrc, "big") << 48 | index
        assert index < 1 << (32 if is_report else 48)
        return (plain ^ int.from_bytes(salt, "big")).to_bytes(12, "big")
