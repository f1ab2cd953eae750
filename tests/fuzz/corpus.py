#!/usr/bin/env python3
"""Writes the seeds of corpus/: small messages and files of our own, from which the fuzzers start.

Inputs that once broke something are in regressions/ and are not made here.
"""

import pathlib
import struct

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent

SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
)


def message(start, method, extra="", body=""):
    return (
        f"{start}\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
        f'From: "A \\"B\\"" <sip:1@192.0.2.2>;tag=f\r\nTo: <sip:8000@192.0.2.1>\r\nCall-ID: one@192.0.2.2\r\n'
        f"CSeq: 1 {method}\r\nContact: <sip:1@192.0.2.2:5060;transport=udp>\r\n{extra}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


def request(method, extra="", body=""):
    return message(f"{method} sip:8000@192.0.2.1 SIP/2.0", method, extra, body)


INVITE = request("INVITE", "Content-Type: application/sdp\r\n", SDP)
OPTIONS = request("OPTIONS", "Accept: application/sdp,\r\n text/plain\r\n")
COMPACT = "OPTIONS sip:b SIP/2.0\r\nv:SIP/2.0/TCP [2001:db8::1]\r\ni : x\r\nl: 3\r\n\r\nabc"
RINGING = message("SIP/2.0 180 Ringing", "INVITE", "Record-Route: <sip:192.0.2.9;lr>\r\n")


def datagrams():
    return {
        "invite": INVITE,
        "options": OPTIONS,
        "compact": COMPACT,
        "ringing": RINGING,
        "register": request("REGISTER", "Expires: 60\r\nAuthorization: Digest username=\"1001\"\r\n"),
        "other-version": "OPTIONS sip:a SIP/3.0\r\n\r\n",
    }


def streams():
    return {
        "two-messages": b"\0" + (INVITE + COMPACT).encode(),
        "pings": b"\7\r\n\r\n\r\n" + COMPACT.encode() + b"\r\n\r\n",
        "broken": b"\1OPTIONS sip:a SIP/2.0\r\nl: x\r\n\r\n",
    }


def headers():
    return {
        "address": '"J \\"R\\" \\\\" <sip:%41:p@[2001:db8::1]:5070;lr;transport=tcp?Subject=x>;tag=98;q=0.5;x="a;b"',
        "tel": "<tel:+86-10-8888-0000;phone-context=example.com>",
        "bare": "sip:a@b.example.com;expires=60",
        "via": "SIP / 2.0 / UDP 192.0.2.7:5060 ; branch = z9hG4bKx;received=[2001:db8::9];rport",
        "cseq": "0009 INVITE",
        "contacts": "<sip:x@192.0.2.7>;expires=60, <sip:y@192.0.2.7:5071;transport=tcp>;q=1\n3600",
        "star": "*\n0",
    }


def digests():
    value = 'username="1001", realm="hotline", nonce="n", uri="sip:192.0.2.1", response="0", cnonce="c", nc=00000001'
    return {
        "authorization": f"Digest {value}, qop=auth, algorithm=SHA-256",
        "challenge": 'Digest realm="hotline", nonce="n", algorithm=MD5, qop="auth,auth-int", opaque="o", stale=true',
        "other-scheme": "Basic abc",
        "quotes": 'Digest username="a\\"b", realm="x, y" , nc=1',
        "splice": b'\0\x30response="',
    }


CRYPTO = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^31\r\n"


def descriptions():
    media = "m=video 5000 RTP/AVP 31\r\nm=audio 5002/2 RTP/AVP 18 0 96\r\nc=IN IP6 2001:db8::7\r\n"
    return {
        "plain": SDP,
        "held": SDP.replace("sendrecv", "sendonly").replace("192.0.2.2\r\nt", "0.0.0.0\r\nt"),
        "encrypted": SDP.replace("RTP/AVP", "RTP/SAVP") + CRYPTO,
        "opportunistic": SDP + CRYPTO + CRYPTO.replace("crypto:1", "crypto:2").replace("_80", "_32"),
        "two-profiles": SDP + "m=audio 5002 RTP/SAVP 8\r\n" + CRYPTO.replace("|2^31", "|2^31|1:4") + CRYPTO,
        "second-stream": SDP.split("m=")[0] + media + "a=rtpmap:96 telephone-event/8000\na=rtcp:5009 IN IP4 192.0.2.8\n",
    }


# Steps of the endpoint target: see src/endpoint.rs and src/peer.rs.
INVITED = bytes([1, 0, 0, 1, 2, 0, 1, 0])
ACK = bytes([1, 1, 0, 1, 0, 0, 0, 0])
BYE = bytes([1, 2, 0, 2, 0, 0, 0, 0])
ACCEPT, DIAL, HANG_UP, HOLD = bytes([6, 2, 0]), bytes([6, 0, 0]), bytes([6, 7, 0]), bytes([6, 6, 4])
MAY_REFER, RINGS, TAKEN, REFER = bytes([6, 6, 0]), bytes([6, 6, 1]), bytes([6, 6, 133]), bytes([6, 6, 3])
COPY, SECONDS, REGISTER = bytes([4]), bytes([5, 4, 0]), bytes([1, 5, 0, 1, 2, 0, 0, 0])


def answered(status, tag=1, body=0, extra=0):
    """A response to the endpoint's last request; the status as its place in the target's table."""
    return bytes([3, 0, status, tag, 0, body, extra])


def raw(text):
    return bytes([0, 0]) + struct.pack(">H", len(text)) + text.encode()


def endpoints():
    call = INVITED + bytes([6, 3, 0]) + ACCEPT + ACK
    out = DIAL + answered(1) + answered(3, body=1)
    return {
        "in-and-bye": call + BYE + COPY + SECONDS,
        "in-and-ours": call + SECONDS + HANG_UP + SECONDS + answered(3),
        "cancelled": INVITED + bytes([1, 3, 0, 1, 2, 0, 0, 0]) + bytes([1, 1, 0, 1, 0, 0, 0, 0]),
        "no-ack": INVITED + ACCEPT + SECONDS * 20,
        "timer": bytes([1, 0, 0, 1, 2, 0, 1, 1]) + ACCEPT + ACK + SECONDS * 12 + answered(3, body=1),
        "reinvited": call + bytes([1, 0, 0, 2, 0, 0, 2, 0]) + bytes([1, 1, 0, 2, 0, 0, 0, 0]) + HOLD + answered(12) + SECONDS,
        "key": call + bytes([1, 6, 0, 2, 0, 0, 4, 0]) + bytes([1, 7, 0, 3, 0, 0, 1, 1]),
        "referred": call + MAY_REFER + bytes([1, 9, 0, 2, 0, 0, 0, 10]) + RINGS + answered(3) + TAKEN + answered(3) * 2 + BYE,
        "refused-note": call + MAY_REFER + bytes([1, 9, 0, 2, 0, 0, 0, 11]) + TAKEN + bytes([1, 9, 0, 3, 0, 0, 0, 10]) + answered(10) + RINGS,
        "takeover": call + bytes([1, 0, 1, 1, 2, 0, 1, 12]),
        "refers": call + REFER + answered(4) + bytes([1, 10, 0, 2, 0, 0, 6, 14]) + bytes([1, 10, 0, 3, 0, 0, 6, 15]) + REFER + SECONDS * 9,
        "out": out + HOLD + answered(3, body=2) + HANG_UP,
        "out-challenged": DIAL + answered(6, extra=7) + answered(3, body=1) + answered(3, tag=2, body=1),
        "out-withdrawn": DIAL + HANG_UP + answered(0) + SECONDS * 3,
        "out-unreachable": DIAL + bytes([7]) + SECONDS,
        "register": REGISTER + bytes([6, 1, 0]) + COPY,
        "raw": raw(INVITE) + ACCEPT + raw("\r\n\r\n") + raw(OPTIONS),
    }


def rtp(sequence, stamp, kind=0, payload=b"\x55" * 20, source=1):
    return struct.pack(">BBHII", 0x80, kind, sequence & 0xFFFF, stamp & 0xFFFFFFFF, source) + payload


def packets(*datagrams, sender=0):
    return b"".join(bytes([len(datagram), 20, sender]) + datagram for datagram in datagrams)


def rtps():
    steady = [rtp(65530 + n, 4294966000 + 160 * n) for n in range(12)]
    padded = struct.pack(">BBHIIIHH", 0xB1, 0x80, 9, 1440, 1, 9, 0xBEDE, 1) + b"ext!" + b"\x11\x22\0\2"
    return {
        "steady": packets(*steady),
        "stranger": packets(*steady[:6], sender=1) + packets(*steady[6:8]) + packets(*steady[8:], sender=1),
        "moved": packets(*steady[:3]) + bytes([1, 0, 255]) + packets(*steady[3:], sender=1),
        "keys": packets(rtp(1, 0), rtp(2, 160, 101, b"\5\n\0\xa0"), rtp(3, 160, 101, b"\5\x8a\3\x20"), rtp(5, 800)),
        "padded": packets(padded, rtp(10, 1600, source=2), rtp(11, 1760, source=2)),
    }


def playouts():
    def heard(codec, payload, steps):
        return bytes([codec]) + b"".join(bytes([step, len(payload)]) + payload for step in steps)

    in_time, lost, again, noise = 0x20, 0x28, 0x24, 0x22
    steps = [in_time] * 8 + [lost, in_time, again, in_time, noise, in_time, 0x30, 0x00, 0xE0, in_time]
    # In the order of `Codec::ALL`: G.711, G.722, Opus (20 ms of wide-band speech), L16.
    payloads = [b"\xd5" * 160, b"\xff" * 160, b"\x55" * 160, bytes([0x48, *range(40)]), b"\1\2" * 120, b"\1\2" * 120]
    return {f"codec-{index}": heard(index, payload, steps) for index, payload in enumerate(payloads)}


def rtcps():
    report = struct.pack(">BBHI", 0x81, 200, 12, 5) + bytes(range(20)) + bytes(range(24))
    name = b"leg@hotline"
    description = struct.pack(">BBHIBB", 0x81, 202, 5, 5, 1, len(name)) + name + b"\0" * 3
    return {
        "sender": report + description + struct.pack(">BBHI", 0x81, 203, 1, 5),
        "receiver": struct.pack(">BBHI", 0x80, 201, 1, 5) + description,
        "feedback": struct.pack(">BBHI", 0x80, 201, 1, 5) + struct.pack(">BBHII", 0x81, 206, 2, 5, 6),
    }


def srtps():
    def step(what, packet):
        return bytes([what, len(packet)]) + packet

    report = struct.pack(">BBHI", 0x80, 201, 1, 5) + b"\x81\xca\0\x02" + b"\0\0\0\x05\1\0\0\0"
    extended = struct.pack(">BBHIIIHH", 0x91, 8, 9, 0, 1, 9, 0xBEDE, 1) + b"ext!" + b"audio"
    both = b"".join(step(2, rtp(65530 + n, 160 * n)) for n in range(12)) + step(3, report) + step(2, extended)
    wrong = step(2 | 9 << 2, rtp(1, 0)) + step(3 | 5 << 2, report) + step(0, rtp(2, 0)) + step(1, report)
    suites = {"cm-80": 0, "cm-32": 1, "gcm-128": 2, "gcm-256": 3}
    return {name: bytes([suite]) + both + wrong for name, suite in suites.items()}


def events():
    press = bytes([0, 0, 1, 5, 10, 0, 160]) + bytes([0, 0, 1, 5, 0x8A, 3, 32]) + bytes([0, 0, 9, 5, 10, 0, 160])
    long = bytes([0, 0, 0, 5, 10, 0xFF, 0xFF]) + bytes([0, 1, 0, 5, 10, 0, 160])
    return {"presses": press, "long": long, "lossy": bytes(range(1, 9)) + bytes([0, 1, 1, 1, 1, 0, 1, 0] * 6)}


def wav(data, length=None):
    length = len(data) if length is None else length
    form = struct.pack("<IHHIIHH", 16, 1, 2, 8000, 32000, 4, 16)
    return b"RIFF" + struct.pack("<I", length + 36) + b"WAVEfmt " + form + b"data" + struct.pack("<I", length) + data


def wavs():
    def seed(length, file):
        return struct.pack(">Q", length) + file

    return {
        "whole": seed(60, wav(bytes(range(16)))),
        "torn": seed(1 << 40, wav(bytes(range(15)), 0)),
        "blank": seed(44, bytes(50)),
        "half-a-header": seed(20, wav(b"")[:20]),
        "other": seed(100, b"%PDF-1.7"),
    }


def flows():
    main = (ROOT / "config/flows/main.toml").read_text()
    small = 'name="a"\nversion="1"\nstart="q"\n[nodes.q]\nkind="queue"\nqueue="inquiry"\n'
    ends = small + '[nodes.m]\nkind="menu"\nkeys={"1"="q","#"="@language","9"="@repeat"}\notherwise="h"\n[nodes.h]\nkind="hang_up"\n'
    return {
        "main": main.encode() + b"\0.9#..5x2.p\3..jl..",
        "small": small.encode() + b"\0p\1...",
        "hang-up": ends.replace('start="q"', 'start="m"').encode() + b"\0.....9#.....",
        "bad": 'name = "x"\nversion = [\n[nodes.a]\nkind = "dance"\n',
    }


def configurations():
    def file(letter, name):
        return letter.encode() + (ROOT / "config" / name).read_bytes()

    return {
        "queues": file("q", "queues.toml"),
        "agents": file("a", "agents.toml"),
        "trunks": file("t", "trunks.toml"),
        "numbers": file("n", "numbers.toml"),
        "hours": b'h[[hours]]\nname = "a"\nweekdays = "09:00-12:00, 13:30-24:00"\nsunday = "all day"\n',
        "holidays": b'y[days]\n2026-10-01 = "closed"\n2026-10-10 = "monday"\n',
        "directory": b'l[[department]]\nextension = "6001"\nzh = "a"\nen = "a"\nmembers = "1001"\ndeputy = "6002"\n'
                     b'[[person]]\nextension = "6002"\nzh = "b"\nen = "b"\nmembers = "1001"\nclosed = "queue inquiry"\n',
        "server": file("s", "hotline.toml"),
        "twice": b'q[[queue]]\nname = "a"\noffer_s = 0x1F\n[[queue]]\nname = "a"\nwrap_up_s = 1.5\ncolour = []\n',
    }


SEEDS = {
    "sip_datagram": datagrams,
    "sip_stream": streams,
    "sip_headers": headers,
    "sip_digest": digests,
    "sdp": descriptions,
    "endpoint": endpoints,
    "rtp": rtps,
    "playout": playouts,
    "rtcp": rtcps,
    "srtp": srtps,
    "telephone_event": events,
    "wav_repair": wavs,
    "flow": flows,
    "flow_test": lambda: {"main": (ROOT / "config/flows/main.flowtest").read_text()},
    "configuration": configurations,
}


for target, seeds in SEEDS.items():
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in seeds().items():
        (folder / name).write_bytes(seed.encode() if isinstance(seed, str) else seed)
