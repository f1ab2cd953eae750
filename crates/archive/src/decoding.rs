//! The first audio track of a file, ready to be decoded.

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

/// A track, with the reader that cuts its file into packets and the decoder of these packets.
pub(crate) struct Track {
    pub(crate) format: Box<dyn FormatReader>,
    pub(crate) decoder: Box<dyn AudioDecoder>,
}

impl Track {
    /// Finds the first audio track. The file's extension is a hint only; the content decides.
    ///
    /// # Errors
    /// When the file has no format that we know, or holds no audio.
    pub(crate) fn open(stream: MediaSourceStream<'static>, extension: &str) -> Result<Track, Error> {
        let mut hint = Hint::new();
        hint.with_extension(extension);
        let (options, metadata) = (FormatOptions::default(), MetadataOptions::default());
        let format = symphonia::default::get_probe().probe(&hint, stream, options, metadata)?;
        let no_audio = || Error::DecodeError("no audio track");
        let track = format.default_track(TrackType::Audio).ok_or_else(no_audio)?;
        let parameters = track.codec_params.as_ref().and_then(|codec| codec.audio()).ok_or_else(no_audio)?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())?;
        Ok(Track { format, decoder })
    }
}
