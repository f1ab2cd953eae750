//! Reading a target's bytes as a sequence of choices.

/// What is left of the input. Reading past its end gives nothing more, so every input is a valid one.
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Bytes<'a> {
        Bytes(bytes)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A big-endian number of 16 bits.
    pub(crate) fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// The next `length` bytes, or as many as are left.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// One of `all`, which is not empty.
    pub(crate) fn choose<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let index = usize::from(self.byte()?) % all.len();
        all.get(index).copied()
    }
}
