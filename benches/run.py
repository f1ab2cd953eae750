"""Runs all benchmarks and writes their figures into benches/README.md: `make bench`.

    python3 benches/run.py                    everything but trouble, about fifteen minutes once it is built
    python3 benches/run.py load               only some parts: criterion, media, load, quality, trouble
    python3 benches/run.py load --most 300    not beyond so many calls

Tables lie between `<!-- figures: NAME -->` and `<!-- end -->`; everything else in the README is written by hand.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "benches/README.md"
PLOT = ROOT / "benches/cost-per-call.svg"
COUNTS = [10, 50, 100, 200, 300, 500, 700, 1000, 1300, 1700]
RATE = 100  # new calls a second
SET_UP_RATES = [100, 200, 400]  # calls a second that are answered and hung up at once
SRTP_CALLS, SRTP_ROUNDS = 100, 3
SUITES = ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"]
STEADY_S = 8  # how long all of them talk
BARE = [10, 50, 100, 200, 300, 500]  # numbers of calls at which the bare loop is measured beside the center
MEDIA = ["cargo", "bench", "-q", "-p", "hotline-benches", "--bench", "media", "--"]
LOAD_LIMIT_S = 270  # no further count begins after so long


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", help="criterion, media, load, quality, trouble; default: all but trouble")
    parser.add_argument("--most", type=int, default=COUNTS[-1], help="calls at most")
    arguments = parser.parse_args()
    parts = set(arguments.parts) or {"criterion", "media", "load", "quality"}
    # Trouble has a line of its own.
    figures = {"machine": machine()} if parts - {"trouble"} else {}
    target = target_directory()
    if "criterion" in parts:
        figures["criterion"] = criterion(target)
    if "media" in parts:
        figures["media"] = media()
    if "load" in parts:
        points, bare = load(target / "release/hotline", arguments.most)
        figures["load"] = load_table(points, bare)
        figures["admission"] = admission(points)
        figures["set-up"] = set_up(target / "release/hotline")
        figures["srtp"] = encrypted(target / "release/hotline")
        PLOT.write_text(plot(points, bare), encoding="utf-8")
    if "quality" in parts:
        figures |= quality()
    write(figures)
    print(f"{README.relative_to(ROOT)} has the new figures")
    if "trouble" in parts:
        # It mounts file systems, for which one must be root; it writes its own table.
        raise SystemExit(subprocess.run([sys.executable, ROOT / "benches/trouble.py"], check=False).returncode)


def machine():
    """One line about where the figures come from, the load of others included."""
    processor = "an unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    kernel, busy = ".".join(os.uname().release.split(".")[:2]), os.getloadavg()[0]
    remark = "" if busy < 0.5 else "; **the machine was busy with other work, so take ratios only**"
    day = datetime.date.today().isoformat()
    return f"{day}: {os.cpu_count()} cores, {processor}, Linux {kernel}, load average before {busy:.1f}{remark}."


def target_directory():
    metadata = told(["cargo", "metadata", "--no-deps", "--format-version", "1"])
    return pathlib.Path(json.loads(metadata)["target_directory"])


def told(command):
    """What a command prints; its complaints are shown only when it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def criterion(target):
    """Medians of criterion's estimates."""
    began = time.time()
    quick = ["--warm-up-time", "0.5", "--measurement-time", "1", "--noplot"]
    for bench in ["sip", "acd", "audio"]:
        say(f"criterion: {bench}")
        command = ["cargo", "bench", "-q", "-p", "hotline-benches", "--bench", bench, "--", *quick]
        told(command)
    rows = []
    for file in sorted((target / "criterion").glob("**/new/estimates.json")):
        # Those that an older run left are not of this one.
        if file.stat().st_mtime >= began:
            name = "/".join(file.parts[len(target.parts) + 1:-2])
            rows.append(f"| {name} | {duration(json.loads(file.read_text())['median']['point_estimate'])} |")
    return "\n".join(["| benchmark | median |", "|---|---|", *rows])


