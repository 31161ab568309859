"""What a recogniser hears of the voices over real calls: words wrong, by engine and language.

``make bench ARGS=hear``. Each sentence is spoken in a call of its own, over SIP and RTP with G.711, and
taken down as the telephone hears it. English has 50 sentences, the others 5.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from functools import reduce
from pathlib import Path
from typing import Any

from tests.support.installed_voices import FOLDER
from tests.support.recogniser import Errors, Recogniser, errors, sentences
from tests.support.spoken_calls import spoken_over_calls

ENGINES = ("kokoro", "espeak-ng")
LOCALES = ("en-US", "en-GB", "es-ES", "fr-FR", "it-IT", "pt-BR", "hi-IN", "zh-CN", "ja-JP")


def section(engine: str) -> dict[str, Any]:
    """The configuration with which ``engine`` alone speaks."""
    return {"folder": str(FOLDER), "order": [engine]}


def main() -> None:
    """Print what was heard wrong, and a line for each engine and language."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", nargs="*", default=list(ENGINES))
    parser.add_argument("--locales", nargs="*", default=list(LOCALES))
    parser.add_argument("--first", type=int, default=0, help="sentence of each locale")
    parser.add_argument("--sentences", type=int, default=50, help="of each locale, at most")
    parser.add_argument("--stations", type=int, default=4, help="calls at once")
    asked = parser.parse_args()
    recogniser = Recogniser()
    for locale in asked.locales:
        texts = sentences(locale)[asked.first :][: asked.sentences]
        for engine in asked.engines:
            with tempfile.TemporaryDirectory() as folder:
                spoken = asyncio.run(
                    spoken_over_calls(
                        texts,
                        language=locale,
                        folder=Path(folder),
                        voices=section(engine),
                        stations=asked.stations,
                    )
                )
            language = locale.partition("-")[0]
            found = []
            for text, samples in spoken:
                words = recogniser.words(samples, language)
                found.append(errors(text, words, language))
                if found[-1].wrong:
                    print(f"  {found[-1].wrong} of {found[-1].of}: {text} | {words}", flush=True)
            total = reduce(Errors.__add__, found, Errors(0, 0))
            print(
                f"{locale} {engine}: {len(texts)} sentences, {total.wrong} of {total.of} wrong,"
                f" {100 * total.rate:.1f} %",
                flush=True,
            )


if __name__ == "__main__":
    main()
