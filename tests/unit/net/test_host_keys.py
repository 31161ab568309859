"""Host keys as people write them."""

from __future__ import annotations

import asyncssh
import pytest

from offhook.net.host_keys import fingerprint_of

KEY = asyncssh.generate_private_key("ssh-ed25519")
LINE = KEY.export_public_key().decode().strip()


@pytest.mark.parametrize(
    "form", ["{line}", "{line} root@host", "[a.example]:22 {line}\n", "{print}"]
)
def test_every_usual_form_gives_the_fingerprint_of_the_library(form: str) -> None:
    text = form.format(line=LINE, print=KEY.get_fingerprint())
    assert fingerprint_of(text) == KEY.get_fingerprint()


@pytest.mark.parametrize(
    "text", ["", "SHA256:", "SHA256:abc", "MD5:aa:bb", "ssh-ed25519", "ssh-rsa AAAA", "hello"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        fingerprint_of(text)
