"""Codecs that we did not write: ffmpeg's G.711 and G.722, libopus, and spandsp's concealment.

A payload is 20 ms. Samples are raw 16-bit, little endian, at the codec's rate.
"""

import ctypes
import dataclasses
import subprocess

PAYLOADS_A_SECOND = 50
OPUS_BITRATE = 32_000  # bit/s, of both sides


@dataclasses.dataclass(frozen=True)
class Codec:
    name: str  # as in an rtpmap
    payload_type: int
    clock: int  # of its timestamps, in hertz
    rate: int  # of its samples, in hertz
    fmtp: str = ""

    @property
    def ticks(self):
        """What the timestamp grows by in a packet."""
        return self.clock // PAYLOADS_A_SECOND

    @property
    def frame_bytes(self):
        """Bytes of the samples of one payload."""
        return self.rate // PAYLOADS_A_SECOND * 2

    @property
    def mode(self):
        """PESQ's mode: narrow or wide band."""
        return "nb" if self.rate == 8000 else "wb"


PCMU = Codec("PCMU/8000", 0, 8000, 8000)
PCMA = Codec("PCMA/8000", 8, 8000, 8000)
G722 = Codec("G722/8000", 9, 8000, 16000)
L16 = Codec("L16/8000", 98, 8000, 8000)
# Without redundancy and at the same bit rate as ffmpeg's, so that the two can be compared.
OPUS = Codec("opus/48000/2", 96, 48000, 16000, f"maxaveragebitrate={OPUS_BITRATE};useinbandfec=0")
LAWS = {PCMU: "mulaw", PCMA: "alaw"}


def ffmpeg(arguments, data):
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", *arguments.split()]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def encode(codec, raw):
    """Whole frames as payloads."""
    if codec == OPUS:
        return Opus.encode(raw)
    if codec == L16:
        coded = swapped(raw)
    elif codec == G722:
        coded = ffmpeg("-f s16le -ar 16000 -ac 1 -i - -f g722 -", raw)
    else:
        coded = ffmpeg(f"-f s16le -ar 8000 -ac 1 -i - -f {LAWS[codec]} -", raw)
    size = 320 if codec == L16 else 160
    return [coded[at : at + size] for at in range(0, len(coded) // size * size, size)]


def decode(codec, payloads):
    """Payloads in a row, none missing, as raw samples."""
    if codec == OPUS:
        return Opus.decode(payloads)
    coded = b"".join(payloads)
    if codec == L16:
        return swapped(coded)
    if codec == G722:
        return ffmpeg("-f g722 -i - -f s16le -", coded)
    return ffmpeg(f"-f {LAWS[codec]} -ar 8000 -ac 1 -i - -f s16le -", coded)


def resampled(raw, before, after):
    if before == after:
        return raw
    return ffmpeg(f"-f s16le -ar {before} -ac 1 -i - -ar {after} -f s16le -", raw)


def swapped(raw):
    """The other order of bytes: L16 is big endian (RFC 3551)."""
    other = bytearray(raw)
    other[0::2], other[1::2] = raw[1::2], raw[0::2]
    return bytes(other)


class Opus:
    """libopus at 16 kHz, one channel."""

    VOIP, SET_BITRATE = 2048, 4002

    @staticmethod
    def library():
        library = ctypes.CDLL("libopus.so.0")
        library.opus_encoder_create.restype = ctypes.c_void_p
        library.opus_decoder_create.restype = ctypes.c_void_p
        return library

    @classmethod
    def encode(cls, raw):
        library, error = cls.library(), ctypes.c_int()
        state = ctypes.c_void_p(library.opus_encoder_create(16000, 1, cls.VOIP, ctypes.byref(error)))
        library.opus_encoder_ctl(state, cls.SET_BITRATE, OPUS_BITRATE)
        room, payloads = ctypes.create_string_buffer(1500), []
        for at in range(0, len(raw) // 640 * 640, 640):
            length = library.opus_encode(state, raw[at : at + 640], 320, room, len(room))
            if length < 0:
                raise ValueError(f"libopus does not encode: {length}")
            payloads.append(room.raw[:length])
        library.opus_encoder_destroy(state)
        return payloads

    @classmethod
    def decode(cls, payloads):
        library, error = cls.library(), ctypes.c_int()
        state = ctypes.c_void_p(library.opus_decoder_create(16000, 1, ctypes.byref(error)))
        room, heard = ctypes.create_string_buffer(5760 * 2), []
        for payload in payloads:
            count = library.opus_decode(state, payload or None, len(payload), room, 320, 0)
            if count < 0:
                raise ValueError(f"libopus does not decode: {count}")
            heard.append(room.raw[: count * 2])
        library.opus_decoder_destroy(state)
        return b"".join(heard)


def spandsp(payloads, losses):
    """µ-law with spandsp's concealment (after G.711 Appendix I); `None` where Debian's libspandsp2 is missing."""
    try:
        library = ctypes.CDLL("libspandsp.so.2")
    except OSError:
        return None
    library.plc_init.restype = ctypes.c_void_p
    state, heard = ctypes.c_void_p(library.plc_init(None)), []
    decoded = decode(PCMU, payloads)
    for index, lost in enumerate(losses):
        frame = ctypes.create_string_buffer(decoded[index * 320 : index * 320 + 320], 320)
        (library.plc_fillin if lost else library.plc_rx)(state, frame, 160)
        heard.append(frame.raw)
    return b"".join(heard)
