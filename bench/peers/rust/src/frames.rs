//! Frames of `type:u16 length:u32`, in and out.

use std::io::{Error, ErrorKind};

use bytes::{Buf, BufMut, BytesMut};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

use crate::messages::Message;

const TYPE_BYTES: usize = 2;
const LENGTH_BYTES: usize = 4;
const HEADER_BYTES: usize = TYPE_BYTES + LENGTH_BYTES;
/// As of Qbp.
const MAX_BODY_BYTES: usize = 1 << 20;

pub struct Frames(LengthDelimitedCodec);

impl Default for Frames {
    fn default() -> Self {
        let codec = LengthDelimitedCodec::builder()
            .length_field_offset(TYPE_BYTES)
            .length_field_length(LENGTH_BYTES)
            .length_adjustment(HEADER_BYTES as isize)
            .num_skip(0)
            .max_frame_length(MAX_BODY_BYTES)
            .new_codec();
        Self(codec)
    }
}

impl Decoder for Frames {
    type Item = Message;
    type Error = Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Message>, Error> {
        let Some(mut frame) = self.0.decode(bytes)? else {
            return Ok(None);
        };
        let number = frame.get_u16();
        frame.advance(LENGTH_BYTES);
        match Message::decode(number, frame) {
            Some(message) => Ok(Some(message?)),
            None => Err(Error::new(ErrorKind::InvalidData, format!("there is no type {number}"))),
        }
    }
}

/// LengthDelimitedCodec writes a length and nothing before it; so the header is written here, and the body straight after it.
impl Encoder<Message> for Frames {
    type Error = Error;

    fn encode(&mut self, message: Message, bytes: &mut BytesMut) -> Result<(), Error> {
        let length = message.encoded_len();
        bytes.reserve(HEADER_BYTES + length);
        bytes.put_u16(message.number());
        bytes.put_u32(length as u32);
        message.encode(bytes);
        Ok(())
    }
}
