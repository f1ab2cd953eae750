#!/usr/bin/env python3
"""Runs the test programs of the workspace side by side: most of them wait for clocks, telephones and disks, not for a
processor, so one after the other they take more than twice as long. What a program prints is shown when it fails.

    tests/side_by_side.py [--at-once N]    N: one more than there are processors unless given

The slowest are named at the end.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The stories of the whole, which wait longest, go first, and more of each go side by side than there are processors.
STORIES = "hotline-tests"
FIRST = [STORIES, "media", "hotline"]
THREADS = {STORIES: "8"}
SLOWEST = 8


def programs():
    """Builds the test programs; (package, target, folder of the package, executable) of each."""
    build = ["cargo", "test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"]
    built = subprocess.run(build, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        sys.exit(built.returncode)
    found = []
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message.get("executable"):
            if message["profile"]["test"]:
                folder = Path(message["manifest_path"]).parent
                package = re.search(r"([\w-]+)@|#([\w-]+)$|/([\w-]+)#", message["package_id"])
                package = next((name for name in package.groups() if name), folder.name)
                found.append((package, message["target"]["name"], folder, message["executable"]))
    rank = {name: place for place, name in enumerate(FIRST)}
    return sorted(found, key=lambda program: (rank.get(program[0], len(FIRST)), program[0], program[1]))


class Run:
    def __init__(self):
        self.lock = threading.Lock()
        self.times = []
        self.failed = []
        self.passed = 0

    def program(self, program):
        package, target, folder, executable = program
        name = f"{package}::{target}"
        environment = dict(os.environ, CARGO_MANIFEST_DIR=str(folder))
        if package in THREADS:
            environment.setdefault("RUST_TEST_THREADS", THREADS[package])
        began = time.monotonic()
        ran = subprocess.run([executable], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        seconds = time.monotonic() - began
        said = ran.stdout.decode(errors="replace")
        # The program's own last line, as `cargo test` would have shown it.
        results = re.findall(r"^test result: .*", said, re.M)
        passed = sum(int(count) for count in re.findall(r"^test result: \w+\. (\d+) passed", said, re.M))
        with self.lock:
            self.times.append((seconds, name))
            if ran.returncode:
                self.failed.append(name)
                print(f"-- {name} failed after {seconds:.0f} s ({ran.returncode}):\n{said}", flush=True)
            else:
                self.passed += passed
                print(f"   {name} ({seconds:.0f} s)", *results, sep="\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", type=int, default=(os.cpu_count() or 1) + 1)
    wanted = parser.parse_args()
    all_programs = programs()
    if not all_programs:
        sys.exit("no test program was built")
    run = Run()
    with ThreadPoolExecutor(wanted.at_once) as pool:
        list(pool.map(run.program, all_programs))
    slowest = sorted(run.times, reverse=True)[:SLOWEST]
    print("   slowest: " + ", ".join(f"{name} {seconds:.0f} s" for seconds, name in slowest))
    if run.failed:
        sys.exit(f"{len(run.failed)} of {len(all_programs)} test programs failed: {', '.join(sorted(run.failed))}")
    if not run.passed:
        sys.exit(f"{len(all_programs)} test programs ran without a single test in them")
    print(f"   {len(all_programs)} test programs passed, {run.passed} tests in all")


if __name__ == "__main__":
    main()
