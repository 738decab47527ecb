//! The messages of bench/messages.proto, as prost derives their code.

use bytes::{Bytes, BytesMut};
use prost::Message as _;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Say {
    #[prost(uint32, tag = "1")]
    pub id: u32,
    #[prost(string, tag = "2")]
    pub room: String,
    #[prost(string, tag = "3")]
    pub text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Move {
    #[prost(uint32, tag = "1")]
    pub id: u32,
    #[prost(double, tag = "2")]
    pub x: f64,
    #[prost(double, tag = "3")]
    pub y: f64,
    #[prost(sint32, tag = "4")]
    pub turn: i32,
    #[prost(bool, tag = "5")]
    pub running: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Reading {
    #[prost(uint32, tag = "1")]
    pub id: u32,
    #[prost(string, tag = "2")]
    pub sensor: String,
    #[prost(fixed64, tag = "3")]
    pub at: u64,
    #[prost(float, tag = "4")]
    pub value: f32,
    #[prost(sint32, repeated, tag = "5")]
    pub samples: Vec<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Side {
    Buy = 0,
    Sell = 1,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Party {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint32, tag = "2")]
    pub account: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Order {
    #[prost(uint32, tag = "1")]
    pub id: u32,
    #[prost(string, tag = "2")]
    pub symbol: String,
    #[prost(enumeration = "Side", tag = "3")]
    pub side: i32,
    #[prost(uint32, tag = "4")]
    pub quantity: u32,
    #[prost(double, tag = "5")]
    pub price: f64,
    #[prost(message, optional, tag = "6")]
    pub party: Option<Party>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Blob {
    #[prost(uint32, tag = "1")]
    pub id: u32,
    #[prost(bytes = "bytes", tag = "2")]
    pub data: Bytes,
}

/// A message of any of the types that a header can name.
macro_rules! message {
    ($($number:literal $name:ident),+) => {
        pub enum Message {
            $($name($name)),+
        }

        impl Message {
            /// The message of a type's number, or None where there is no such type.
            pub fn decode(number: u16, body: BytesMut) -> Option<Result<Self, prost::DecodeError>> {
                match number {
                    $($number => Some($name::decode(body).map(Self::$name)),)+
                    _ => None,
                }
            }

            pub fn number(&self) -> u16 {
                match self {
                    $(Self::$name(_) => $number),+
                }
            }

            pub fn id(&self) -> u32 {
                match self {
                    $(Self::$name(message) => message.id),+
                }
            }

            pub fn encoded_len(&self) -> usize {
                match self {
                    $(Self::$name(message) => message.encoded_len()),+
                }
            }

            /// @panics where `buffer` has no room for `encoded_len()` bytes; a BytesMut makes room.
            pub fn encode(&self, buffer: &mut BytesMut) {
                match self {
                    $(Self::$name(message) => message.encode(buffer).expect("a BytesMut grows")),+
                }
            }
        }
    };
}

message!(1 Say, 2 Move, 3 Reading, 4 Order, 5 Blob);
