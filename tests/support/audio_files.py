"""Audio files as customers have them: made with ffmpeg, sox and by hand. Nothing is copied from anywhere."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import soundfile

WAV_ENCODINGS = {
    "ulaw": "-c:a pcm_mulaw -ar 8000",
    "alaw": "-c:a pcm_alaw -ar 8000",
    "u8": "-c:a pcm_u8 -ar 8000",
    "s24": "-c:a pcm_s24le -ar 48000 -ac 2",
    "s32": "-c:a pcm_s32le -ar 32000",
    "f32": "-c:a pcm_f32le -ar 44100",
    "f64": "-c:a pcm_f64le",
    "ima": "-c:a adpcm_ima_wav -ar 8000",
    "ms-adpcm": "-c:a adpcm_ms -ar 22050",
    "96k": "-ar 96000",
    "5.1": "-ac 6",
    "rf64": "-rf64 always",
    "mp3-inside": "-c:a libmp3lame -ar 8000",
    "mp2-inside": "-c:a mp2 -ar 16000",
    "11k": "-ar 11025 -ac 2",
    "bitexact": "-bitexact",
}
MP3_ENCODINGS = {
    "mpeg1": "-ar 44100 -b:a 128k",
    "mpeg1-48k-320": "-ar 48000 -b:a 320k",
    "mpeg2": "-ar 22050 -b:a 32k",
    "mpeg2-16k": "-ar 16000 -b:a 24k",
    "mpeg25-8k": "-ar 8000 -b:a 16k",
    "mpeg25-8k-8": "-ar 8000 -b:a 8k",
    "mpeg25-11k": "-ar 11025 -b:a 16k",
    "mpeg25-12k": "-ar 12000 -b:a 16k",
    "vbr": "-ar 44100 -q:a 5",
    "vbr-best": "-ar 44100 -q:a 0 -ac 2",
    "vbr-no-xing": "-ar 44100 -q:a 5 -write_xing 0",
    "vbr-no-xing-8k": "-ar 8000 -q:a 7 -write_xing 0",
    "abr": "-ar 44100 -abr 1 -b:a 96k",
    "stereo": "-ar 48000 -ac 2 -b:a 64k",
    "joint-stereo": "-ar 44100 -ac 2 -b:a 128k -joint_stereo 1",
    "plain-stereo": "-ar 44100 -ac 2 -b:a 128k -joint_stereo 0",
    "no-reservoir": "-ar 44100 -b:a 64k -reservoir 0",
    "no-tags": "-ar 24000 -b:a 48k -id3v2_version 0 -write_xing 0",
    "id3v2.3": "-id3v2_version 3 -metadata title=Prompt -b:a 64k",
    "id3v1": "-write_id3v1 1 -metadata title=Prompt -b:a 64k",
}


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg. Raises where it fails."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


def played_by_ffmpeg(path: Path) -> float:
    """Seconds of sound that ffmpeg gets out of a file; 0: it plays nothing."""
    command = ["ffmpeg", "-v", "quiet", "-i", str(path), "-map", "0:a:0"]
    command += ["-f", "s16le", "-ac", "1", "-ar", "8000", "-"]
    return len(subprocess.run(command, capture_output=True, check=False).stdout) / 16_000


def make_all(folder: Path) -> list[Path]:
    """Every file, two to eight seconds long."""
    base = folder / "base.wav"
    at = np.arange(2 * 16_000) / 16_000
    soundfile.write(base, 0.5 * np.sin(2 * np.pi * 1000 * at), 16_000, subtype="PCM_16")
    for name, options in WAV_ENCODINGS.items():
        ffmpeg("-i", base, *options.split(), folder / f"{name}.wav")
    for name, options in MP3_ENCODINGS.items():
        ffmpeg("-i", base, *options.split(), folder / f"{name}.mp3")
    for layer, options in {"24k": "-ar 24000", "44k": "-ar 44100 -ac 2 -b:a 192k"}.items():
        ffmpeg(
            "-i", base, "-c:a", "mp2", *options.split(), "-f", "mp2", folder / f"layer2-{layer}.mp3"
        )
    gsm = ["sox", base, "-e", "gsm-full-rate", "-r", "8000", folder / "gsm.wav"]
    subprocess.run(list(map(str, gsm)), check=True)
    make_speech_like(folder)
    whole = base.read_bytes()
    for name, content in {**odd_wavs(whole), **odd_mp3s(folder)}.items():
        (folder / name).write_bytes(content)
    (folder / "speech.wav").unlink()
    return sorted(folder.iterdir())


def make_speech_like(folder: Path) -> None:
    """Eight seconds whose loudness changes much, so that VBR frames do."""
    rate = 44_100
    luck = np.random.default_rng(1)
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    beat = np.concatenate([tone, np.zeros(rate // 2)])
    sound = np.concatenate([luck.standard_normal(rate // 2) * 0.3, *[beat] * 5])
    soundfile.write(folder / "speech.wav", sound, rate, subtype="PCM_16")
    for name, options in {
        "speech-vbr": "-q:a 4",
        "speech-vbr-no-xing": "-q:a 4 -write_xing 0",
        "speech-backwards-no-xing": "-af areverse -q:a 4 -write_xing 0",
    }.items():
        ffmpeg("-i", folder / "speech.wav", *options.split(), folder / f"{name}.mp3")


def odd_wavs(whole: bytes) -> dict[str, bytes]:
    """WAV files whose header is not as the books say."""
    at = whole.index(b"data")
    head, sound = whole[: at + 8], whole[at + 8 :]

    def sized(riff: int, data: int) -> bytes:
        return head[:4] + struct.pack("<I", riff) + head[8 : at + 4] + struct.pack("<I", data)

    listing = b"LIST" + struct.pack("<I", 26) + b"INFOISFT" + struct.pack("<I", 14)
    listing += b"Lavf58.29.100\0"
    junk = b"JUNK" + struct.pack("<I", 65_536) + bytes(65_536)
    half = len(sound) // 2
    data = [b"data" + struct.pack("<I", half) + sound[start : start + half] for start in (0, half)]
    twelve = head[: at - 2] + struct.pack("<H", 12) + head[at:]
    return {
        "size-ffffffff.wav": sized(0xFFFF_FFFF, 0xFFFF_FFFF) + sound,
        "size-7fffffff.wav": sized(0x7FFF_FFFF + 36, 0x7FFF_FFFF) + sound,
        "size-7fffffff-both.wav": sized(0x7FFF_FFFF, 0x7FFF_FFFF) + sound,
        "size-2e9.wav": sized(2_000_000_036, 2_000_000_000) + sound,
        "size-0.wav": sized(0, 0) + sound,
        "size-0-36.wav": sized(36, 0) + sound,
        "size-odd.wav": sized(36 + len(sound) + 1, len(sound) + 1) + sound + b"\0",
        "riff-size-wrong.wav": sized(4, len(sound)) + sound,
        "truncated.wav": whole[: len(whole) // 2],
        "list-before-data.wav": head[:at] + listing + head[at:] + sound,
        "list-behind-data.wav": whole + listing,
        "junk-before-fmt.wav": head[:12] + junk + head[12:] + sound,
        "two-data-chunks.wav": head[:at] + data[0] + listing + data[1],
        "id3-before-riff.wav": id3(1000, 3) + whole,
        "12-bits.wav": twelve + sound,
        "joined.wav": whole + whole,
        "trailing-zeros.wav": whole + bytes(10_000),
    }


def odd_mp3s(folder: Path) -> dict[str, bytes]:
    """MP3 files with more, less or other than frames."""
    plain, tagged = read(folder, "no-tags.mp3"), read(folder, "mpeg1.mp3")
    stereo, low = read(folder, "stereo.mp3"), read(folder, "mpeg25-8k.mp3")
    no_xing, vbr = read(folder, "vbr-no-xing.mp3"), read(folder, "vbr.mp3")
    ape = b"APETAGEX" + struct.pack("<IIII", 2000, 200, 1, 0xA000_0000) + bytes(8)
    wrong_ape = b"APETAGEX" + struct.pack("<IIII", 2000, 232, 1, 0xA000_0000) + bytes(8)
    picture = b"\xff\xfb\x90\x64" + bytes(range(256)) * 20
    frame = 144
    return {
        "id3-300k.mp3": id3(300_000) + plain,
        "id3-with-what-looks-like-frames.mp3": id3(6000, 3, picture) + plain,
        "id3-twice.mp3": id3(1000, 3) + id3(2000, 4) + plain,
        "id3-then-zeros.mp3": id3(1000) + bytes(4096) + plain,
        "id3-in-the-middle.mp3": plain + id3(500) + plain,
        "zeros-first.mp3": bytes(1044) + plain,
        "10k-zeros-first.mp3": bytes(10_000) + plain,
        "icy-first.mp3": b"ICY 200 OK\r\n\r\n" + plain,
        "http-first.mp3": b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n" + plain,
        "half-a-frame-first.mp3": plain[100:],
        "half-a-frame-last.mp3": plain[:-70],
        "tag-behind.mp3": plain + b"TAG" + b"title".ljust(125, b"\0"),
        "zeros-behind.mp3": plain + bytes(5000),
        "text-behind.mp3": plain + b"junk" * 1000,
        "junk-in-the-middle.mp3": plain[: frame * 40] + b"\0junk\xff" * 50 + plain[frame * 40 :],
        "frame-damaged.mp3": plain[: frame * 40] + b"\0" * 8 + plain[frame * 40 + 8 :],
        "three-frames.mp3": plain[: frame * 3],
        "ape.mp3": ape + bytes(200) + plain,
        "ape-size-wrong.mp3": wrong_ape + bytes(200) + plain,
        "joined.mp3": tagged + tagged,
        "joined-three.mp3": tagged * 3,
        "joined-no-xing.mp3": plain * 2,
        "joined-vbr.mp3": no_xing + vbr,
        "joined-tagged-first.mp3": vbr + no_xing,
    } | {
        # ffmpeg stops at a change of rate or channels in some versions; players go on.
        "joined-mono-and-stereo.mp3": read(folder, "mpeg1-48k-320.mp3") + stereo,
        "joined-other-rate.mp3": low + plain,
    }


def read(folder: Path, name: str) -> bytes:
    """The octets of a file made before."""
    return (folder / name).read_bytes()


def id3(size: int, version: int = 4, body: bytes = b"") -> bytes:
    """An ID3v2 tag whose content has ``size`` octets."""
    sizes = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, 0]) + sizes + body.ljust(size, b"\0")