def duration(nanoseconds):
    for unit, size in [("ms", 1e6), ("µs", 1e3)]:
        if nanoseconds >= size:
            return f"{nanoseconds / size:.2f} {unit}"
    return f"{nanoseconds:.0f} ns"


def media():
    """The media threads beside the bare loops."""
    say("media threads and bare loops")
    lines = told([*MEDIA, "10", "100", "300", "500", "--seconds", "4"]).splitlines()
    return "\n".join(line for line in lines if line.startswith("|"))


def bare_loop(calls):
    """What a call-minute costs the bare loop just now, in core-seconds."""
    lines = told([*MEDIA, str(calls), "--seconds", "3", "--rounds", "1", "--side", "connected"]).splitlines()
    return float(lines[-1].strip("|").split("|")[4])


def quality():
    """How calls sound; nothing new where it cannot be measured. A missed limit is a figure like others."""
    say("speech through calls")
    command = [sys.executable, ROOT / "benches/quality.py"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if "|" not in done.stdout:
        say(done.stdout.strip() or "no figures of quality")
        return {}
    return {"quality": done.stdout.strip()}


def load(hotline, most):
    """A center of its own for each number of calls, upwards until it refuses calls, or two in a row do not hold."""
    points, bare, began = [], {}, time.time()
    for calls in [count for count in COUNTS if count <= most]:
        if time.time() - began > LOAD_LIMIT_S:
            say("no time for more calls")
            break
        say(f"hotline load: {calls} calls")
        # Before and after, for a machine in the clouds is not the same from one minute to the next.
        around = [bare_loop(calls)] if calls in BARE else []
        point = measure(hotline, calls)
        points.append((calls, point))
        if around:
            bare[calls] = (around[0] + bare_loop(calls)) / 2
        # One more beyond the first that did not hold, to see whether the center refuses what is too much.
        if [holds(point) for _, point in points[-2:]] == [False, False] or refused(point):
            break
    return points, bare


def refused(point):
    return point["calls"]["by_outcome"].get("refused 503", 0)


def holds(point):
    return point["calls"]["failed"] == 0 and point["media"]["lost_by_target"] == 0


def measure(hotline, calls, more=()):
    agents = calls + calls // 20 + 2
    ramp = calls / RATE
    return against_a_center(hotline, agents, [
        "--press", "1", "--agents", f"50000-{50000 + agents - 1}", "--calls", calls, "--rate", RATE,
        "--hold", ramp + STEADY_S, "--seconds", int(ramp) + 2, "--patience", 20, "--phones-per-port", 16,
        "--threads", min(2, os.cpu_count()), *more,
    ])


def set_up(hotline):
    """Calls that are answered, recorded, and hung up at once."""
    rows = [
        "| calls a second | answered | core-seconds for 1,000 calls | SRD ms: p50 / p99 / p99.9 | "
        "SDD ms: p50 / p99 / p99.9 | requests sent again |",
        "|---|---|---|---|---|---|",
    ]
    for rate in SET_UP_RATES:
        say(f"hotline load: {rate} calls a second")
        point = against_a_center(hotline, 0, [
            "--calls", 10 * rate, "--rate", rate, "--hold", 0, "--seconds", 8, "--phones-per-port", 16,
        ])
        samples, signalling, begun = point["samples"], point["signalling"], point["calls"]["begun"]
        used = (samples[-1]["cpu_s"] - samples[0]["cpu_s"]) * 1000 / max(begun, 1)
        three = ["p50", "p99", "p99.9"]
        rows.append(
            f"| {begun / 8:.0f} | {signalling['SER_percent']:.2f} % | {used:.2f} | {ms(signalling['SRD_us'], three)} | "
            f"{ms(signalling['SDD_us'], three)} | {signalling['requests_repeated']} |"
        )
    return "\n".join(rows)


def encrypted(hotline):
    """What whole calls cost whose both legs are encrypted, beside plain ones: the least of some rounds, for it is little."""
    rows = ["| both legs | held | core-seconds a call-minute | of plain calls | not authentic |", "|---|---|---|---|---|"]
    points = {suite: [] for suite in [None, *SUITES]}
    for _ in range(SRTP_ROUNDS):
        for suite, measured in points.items():
            say(f"hotline load: {suite or 'plain'}")
            measured.append(measure(hotline, SRTP_CALLS, [f"--srtp={suite}"] if suite else []))
    least = {suite: min(point["cost"]["core_seconds_per_call_minute"] for point in points[suite]) for suite in points}
    for suite, measured in points.items():
        held = "yes" if all(map(holds, measured)) else "no"
        forged = sum(point["media"]["not_authentic"] for point in measured)
        ratio = least[suite] / least[None]
        rows.append(f"| {suite or 'plain RTP'} | {held} | {least[suite]:.4f} | {ratio:.2f} | {forged} |")
    return "\n".join(rows)


def against_a_center(hotline, agents, arguments):
    """The report of a load against a fresh center with so many agents."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        folder = pathlib.Path(folder)
        configure(folder / "config", agents)
        sip, http = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        center = serve(hotline, folder, sip, http)
        try:
            wait_until_ready(center, http)
            return generate(hotline, folder / "report.json", sip, center.pid, arguments)
        finally:
            center.send_signal(signal.SIGKILL)
            center.wait()


def serve(hotline, folder, sip, http):
    """The process of a center that keeps all it has in a folder."""
    with open(folder / "log", "a") as log:
        return subprocess.Popen(
            [hotline, "serve", *folders(folder),
             "--sip", f"127.0.0.1:{sip}", "--http", f"127.0.0.1:{http}", "--rtp", "10000-31999"],
            stdout=log, stderr=log,
        )


def folders(folder):
    """As any of the program's commands is told of them."""
    return ["--config", folder / "config", "--prompts", ROOT / "prompts",
            "--data", folder / "data", "--recordings", folder / "recordings"]


def generate(hotline, report, sip, pid, arguments):
    command = load_command(hotline, report, sip, pid, arguments)
    # It ends with a failure when calls failed, which is a figure like others.
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=240)
    if not report.exists():
        raise SystemExit(f"no report from {' '.join(command)}: {done.stderr}")
    return json.loads(report.read_text())


