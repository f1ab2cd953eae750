"""Reference speech of several speakers, and the score of what became of it (PESQ, ITU-T P.862.1 and P.862.2)."""

import io
import pathlib
import subprocess
import sys
import tarfile
import wave

import numpy
from pesq import pesq
from scipy.signal import correlate

from . import codecs

LEVEL_DBOV = -26
LONGEST_S = 9  # of one speaker
PAUSE_S = 0.4  # between two pieces, before the first and after the last
# The source package of a speech recogniser brings a reader of LibriVox (public domain) and a man who names playing cards;
# Debian's prompts of Asterisk (CC BY-SA 3.0) are two women, English and Russian.
SOURCE_PACKAGE = "pocketsphinx"
PIECES = {"LibriVox reader": "/librivox/", "card player": "/data/cards/"}
DEBIAN_PACKAGES = {
    "English prompts": ("asterisk-core-sounds-en-g722", ["demo-congrats", "basic-pbx-ivr-main"]),
    "Russian prompts": ("asterisk-core-sounds-ru-g722", ["demo-congrats", "basic-pbx-ivr-main"]),
}
FALLBACK = {"synthetic woman": "en-us+f3", "synthetic man": "en-gb+m3"}
FALLBACK_TEXT = "Thank you for calling. All of our agents are busy at the moment. You are number seven in the queue."


def speakers(folder):
    """Raw samples at 16 kHz by speaker, a multiple of 60 ms each. Synthetic voices where nothing can be fetched."""
    found = {**from_source_package(folder), **from_debian(folder)}
    if len(found) < 2:
        found |= {name: [spoken(voice)] for name, voice in FALLBACK.items()}
    return {name: levelled(pieces) for name, pieces in found.items()}


def from_source_package(folder):
    if not any(folder.glob("*.tar.gz")):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", SOURCE_PACKAGE]
        subprocess.run([*command, "-d", folder, SOURCE_PACKAGE], check=False, capture_output=True)
    found = {}
    for package in folder.glob("*.tar.gz"):
        with tarfile.open(package) as archive:
            members = sorted((m for m in archive.getmembers() if m.name.endswith(".wav")), key=lambda m: m.name)
            for name, where in PIECES.items():
                files = [archive.extractfile(member).read() for member in members if where in member.name]
                found[name] = [samples_of(file) for file in files]
    return {name: pieces for name, pieces in found.items() if pieces}


def from_debian(folder):
    found = {}
    for name, (package, pieces) in DEBIAN_PACKAGES.items():
        unpacked = folder / package
        if not unpacked.exists():
            command = ["sh", "-c", f"apt-get download {package} && dpkg-deb -x {package}_*.deb {package}"]
            subprocess.run(command, cwd=folder, check=False, capture_output=True)
        files = [file for piece in pieces for file in sorted(unpacked.rglob(f"{piece}.g722"))]
        if files:
            found[name] = [numpy.frombuffer(codecs.decode(codecs.G722, [f.read_bytes()]), numpy.int16) for f in files]
    return found


def spoken(voice):
    said = subprocess.run(["espeak-ng", "-v", voice, "--stdout", FALLBACK_TEXT], stdout=subprocess.PIPE, check=True)
    return numpy.frombuffer(codecs.ffmpeg("-i - -ar 16000 -ac 1 -f s16le -", said.stdout), numpy.int16)


def samples_of(file):
    with wave.open(io.BytesIO(file)) as opened:
        return numpy.frombuffer(opened.readframes(opened.getnframes()), numpy.int16)


def levelled(pieces):
    """The pieces in a row, at the level that P.862 is made for: of the loud frames, as P.56 would have it roughly."""
    pause, row = numpy.zeros(int(PAUSE_S * 16000)), []
    for piece in pieces:
        row += [pause, piece.astype(float)]
    joined = numpy.concatenate([*row, pause])[: LONGEST_S * 16000]
    joined = joined[: len(joined) // 960 * 960]
    power = numpy.mean(joined[: len(joined) // 320 * 320].reshape(-1, 320) ** 2, axis=1)
    loud = power[power > numpy.percentile(power, 90) / 100]
    joined *= 32768 * 10 ** (LEVEL_DBOV / 20) / numpy.sqrt(numpy.mean(loud))
    return joined.round().clip(-32768, 32767).astype(numpy.int16).tobytes()


def score(rate, reference, heard):
    """MOS-LQO of what was heard, wherever in it the reference begins; 0 when it is nowhere."""
    original = numpy.frombuffer(reference, numpy.int16).astype(numpy.float32) / 32768
    sound = numpy.frombuffer(heard, numpy.int16).astype(numpy.float32) / 32768
    if len(sound) < len(original) or not sound.any():
        return 0.0
    begin = int(numpy.argmax(correlate(sound, original, mode="valid", method="fft")))
    return float(pesq(rate, original, sound[begin : begin + len(original)], "nb" if rate == 8000 else "wb"))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def channels_of(file):
    """Rate, left and right of a recording, raw."""
    with wave.open(str(pathlib.Path(file))) as opened:
        both = numpy.frombuffer(opened.readframes(opened.getnframes()), numpy.int16).reshape(-1, opened.getnchannels())
        return opened.getframerate(), both[:, 0].tobytes(), both[:, 1].tobytes()
