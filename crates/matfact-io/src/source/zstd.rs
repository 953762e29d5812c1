//! Zstandard, one frame after the other.

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufReader, ErrorKind, Read};

/// Whether these are the first bytes of a frame.
pub(super) fn begins(head: &[u8]) -> bool {
    let is_skippable = matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable
}

/// Gives the content of all frames, and checks their checksums.
pub(super) struct Decoder<R> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: Read> Decoder<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source: BufReader::with_capacity(64 << 10, source),
            decoder: FrameDecoder::new(),
            in_frame: false,
        }
    }

    /// Begins the next frame; whether there is one.
    fn next_frame(&mut self) -> io::Result<bool> {
        let mut first = [0];
        if super::read_full(&mut self.source, &mut first)? == 0 {
            return Ok(false);
        }
        match self.decoder.init((&first[..]).chain(&mut self.source)) {
            Ok(()) => {
                self.in_frame = true;
                Ok(true)
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let skipped = io::copy(&mut self.source.by_ref().take(length), &mut io::sink())?;
                match skipped == length {
                    true => Ok(true),
                    false => Err(ErrorKind::UnexpectedEof.into()),
                }
            }
            Err(error) => Err(damaged(error)),
        }
    }

    fn check(&self) -> io::Result<()> {
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(damaged("the checksum of the content is wrong"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.in_frame {
                match self.next_frame()? {
                    true => continue,
                    false => return Ok(0),
                }
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.check()?;
                self.in_frame = false;
                continue;
            }
            let strategy = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder
                .decode_blocks(&mut self.source, strategy)
                .map_err(damaged)?;
        }
    }
}

fn damaged(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn decode(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        Decoder::new(bytes)
            .read_to_end(&mut content)
            .map(|_| content)
    }

    #[test]
    fn frames_are_joined_skippable_ones_left_out_and_damage_is_seen() {
        let text: Vec<u8> = (0..300_000_u32)
            .flat_map(|i| (i % 1000).to_le_bytes())
            .collect();
        let frame = compress_to_vec(&text[..], CompressionLevel::Fastest);
        let skip = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let file = [&skip[..], &frame, &skip, &frame].concat();
        assert!(begins(&file) && begins(&frame));
        assert_eq!(decode(&file).unwrap(), [&text[..], &text].concat());
        for cut in (file.len() - 200..file.len()).chain([1, 5, 12, 20]) {
            if cut != skip.len() + frame.len() {
                assert!(decode(&file[..cut]).is_err(), "{cut}");
            }
        }
        for at in (0..frame.len()).step_by(frame.len() / 50 + 1) {
            let mut bad = frame.clone();
            bad[at] ^= 4;
            if let Ok(content) = decode(&bad) {
                assert_eq!(content, text, "{at}");
            }
        }
    }
}
