//! The arguments and results of method calls.
//!
//! Arguments stand in declared order, each by its declared type, with nothing between. Their ranges are checked by
//! `kuafu_def`, not here.

use kuafu_core::{Limits, Value};
use kuafu_def::{EntityType, Method};

use crate::{DecodeError, EncodeError, Reader, Writer, decode_value, encode_value};

/// Appends the arguments of a call.
///
/// # Errors
/// [`EncodeError`] when there are more or fewer than declared, or one does not fit; nothing is written then.
pub fn encode_arguments(method: &Method, arguments: &[Value], writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    let (expected, found) = (method.arguments.len(), arguments.len());
    if expected != found {
        return Err(EncodeError::Count { what: "arguments", expected, found });
    }
    let start = writer.position();
    let mut pairs = method.arguments.iter().zip(arguments);
    pairs
        .try_for_each(|(argument, value)| encode_value(&argument.ty, value, writer))
        .inspect_err(|_| writer.truncate(start))
}

/// Reads the arguments of a call. Bytes after the last one are left.
///
/// # Errors
/// [`DecodeError`] when one of them cannot be read.
pub fn decode_arguments(method: &Method, reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<Value>, DecodeError> {
    method.arguments.iter().map(|argument| decode_value(&argument.ty, reader, limits)).collect()
}

/// Appends the result of a call; nothing for a method without one.
///
/// # Errors
/// [`EncodeError`] when the value does not fit; nothing is written then.
pub fn encode_result(method: &Method, result: &Value, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    match &method.result {
        Some(ty) => encode_value(ty, result, writer),
        None => Ok(()),
    }
}

/// Reads the result of a call; [`Value::Nil`] for a method without one.
///
/// # Errors
/// [`DecodeError`] when it cannot be read.
pub fn decode_result(method: &Method, reader: &mut Reader<'_>, limits: &Limits) -> Result<Value, DecodeError> {
    method.result.as_ref().map_or(Ok(Value::Nil), |ty| decode_value(ty, reader, limits))
}

/// Appends a client method's number and arguments: the content of a frame's call.
///
/// # Errors
/// As [`encode_arguments`].
pub fn encode_client_call(method: &Method, arguments: &[Value], writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    let start = writer.position();
    writer.varint(u64::from(method.no.0));
    encode_arguments(method, arguments, writer).inspect_err(|_| writer.truncate(start))
}

/// Reads what [`encode_client_call`] writes, for an entity of type `ty`.
///
/// # Errors
/// [`DecodeError`] when there is no such method or an argument cannot be read.
pub fn decode_client_call<'t>(
    ty: &'t EntityType,
    reader: &mut Reader<'_>,
    limits: &Limits,
) -> Result<(&'t Method, Vec<Value>), DecodeError> {
    let at = reader.position();
    let number = reader.varint("method number")?;
    let no = u16::try_from(number).ok().map(kuafu_core::MethodNo);
    let method = no.and_then(|no| ty.method(no)).ok_or(DecodeError::Unknown { what: "method", at, number })?;
    Ok((method, decode_arguments(method, reader, limits)?))
}
