"""Disasters in mid-load, and what they cost: `python3 benches/trouble.py`, about four minutes.

For each disaster a center of its own is started and called by `hotline load`; while calls begin, go on and end, its
process is killed, the disk of its recordings fills, or that disk stands still. What was lost is told as a table,
between `<!-- figures: trouble -->` and `<!-- end -->` of benches/README.md.

A small disk is a tmpfs, one that stands still an ext4 image that is frozen: both need root, and a row that could not be
measured says so. It ends with a failure when a call failed, a recording is missing, or audio was lost that should not
be.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import aftermath
import run

CALLS = 100  # at once
RAMP_S = 10  # until there are so many
HOLD_S = 14  # how long customer and agent talk
SECONDS = 27  # how long new calls begin, from the first
KILL_S = 18  # when new calls end before a kill; it comes a second later
FULL_S = 8  # how long a full disk stays so, from the alert; shorter than a call
STALL_S = 10
# A call records two channels of 16 bits, 8,000 times a second: the disk is full soon after all calls are there.
SMALL_BYTES = int(CALLS * 32_000 * (RAMP_S / 2 + 2.5))
LARGE_BYTES = 100 * SMALL_BYTES
IMAGE_BYTES = 1 << 30
# Longer than the disk is full, a recording loses the piece that was refused first (0.4 s), the second that a folder is
# left alone, and the wait for its next piece.
RETRY_S = 2.0
# What a kill may cost: 300 ms that late packets are waited for, a piece of 400 ms, 300 ms until the process is gone.
KILL_LOSS_S = 1.0
HEAD = [
    "| disaster | calls completed | lost by the center | delay ms: p50 / p99 | told | recordings: sealed / damaged / "
    "missing | with a loss | seconds lost: median / most | verify |",
    "|---|---|---|---|---|---|---|---|---|",
]


class NotPermitted(Exception):
    """This machine does not let us make the disaster."""


class Trial:
    """A center under load in a folder of its own. What must be undone is on `stack`."""

    def __init__(self, hotline, stack, second=False):
        self.hotline, self.stack = hotline, stack
        self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hotline-trouble-")))
        self.recordings = self.folder / "recordings"
        self.recordings.mkdir()
        self.folders = [self.recordings]
        self.agents = CALLS + CALLS // 20 + 2
        run.configure(self.folder / "config", self.agents)
        if second:
            self.folders.append(self.folder / "second")
            file = self.folder / "config/hotline.toml"
            commented = '# fallback = "/mnt/second/recordings"'
            text = file.read_text()
            if commented not in text:
                raise SystemExit(f"{file} has no {commented}")
            file.write_text(text.replace(commented, f'fallback = "{self.folders[1]}"'))
        self.sip, self.http = run.free_port(socket.SOCK_DGRAM), run.free_port(socket.SOCK_STREAM)
        self.center = self.load = None

    def start(self):
        self.center = run.serve(self.hotline, self.folder, self.sip, self.http)
        self.stack.callback(end, self.center)
        run.wait_until_ready(self.center, self.http)

    def call(self, seconds):
        """Begins the load, and waits until all calls are there; when the first was."""
        self.report = self.folder / "report.json"
        command = run.load_command(self.hotline, self.report, self.sip, self.center.pid, [
            "--press", "1", "--agents", f"50000-{50000 + self.agents - 1}", "--calls", CALLS,
            "--rate", CALLS / RAMP_S, "--hold", HOLD_S, "--seconds", seconds, "--patience", 10,
            "--phones-per-port", 16, "--threads", min(2, os.cpu_count()),
        ])
        with open(self.folder / "load.log", "w") as log:
            self.load = subprocess.Popen(command, stdout=log, stderr=log)
        self.stack.callback(end, self.load)
        self.wait("the first call", lambda: self.metric("hotline_calls") > 0)
        first = time.monotonic()
        self.wait("all calls", lambda: self.metric("hotline_calls") >= CALLS)
        return first

    def metric(self, name):
        token = (self.folder / "data/control").read_text().splitlines()[1]
        question = urllib.request.Request(
            f"http://127.0.0.1:{self.http}/metrics", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(question, timeout=20) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[-1])
        raise SystemExit(f"the center has no {name}")

    def storage_fails(self):
        return self.metric('hotline_recording_storage_failed{storage="main"}') == 1

    def wait(self, what, condition, limit_s=30):
        deadline = time.monotonic() + limit_s
        while not condition():
            if self.center.poll() is not None:
                raise SystemExit(f"{what}: the center ended; {tail(self.folder / 'log')}")
            if time.monotonic() > deadline:
                raise SystemExit(f"{what}: not within {limit_s} s; {tail(self.folder / 'log')}")
            time.sleep(0.02)

    def finish(self):
        """Waits for the load's report and until nothing is open. Returns report and recordings."""
        self.load.wait(timeout=180)
        if not self.report.exists():
            raise SystemExit(f"no report: {tail(self.folder / 'load.log')}")
        still_open = (
            "SELECT id FROM recordings WHERE state = 'open' UNION ALL SELECT id FROM contacts WHERE ended_ms IS NULL"
        )
        self.wait("all ends and seals", lambda: not aftermath.rows(self.folder, still_open))
        return json.loads(self.report.read_text()), aftermath.recordings(self.folder, self.folders)

    def verdict(self):
        return aftermath.verdict(self.hotline, self.folder, self.folders)


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


