"""What calls are worth: the score of what was heard and recorded, beside that of the codecs alone."""

import dataclasses

from . import calls, codecs, speech

TRIES = 3  # of each call, the best counts: another program's second on this machine is not the center's fault
GOOD = 0.05  # MOS below the codecs alone: not worth another try


@dataclasses.dataclass
class Cell:
    """Means over the speakers."""

    own: float
    alone: float

    def __str__(self):
        return f"{self.own:.2f} ({self.alone:.2f})"


class Bench:
    def __init__(self, center, voices):
        self.center, self.voices = center, voices
        # The agent answers with another speaker.
        self.others = voices[1:] + voices[:1]

    def pair(self, one, other):
        """Four cells (agent hears, customer hears, recorded left, right), and whether all passed as it came."""
        best, passed = None, False
        for _ in range(TRIES):
            held = [calls.Call(calls.saying(one, voice), calls.saying(other, reply))
                    for voice, reply in zip(self.voices, self.others)]
            calls.hold(self.center, held)
            passed = passed or all(as_it_came(call) for call in held)
            scores = [list(self.judged(call, nth)) for nth, call in enumerate(held)]
            best = scores if best is None else [[max(pair) for pair in zip(*both)] for both in zip(best, scores)]
            if all(own >= alone - GOOD for row in best for own, alone in row):
                break
        columns = zip(*best)
        return [Cell(*(speech.mean(values) for values in zip(*column))) for column in columns], passed

    def judged(self, call, nth):
        """Pairs of scores (through the center, codecs alone), in the order of the cells."""
        voice, reply = self.voices[nth], self.others[nth]
        rate, left, right = speech.channels_of(call.recording)
        yield self.compared(voice, call.customer, calls.decoded(call.agent.codec, call.heard_by_agent), call.agent.codec)
        yield self.compared(reply, call.agent, calls.decoded(call.customer.codec, call.heard_by_customer), call.customer.codec)
        recorder = dataclasses.replace(codecs.L16, rate=rate)
        yield self.compared(voice, call.customer, left, recorder)
        yield self.compared(reply, call.agent, right, recorder)

    def compared(self, voice, said, heard, into):
        """The scores of what was heard, and of the codecs one after the other without a center."""
        rate = min(said.codec.rate, into.rate)
        alone = codecs.decode(said.codec, said.payloads)
        if into.name not in (said.codec.name, codecs.L16.name):
            alone = codecs.resampled(alone, said.codec.rate, into.rate)
            alone = codecs.decode(into, codecs.encode(into, alone + bytes(into.frame_bytes * 2)))
        else:
            alone = codecs.resampled(alone, said.codec.rate, into.rate)
        alone = codecs.resampled(alone, into.rate, rate) + bytes(rate // 5)
        reference = codecs.resampled(voice, 16000, rate)
        heard = codecs.resampled(heard, into.rate, rate)
        return speech.score(rate, reference, heard), speech.score(rate, reference, alone)

    def lossy(self, patterns):
        """Scores of all speakers: through the center, by spandsp (or `None`), with silence for what was lost."""
        own, peer, silence = [0.0] * len(self.voices), [], []
        sayings = [calls.saying(codecs.PCMU, voice, lost) for voice, lost in zip(self.voices, patterns)]
        references = [codecs.resampled(voice, 16000, 8000) for voice in self.voices]
        for _ in range(TRIES):
            held = [calls.Call(said, calls.saying(codecs.L16, bytes(32000))) for said in sayings]
            calls.hold(self.center, held)
            heard = [calls.decoded(codecs.L16, call.heard_by_agent) for call in held]
            own = [max(before, speech.score(8000, *pair)) for before, pair in zip(own, zip(references, heard, strict=True))]
        for reference, said in zip(references, sayings):
            missing = [number in said.lost for number in range(len(said.payloads))]
            filled = codecs.spandsp(said.payloads, missing)
            peer.append(filled and speech.score(8000, reference, filled))
            mute = [bytes([0xFF]) * 160 if lost else payload for payload, lost in zip(said.payloads, missing)]
            silence.append(speech.score(8000, reference, codecs.decode(codecs.PCMU, mute)))
        return own, peer, silence


def as_it_came(call):
    """Both sides heard the other's payloads, whole and in order."""
    def within(said, heard):
        return b"".join(said.payloads) in b"".join(packet.payload for packet in heard)
    return within(call.customer, call.heard_by_agent) and within(call.agent, call.heard_by_customer)
