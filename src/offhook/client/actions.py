"""The actions of a callflow. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from typing import NotRequired, TypedDict

__all__ = [
    "Action",
    "execute_scenario",
    "hangup",
    "make_call",
    "play_file",
    "say",
    "say_and_capture",
]


class Action(TypedDict):
    """One action: a plain dictionary, as it stands in the JSON of a callflow."""

    action: str
    params: NotRequired[dict[str, object]]


def _action(name: str, /, **params: object) -> Action:
    present = {key: value for key, value in params.items() if value is not None}
    return {"action": name, "params": present} if present else {"action": name}


def make_call(
    source: str,
    destination: str,
    *,
    call_recording: bool | None = None,
    send_digits: str | None = None,
    ring_timeout: int | None = None,
    max_duration: int | None = None,
) -> Action:
    """Call somebody; a second makeCall bridges them to the first.

    ``source``: The caller ID: one of your active numbers or allowed caller IDs.
    ``destination``: The phone number to call, E.164: country code first.
    ``call_recording``: Record the session from this leg's answer on.
    ``send_digits``: Keys sent once it is answered, such as an extension; w waits half a second (at
        most 64 characters).
    ``ring_timeout``: Seconds it rings at the most; absent: the server's ring_timeout (1 to 600).
    ``max_duration``: Seconds after the answer at which this leg is hung up (1 to 86400).
    """
    return _action(
        "makeCall",
        source=source,
        destination=destination,
        callRecording=call_recording,
        sendDigits=send_digits,
        ringTimeout=ring_timeout,
        maxDuration=max_duration,
    )


def say(
    text: str,
    *,
    voice_profile: str | None = None,
    language: str | None = None,
    repetition: int | None = None,
    speed: float | None = None,
) -> Action:
    """Speak a text.

    ``text``: What to say (at most 3000 characters).
    ``voice_profile``: The voice, by its speech-profile code. Needed where ``language`` is absent.
    ``language``: The language, where no voiceProfile is given (BCP 47: en-GB).
    ``repetition``: How many times it is played (1 to 3).
    ``speed``: How fast it is spoken; 1 is the voice's own pace (0.5 to 2).
    """
    return _action(
        "say",
        text=text,
        voiceProfile=voice_profile,
        language=language,
        repetition=repetition,
        speed=speed,
    )


def say_and_capture(
    prompt_message: str,
    *,
    voice_profile: str | None = None,
    language: str | None = None,
    success_message: str | None = None,
    failure_message: str | None = None,
    repetition: int | None = None,
    speed: float | None = None,
    min_digits: int | None = None,
    max_digits: int | None = None,
    digit_timeout: int | None = None,
    overall_timeout: int | None = None,
    complete_on_hash: bool | None = None,
    no_of_tries: int | None = None,
    dtmf_callback_url: str | None = None,
) -> Action:
    """Speak a prompt and collect the keys the caller presses. Also accepted as ``sayAndcapture`` and
    ``say&capture``.

    ``prompt_message``: What to say before keys are collected (at most 3000 characters).
    ``voice_profile``: The voice, by its speech-profile code. Needed where ``language`` is absent.
    ``language``: The language, where no voiceProfile is given (BCP 47: en-GB).
    ``success_message``: What to say after enough keys were pressed (at most 3000 characters).
    ``failure_message``: What to say after each try in which too few keys were pressed (at most 3000
        characters).
    ``repetition``: How many times it is played (1 to 3).
    ``speed``: How fast it is spoken; 1 is the voice's own pace (0.5 to 2).
    ``min_digits``: Keys that make a try succeed; needs maxDigits (1 to 25).
    ``max_digits``: Keys after which a try ends (1 to 25).
    ``digit_timeout``: Milliseconds to wait between keys; needs overallTimeout (1 to 600000).
    ``overall_timeout``: Milliseconds a try lasts after its prompt, digitTimeout at least (1 to
        600000).
    ``complete_on_hash``: Whether # ends a try; if not, # and * are keys like others.
    ``no_of_tries``: How often the caller may try (1 to 10).
    ``dtmf_callback_url``: Where the keys are posted besides the VCA webhook.
    """
    return _action(
        "sayAndCapture",
        promptMessage=prompt_message,
        voiceProfile=voice_profile,
        language=language,
        successMessage=success_message,
        failureMessage=failure_message,
        repetition=repetition,
        speed=speed,
        minDigits=min_digits,
        maxDigits=max_digits,
        digitTimeout=digit_timeout,
        overallTimeout=overall_timeout,
        completeOnHash=complete_on_hash,
        noOfTries=no_of_tries,
        dtmfCallbackUrl=dtmf_callback_url,
    )


def play_file(file_url: str, *, repetition: int | None = None) -> Action:
    """Play an audio file.

    ``file_url``: The audio file, wav or mp3, at most 5120 KiB; offhook:name is one of the media
        library (at most 2048 characters).
    ``repetition``: How many times it is played (1 to 3).
    """
    return _action("playFile", fileUrl=file_url, repetition=repetition)


def hangup() -> Action:
    """Disconnect everybody and end the session."""
    return _action("hangup")


def execute_scenario(scenario_name: str, **parameters: object) -> Action:
    """Run a stored callflow template.

    ``scenario_name``: The scenario's name; every other param is a parameter of the scenario.
    """
    return _action("executeScenario", scenarioName=scenario_name, **parameters)
