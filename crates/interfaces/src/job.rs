//! A request that was read and may be sent: its parts, each checked, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, header};
use kuafu_contract::interfaces::HttpRequest;
use url::{Host, Url};

/// Bytes of an address.
const URL_BYTES_MAX: usize = 8_192;

/// Headers of a request, and bytes of their names and values together.
const HEADERS_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 16_384;

/// How often a path may have been encoded for us to see what it comes to.
const DECODE_ROUNDS_MAX: usize = 4;

/// Methods that ask for something. `CONNECT` would make a tunnel, and `TRACE` gives away what was sent.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Headers that say how the message is carried, or to whom: those are the client's.
const OWN_HEADERS: [HeaderName; 10] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
];

/// How the other side is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS, with a certificate that is trusted.
    Https,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// How.
    pub scheme: Scheme,
    /// A name in small ASCII letters, or an address.
    pub host: Host<String>,
    /// The port, named or the scheme's own.
    pub port: u16,
    /// Path and query, as they are sent.
    pub path: String,
}

/// A request that may be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpJob {
    /// Where it goes.
    pub place: Place,
    /// What is asked.
    pub method: Method,
    /// Checked headers.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Arc<[u8]>,
    /// How long the response may take.
    pub within: Duration,
    /// The longest body that is taken, in bytes.
    pub response_bytes_max: usize,
}

/// Why a request cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The address is none.
    #[error("the address {0}")]
    Url(String),
    /// The method is none that asks for something.
    #[error("the method `{0}` is none of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")]
    Method(String),
    /// A header cannot be sent.
    #[error("the header `{name}` {why}")]
    Header {
        /// Its name, as it was given.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// There are too many of them.
    #[error("there are more than {HEADERS_MAX} headers, or more than {HEADER_BYTES_MAX} bytes of them")]
    HeadersTooMany,
    /// The body is too long.
    #[error("a body of {bytes} bytes is longer than {bytes_max} (http_request_bytes_max)")]
    BodyTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
}

impl Place {
    /// Reads an address as browsers do, and refuses what means something else to others.
    pub(crate) fn parse(text: &str) -> Result<Self, JobError> {
        let wrong = |why: &str| JobError::Url(why.to_owned());
        if text.len() > URL_BYTES_MAX {
            return Err(JobError::Url(format!("is longer than {URL_BYTES_MAX} bytes")));
        }
        if text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return Err(wrong("holds a space or a control character"));
        }
        let url = Url::parse(text).map_err(|why| match why {
            url::ParseError::RelativeUrlWithoutBase => wrong("does not begin with http:// or https://"),
            url::ParseError::EmptyHost => wrong("names no host"),
            why => JobError::Url(format!("cannot be read: {why}")),
        })?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(wrong("does not begin with http:// or https://")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("holds a user or a password; send a header instead"));
        }
        let host = url.host().map(|host| host.to_owned()).ok_or_else(|| wrong("names no host"))?;
        if let Host::Domain(name) = &host
            && !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        {
            return Err(wrong("names a host with other signs than letters, digits, `-`, `_` and `.` (no `*`)"));
        }
        if url.path().split('/').any(climbs) {
            return Err(wrong("holds `..` in its path, which some would read as another path"));
        }
        let port = url.port_or_known_default().ok_or_else(|| wrong("names no port"))?;
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        PathAndQuery::try_from(path.as_str()).map_err(|_| wrong("has a path that cannot be sent"))?;
        Ok(Self { scheme, host, port, path })
    }

    /// The segments of the path.
    pub(crate) fn segments(&self) -> Vec<String> {
        let path = self.path.split('?').next().unwrap_or_default();
        path.split('/').skip(1).map(str::to_owned).collect()
    }

    /// Host and port, without the port that the scheme has anyhow.
    pub(crate) fn authority(&self) -> String {
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => self.host.to_string(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    /// Without path and query, which may be secrets.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.scheme == Scheme::Https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }
}

/// Whether a segment, decoded as often as somebody might, leads upwards.
fn climbs(segment: &str) -> bool {
    let mut bytes = segment.as_bytes().to_vec();
    for _ in 0..DECODE_ROUNDS_MAX {
        let is_up = |part: &[u8]| part.split(|byte| *byte == b';').next() == Some(b"..");
        if bytes.split(|byte| matches!(byte, b'/' | b'\\')).any(is_up) {
            return true;
        }
        let decoded = percent_decoded(&bytes);
        if decoded == bytes {
            return false;
        }
        bytes = decoded;
    }
    // Nobody encodes so often for a good reason.
    true
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    decoded
}

impl HttpJob {
    /// Reads a request; the list is not looked at here.
    pub(crate) fn read(request: HttpRequest, bytes_max: usize, response_bytes_max: usize) -> Result<Self, JobError> {
        let place = Place::parse(&request.url)?;
        let method = METHODS.into_iter().find(|method| method.as_str() == request.method);
        let method = method.ok_or(JobError::Method(request.method))?;
        let headers = read_headers(&request.headers)?;
        let bytes = request.body.len();
        if bytes > bytes_max {
            return Err(JobError::BodyTooLong { bytes, bytes_max });
        }
        let within = Duration::from_millis(request.within_ms);
        Ok(Self { place, method, headers, body: request.body, within, response_bytes_max })
    }
}

fn read_headers(given: &[(String, String)]) -> Result<HeaderMap, JobError> {
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if given.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
        return Err(JobError::HeadersTooMany);
    }
    let mut headers = HeaderMap::with_capacity(given.len() + 1);
    headers.insert(header::USER_AGENT, HeaderValue::from_static("kuafu"));
    for (name, value) in given {
        let wrong = |why| JobError::Header { name: name.clone(), why };
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("is no name of a header"))?;
        let is_own = OWN_HEADERS.contains(&parsed) || matches!(parsed.as_str(), "keep-alive" | "proxy-connection");
        if is_own {
            return Err(wrong("is set by the client itself"));
        }
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong("has a value that cannot be sent"))?;
        headers.insert(parsed, value);
    }
    Ok(headers)
}

