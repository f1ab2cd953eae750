"""A telephone: as much SIP (RFC 3261) and RTP (RFC 3550) as one call takes, every payload as it was sent and heard."""

import asyncio
import dataclasses
import hashlib
import random
import re
import secrets
import struct
import time

FRAME_S = 0.02
TELEPHONE_EVENT = 101
ANSWER_LIMIT_S = 30


@dataclasses.dataclass
class Heard:
    sequence: int
    payload: bytes


class Datagrams(asyncio.DatagramProtocol):
    """Hands on what comes to a socket."""

    def __init__(self, take):
        self.take = take

    def datagram_received(self, data, addr):
        self.take(data)


class Phone:
    def __init__(self, center, user, codec, silence):
        self.center, self.user, self.codec, self.silence = center, user, codec, silence
        self.call_id, self.tag, self.sequence = f"{secrets.token_hex(8)}@hearing", secrets.token_hex(4), 0
        self.answers, self.talking, self.ended = asyncio.Queue(), asyncio.Event(), asyncio.Event()
        self.said, self.lost, self.keys = [], [], []
        self.heard, self.peer, self.dialog, self.voice, self.caller = [], None, None, None, ""

    async def open(self):
        loop = asyncio.get_running_loop()
        self.sip, _ = await loop.create_datagram_endpoint(lambda: Datagrams(self.on_sip), ("127.0.0.1", 0))
        self.rtp, _ = await loop.create_datagram_endpoint(lambda: Datagrams(self.on_rtp), ("127.0.0.1", 0))
        self.contact = "127.0.0.1:%d" % self.sip.get_extra_info("sockname")[1]
        return self

    def close(self):
        if self.voice:
            self.voice.cancel()
        self.sip.close()
        self.rtp.close()

    # What it does.

    async def register(self, password, seconds=600):
        """Registers, or with no seconds takes the registration back."""
        uri, again = f"sip:{self.center[0]}:{self.center[1]}", ""
        for _ in range(2):
            headers = f"Contact: <sip:{self.user}@{self.contact}>\r\nExpires: {seconds}\r\n{again}"
            status, message = await self.ask("REGISTER", uri, self.user, headers)
            if status != 401:
                break
            again = authorization(header(message, "WWW-Authenticate"), self.user, password, uri)
        if status != 200:
            raise ConnectionError(f"{self.user} is not registered: {status}")

    async def dial(self, number):
        uri = f"sip:{number}@{self.center[0]}:{self.center[1]}"
        headers = f"Contact: <sip:{self.user}@{self.contact}>\r\nContent-Type: application/sdp\r\n"
        status, message = await self.ask("INVITE", uri, number, headers, self.description())
        if status != 200:
            raise ConnectionError(f"the call was not taken: {status}")
        self.dialog = (contact_of(message), header(message, "To"))
        self.send(self.request("ACK", *self.dialog, self.sequence))
        self.talk(message)

    def press(self, key):
        """A key as RFC 4733 has it: 100 ms, its end three times."""
        self.keys = [(key, frames * self.codec.ticks, frames == 5) for frames in (1, 2, 3, 4, 5, 5, 5)]

    async def say(self, payloads, lost=()):
        """Says the payloads, without those whose number is lost, and returns when the last was sent."""
        self.lost = set(lost)
        self.said = list(enumerate(payloads))
        while self.said:
            await asyncio.sleep(FRAME_S)

    def hang_up(self):
        self.sequence += 1
        self.send(self.request("BYE", *self.dialog, self.sequence))

    # SIP.

    async def ask(self, method, uri, to, headers, body=""):
        """Sends a request and waits for its final answer."""
        self.sequence += 1
        to = f"<sip:{to}@{self.center[0]}>"
        request = self.request(method, uri, to, self.sequence, headers, body)
        self.send(request)
        async with asyncio.timeout(ANSWER_LIMIT_S):
            while True:
                message = await self.answers.get()
                status = int(message.split()[1])
                if status >= 300 and method == "INVITE":
                    self.send(self.request("ACK", uri, header(message, "To"), self.sequence))
                if status >= 200 and header(message, "CSeq") == f"{self.sequence} {method}":
                    return status, message

    def request(self, method, uri, to, number, headers="", body=""):
        own = f"<sip:{self.user}@{self.center[0]}>;tag={self.tag}"
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.contact};branch=z9hG4bK{secrets.token_hex(8)};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {own}\r\nTo: {to}\r\nCall-ID: {self.call_id}\r\nCSeq: {number} {method}\r\n"
            f"{headers}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def send(self, message):
        self.sip.sendto(message.encode(), self.center)

    def on_sip(self, data):
        message = data.decode("utf-8", "replace")
        if message.startswith("SIP/2.0"):
            self.answers.put_nowait(message)
            return
        method = message.split(" ", 1)[0]
        if method == "INVITE":
            self.answer(message)
        elif method != "ACK":
            self.send(response(message, self.tag))
            if method == "BYE":
                self.ended.set()

    def answer(self, message):
        """Takes a call, and a change of it, at once."""
        self.caller = (re.search(r"sip:([^@>]+)", header(message, "From")) or ["", ""])[1]
        self.adopt(message)
        headers = f"Contact: <sip:{self.user}@{self.contact}>\r\nContent-Type: application/sdp\r\n"
        self.send(response(message, self.tag, headers, self.description()))
        self.talk(message)

    def adopt(self, offer):
        """An answer has to use the offer's numbers of payload types."""
        found = re.search(rf"^a=rtpmap:(\d+) {re.escape(self.codec.name)}", offer, re.MULTILINE | re.IGNORECASE)
        if found:
            self.codec = dataclasses.replace(self.codec, payload_type=int(found[1]))

    def description(self):
        port, codec = self.rtp.get_extra_info("sockname")[1], self.codec
        fmtp = f"a=fmtp:{codec.payload_type} {codec.fmtp}\r\n" if codec.fmtp else ""
        return (
            f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP {codec.payload_type} {TELEPHONE_EVENT}\r\n"
            f"a=rtpmap:{codec.payload_type} {codec.name}\r\n{fmtp}"
            f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/{codec.clock}\r\na=ptime:20\r\na=sendrecv\r\n"
        )

    # RTP.

    def talk(self, message):
        port = int(re.search(r"^m=audio (\d+)", message, re.MULTILINE)[1])
        self.peer = (self.center[0], port)
        self.voice = self.voice or asyncio.get_running_loop().create_task(self.speak())
        self.talking.set()

    async def speak(self):
        """A packet every 20 ms of the wall clock; those that are late go at once."""
        source, number, stamp = random.getrandbits(32), random.getrandbits(16), random.getrandbits(32)
        began, due, key_began = time.monotonic(), 0, 0
        while True:
            due += 1
            await asyncio.sleep(max(0, began + due * FRAME_S - time.monotonic()))
            number, stamp = (number + 1) & 0xFFFF, (stamp + self.codec.ticks) & 0xFFFFFFFF
            kind, at = self.codec.payload_type, stamp
            if self.keys:
                key, units, end = self.keys.pop(0)
                key_began = stamp if units == self.codec.ticks else key_began
                payload, kind, at = struct.pack("!BBH", key, 0x80 * end | 10, units), TELEPHONE_EVENT, key_began
            elif self.said:
                index, payload = self.said.pop(0)
                payload = None if index in self.lost else payload
            else:
                payload = self.silence
            if payload is not None:
                self.rtp.sendto(struct.pack("!BBHII", 0x80, kind, number, at, source) + payload, self.peer)

    def on_rtp(self, data):
        if len(data) > 12 and data[1] & 0x7F == self.codec.payload_type:
            self.heard.append(Heard(struct.unpack("!H", data[2:4])[0], data[12:]))


