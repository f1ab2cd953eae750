"""What a disaster left of the recordings: rows, files and manifests of one center, compared."""

import array
import json
import re
import sqlite3
import subprocess
import sys
import time

import run

RATE = 8000  # samples a second; the load's codec is narrow-band
SILENCE_MS = 100  # zeros for so long are no customer, who makes noise in every packet
# Of a recording's ends, where the customer presses a key, which is no audio, or has gone.
BEGIN_MS, END_MS = 1000, 500
# A recording begins after its row and ends before its contact's end is logged, by less than this.
SLACK_S = 1.0

ROWS = """
SELECT r.path, r.state, r.opened_ms, r.closed_ms, r.duration_ms, r.sha256, r.gaps, r.fault, c.ended_ms, c.cause
FROM recordings r JOIN contacts c ON c.id = r.contact ORDER BY r.id
"""


class Recording:
    """A row, with its file where there is one."""

    def __init__(self, row, folders):
        (self.path, self.state, self.opened_ms, self.closed_ms, self.duration_ms, self.sha256, gaps, self.fault,
         self.ended_ms, self.cause) = row
        self.gaps = json.loads(gaps)
        places = [folder / self.path for folder in folders]
        self.file = next((place for place in places if place.is_file()), None)

    def dropped_s(self):
        """Audio that the gap map says the center did not keep; both channels miss it together."""
        return sum(gap["length_ms"] for gap in self.gaps if gap["channel"] == 0 and gap["cause"] == "dropped") / 1000

    def lost_s(self):
        """What the gap map tells, and what the recording is shorter than its call."""
        ends = [gap["from_ms"] + gap["length_ms"] for gap in self.gaps]
        covered_s = max([self.duration_ms or 0, *ends]) / 1000
        short_s = (self.ended_ms - self.opened_ms) / 1000 - covered_s
        return self.dropped_s() + (short_s if short_s > SLACK_S else 0)

    def untold_s(self):
        """Silence of the customer that no gap explains, by listening to the file."""
        samples = left_channel(self.file)
        # A call that a crash cut off was heard until then.
        last_ms = len(samples) * 1000 // (2 * RATE) - (0 if self.cause == "crashed" else END_MS)
        silent_ms = 0
        for run_of_zeros in re.finditer(rb"(?:\0\0){%d,}" % (SILENCE_MS * RATE // 1000), samples):
            from_ms, until_ms = (at * 1000 // (2 * RATE) for at in run_of_zeros.span())
            told = any(
                gap["channel"] == 0 and gap["from_ms"] < until_ms and from_ms < gap["from_ms"] + gap["length_ms"]
                for gap in self.gaps
            )
            at_an_end = from_ms < BEGIN_MS or until_ms > last_ms
            if not told and not at_an_end:
                silent_ms += until_ms - from_ms
        return silent_ms / 1000


def left_channel(file):
    """The customer's samples of a recording, as bytes, two a sample."""
    data = file.read_bytes()
    begin = data.index(b"data", 12) + 8
    both = array.array("H", data[begin:len(data) - (len(data) - begin) % 4])
    return both[0::2].tobytes()


def recordings(folder, folders):
    """All of a center's rows, each with the end of its call."""
    return [Recording(row, folders) for row in rows(folder, ROWS)]


def rows(folder, question, values=()):
    """What a center's database says; it may be running."""
    with sqlite3.connect(f"file:{folder}/data/hotline.db?mode=ro", uri=True, timeout=10) as database:
        return database.execute(question, values).fetchall()


def storage_events(folder):
    """When a recordings folder failed and worked again: (Unix seconds, event, which, what is wrong)."""
    told = []
    question = "SELECT at_ms, event FROM journal WHERE event LIKE '%storage_%' ORDER BY seq"
    for at_ms, text in rows(folder, question):
        event = json.loads(text)
        if event.get("type") in ("storage_failed", "storage_restored"):
            told.append((at_ms / 1000, event["type"], event["storage"], event.get("trouble", "")))
    return told


def verdict(hotline, folder, folders, limit_s=20):
    """What `hotline verify` says of rows and files, and then of the folder and its signed manifests; None when all is
    well. The manifests follow the log, so they are waited for."""
    done = ask([hotline, "verify", *run.folders(folder)])
    if done.returncode != 0:
        return done.stdout.strip() + done.stderr.strip()
    key = folder / "key.pem"
    key.write_text(ask([hotline, "recordings", "key", *run.folders(folder)]).stdout)
    closed = len(rows(folder, "SELECT id FROM recordings WHERE state != 'open'"))
    deadline = time.monotonic() + limit_s
    while True:
        places = [word for place in folders for word in ("--folder", place)]
        done = ask([hotline, "verify", *places, "--public-key", key])
        entries = re.match(r"(\d+) entries", done.stdout)
        if done.returncode == 0 and entries and int(entries[1]) == closed:
            return None
        if time.monotonic() > deadline:
            return f"manifests, {closed} recordings closed: {done.stdout.strip()}{done.stderr.strip()}"
        time.sleep(0.2)


def ask(command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)


if __name__ == "__main__":
    sys.exit("this is a part of trouble.py")
