"""The prompts that a media engine has loaded: each once, however many calls play it."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from offhook.media.engine import MediaEngine, Sound
from offhook.session.ports.speech import Prompt


class PromptSounds:
    """The engine's sound of each prompt, kept as long as the prompt is."""

    def __init__(self, engine: MediaEngine) -> None:
        self._engine = engine
        self._sounds: WeakKeyDictionary[Prompt, Sound] = WeakKeyDictionary()

    def of(self, prompt: Prompt) -> Sound:
        """The prompt in every codec, so that it goes on when a re-INVITE changes the codec."""
        sound = self._sounds.get(prompt)
        if sound is None:
            sound = self._engine.load({codec: prompt.encoded(codec) for codec in prompt.codecs})
            self._sounds[prompt] = sound
        return sound
