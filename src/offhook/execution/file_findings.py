"""Judges the files and the languages that a configuration names, before the server serves.

What reads them for a call would only say so then, or stop one process with a traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from offhook.config import Config, StirSection, SubAccountSection
from offhook.config.server_checks import Finding
from offhook.config.toml_lines import Path as KeyPath
from offhook.speech.menu_files import menu_findings


def file_findings(config: Config) -> Iterator[Finding]:
    """What cannot be used, by the key that names it. Reads the files."""
    yield from menu_findings(config)
    yield from _stir_files(config.stir)
    for index, account in enumerate(config.subaccounts):
        yield from _callflow_files(("subaccounts", index), account)
    yield from _spoken(config)


def _stir_files(section: StirSection) -> Iterator[Finding]:
    if section.key is None and section.roots is None:
        return
    try:
        from offhook.telephony.stir.caller_signer import read_key
        from offhook.telephony.stir.certificate_chains import read_certificates
    except ImportError:
        key = "key" if section.key is not None else "roots"
        yield ("stir", key), "needs the extra: pip install 'offhook[stir]'"
        return
    try:
        if section.key is not None:
            read_key(Path(section.key))
    except (OSError, ValueError):
        yield ("stir", "key"), f"holds no private key on P-256 in PEM: {section.key}"
    try:
        if section.roots is not None:
            read_certificates(Path(section.roots))
    except (OSError, ValueError):
        yield ("stir", "roots"), f"holds no certificates in PEM: {section.roots}"


def _callflow_files(path: KeyPath, account: SubAccountSection) -> Iterator[Finding]:
    for index, scenario in enumerate(account.scenarios):
        if problem := _problem_of_template(scenario.file):
            yield (*path, "scenarios", index, "file"), f"{scenario.file}: {problem}"
    if account.last_resort is not None and (problem := _problem_of_last_resort(account)):
        yield (*path, "last_resort"), f"{account.last_resort}: {problem}"


def _problem_of_template(file: str) -> str | None:
    from offhook.flow.scenarios import ScenarioFailed, parse_template

    try:
        parse_template(Path(file).read_text("utf-8"))
    except ScenarioFailed as error:
        return error.detail
    except (OSError, UnicodeDecodeError) as error:
        return _unreadable(error)
    return None


def _problem_of_last_resort(account: SubAccountSection) -> str | None:
    from offhook.session.last_resort_callflow import InvalidLastResort, last_resort_of_text

    try:
        last_resort_of_text(Path(account.last_resort or "").read_text("utf-8"))
    except InvalidLastResort as error:
        return str(error)
    except (OSError, UnicodeDecodeError) as error:
        return _unreadable(error)
    return None


def _unreadable(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return f"cannot be read: {error.strerror}"


def _spoken(config: Config) -> Iterator[Finding]:
    """Languages and profiles that no installed voice speaks. Voices are looked up only where one is named."""
    spoken: list[tuple[KeyPath, str | None, str | None]] = []
    if config.recording.consent_prompt is not None:
        section = config.recording
        spoken.append((("recording", "consent_language"), None, section.consent_language))
    for index, account in enumerate(config.subaccounts):
        if account.opt_out is not None:
            profile = account.opt_out.voice_profile
            key = "language" if profile is None else "voice_profile"
            spoken.append(
                (("subaccounts", index, "opt_out", key), profile, account.opt_out.language)
            )
    if not spoken:
        return
    from offhook.speech.profiles import ProfileTable

    profiles = ProfileTable.installed(config.voices)
    for path, profile, language in spoken:
        if profiles.voice(profile, language) is None:
            asked = profile or language or ""
            near = ", ".join(profiles.near(asked))
            yield (
                path,
                f"no installed engine speaks {asked!r}{f'; near it: {near}' if near else ''}",
            )