def response(request, tag, headers="", body=""):
    kept = [line for line in request.split("\r\n") if re.match(r"(Via|From|Call-ID|CSeq|Record-Route):", line)]
    to = header(request, "To")
    to = to if "tag=" in to else f"{to};tag={tag}"
    lines = "\r\n".join([*kept, f"To: {to}"])
    return f"SIP/2.0 200 OK\r\n{lines}\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}"


def header(message, name):
    found = re.search(rf"^{name}:\s*(.*?)\r?$", message, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def contact_of(message):
    found = re.search(r"<([^>]+)>", header(message, "Contact"))
    return found[1] if found else header(message, "Contact")


def authorization(challenge, user, password, uri):
    """RFC 7616 with MD5, or SHA-256 where the challenge asks for it."""
    value = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    algorithm = value.get("algorithm", "MD5")
    make = hashlib.sha256 if algorithm == "SHA-256" else hashlib.md5
    def digest(text):
        return make(text.encode()).hexdigest()
    realm, nonce, cnonce = value["realm"], value["nonce"], secrets.token_hex(8)
    secret, request = digest(f"{user}:{realm}:{password}"), digest(f"REGISTER:{uri}")
    answer = digest(f"{secret}:{nonce}:00000001:{cnonce}:auth:{request}")
    return (
        f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm={algorithm}, '
        f'response="{answer}", qop=auth, nc=00000001, cnonce="{cnonce}"\r\n'
    )
