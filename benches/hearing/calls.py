"""Speech through calls of a running center, in both directions at once and with the codecs of choice."""

import asyncio
import dataclasses
import itertools
import json
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

import run

from . import codecs
from .phone import Phone

AT_ONCE = 4
NUMBERS = itertools.count()
FIRST_AGENT = 50000
PICK_UP_LIMIT_S = 30
SEAL_LIMIT_S = 10
SETTLE_S = 1.0  # of silence before and after the speech


@dataclasses.dataclass
class Saying:
    """What one side says: payloads, and the numbers of those that get lost on the way."""

    codec: codecs.Codec
    payloads: list
    lost: frozenset = frozenset()


@dataclasses.dataclass
class Call:
    """One call: what both said and heard, and what was recorded of it."""

    customer: Saying
    agent: Saying
    heard_by_customer: list = dataclasses.field(default_factory=list)
    heard_by_agent: list = dataclasses.field(default_factory=list)
    recording: pathlib.Path | None = None
    caller: str = dataclasses.field(default_factory=lambda: f"139{next(NUMBERS):08}")


class Center:
    """A center of its own, from a binary, with the sample configuration and some more agents."""

    def __init__(self, hotline):
        self.hotline, self.room = hotline, tempfile.TemporaryDirectory(prefix="hotline-hearing-")
        self.folder = pathlib.Path(self.room.name)
        self.address = ("127.0.0.1", run.free_port(socket.SOCK_DGRAM))

    def __enter__(self):
        run.configure(self.folder / "config", AT_ONCE)
        http = run.free_port(socket.SOCK_STREAM)
        with open(self.folder / "log", "w") as log:
            command = [
                self.hotline, "serve", "--config", self.folder / "config", "--prompts", run.ROOT / "prompts",
                "--data", self.folder / "data", "--recordings", self.folder / "recordings",
                "--sip", f"127.0.0.1:{self.address[1]}", "--http", f"127.0.0.1:{http}", "--rtp", "32000-32400",
            ]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        run.wait_until_ready(self.process, http)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.room.cleanup()

    def recordings(self):
        """Sealed files by their caller."""
        paths = {row["contact_id"]: row["path"] for row in self.listing("recordings") if row["state"] == "sealed"}
        callers = {row["caller"]: row["id"] for row in self.listing("contacts")}
        folder = self.folder / "recordings"
        return {caller: folder / paths[contact] for caller, contact in callers.items() if contact in paths}

    def listing(self, name):
        command = [self.hotline, name, "--json", "--config", self.folder / "config", "--prompts", run.ROOT / "prompts",
                   "--data", self.folder / "data", "--recordings", self.folder / "recordings"]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def hold(center, calls):
    """Holds the calls, all with the same two codecs, some at once; fills in what was heard and recorded."""
    asyncio.run(hold_all(center, calls))
    deadline = time.monotonic() + SEAL_LIMIT_S
    while not all(call.recording for call in calls) and time.monotonic() < deadline:
        files = center.recordings()
        for call in calls:
            call.recording = files.get(call.caller)


async def hold_all(center, calls):
    for first in range(0, len(calls), AT_ONCE):
        some = calls[first : first + AT_ONCE]
        agents = [await agent(center, nth, some[0].agent.codec) for nth in range(len(some))]
        await asyncio.gather(*(hold_one(center, call, agents) for call in some))
        for phone in agents:
            await phone.register(f"sample-{phone.user}", seconds=0)
            phone.close()


async def agent(center, nth, codec):
    user = str(FIRST_AGENT + nth)
    phone = await Phone(center.address, user, codec, silence(codec)).open()
    await phone.register(f"sample-{user}")
    return phone


async def hold_one(center, call, agents):
    customer = await Phone(center.address, call.caller, call.customer.codec, silence(call.customer.codec)).open()
    await customer.dial("8000")
    await asyncio.sleep(SETTLE_S)
    customer.press(1)
    agent = await picked_up(agents, customer.user)
    await asyncio.sleep(SETTLE_S)
    await asyncio.gather(customer.say(call.customer.payloads, call.customer.lost),
                         agent.say(call.agent.payloads, call.agent.lost))
    await asyncio.sleep(SETTLE_S)
    customer.hang_up()
    await asyncio.wait_for(agent.ended.wait(), PICK_UP_LIMIT_S)
    call.heard_by_customer, call.heard_by_agent = customer.heard, agent.heard
    customer.close()


async def picked_up(agents, caller):
    async with asyncio.timeout(PICK_UP_LIMIT_S):
        while True:
            for agent in agents:
                if agent.caller == caller and agent.talking.is_set():
                    return agent
            await asyncio.sleep(0.02)


def silence(codec):
    """A payload of silence, of an encoder that heard nothing else."""
    return codecs.encode(codec, bytes(codec.frame_bytes * 50))[-1]


def saying(codec, speech_16k, lost=()):
    """The speech as a phone with the codec says it."""
    raw = codecs.resampled(speech_16k, 16000, codec.rate)
    return Saying(codec, codecs.encode(codec, raw), frozenset(lost))


def decoded(codec, heard):
    """What a phone plays: the packets in their order."""
    return codecs.decode(codec, [packet.payload for packet in heard])
