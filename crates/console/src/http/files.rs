//! `/play/…`: the project's web client, read from its folder at each request, so that a saved file is the next answer.
//!
//! No path leads out of the folder: its parts are checked one by one, and where the file really is after links were
//! followed is checked again.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream::unfold;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::http::{Shared, refusal};

/// The most file reads at once; further ones wait.
pub(crate) const READS_MAX: usize = 16;
/// Files go out in pieces of so many bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// What the web client must know to log in.
pub(crate) async fn play_config(State(shared): State<Shared>) -> Response {
    let config = serde_json::json!({ "login_port": shared.http.login_port, "game": shared.http.game });
    axum::Json(config).into_response()
}

pub(crate) async fn play_index(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    send(shared, "index.html".to_owned(), headers).await
}

pub(crate) async fn play(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    // The raw path: parts are told apart before they are decoded, so that %2f is no separator.
    let raw = uri.path().strip_prefix("/play/").unwrap_or_default();
    let index = raw.ends_with('/').then_some("index.html");
    match sound_path(raw.trim_end_matches('/')) {
        Some(path) => {
            send(shared, [path.as_str()].into_iter().chain(index).collect::<Vec<_>>().join("/"), headers).await
        }
        None => refusal(StatusCode::BAD_REQUEST, "this is no path of a file in the client folder"),
    }
}

/// The path, when each of its parts is a plain visible name.
pub(crate) fn sound_path(raw: &str) -> Option<String> {
    let parts: Option<Vec<String>> = raw.split('/').map(|part| decoded(part).filter(|part| is_plain(part))).collect();
    Some(parts?.join("/"))
}

fn is_plain(part: &str) -> bool {
    !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\\', ':', '\0']) && part.len() <= 255
}

/// Percent-decoded; `None` when that gives no text.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok()
}

enum Found {
    File(File, Metadata),
    Folder,
    Nothing,
    Outside,
}

async fn send(shared: Shared, path: String, headers: HeaderMap) -> Response {
    let Ok(_turn) = shared.file_reads.acquire().await else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the console ends");
    };
    let (folder, wanted) = (shared.http.client.clone(), PathBuf::from(&path));
    let found = spawn_blocking(move || find(&folder, &wanted)).await.unwrap_or(Found::Nothing);
    match found {
        Found::File(file, metadata) => answer(&shared, &path, file, &metadata, &headers),
        Found::Folder => Redirect::temporary(&format!("/play/{path}/")).into_response(),
        Found::Outside => refusal(StatusCode::FORBIDDEN, "this link leads out of the client folder"),
        Found::Nothing => missing(&shared.http.client, &path),
    }
}

fn find(folder: &Path, wanted: &Path) -> Found {
    let (Ok(folder), Ok(real)) = (folder.canonicalize(), folder.join(wanted).canonicalize()) else {
        return Found::Nothing;
    };
    if !real.starts_with(&folder) {
        return Found::Outside;
    }
    let Ok(metadata) = real.metadata() else { return Found::Nothing };
    match File::open(&real) {
        _ if metadata.is_dir() => Found::Folder,
        Ok(file) if metadata.is_file() => Found::File(file, metadata),
        _ => Found::Nothing,
    }
}

fn missing(folder: &Path, path: &str) -> Response {
    let why = if path == "index.html" {
        format!("this project has no web client yet: put an index.html into {}", folder.display())
    } else {
        format!("there is no {path} in the client folder")
    };
    refusal(StatusCode::NOT_FOUND, &why)
}

fn answer(shared: &Shared, path: &str, file: File, metadata: &Metadata, headers: &HeaderMap) -> Response {
    let tag = tag(metadata);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let described = [
        (header::CONTENT_TYPE, content_type(path).to_owned()),
        (header::CONTENT_LENGTH, metadata.len().to_string()),
        (header::ETAG, tag),
    ];
    (described, body(file, metadata.len(), shared.file_reads.clone())).into_response()
}

/// Changes whenever the file is saved.
fn tag(metadata: &Metadata) -> String {
    let saved = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("\"{:x}-{:x}\"", saved.as_nanos(), metadata.len())
}

/// The file in pieces; exactly as many bytes as were promised, however the file changes meanwhile.
fn body(file: File, length: u64, reads: Arc<Semaphore>) -> Body {
    let pieces = unfold((file.take(length), reads), |(file, reads)| async move {
        let turn = reads.acquire().await.ok()?;
        let read = spawn_blocking(move || read_piece(file)).await.ok()?;
        drop(turn);
        match read {
            Ok((_, piece)) if piece.is_empty() => None,
            Ok((file, piece)) => Some((Ok(piece), (file, reads))),
            Err((file, why)) => Some((Err(why), (file, reads))),
        }
    });
    Body::from_stream(pieces)
}

type Part = std::io::Take<File>;

fn read_piece(mut file: Part) -> Result<(Part, Bytes), (Part, std::io::Error)> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    match file.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece) {
        Ok(_) => Ok((file, piece.into())),
        Err(why) => Err((file, why)),
    }
}

/// What a browser is told of a file, by the end of its name.
pub(crate) fn content_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match ending.as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" | "gltf" => "application/json",
        "webmanifest" => "application/manifest+json",
        "ts" | "txt" | "md" | "csv" | "toml" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "ttf" => "font/ttf",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "glb" => "model/gltf-binary",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_visible_names_are_paths() {
        assert_eq!(sound_path("scene/camera.js").as_deref(), Some("scene/camera.js"));
        assert_eq!(sound_path("a%20b.png").as_deref(), Some("a b.png"));
        for raw in [
            "..",
            "../x",
            "a/../../x",
            "%2e%2e/x",
            "a%2f..%2fx",
            "a\\b",
            "/etc/passwd",
            ".env",
            "a//b",
            "",
            "%zz",
            "%ff",
            "C:x",
            "a%00",
        ] {
            assert_eq!(sound_path(raw), None, "{raw}");
        }
    }
}
