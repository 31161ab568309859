"""Empty pages say how to fill them: the line of curl on each does what it says."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from tests.support.console_world import running_record_console
from tests.support.http_world import KEY, OPERATOR_KEY, OTHER_KEY

LINE = re.compile(
    r"""curl -X (?P<method>\w+) "(?P<url>[^"]+)".*?\$(?P<key>\w+)"(?:.*?-d '(?P<body>[^']*)')?""",
    re.DOTALL,
)
EMPTY = re.compile(r'<div class="empty">.*?</div>', re.DOTALL)


PAGES = {
    "sessions": "acme_corp",
    "scenarios": "acme_corp",
    "campaigns": "acme_corp",
    "opt-outs": "acme_corp",
    "webhooks": "other_corp",
    "numbers": "other_corp",
    "keys": "other_corp",
}
KEYS = {"acme_corp": KEY, "other_corp": OTHER_KEY}


async def test_the_line_of_an_empty_page_fills_it(tmp_path: Path) -> None:
    async with running_record_console(tmp_path) as world, world.signed_in(OPERATOR_KEY) as client:
        for page, account in PAGES.items():
            address = f"/console/{page}?account={account}"
            shown = EMPTY.search((await client.get(address)).text)
            assert shown is not None, page
            line = LINE.search(unescape(re.sub("<[^>]*>", "", shown[0])))
            assert line is not None, shown[0]
            keys = {"OFFHOOK_API_KEY": KEYS[account], "OFFHOOK_OPERATOR_KEY": OPERATOR_KEY}
            headers = {
                "authorization": f"Bearer {keys[line['key']]}",
                "content-type": "application/json",
            }
            async with client.session.request(
                line["method"], line["url"], headers=headers, data=line["body"]
            ) as answer:
                assert answer.status < 300, (page, await answer.text())
            assert EMPTY.search((await client.get(address)).text) is None, page
