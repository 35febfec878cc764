//! Messages: what clients and servers say, one table a direction.
//!
//! A table row gives a message's number, its name and its fields with their encoding; reading and writing come from the
//! row. Whatever needs a definition to be understood (arguments, properties, changes) stays as bytes here, shared with
//! the packet it came in.

mod client;
pub(crate) mod codec;
mod server;

pub use client::ClientMessage;
pub use codec::Password;
pub use server::{CallOutcome, Role, ServerMessage};

use std::marker::PhantomData;

use bytes::{Bytes, BytesMut};

use crate::{DecodeError, Reader};

/// Either direction's messages.
pub trait Message: Sized {
    /// The number that stands before the body.
    fn opcode(&self) -> u8;

    /// The name in the protocol page.
    fn name(&self) -> &'static str;

    /// Appends opcode, length and body.
    fn encode(&self, out: &mut BytesMut);

    /// Reads the body of message number `opcode`; `None` when there is no such message in this direction. Bytes after
    /// the last field are ignored.
    ///
    /// # Errors
    /// [`DecodeError`] when a field cannot be read.
    fn decode_body(opcode: u8, body: &Bytes) -> Result<Option<Self>, DecodeError>;
}

/// The messages of one packet in turn; those with an unknown opcode are skipped. After an error nothing more comes.
pub fn decode_packet<M: Message>(packet: &Bytes) -> Packet<'_, M> {
    Packet { packet, reader: Reader::new(packet), message: PhantomData }
}

/// See [`decode_packet`].
#[derive(Debug)]
pub struct Packet<'a, M> {
    packet: &'a Bytes,
    reader: Reader<'a>,
    message: PhantomData<M>,
}

impl<M: Message> Packet<'_, M> {
    fn read(&mut self) -> Result<Option<M>, DecodeError> {
        let opcode = self.reader.u8("opcode")?;
        let body = self.reader.blob("message")?;
        M::decode_body(opcode, &self.packet.slice_ref(body))
    }
}

impl<M: Message> Iterator for Packet<'_, M> {
    type Item = Result<M, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.reader.is_empty() {
            match self.read() {
                Ok(Some(message)) => return Some(Ok(message)),
                Ok(None) => {}
                Err(error) => {
                    self.reader.rest();
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// Declares a direction: `opcode Name { field: Type as encoding }`, see `codec` for the encodings.
macro_rules! messages {
    ($(#[$doc:meta])* $Enum:ident {
        $($(#[$row_doc:meta])* $opcode:literal $Name:ident $({
            $($(#[$field_doc:meta])* $field:ident: $kind:ty as $codec:ident),* $(,)?
        })?;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $Enum {
            $($(#[$row_doc])* $Name $({ $($(#[$field_doc])* $field: $kind),* })?),*
        }

        impl $Enum {
            /// Number and name of every message of this direction, in the order of the numbers.
            pub const TABLE: &'static [(u8, &'static str)] = &[$(($opcode, stringify!($Name))),*];
        }

        impl Message for $Enum {
            fn opcode(&self) -> u8 {
                match self { $(Self::$Name { .. } => $opcode),* }
            }

            fn name(&self) -> &'static str {
                match self { $(Self::$Name { .. } => stringify!($Name)),* }
            }

            fn encode(&self, out: &mut BytesMut) {
                let message = MessageGap::open(out, self.opcode());
                let mut writer = Writer::new(out);
                match self {
                    $(Self::$Name $({ $($field),* })? => {
                        $($(Codec::<$kind>::write(&$codec, $field, &mut writer);)*)?
                    })*
                }
                message.close(out);
            }

            fn decode_body(opcode: u8, body: &Bytes) -> Result<Option<Self>, DecodeError> {
                let mut reader = Body::new(body);
                Ok(Some(match opcode {
                    $($opcode => Self::$Name $({
                        $($field: Codec::<$kind>::read(
                            &$codec,
                            &mut reader,
                            concat!(stringify!($Name), ".", stringify!($field)),
                        )?),*
                    })?,)*
                    _ => return Ok(None),
                }))
            }
        }
    };
}
use messages;