/// Without path, headers and body, which may be secrets.
impl std::fmt::Debug for HttpJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut job = f.debug_struct("HttpJob");
        job.field("method", &self.method).field("to", &self.place.origin()).field("within", &self.within);
        job.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let url = "https://api.example.com/v1?a=b".to_owned();
        HttpRequest { method: method.to_owned(), url, headers, body: Arc::default(), within_ms: 100 }
    }

    #[test]
    fn a_request_becomes_its_parts() {
        let job = HttpJob::read(request("POST", &[("X-Key", "1"), ("User-Agent", "game")]), 9, 9).expect("a job");
        assert_eq!((job.place.path.as_str(), job.place.port), ("/v1?a=b", 443));
        assert_eq!(job.headers[header::USER_AGENT], "game");
        assert_eq!(job.headers["x-key"], "1");
    }

    #[test]
    fn what_would_change_how_the_message_is_carried_is_refused() {
        for name in ["Host", "content-length", "Transfer-Encoding", "connection", "Proxy-Connection", "upgrade"] {
            let said = HttpJob::read(request("GET", &[(name, "1")]), 9, 9).expect_err(name);
            assert!(matches!(said, JobError::Header { .. }), "{said}");
        }
        for (name, value) in [("a b", "1"), ("", "1"), ("x\r\ny", "1"), ("x", "1\r\ny: 2"), ("x", "1\0")] {
            assert!(HttpJob::read(request("GET", &[(name, value)]), 9, 9).is_err(), "{name:?}");
        }
        for method in ["CONNECT", "TRACE", "get", "GET / HTTP/1.1\r\n", ""] {
            assert!(matches!(HttpJob::read(request(method, &[]), 9, 9), Err(JobError::Method(_))), "{method}");
        }
    }

    #[test]
    fn a_long_body_and_many_headers_are_refused() {
        let mut long = request("PUT", &[]);
        long.body = vec![0; 10].into();
        assert_eq!(HttpJob::read(long, 9, 9), Err(JobError::BodyTooLong { bytes: 10, bytes_max: 9 }));
        let big = "x".repeat(HEADER_BYTES_MAX);
        assert_eq!(HttpJob::read(request("PUT", &[("x", &big)]), 9, 9), Err(JobError::HeadersTooMany));
    }
}
