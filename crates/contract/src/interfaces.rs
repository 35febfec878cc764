//! The interfaces role: what the game asks of others over HTTP, within the list of what it may ask.
//!
//! Who asks names how long the answer may take. The role always answers before [`Request::answer_within`] is over: with
//! the response, with a refusal when nothing was done or the response cannot be kept, or with [`Reply::Unknown`].

use std::sync::Arc;
use std::time::Duration;

use kuafu_core::Value;
use serde::{Deserialize, Serialize};

/// What it is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// One HTTP request to somebody else.
    Http(HttpRequest),
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// What came back, whatever its status.
    Http(HttpResponse),
    /// The request was sent, or may have been, and no whole response came: it may have been carried out.
    Unknown {
        /// Why, for the log.
        why: String,
    },
}

/// An HTTP request as a script gave it: nothing of it is checked yet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET`, `POST` …
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Names and values, in the order in which they are sent.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Arc<[u8]>,
    /// How long the response may take, in milliseconds.
    pub within_ms: u64,
}

/// An HTTP response.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// 100 to 999; the usual ones are below 600.
    pub status: u16,
    /// Names in small letters, each once, sorted; several values of a name are joined with `, `.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: Arc<[u8]>,
}

/// How much longer than whom it asks one waits on the way, so that who gives up in time is heard.
pub const ANSWER_MARGIN: Duration = Duration::from_secs(1);

impl Request {
    /// How long the role's answer may take.
    #[must_use]
    pub fn answer_within(&self) -> Duration {
        let Self::Http(request) = self;
        request.answer_within()
    }
}

impl HttpRequest {
    /// How long the role's answer may take.
    #[must_use]
    pub fn answer_within(&self) -> Duration {
        Duration::from_millis(self.within_ms).saturating_add(ANSWER_MARGIN)
    }
}

impl HttpResponse {
    /// What logic gets: a map of `body`, `headers` and `status`. The body is a text where it is one, else bytes.
    #[must_use]
    pub fn into_value(self) -> Value {
        let text = |text: &str| Value::Text(text.into());
        let body = match std::str::from_utf8(&self.body) {
            Ok(body) => text(body),
            Err(_) => Value::Bytes(self.body),
        };
        let headers = self.headers.iter().map(|(name, value)| (text(name), text(value))).collect();
        let status = Value::Int(i64::from(self.status));
        Value::Map(vec![(text("body"), body), (text("headers"), Value::Map(headers)), (text("status"), status)])
    }
}

/// Without the body and the values of headers, which may be secrets.
impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .field("within_ms", &self.within_ms)
            .finish()
    }
}

/// Without the body and the values of headers, as for requests.
impl std::fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_becomes_a_sorted_map_whose_body_is_a_text_only_where_it_is_one() {
        let response = |body: &[u8]| HttpResponse {
            status: 200,
            headers: vec![("content-type".into(), "text/plain".into())],
            body: body.into(),
        };
        let Value::Map(fields) = response(b"yes").into_value() else { panic!("a map") };
        let names: Vec<_> = fields.iter().filter_map(|(name, _)| name.as_text()).collect();
        assert_eq!(names, ["body", "headers", "status"]);
        assert_eq!(fields[0].1, Value::Text("yes".into()));
        assert_eq!(fields[2].1, Value::Int(200));
        let Value::Map(fields) = response(&[0xff, 0]).into_value() else { panic!("a map") };
        assert_eq!(fields[0].1, Value::Bytes([0xff, 0].as_slice().into()));
    }
}
