#!/usr/bin/env python3
"""Makes the prompt clips from texts.toml with espeak-ng and sox, and the hold music and the ring-back tone from nothing.

    python3 prompts/make.py           speak the clips whose text or voice changed
    python3 prompts/make.py --all     speak all of them and render music and tone again
    python3 prompts/make.py --check   say which clips do not match texts.toml; needs neither espeak-ng nor sox

Every clip is a mono 16-bit WAV at 8000 Hz. made.txt notes for each clip a digest of what was spoken by which
voice, so that a text changed without its clip is noticed.
"""

import array
import hashlib
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import tomllib
import wave

HERE = pathlib.Path(__file__).resolve().parent
TEXTS = HERE / "texts.toml"
MADE = HERE / "made.txt"
RENDERED = {"music/default": lambda: music(), "music/ring-back": lambda: ring_back()}

RATE = 8000  # Hz
SPEECH_LEVEL = -20.0  # dBFS, root mean square over the spoken part
MUSIC_LEVEL = -28.0  # dBFS: background, well below speech
VOICES = {  # espeak-ng arguments: voice, words per minute, pitch 0-99
    "zh-CN": ["-v", "cmn-latn-pinyin", "-s", "160", "-p", "45"],
    "en-US": ["-v", "en-us", "-s", "150", "-p", "45"],
}
# espeak-ng knows one tone for each character: these words are given to it in pinyin. 一 and 不 change their tone before a fourth
# (yi2 wei4, bu2 yao4), 不 loses it inside 对不起, and 空 in 空闲 is not that of 天空.
IN_PINYIN = {
    "下一位": " xia4 yi2wei4 ",
    "再听一遍": " zai4 ting1 yi2 bian4 ",
    "不要": " bu2yao4 ",
    "对不起": " dui4bu5qi3 ",
    "空闲": " kong4xian2 ",
}
EXTENSIONS = ["wav", "flac", "mp3", "ogg"]


def main(arguments):
    clips = read_texts()
    if arguments == ["--check"]:
        return check(clips)
    if arguments not in ([], ["--all"]):
        print(__doc__, file=sys.stderr)
        return 2
    made = {} if arguments else read_made()
    for stem, pieces in clips.items():
        if made.get(stem) != digest(pieces) or not files_of(stem):
            print(f"speaking {stem}")
            write_wav(HERE / f"{stem}.wav", speak(pieces))
    for stem, render in RENDERED.items():
        if arguments or not files_of(stem):
            print(f"rendering {stem}")
            write_wav(HERE / f"{stem}.wav", render())
    MADE.write_text("".join(f"{digest(pieces)} {stem}\n" for stem, pieces in clips.items()))
    return check(clips)


# ---- texts and what was made of them ----


def read_texts():
    """All clips: stem, such as `zh-CN/welcome`, to its pieces, each a language and a text."""
    clips = {}
    for language, texts in tomllib.loads(TEXTS.read_text()).items():
        for name, value in texts.items():
            parts = value if isinstance(value, list) else [value]
            clips[f"{language}/{name}"] = [
                (part["language"], part["text"]) if isinstance(part, dict) else (language, part) for part in parts
            ]
    return clips


def read_made():
    if not MADE.exists():
        return {}
    lines = (line.split(" ", 1) for line in MADE.read_text().splitlines())
    return {stem: made for made, stem in lines}


def said(language, text):
    """The text as the synthesiser is given it."""
    if language == "zh-CN":
        for word, pinyin in IN_PINYIN.items():
            text = text.replace(word, pinyin)
    return text


def digest(pieces):
    """A short name for what is spoken and how."""
    spoken = repr([(VOICES[language], said(language, text)) for language, text in pieces])
    return hashlib.sha256(spoken.encode()).hexdigest()[:16]


def files_of(stem):
    return [path for extension in EXTENSIONS if (path := HERE / f"{stem}.{extension}").exists()]


def check(clips):
    """Prints every difference between the texts and the clips; 1 when there is one."""
    made = read_made()
    wrong = []
    for stem, pieces in clips.items():
        if made.get(stem) != digest(pieces):
            wrong.append(f"{stem}: the text changed after the clip was made; run python3 prompts/make.py")
    for stem in [*clips, *RENDERED]:
        found = files_of(stem)
        if len(found) != 1:
            wrong.append(f"{stem}: {len(found)} files, one is needed: {[path.name for path in found]}")
        wrong.extend(fault for path in found if (fault := silent_or_odd(path)))
    known = {*clips, *RENDERED}
    for path in sorted(HERE.glob("*/*")):
        stem = f"{path.parent.name}/{path.stem}"
        if path.suffix[1:] in EXTENSIONS and stem not in known:
            wrong.append(f"{stem}: a clip without a text in texts.toml")
    for line in wrong:
        print(f"prompts: {line}", file=sys.stderr)
    print(f"prompts: {len(clips)} clips, the hold music and the ring-back tone, {len(wrong)} differences")
    return 1 if wrong else 0


def silent_or_odd(path):
    """What is wrong with a WAV clip; a replaced clip may have any rate and any number of channels."""
    if path.suffix != ".wav":
        return None
    try:
        with wave.open(str(path)) as clip:
            frames = clip.readframes(clip.getnframes())
    except (wave.Error, EOFError) as error:
        return f"{path.name}: {error}"
    return None if any(frames) else f"{path.name}: silent"