def load_command(hotline, report, sip, pid, arguments):
    place = ["--target", f"127.0.0.1:{sip}", "--number", "8000", "--pid", pid, "--json", report]
    return [str(word) for word in [hotline, "load", *place, *arguments]]


def configure(folder, agents):
    """The sample configuration with as many agents as wanted, who need no time between two calls."""
    shutil.copytree(ROOT / "config", folder)
    entry = '\n[[agent]]\nid = "{0}"\npassword = "sample-{0}"\nqueues = ["inquiry"]\n'
    with open(folder / "agents.toml", "a") as file:
        file.writelines(entry.format(50000 + nth) for nth in range(agents))
    queues = folder / "queues.toml"
    queues.write_text(queues.read_text().replace("wrap_up_s = 10", "wrap_up_s = 0"))
    server = folder / "hotline.toml"
    text = re.sub(r"max_calls = \d+", "max_calls = 10000", server.read_text())
    # Whoever wants it may encrypt; the others are as plain as ever.
    server.write_text(text.replace('srtp = "off"', 'srtp = "optional"'))


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(center, http):
    deadline = time.time() + 30
    while time.time() < deadline and center.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{http}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("the center did not become ready")


def load_table(points, bare):
    head = [
        "| calls | held | core-seconds a call-minute | of the bare loop | memory a call | "
        "delay ms: p50 / p99 / p99.9 | spacing error ms: p50 / p99 / p99.9 | lost by the center | "
        "SRD ms: p50 / p99 | generator behind ms: p99 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join(head + [load_row(calls, point, bare) for calls, point in points])


def load_row(calls, point, bare):
    cost, heard = point["cost"] or {}, point["media"]
    spent = cost.get("core_seconds_per_call_minute")
    ratio = f"{spent / bare[calls]:.2f}" if spent and calls in bare else "–"
    memory = f"{cost['bytes_per_call'] / 1024:.0f} KiB" if cost else "–"
    three = ["p50", "p99", "p99.9"]
    return (
        f"| {calls} | {'yes' if holds(point) else 'no'} | {f'{spent:.4f}' if spent else '–'} | {ratio} | {memory} | "
        f"{ms(heard['delay_us'], three)} | {ms(heard['spacing_error_us'], three)} | "
        f"{heard['lost_by_target']} of {heard['packets_expected']} | "
        f"{ms(point['signalling']['SRD_us'], three[:2])} | {ms(point['generator']['behind_us'], ['p99'])} |"
    )


def ms(figures, names):
    return " / ".join("–" if figures[name] is None else f"{figures[name] / 1000:.2f}" for name in names)


def admission(points):
    """What happened at the last number of calls: beyond its budget a center refuses with 503."""
    calls, point = points[-1]
    outcomes = point["calls"]["by_outcome"]
    went = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
    memory = memory_a_call(points)
    if holds(point):
        return f"{calls} calls, the most that were tried, held: {went}.{memory}"
    if refused(point):
        lost = point["media"]["lost_by_target"]
        return f"At {calls} calls: {went}. Beyond its budget the center answers 503; calls in progress lost {lost} packets.{memory}"
    most = max((calls for calls, point in points if holds(point)), default=0)
    return f"{most} calls held. At {calls} calls: {went}, and none was refused.{memory}"


def memory_a_call(points):
    """What a further call takes, once what a process needs anyhow is there."""
    held = [(calls, point["cost"]) for calls, point in points if holds(point) and point["cost"]]
    if len(held) < 2:
        return ""
    (few, before), (many, after) = held[0], held[-1]
    grown = [cost["resident_most_bytes"] - cost["resident_before_bytes"] for cost in (before, after)]
    return f" A further call takes {(grown[1] - grown[0]) / (many - few) / 1024:.0f} KiB (from {few} to {many} calls)."


def plot(points, bare):
    """Cost of a call against the number of calls, as SVG."""
    ours = [(calls, point["cost"]["core_seconds_per_call_minute"]) for calls, point in points if point["cost"]]
    lines = [("whole center 整个中心", "#1b6ca8", ours)]
    lines.append(("bare loop of system calls 裸循环", "#c2571a", sorted(bare.items())))
    values = [value for _, _, line in lines for _, value in line]
    counts = [count for _, _, line in lines for count, _ in line]
    if not values:
        return "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"
    top, right = max(values) * 1.1, max(counts)
    def place(count, value):
        return f"{60 + 700 * count / right:.1f},{250 - 220 * value / top:.1f}"
    svg = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 300" role="img" font-family="sans-serif" '
        'font-size="12">',
        '<rect width="800" height="300" fill="#fff"/>',
        '<text x="60" y="16">core-seconds a call-minute 每通话分钟核秒</text>',
        '<text x="760" y="290" text-anchor="end">calls at once 并发通话</text>',
    ]
    for quarter in range(5):
        x, y = 60 + 175 * quarter, 250 - 55 * quarter
        svg.append(f'<line x1="60" x2="760" y1="{y}" y2="{y}" stroke="#ddd"/>')
        svg.append(f'<text x="54" y="{y + 4}" text-anchor="end">{top * quarter / 4:.3f}</text>')
        svg.append(f'<text x="{x}" y="268" text-anchor="middle">{right * quarter / 4:.0f}</text>')
    for nth, (name, colour, line) in enumerate(lines):
        places = " ".join(place(*point) for point in line)
        svg.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{places}"/>')
        svg.extend(f'<circle r="3" fill="{colour}" cx="{p.split(",")[0]}" cy="{p.split(",")[1]}"/>' for p in places.split())
        svg.append(f'<text x="{400 + 190 * nth}" y="16" fill="{colour}">{name}</text>')
    return "\n".join([*svg, "</svg>", ""])


def write(figures):
    text = README.read_text(encoding="utf-8")
    for name, table in figures.items():
        place = re.compile(rf"(<!-- figures: {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        if not place.search(text):
            raise SystemExit(f"{README} has no place for {name}")
        text = place.sub(lambda found: found[1] + table + found[2], text)
    README.write_text(text, encoding="utf-8")


def say(what):
    print(f"[{datetime.datetime.now():%H:%M:%S}] {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
