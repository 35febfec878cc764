//! `/sdk/…`: the browser client library, from inside the binary.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::files::content_type;
use crate::http::{Shared, refusal};

/// The library's modules and type descriptions: name below `/sdk/`, and text.
pub const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

pub(crate) async fn show(State(shared): State<Shared>, Path(path): Path<String>) -> Response {
    match shared.http.sdk.iter().find(|(name, _)| *name == path) {
        Some((name, text)) => ([(header::CONTENT_TYPE, content_type(name))], *text).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "the client library has no such file; begin with /sdk/kuafu.js"),
    }
}