def tail(file):
    return "\n".join(file.read_text().splitlines()[-10:])


def killed(trial):
    """The process is killed, and started again as a supervisor would."""
    trial.start()
    first = trial.call(KILL_S)
    trial.wait("the moment", lambda: time.monotonic() >= first + KILL_S + 1)
    sent = time.monotonic()
    trial.center.send_signal(signal.SIGKILL)
    trial.center.wait()
    gone_ms = (time.monotonic() - sent) * 1000
    dead_ms = time.time() * 1000
    before = {row.path for row in aftermath.recordings(trial.folder, trial.folders) if row.state == "open"}
    trial.start()
    report, found = trial.finish()
    cut = [row for row in found if row.closed_ms > dead_ms]
    repaired = [row for row in cut if row.state == "damaged" and row.sha256 and row.duration_ms and row.file]
    faults = judge(trial, cut, found)
    # What the database was told last may still have been in the spool: such a row was open and is sealed now.
    well = {row.path for row in [*repaired, *(row for row in found if row.state == "sealed")]}
    faults += [f"{path} was open and is not repaired" for path in before - well]
    if len(repaired) < CALLS * 3 / 4:
        faults.append(f"only {len(repaired)} recordings were cut off: this was no mid-load")
    missing = [(dead_ms - row.opened_ms - row.duration_ms) / 1000 for row in repaired]
    if max(missing, default=0) > KILL_LOSS_S:
        faults.append(f"{max(missing):.2f} s missing after a kill")
    crashed = sum(row.cause == "crashed" for row in found)
    words = f"{len(repaired)} of {len(cut)} repaired at the next start; the process was gone after {gone_ms:.0f} ms"
    calls = f"{len(found) - crashed} before it, {crashed} cut off by it"
    return Row("`kill -9`, started again", calls, report, words, found, missing, faults)


def full(trial):
    """The disk of the recordings fills, and later has room again."""
    mounted(trial, ["mount", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "tmpfs"])
    trial.start()
    trial.call(SECONDS)
    full_at = []

    def alert():
        if not full_at and os.statvfs(trial.recordings).f_bavail == 0:
            full_at.append(time.time())
        return trial.storage_fails()

    trial.wait("the alert", alert)
    began = min([*full_at, time.time()])
    time.sleep(FULL_S)
    told(["mount", "-o", f"remount,size={LARGE_BYTES}", str(trial.recordings)])
    ended = time.time()
    return weathered(trial, "full", "full disk", began, ended)


def stalled(trial):
    """The disk of the recordings stands still, and later goes on."""
    image = trial.folder / "image"
    with open(image, "wb") as file:
        file.truncate(IMAGE_BYTES)
    told(["mkfs.ext4", "-q", str(image)])
    mounted(trial, ["mount", "-o", "loop", str(image)])
    trial.start()
    trial.call(SECONDS)
    # Before it is frozen, so that it is thawed whatever comes between.
    thaw = trial.stack.enter_context(contextlib.ExitStack())
    thaw.callback(subprocess.run, ["fsfreeze", "-u", str(trial.recordings)], stderr=subprocess.DEVNULL)
    told(["fsfreeze", "-f", str(trial.recordings)])
    began = time.time()
    trial.wait("the alert", trial.storage_fails)
    time.sleep(max(0.0, began + STALL_S - time.time()))
    told(["fsfreeze", "-u", str(trial.recordings)])
    thaw.pop_all()
    return weathered(trial, "stalled", "disk that stands still", began, time.time())


