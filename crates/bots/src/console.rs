//! The console of a running game: where players log in, and what the server measures of itself.
//!
//! Three plain HTTP requests do not need a library: each has its own connection, a bound on its answer and a deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::BotsError;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// Where a console listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleAddress {
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// What clients must know to log in.
#[derive(Clone, Debug, Deserialize)]
pub struct Game {
    /// The login server's port on the console's host.
    pub login_port: u16,
    /// The game's name.
    pub game: String,
}

/// What the server measured of itself since the last reset.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct ServerNumbers {
    /// Ticks a second of the slowest cell.
    pub tick_hz: Option<f64>,
    /// The work time of a tick in milliseconds, worst cell.
    pub tick_ms: Option<TickTimes>,
    /// Spaces.
    pub spaces: Option<u64>,
    /// Cells.
    pub cells: Option<u64>,
    /// CPU milliseconds for each tick, by role.
    pub cpu_ms_per_tick: BTreeMap<String, Option<f64>>,
    /// Memory of all processes.
    pub rss_mib: Option<f64>,
}

/// Work times of ticks, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct TickTimes {
    /// Half are shorter.
    pub p50: Option<f64>,
    /// 99 of 100 are shorter.
    pub p99: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
}

impl ConsoleAddress {
    /// Reads `http://HOST[:PORT][/…]`, or the same without `http://`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").unwrap_or(url);
        if rest.contains("://") {
            return Err(format!("{url}: a console's URL begins with http://"));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = port.map_or(Ok(80), str::parse).map_err(|_| format!("{url}: this is no port"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || !host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:_%".contains(c)) {
            return Err(format!("{url}: there is no host in it"));
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// The address for people.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Asks where the game's clients log in.
    ///
    /// # Errors
    /// [`BotsError::NoGame`] when nothing answers there, or something else than a console.
    pub async fn game(&self) -> Result<Game, BotsError> {
        let no_game = |why| BotsError::NoGame { url: self.url(), why };
        let answer = self.ask("GET", "/play/config.json").await.map_err(no_game)?;
        read(&answer).map_err(no_game)
    }

    /// Asks for the numbers that a run is judged by.
    ///
    /// # Errors
    /// What went wrong, for people.
    pub async fn numbers(&self) -> Result<ServerNumbers, String> {
        read(&self.ask("GET", "/api/status").await?)
    }

    /// Starts the server's measuring window anew.
    ///
    /// # Errors
    /// What went wrong, for people.
    pub async fn reset(&self) -> Result<(), String> {
        self.ask("POST", "/api/reset").await.map(drop)
    }

    async fn ask(&self, method: &str, path: &str) -> Result<Vec<u8>, String> {
        match timeout(PATIENCE, self.exchange(method, path)).await {
            Ok(answer) => body(&answer.map_err(|why| why.to_string())?),
            Err(_) => Err("no answer came in time".to_owned()),
        }
    }

    async fn exchange(&self, method: &str, path: &str) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let host = self.authority();
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|why| format!("its answer cannot be read: {why}"))
}

/// The body of an answer that is a success.
fn body(answer: &[u8]) -> Result<Vec<u8>, String> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("this is no HTTP answer")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !head.starts_with("http/") || !status.starts_with('2') {
        return Err(format!("it answered {}", head.lines().next().unwrap_or_default()));
    }
    let rest = &answer[end + 4..];
    if head.lines().any(|line| line.starts_with("transfer-encoding:") && line.contains("chunked")) {
        return unchunked(rest).ok_or_else(|| "its answer was cut off".to_owned());
    }
    Ok(rest.to_vec())
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let length = std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?;
        let length = usize::from_str_radix(length.trim(), 16).ok()?;
        rest = &rest[line + 2..];
        if length == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_consoles_are_read_and_others_are_explained() {
        let read = |url| ConsoleAddress::parse(url).map(|address| (address.host, address.port));
        assert_eq!(read("http://127.0.0.1:9998/play/"), Ok(("127.0.0.1".to_owned(), 9998)));
        assert_eq!(read("localhost:80"), Ok(("localhost".to_owned(), 80)));
        assert_eq!(read("http://[::1]:5"), Ok(("::1".to_owned(), 5)));
        assert_eq!(read("http://[::1]"), Ok(("::1".to_owned(), 80)));
        for url in ["https://x", "http://", "http://a b", "http://x:99999", "http://:80"] {
            assert!(read(url).is_err(), "{url}");
        }
        assert_eq!(ConsoleAddress { host: "::1".to_owned(), port: 7 }.url(), "http://[::1]:7");
    }

    #[test]
    fn the_status_of_a_console_gives_the_numbers() {
        let json = br#"{"version":"1","tick_hz":9.99,"tick_ms":{"p50":1.5,"p99":3.0,"max":8.0},"spaces":1,"cells":2,
            "cpu_ms_per_tick":{"cell":4.0,"base":null},"rss_mib":120.5,"roles":[]}"#;
        let numbers: ServerNumbers = read(json).expect("this is a status");
        assert_eq!((numbers.tick_hz, numbers.cells, numbers.rss_mib), (Some(9.99), Some(2), Some(120.5)));
        assert_eq!(numbers.tick_ms.and_then(|times| times.p99), Some(3.0));
        assert_eq!(numbers.cpu_ms_per_tick["base"], None);
    }

    #[test]
    fn answers_are_taken_whole_or_in_chunks_and_refusals_are_told() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello"), Ok(b"hello".to_vec()));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        assert_eq!(body(chunked), Ok(b"abcde".to_vec()));
        assert!(body(&chunked[..chunked.len() - 12]).is_err());
        assert_eq!(body(b"HTTP/1.1 404 Not Found\r\n\r\n"), Err("it answered http/1.1 404 not found".to_owned()));
        assert!(body(b"SSH-2.0").is_err());
    }
}
