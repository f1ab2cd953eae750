//! Why SRTP refuses a packet.

/// Why a packet was not protected or not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// Shorter than its header and tag.
    #[error("too few bytes for a protected packet")]
    Short,
    /// Not version 2.
    #[error("the version is not 2")]
    Version,
    /// The tag does not fit key and packet.
    #[error("the authentication tag is wrong")]
    Forged,
    /// A packet of that index was there before (section 3.3.2).
    #[error("the packet was there before")]
    Replayed,
    /// The packet is older than the replay window, so a repetition cannot be ruled out.
    #[error("the packet is older than the replay window")]
    Old,
    /// The key has protected as much as it may (section 9.2).
    #[error("the key is used up")]
    UsedUp,
    /// SRTCP without encryption, which was not agreed on.
    #[error("SRTCP without encryption")]
    Unencrypted,
}