def weathered(trial, trouble, name, began, ended):
    """The row of a disaster that the center lived through."""
    second = len(trial.folders) > 1
    trial.wait("the folder to work again", lambda: not trial.storage_fails())
    report, found = trial.finish()
    faults = judge(trial, found, found)
    calls, media = report["calls"], report["media"]
    if calls["failed"] or not calls["begun"]:
        faults.append(f"calls: {calls['by_outcome']}")
    if media["lost_by_target"]:
        faults.append(f"the center lost {media['lost_by_target']} packets")
    events = aftermath.storage_events(trial.folder)
    failed = [event for event in events if event[1] == "storage_failed" and event[2:] == ("main", trouble)]
    restored = [event for event in events if event[1] == "storage_restored"]
    if not failed or not restored:
        faults.append(f"not told: {events}")
    began = min([began, *(at for at, *_ in failed[:1])])
    lost = [row.lost_s() for row in found]
    most_s = max(lost, default=0)
    allowed_s = 0 if second or trouble == "stalled" else ended - began + RETRY_S
    if most_s > allowed_s:
        faults.append(f"{most_s:.2f} s lost of a recording, at most {allowed_s:.2f} s are excused")
    if allowed_s and most_s < FULL_S / 2:
        faults.append(f"{most_s:.2f} s lost: the disk was not full")
    if allowed_s == 0 and any(row.state != "sealed" for row in found):
        faults.append("not every recording is sealed")
    moved = trial.metric("hotline_recordings_moved_total")
    if second and not moved:
        faults.append("no recording went on in the second folder: the disaster was none")
    after_s = failed[0][0] - began if failed else float("nan")
    words = f"event and metric after {after_s:.1f} s"
    if len(failed) > 1:
        words += f", {len(failed)} times"
    if second:
        words += f"; {moved:.0f} recordings went over"
    name = f"{name}, {ended - began:.1f} s; {'second folder' if second else 'no second folder'}"
    return Row(name, f"{calls['completed']} of {calls['begun']}", report, words, found, lost, faults)


def judge(trial, concerned, found):
    """What must be so after any disaster."""
    faults = [f"{row.path} is missing: {row.fault}" for row in found if row.file is None]
    heard = [row for row in found if row.file is not None]
    untold = [(row.untold_s(), row.path) for row in heard]
    silent = sorted(found for found in untold if found[0])
    if silent:
        seconds, path = silent[-1]
        faults.append(f"{len(silent)} recordings have silence that no gap tells of, {path} {seconds:.2f} s")
    if not concerned:
        faults.append("no recording was concerned")
    answered = aftermath.rows(trial.folder, "SELECT id FROM contacts WHERE answered_ms IS NOT NULL")
    if len(answered) != len(found):
        faults.append(f"{len(answered)} calls were answered, {len(found)} have a recording")
    said = trial.verdict()
    return faults + ([f"verify: {said}"] if said else [])


class Row:
    """One line of the table, and what is wrong."""

    def __init__(self, name, calls, report, told_as, found, lost, faults):
        media = report["media"]
        missing = sum(row.file is None for row in found)
        sealed = sum(row.state == "sealed" and row.file is not None for row in found)
        losers = sum(seconds > 0 for seconds in lost)
        agrees = "differs" if any(fault.startswith("verify") for fault in faults) else "agrees"
        if not report["calls"]["begun"] or not media["packets_expected"]:
            faults.append("nobody called")
        self.faults = [f"{name}: {fault}" for fault in faults]
        self.text = (
            f"| {name} | {calls} | {media['lost_by_target']} of {media['packets_expected']} | "
            f"{run.ms(media['delay_us'], ['p50', 'p99'])} | {told_as} | "
            f"{sealed} / {len(found) - sealed - missing} / {missing} | {losers} | "
            f"{statistics.median(lost or [0]):.2f} / {max(lost, default=0):.2f} | {agrees} |"
        )


def mounted(trial, command):
    """Mounts something as the recordings folder, until the trial ends."""
    place = str(trial.recordings)
    told([*command, place])
    trial.stack.callback(unmount, place)


def unmount(place):
    """Whatever happens: a folder that is still busy leaves the tree now and the kernel later."""
    if subprocess.run(["umount", place], stderr=subprocess.DEVNULL).returncode != 0:
        subprocess.run(["umount", "--lazy", place], check=False)


def told(command):
    """Runs a command of the system that must succeed for there to be a disaster."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise NotPermitted(f"`{command[0]}` cannot be run") from error
    if done.returncode != 0:
        run.say(f"{' '.join(command)}: {done.stderr.strip()}")
        raise NotPermitted(f"`{command[0]}` is refused here: it takes root")


def measure(hotline):
    """Table and faults."""
    lines, faults = list(HEAD), []
    for disaster, second in [(killed, False), (full, False), (full, True), (stalled, False), (stalled, True)]:
        name = f"{disaster.__name__}{', second folder' if second else ''}"
        run.say(name)
        try:
            with contextlib.ExitStack() as stack:
                row = disaster(Trial(hotline, stack, second))
            lines.append(row.text)
            faults += row.faults
            run.say(row.text)
        except NotPermitted as refusal:
            run.say(f"{name}: NOT MEASURED, {refusal}")
            lines.append(f"| **{name}: NOT MEASURED, {refusal}** |" + " – |" * 8)
    return "\n".join(lines), faults


def main():
    # Whoever ends this program ends the load, the center and the mounts with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    machine = run.machine()
    table, faults = measure(run.target_directory() / "release/hotline")
    run.write({"trouble": f"{machine} {CALLS} calls at once.\n\n{table}"})
    print(table)
    if faults:
        sys.exit("\n".join(["", *faults]))


if __name__ == "__main__":
    main()