# ---- speech ----


def speak(pieces):
    """The pieces one after the other, 0.35 s apart, as samples between -1 and 1."""
    samples = []
    for language, text in pieces:
        samples += [0.0] * int(0.35 * RATE) if samples else []
        samples += levelled(trimmed(synthesised(language, text)), SPEECH_LEVEL)
    return samples


def synthesised(language, text):
    with tempfile.TemporaryDirectory() as folder:
        spoken, narrow = f"{folder}/spoken.wav", f"{folder}/narrow.wav"
        subprocess.run(["espeak-ng", *VOICES[language], "-w", spoken, said(language, text)], check=True)
        # 150 Hz: below it a telephone carries only hum. -D: no dither, so that one text gives one file.
        effects = ["gain", "-3", "rate", "-v", str(RATE), "highpass", "150"]
        subprocess.run(["sox", "-D", spoken, "-b", "16", "-c", "1", narrow, *effects], check=True)
        return read_wav(narrow)


def trimmed(samples):
    """Without the silence at both ends, but for 20 ms that keep the first consonant and 60 ms of decay."""
    loud = [at for at, sample in enumerate(samples) if abs(sample) > 0.01]
    if not loud:
        raise SystemExit("the synthesiser gave silence")
    kept = samples[max(0, loud[0] - RATE // 50) : loud[-1] + RATE * 6 // 100]
    fade = RATE // 100
    for at in range(min(fade, len(kept))):
        kept[at] *= at / fade
        kept[-1 - at] *= at / fade
    return kept


def levelled(samples, level):
    """Brought to `level` dBFS; peaks stay below full scale, where a few decibels less are the price."""
    power = sum(sample * sample for sample in samples) / len(samples)
    peak = max(abs(sample) for sample in samples)
    gain = min(10 ** (level / 20) / math.sqrt(power), 0.95 / peak)
    return [sample * gain for sample in samples]


# ---- ring-back tone, as China has it: 450 Hz, one second in five ----


def ring_back():
    level = 10 ** (MUSIC_LEVEL / 20) * math.sqrt(2)
    return [level * math.sin(2 * math.pi * 450 * n / RATE) for n in range(RATE)] + [0.0] * (4 * RATE)


# ---- hold music: sixteen slow bars, plucked chords over a soft pad, composed for this project ----

BAR = 3.2  # seconds; sixteen bars are 51.2 s
CHORDS = [  # MIDI note numbers, lowest first
    (48, 55, 64, 71), (45, 55, 60, 64), (53, 57, 60, 64), (43, 53, 59, 62),
    (48, 55, 64, 67), (40, 55, 59, 62), (53, 57, 60, 67), (43, 55, 60, 62),
    (45, 52, 60, 67), (53, 60, 64, 69), (48, 55, 64, 71), (43, 53, 59, 65),
    (45, 55, 60, 64), (50, 57, 60, 65), (43, 53, 60, 62), (43, 53, 59, 62),
]
PICKING = [0, 2, 1, 3, 2, 3, 1, 2]  # which note of the chord each eighth plays


def music():
    """A ring of samples: what rings past the end continues at the start, so the loop has no seam."""
    ring = [0.0] * int(BAR * len(CHORDS) * RATE)
    chance = random.Random(8000)
    for bar, chord in enumerate(CHORDS):
        for note in chord:
            add_pad(ring, bar * BAR, note)
        for eighth, choice in enumerate(PICKING):
            octave = 12 if eighth == 5 and bar % 2 else 0
            add_pluck(ring, bar * BAR + eighth * BAR / 8, chord[choice] + 12 + octave, chance.uniform(0.7, 1.0))
    return levelled(ring, MUSIC_LEVEL)


def add_pad(ring, start, note):
    """A tone that swells over one bar and fades over the next, so that chords melt into each other."""
    length = int(2 * BAR * RATE)
    step = 2 * math.pi * frequency(note) / RATE
    for at in range(length):
        swell = math.sin(math.pi * at / length) ** 2
        ring[(int(start * RATE) + at) % len(ring)] += 0.18 * swell * math.sin(step * at)


def add_pluck(ring, start, note, strength):
    """A string: three partials, the higher ones gone sooner."""
    step = 2 * math.pi * frequency(note) / RATE
    for at in range(int(2.5 * RATE)):
        age = at / RATE
        onset = min(1.0, age / 0.008)
        sound = math.sin(step * at) * math.exp(-2.2 * age)
        sound += 0.35 * math.sin(2 * step * at) * math.exp(-4.5 * age)
        sound += 0.12 * math.sin(3 * step * at) * math.exp(-8.0 * age)
        ring[(int(start * RATE) + at) % len(ring)] += 0.5 * strength * onset * sound


def frequency(note):
    return 440.0 * 2 ** ((note - 69) / 12)


# ---- WAV files ----


def read_wav(path):
    with wave.open(str(path)) as clip:
        frames = array.array("h", clip.readframes(clip.getnframes()))
    return [frame / 32768 for frame in frames]


def write_wav(path, samples):
    path.parent.mkdir(exist_ok=True)
    frames = array.array("h", (round(sample * 32767) for sample in samples))
    with wave.open(str(path), "wb") as clip:
        clip.setparams((1, 2, RATE, 0, "NONE", ""))
        clip.writeframes(frames.tobytes())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
