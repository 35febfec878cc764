//! What a question to logic came to: one outcome, told over HTTP and written into the audit log.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kuafu_contract::logic::Reply;
use kuafu_contract::{Address, Outcome, Reply as AnyReply};
use kuafu_core::{Code, Refusal};
use serde_json::{Value, json};

use crate::http::audit::Ended;

/// What a question came to, for the answer and for the log.
pub(crate) struct Told {
    status: StatusCode,
    outcome: &'static str,
    text: String,
    body: Value,
}

impl Told {
    fn wrong(status: StatusCode, code: Code, text: String) -> Self {
        let body = json!({ "error": text, "code": code.name() });
        Self { status, outcome: code.name(), text, body }
    }

    pub(crate) fn ended(&self, took: Duration) -> Ended {
        Ended { outcome: self.outcome, answer: self.text.clone(), took_ms: took.as_secs_f64() * 1e3 }
    }

    pub(crate) fn into_response(mut self, took: Duration) -> Response {
        self.body["took_ms"] = json!(took.as_secs_f64() * 1e3);
        (self.status, Json(self.body)).into_response()
    }
}

/// What a role's answer means to who asked.
pub(crate) fn said(to: Address, outcome: Outcome) -> Told {
    let done = |text: String, body: Value| Told { status: StatusCode::OK, outcome: "done", text, body };
    match outcome {
        Outcome::Value(AnyReply::Logic(Reply::Evaluated { text, is_cut })) => {
            done(text.clone(), json!({ "text": text, "cut": is_cut }))
        }
        Outcome::Value(AnyReply::Logic(Reply::Profile(profile))) => {
            let functions = profile
                .functions
                .iter()
                .map(|row| json!({ "function": row.function, "own_steps": row.own_steps, "all_steps": row.all_steps }));
            let entries = profile.entries.iter().map(
                |row| json!({ "entry": row.entry, "times": row.times, "steps": row.steps, "steps_max": row.steps_max }),
            );
            let (functions, entries): (Vec<_>, Vec<_>) = (functions.collect(), entries.collect());
            let text = format!("{} functions, {} entries", functions.len(), entries.len());
            done(text, json!({ "steps": profile.steps, "functions": functions, "entries": entries }))
        }
        Outcome::Value(AnyReply::Logic(Reply::Heap(rows))) => {
            let rows =
                rows.iter().map(|row| json!({ "type": row.type_name, "entities": row.entities, "bytes": row.bytes }));
            let rows: Vec<_> = rows.collect();
            done(format!("{} types", rows.len()), json!({ "types": rows }))
        }
        Outcome::Value(_) => {
            Told::wrong(StatusCode::BAD_GATEWAY, Code::ServerFault, format!("{to} answered something else"))
        }
        Outcome::Refused(Refusal { code: Code::Unavailable, .. }) => {
            Told::wrong(StatusCode::NOT_FOUND, Code::Unavailable, format!("{to} is not there"))
        }
        Outcome::Refused(Refusal { code, text }) => {
            let status = match code {
                Code::EntityUnknown => StatusCode::NOT_FOUND,
                Code::Busy => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            Told::wrong(status, code, text)
        }
        Outcome::Unknown => {
            let why = format!("{to} did not answer in time; it may have been done");
            Told::wrong(StatusCode::GATEWAY_TIMEOUT, Code::DeadlinePassed, why)
        }
    }
}
