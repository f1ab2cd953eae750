"""How our codecs and our concealment sound by themselves, beside ffmpeg's codecs and spandsp's concealment.

Without a center: `python3 benches/quality.py codecs`. Speech is synthetic (espeak-ng, four voices, about 12 s each), so that scores
of narrow-band codecs lie below those of people. The same seeds give the same table.
"""

import ctypes
import random
import subprocess

import numpy
from pesq import pesq

from run import target_directory

TEXT = {
    "en-us": "Thank you for calling. All of our agents are busy at the moment. You are number seven in the queue, "
    "and the wait is about nine minutes. Please hold the line, or press one to be called back.",
    "en-us+f3": "Your complaint was received on Tuesday. A colleague will look into it today, and we shall send you "
    "a message as soon as there is an answer. Would you like anything else?",
    "en-gb+m3": "The quick brown fox jumps over the lazy dog. She sells sea shells by the sea shore, while many a "
    "rural juror was waiting for the early ferry to arrive.",
    "cmn+f2": "您好，欢迎致电客户服务中心。现在所有座席都在忙，请您稍候。您的前面还有三位客户，预计等待时间约为两分钟。",
}
DEGRADE = target_directory() / "release/examples/degrade"
SEEDS = (1, 2, 3)


def run(arguments, data=b""):
    return subprocess.run(arguments, input=data, stdout=subprocess.PIPE, check=True).stdout


def ffmpeg(arguments, data):
    return run(["ffmpeg", "-hide_banner", "-loglevel", "error", *arguments.split()], data)


def speech(rate):
    """The voices at -26 dBov, as raw samples."""
    voices = []
    for voice, text in TEXT.items():
        spoken = run(["espeak-ng", "-v", voice, "-s", "150", "--stdout", text])
        raw = ffmpeg(f"-i - -ar {rate} -ac 1 -f s16le -", spoken)
        samples = numpy.frombuffer(raw, numpy.int16).astype(float)
        loud = samples[numpy.abs(samples) > 300]
        samples *= 32768 * 10 ** (-26 / 20) / numpy.sqrt(numpy.mean(loud**2))
        samples = samples[: len(samples) // 960 * 960]
        voices.append(samples.round().clip(-32768, 32767).astype(numpy.int16).tobytes())
    return voices


def ours(codec, concealment, losses, raw):
    return run([DEGRADE, codec, concealment, losses], raw)


def theirs(codec, raw):
    """The same codec in ffmpeg, there and back."""
    if codec.startswith("PCM"):
        law = "mulaw" if codec.startswith("PCMU") else "alaw"
        coded = ffmpeg(f"-f s16le -ar 8000 -ac 1 -i - -f {law} -", raw)
        return ffmpeg(f"-f {law} -ar 8000 -ac 1 -i - -f s16le -", coded)
    if codec.startswith("G722"):
        return ffmpeg("-f g722 -i - -f s16le -", ffmpeg("-f s16le -ar 16000 -ac 1 -i - -f g722 -", raw))
    encode = "-f s16le -ar 16000 -ac 1 -i - -c:a libopus -b:a 24k -application voip -f ogg -"
    return ffmpeg("-c:a libopus -f ogg -i - -ar 16000 -f s16le -", ffmpeg(encode, raw))


def score(rate, reference, degraded):
    length = min(len(reference), len(degraded))
    one = numpy.frombuffer(reference[:length], numpy.int16)
    other = numpy.frombuffer(degraded[:length], numpy.int16)
    return pesq(rate, one, other, "nb" if rate == 8000 else "wb")


def pattern(percent, burst, seed, frames=2000):
    """Loss of so many percent in bursts of so many frames on average (1: each frame for itself)."""
    dice, bad, losses = random.Random(seed), False, ""
    share = percent / 100
    for _ in range(frames):
        if burst == 1:
            bad = dice.random() < share
        else:
            bad = dice.random() >= 1 / burst if bad else dice.random() < share / (1 - share) / burst
        losses += "1" if bad else "0"
    return losses


def spandsp(raw, losses):
    """G.711 A-law with spandsp's packet loss concealment."""
    library = ctypes.CDLL("libspandsp.so.2")
    library.plc_init.restype = ctypes.c_void_p
    state = ctypes.c_void_p(library.plc_init(None))
    decoded, heard = ours("PCMA/8000", "own", "0", raw), b""
    for index in range(len(decoded) // 320):
        frame = ctypes.create_string_buffer(decoded[index * 320 : index * 320 + 320], 320)
        if losses[index % len(losses)] == "1":
            library.plc_fillin(state, frame, 160)
        else:
            library.plc_rx(state, frame, 160)
        heard += frame.raw
    return heard


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def codecs(narrow, wide):
    print("| codec | PESQ | ours | ffmpeg |\n|---|---|---|---|")
    for codec in ("PCMU/8000", "PCMA/8000", "G722/8000", "opus/48000/2"):
        rate, voices = (8000, narrow) if codec.startswith("PCM") else (16000, wide)
        own = mean(score(rate, raw, ours(codec, "own", "0", raw)) for raw in voices)
        other = mean(score(rate, raw, theirs(codec, raw)) for raw in voices)
        print(f"| {codec} | {'nb' if rate == 8000 else 'wb'} | {own:.2f} | {other:.2f} |", flush=True)


def losses(narrow, wide):
    try:
        ctypes.CDLL("libspandsp.so.2")
        other = spandsp
    except OSError:
        other = None
    print("\n| loss | PCMA ours | spandsp | repetition | silence | G.722 ours | repetition | Opus ours | no redundancy |")
    print("|---|---|---|---|---|---|---|---|---|")
    for percent in (1, 3, 5):
        for burst, name in ((1, "random"), (3, "bursts of 3")):
            patterns = [pattern(percent, burst, seed) for seed in SEEDS]

            def row(rate, voices, degrade):
                return mean(score(rate, raw, degrade(raw, lost)) for raw in voices for lost in patterns)

            def by(codec, concealment):
                return lambda raw, lost: ours(codec, concealment, lost, raw)

            cells = [row(8000, narrow, by("PCMA/8000", "own"))]
            cells.append(row(8000, narrow, other) if other else None)
            cells += [row(8000, narrow, by("PCMA/8000", kind)) for kind in ("repeat", "silence")]
            cells += [row(16000, wide, by("G722/8000", kind)) for kind in ("own", "repeat")]
            cells += [row(16000, wide, by("opus/48000/2", kind)) for kind in ("own", "guess")]
            cells = " | ".join("–" if cell is None else f"{cell:.2f}" for cell in cells)
            print(f"| {percent} %, {name} | {cells} |", flush=True)


def main():
    run(["cargo", "build", "--release", "-q", "-p", "hotline-benches", "--example", "degrade"])
    narrow, wide = speech(8000), speech(16000)
    codecs(narrow, wide)
    losses(narrow, wide)
