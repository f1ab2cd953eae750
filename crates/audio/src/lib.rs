//! Telephone audio without IO: codecs, RTP and RTCP, DTMF, tones, mixing, WAV.
