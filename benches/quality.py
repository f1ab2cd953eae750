#!/usr/bin/env python3
"""How speech sounds through the calls of a running center, by PESQ (ITU-T P.862), beside codecs that we did not write.

    python3 benches/quality.py            calls through the release binary (or $HOTLINE_BIN), about five minutes; a table in Markdown
    python3 benches/quality.py codecs     our codecs and concealment alone, without a center

Customer and agent are small telephones of this folder; what they say and hear is compared payload by payload. The first
run makes a Python environment in the target folder (pesq, numpy, scipy, soundfile) and fetches speech. Needs cargo, ffmpeg with
libopus, and for the concealment's peer Debian's libspandsp2. Ends with 1 when a figure misses its limit.
"""

import os
import pathlib
import random
import subprocess
import sys
import venv

import run

PACKAGES = ["pesq", "numpy", "scipy", "soundfile"]
FORWARDED, TRANSCODED = 0.05, 0.1  # MOS that a call may cost beside the codecs alone
LOSS_SPREAD = 0.1  # MOS between two concealments that are as good


def environment():
    """Goes on in an environment that has the packages; says so and ends when it cannot be made."""
    folder = run.target_directory() / "hearing"
    python = folder / "environment/bin/python"
    if pathlib.Path(sys.prefix) == folder / "environment":
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "complete").exists():
        run.say("making the Python environment")
        venv.create(folder / "environment", with_pip=True, clear=True)
        done = subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], capture_output=True, text=True)
        if done.returncode != 0:
            print(f"SKIPPED: {', '.join(PACKAGES)} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
            sys.exit(0)
        (folder / "complete").touch()
    os.execv(python, [python, *sys.argv])


def main():
    folder = environment()
    if sys.argv[1:] == ["codecs"]:
        from hearing import concealment
        return concealment.main()
    if sys.argv[1:]:
        return __doc__
    from hearing import calls, judge, speech
    voices, missed = speech.speakers(folder), []
    hotline = os.environ.get("HOTLINE_BIN", run.target_directory() / "release/hotline")
    with calls.Center(hotline) as center:
        bench = judge.Bench(center, list(voices.values()))
        print(f"Speakers: {', '.join(voices)}.\n")
        pairs(bench, missed)
        print()
        losses(bench, missed)
    return "missed its limit: " + "; ".join(missed) if missed else None


def pairs(bench, missed):
    """Two codecs at a time, each way, and both channels of the recording."""
    from hearing.codecs import G722, LAWS, OPUS, PCMA, PCMU
    print("| customer, agent | agent hears | customer hears | recorded left | recorded right | passed on as it came |")
    print("|---|---|---|---|---|---|")
    for pair in [(PCMU, PCMU), (PCMU, PCMA), (PCMU, G722), (PCMU, OPUS), (G722, OPUS), (G722, G722), (OPUS, OPUS)]:
        name = ", ".join(codec.name.split("/")[0] for codec in pair)
        run.say(name)
        cells, passed = bench.pair(*pair)
        worked = [not (pair[0] == pair[1] or set(pair) <= set(LAWS))] * 2 + [codec not in LAWS for codec in pair]
        for cell, where, worked in zip(cells, ["agent", "customer", "left", "right"], worked):
            if cell.own < cell.alone - (TRANSCODED if worked else FORWARDED):
                missed.append(f"{name}, {where}: {cell}")
        if pair[0] == pair[1] and not passed:
            missed.append(f"{name}: changed on the way")
        print(f"| {name} | {' | '.join(map(str, cells))} | {'yes' if passed else '–'} |", flush=True)


def losses(bench, missed):
    """A customer of PCMU over a bad network, heard by an agent without any further codec (L16)."""
    from hearing import speech
    print("| lost packets of PCMU | through the center | spandsp | silence |\n|---|---|---|---|")
    for percent in (1, 3, 5):
        for burst, kind in ((1, "random"), (3, "bursts of 3")):
            run.say(f"{percent} % {kind}")
            patterns = [pattern(percent, burst, nth) for nth in range(len(bench.voices))]
            columns = bench.lossy(patterns)
            own, peer, silence = (None if None in column else speech.mean(column) for column in columns)
            if peer is not None and own < peer - LOSS_SPREAD:
                missed.append(f"{percent} % {kind}: {own:.2f}, spandsp {peer:.2f}")
            cells = " | ".join("–" if cell is None else f"{cell:.2f}" for cell in (own, peer, silence))
            print(f"| {percent} %, {kind} | {cells} |", flush=True)


def pattern(percent, burst, seed, frames=1000):
    """Numbers of the lost packets: so many percent, in bursts of so many on average (1: each for itself)."""
    dice, bad, share, lost = random.Random(seed), False, percent / 100, []
    for number in range(frames):
        bad = dice.random() < (share if burst == 1 else 1 - 1 / burst if bad else share / (1 - share) / burst)
        lost += [number] if bad else []
    return frozenset(lost)


if __name__ == "__main__":
    os.chdir(run.ROOT)
    sys.exit(main())
