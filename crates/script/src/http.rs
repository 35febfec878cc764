//! `kuafu.http`: what a script says of a request, read and bounded.
//!
//! Whether the address may be asked is not decided here: the `interfaces` role knows the list.

use std::sync::Arc;
use std::time::Duration;

use kuafu_logic::Effect;
use kuafu_logic::http::{ANSWER_MARGIN, HttpRequest};
use mlua::{LuaString, Table, Value as Luau};

use crate::bind::Why;
use crate::convert::{contents, number, type_name};
use crate::shared::Shared;

/// Bytes of an address.
const URL_BYTES_MAX: usize = 8_192;

/// Headers of one request, and bytes of their names and values together.
const HEADERS_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 16_384;

/// Makes the effect; gives its place in the entry.
pub(crate) fn http(s: &Shared, method: &Luau, url: &Luau, options: &Luau) -> Result<(f64, f64), Why> {
    let requests_max = s.limits.http_requests_in_flight_max as usize;
    let asked = s.run.borrow().effects.iter().filter(|effect| matches!(effect, Effect::Http { .. })).count();
    if asked >= requests_max {
        return Err(format!("this entry has made {requests_max} requests already (http_requests_in_flight_max)"));
    }
    let method = text(method, "the method", 16)?;
    let url = text(url, "the address", URL_BYTES_MAX)?;
    let mut request =
        HttpRequest { method, url, headers: Vec::new(), body: Arc::default(), within_ms: s.limits.http_ms_max };
    match options {
        Luau::Nil => {}
        Luau::Table(options) => read_options(s, &contents(options), &mut request)?,
        other => return Err(format!("http takes a table of options, not a {}", type_name(other))),
    }
    let index = s.push(|run| Effect::Http { from: run.entity.unwrap_or_default(), request, awaiting: None })?;
    Ok((index as f64, s.run.borrow().step as f64))
}

/// How long a task waits for a request: longer than the role that was asked, so that what that says is heard.
pub(crate) fn await_within(request: &HttpRequest) -> Duration {
    request.answer_within() + ANSWER_MARGIN
}

fn text(value: &Luau, what: &str, bytes_max: usize) -> Result<String, Why> {
    let Luau::String(text) = value else {
        return Err(format!("{what} is a text, not a {}", type_name(value)));
    };
    let text = utf8(text, what)?;
    if text.is_empty() || text.len() > bytes_max {
        return Err(format!("{what} has 1 to {bytes_max} bytes"));
    }
    Ok(text)
}

fn utf8(text: &LuaString, what: &str) -> Result<String, Why> {
    text.to_str().map(|text| text.to_owned()).map_err(|_| format!("{what} must be valid UTF-8"))
}

fn read_options(s: &Shared, options: &Table, request: &mut HttpRequest) -> Result<(), Why> {
    for pair in options.pairs::<Luau, Luau>() {
        let (key, value) = pair.map_err(|error| error.to_string())?;
        let Luau::String(key) = &key else { return Err(unknown_option(&key)) };
        match key.to_string_lossy().as_str() {
            "body" => request.body = body(s, &value)?,
            "headers" => request.headers = headers(&value)?,
            "timeout" => request.within_ms = within_ms(s, &value)?,
            other => return Err(format!("http has no option `{other}`: body, headers, timeout")),
        }
    }
    Ok(())
}

fn unknown_option(key: &Luau) -> Why {
    format!("the options of http have names (body, headers, timeout), not a {}", type_name(key))
}

fn body(s: &Shared, value: &Luau) -> Result<Arc<[u8]>, Why> {
    let Luau::String(body) = value else {
        return Err(format!("a body is a text, not a {}", type_name(value)));
    };
    let (bytes, bytes_max) = (body.as_bytes(), s.limits.http_request_bytes_max);
    if bytes.len() > bytes_max as usize {
        return Err(format!("a body of {} bytes is longer than {bytes_max} (http_request_bytes_max)", bytes.len()));
    }
    Ok(bytes.as_ref().into())
}

/// Sorted by name, so that the order does not depend on that of a table.
fn headers(value: &Luau) -> Result<Vec<(String, String)>, Why> {
    let Luau::Table(table) = value else {
        return Err(format!("headers are a table of names and values, not a {}", type_name(value)));
    };
    let mut headers = Vec::new();
    let mut bytes = 0;
    for pair in contents(table).pairs::<Luau, Luau>() {
        let (name, value) = pair.map_err(|error| error.to_string())?;
        let Luau::String(name) = &name else {
            return Err(format!("a header's name is a text, not a {}", type_name(&name)));
        };
        let name = utf8(name, "a header's name")?;
        let value = match &value {
            Luau::String(value) => utf8(value, &format!("the header {name}"))?,
            value => number(value)
                .map(|number| number.to_string())
                .ok_or_else(|| format!("the header {name} is a text or a number, not a {}", type_name(value)))?,
        };
        bytes += name.len() + value.len();
        headers.push((name, value));
        if headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
            return Err(format!("a request has at most {HEADERS_MAX} headers, of {HEADER_BYTES_MAX} bytes together"));
        }
    }
    headers.sort_unstable();
    Ok(headers)
}

fn within_ms(s: &Shared, value: &Luau) -> Result<u64, Why> {
    let most = s.limits.http_ms_max;
    let ms = number(value).map(|seconds| (seconds * 1e3).ceil()).filter(|ms| *ms >= 1.0 && *ms <= most as f64);
    ms.map(|ms| ms as u64)
        .ok_or_else(|| format!("a timeout is more than 0 and at most {} seconds (http_ms_max)", most as f64 / 1e3))
}
