//! Stands before every handler: whose page asks, under which host name, and what the answer's page may do.
//!
//! A page of another site must neither read nor steer the console, also when its name was made to point here (DNS
//! rebinding). So the request's `Host` must be ours, an `Origin` must be that host, and the API answers no request that
//! the browser says comes from another site.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::{Shared, refusal};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    Host,
    Origin,
}

pub(crate) async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let (api, play) = (path.starts_with("/api/") || path == "/metrics", path.starts_with("/play"));
    let host = match check(request.headers(), shared.http.bind, &shared.http.hosts, api) {
        Ok(host) => host.to_owned(),
        Err(Foreign::Host) => {
            return refusal(
                StatusCode::MISDIRECTED_REQUEST,
                "the console does not answer to this host name; call it by its IP address or by a name it was told",
            );
        }
        Err(Foreign::Origin) => {
            return refusal(StatusCode::FORBIDDEN, "the console takes no requests from pages of other sites");
        }
    };
    let unsafe_method = request.method() != Method::GET && request.method() != Method::HEAD;
    if unsafe_method && !api {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, "this can only be read");
    }
    let mut response = next.run(request).await;
    add_headers(response.headers_mut(), &host, play);
    response
}

/// The request's host without port, when the request is one of ours.
pub(crate) fn check<'a>(
    headers: &'a HeaderMap,
    bind: SocketAddr,
    hosts: &[String],
    api: bool,
) -> Result<&'a str, Foreign> {
    let authority = text(headers, header::HOST).ok_or(Foreign::Host)?;
    let host = host_of(authority).ok_or(Foreign::Host)?;
    if !is_ours(host, bind, hosts) {
        return Err(Foreign::Host);
    }
    if headers.contains_key(header::ORIGIN) {
        let origin = text(headers, header::ORIGIN).ok_or(Foreign::Origin)?;
        let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if from.is_none_or(|from| !from.eq_ignore_ascii_case(authority)) {
            return Err(Foreign::Origin);
        }
    }
    let site = text(headers, HeaderName::from_static("sec-fetch-site"));
    if api && site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(Foreign::Origin);
    }
    Ok(host)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.find(':').map_or((authority, ""), |colon| authority.split_at(colon)),
    };
    let sound_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (sound_port && !host.is_empty()).then_some(host)
}

/// A name that points here because somebody else's name server says so is none of ours.
fn is_ours(host: &str, bind: SocketAddr, hosts: &[String]) -> bool {
    if host.eq_ignore_ascii_case("localhost") || hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
        return true;
    }
    match host.parse::<IpAddr>() {
        Ok(ip) => !bind.ip().to_canonical().is_loopback() || ip.to_canonical().is_loopback(),
        Err(_) => false,
    }
}

fn add_headers(headers: &mut HeaderMap, host: &str, play: bool) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CACHE_CONTROL, "no-cache");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if let Ok(policy) = HeaderValue::from_str(&policy(host, play)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// The console's page runs its own scripts and nothing else. A game may also style itself, compile WebAssembly, make
/// pictures and sounds, and connect to any port of this host.
fn policy(host: &str, play: bool) -> String {
    // The policy's grammar has no IPv6 addresses.
    let sockets = if host.contains(':') { "ws: wss:".to_owned() } else { format!("ws://{host}:* wss://{host}:*") };
    let content = if play {
        "script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
         media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; manifest-src 'self'"
    } else {
        "script-src 'self'; style-src 'self'; img-src 'self' data:"
    };
    format!(
        "default-src 'none'; {content}; connect-src 'self' {sockets}; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(bind: &str, api: bool, pairs: &[(&'static str, &'static str)]) -> Result<String, Foreign> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let bind = bind.parse().expect("an address");
        check(&headers, bind, &["plaza.example".to_owned()], api).map(str::to_owned)
    }

    #[test]
    fn only_our_own_host_names_are_answered() {
        for host in ["localhost:9998", "127.0.0.1", "[::1]:9998", "plaza.example:9998", "LOCALHOST"] {
            assert!(checked("127.0.0.1:9998", false, &[("host", host)]).is_ok(), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "192.0.2.7:9998", "", ":80", "[::1", "localhost:x"] {
            assert_eq!(checked("127.0.0.1:9998", false, &[("host", host)]), Err(Foreign::Host), "{host}");
        }
        assert!(checked("0.0.0.0:9998", false, &[("host", "192.0.2.7:9998")]).is_ok());
        assert_eq!(checked("0.0.0.0:9998", false, &[("host", "evil.example")]), Err(Foreign::Host));
        assert_eq!(checked("0.0.0.0:9998", false, &[]), Err(Foreign::Host));
    }

    #[test]
    fn an_origin_must_be_the_host_that_was_called() {
        let with = |origin| checked("127.0.0.1:1", true, &[("host", "localhost:9998"), ("origin", origin)]);
        assert!(with("http://localhost:9998").is_ok());
        for origin in ["http://localhost:3000", "https://evil.example", "null", "file://", "http://localhost:9998.evil"]
        {
            assert_eq!(with(origin), Err(Foreign::Origin), "{origin}");
        }
    }

    #[test]
    fn the_interface_answers_no_request_from_another_site_even_without_an_origin() {
        let with = |api, site| checked("127.0.0.1:1", api, &[("host", "localhost"), ("sec-fetch-site", site)]);
        assert_eq!(with(true, "cross-site"), Err(Foreign::Origin));
        assert_eq!(with(true, "same-site"), Err(Foreign::Origin));
        assert!(with(true, "same-origin").is_ok() && with(true, "none").is_ok());
        assert!(with(false, "cross-site").is_ok(), "a link to the page is welcome from anywhere");
    }
}
