//! `/` and `/assets/…`: the page, its modules and its style, from inside the binary.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::config::{ConsoleError, ConsoleHttp};
use crate::http::files::content_type;
use crate::http::{Shared, refusal};

macro_rules! assets {
    ($($name:literal),*) => { &[$(($name, include_str!(concat!("../../assets/", $name)))),*] };
}

const ASSETS: &[(&str, &str)] = assets!(
    "audit.js",
    "chooser.js",
    "console.css",
    "console.js",
    "debug.css",
    "debug.js",
    "explorer.js",
    "faults.js",
    "format.js",
    "heap.js",
    "map.js",
    "map_view.js",
    "operator.js",
    "profile.js",
    "prompt.js",
    "releases.js",
    "roles.js",
    "spark.js",
    "stream.js",
    "sun.svg",
    "watch_list.js"
);

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    game: &'a str,
    version: &'a str,
    types: String,
}

/// The page's text, the same for every viewer.
pub(crate) fn render(http: &ConsoleHttp) -> Result<String, ConsoleError> {
    let types: BTreeMap<String, &str> =
        http.types.iter().map(|(number, name)| (number.to_string(), name.as_str())).collect();
    let types = serde_json::to_string(&types).expect("texts by texts always encode");
    Ok(Page { game: &http.game, version: env!("CARGO_PKG_VERSION"), types }.render()?)
}

pub(crate) async fn show(State(shared): State<Shared>) -> Response {
    Html(shared.page.to_string()).into_response()
}

pub(crate) async fn asset(Path(asked): Path<String>) -> Response {
    match ASSETS.iter().find(|(name, _)| *name == asked) {
        Some((name, text)) => ([(header::CONTENT_TYPE, content_type(name))], *text).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "the page has no such part"),
    }
}
