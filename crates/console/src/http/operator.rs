//! Who may steer the game: the operator's token, asked for before anything that reaches into logic.
//!
//! Wrong tokens are counted, and who offers many is not listened to for a while, not even with the right one: else the
//! bound would be none. A request without a token costs nothing, so that a page can ask how it stands.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use kuafu_core::{Moment, Rate, TokenBucket};

use crate::config::OperatorToken;
use crate::http::listener::Peer;
use crate::http::{Shared, refusal};
use crate::role::In;

/// How often an address may offer a wrong token.
const WRONG_TOKENS_RATE: Rate = Rate { count: 10, span: Duration::from_secs(60) };
/// The most addresses whose wrong tokens are counted apart; further ones are counted together.
const ADDRESSES_MAX: usize = 1_024;

/// Why somebody may not steer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// Nobody may.
    NotConfigured,
    /// No token came.
    Missing,
    /// It is not the operator's.
    Wrong,
    /// Too many wrong ones came before.
    TooMany,
}

/// Knows the token, and who offered wrong ones.
#[derive(Debug)]
pub(crate) struct Gate {
    token: Option<OperatorToken>,
    wrong: Mutex<BTreeMap<IpAddr, (TokenBucket, Moment)>>,
}

impl Gate {
    pub(crate) fn new(token: Option<OperatorToken>) -> Self {
        Self { token, wrong: Mutex::default() }
    }

    /// Whether who comes from there with these headers may steer.
    pub(crate) fn check(&self, headers: &HeaderMap, from: IpAddr, now: Moment) -> Result<(), Denied> {
        let token = self.token.as_ref().ok_or(Denied::NotConfigured)?;
        let offered = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let offered = offered.and_then(|value| value.strip_prefix("Bearer ")).ok_or(Denied::Missing)?;
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let from = neighbourhood(from);
        if let Some((bucket, _)) = wrong.get(&from) {
            // A copy: looking takes nothing.
            let mut left = *bucket;
            if !left.take(WRONG_TOKENS_RATE, now) {
                return Err(Denied::TooMany);
            }
        }
        if token.is(offered) {
            return Ok(());
        }
        note_wrong(&mut wrong, from, now);
        Err(Denied::Wrong)
    }
}

fn note_wrong(wrong: &mut BTreeMap<IpAddr, (TokenBucket, Moment)>, from: IpAddr, now: Moment) {
    if wrong.len() >= ADDRESSES_MAX && !wrong.contains_key(&from) {
        // A bucket is full again after its span, and a full one says nothing.
        wrong.retain(|_, (_, last)| now.since(*last) < WRONG_TOKENS_RATE.span);
    }
    let together = IpAddr::from([0, 0, 0, 0]);
    let place = if wrong.len() >= ADDRESSES_MAX && !wrong.contains_key(&from) { together } else { from };
    let (bucket, last) = wrong.entry(place).or_insert_with(|| (TokenBucket::full(now), now));
    bucket.take(WRONG_TOKENS_RATE, now);
    *last = now;
}

/// Who has one IPv6 address has 2^64.
fn neighbourhood(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) >> 64 << 64).to_be_bytes()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Stands before everything that steers.
pub(crate) async fn require(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let now = shared.desk.clock.now().at;
    let denied = match shared.steering.gate.check(request.headers(), peer.0.ip(), now) {
        Ok(()) => return next.run(request).await,
        Err(denied) => denied,
    };
    match denied {
        Denied::NotConfigured => refusal(StatusCode::FORBIDDEN, "this console was started without an operator's token"),
        Denied::Missing => {
            let why = "this needs the operator's token; `kuafu up` printed it in the line that begins with `operator:`";
            ([(header::WWW_AUTHENTICATE, "Bearer")], refusal(StatusCode::UNAUTHORIZED, why)).into_response()
        }
        Denied::Wrong => {
            tracing::warn!(from = %peer.0, "somebody offered a wrong operator's token");
            // A full lane loses a count, no more.
            let _ = shared.desk.requests.try_send(In::TokenWrong);
            let refused = refusal(StatusCode::UNAUTHORIZED, "this is not the operator's token of this game");
            ([(header::WWW_AUTHENTICATE, "Bearer")], refused).into_response()
        }
        Denied::TooMany => {
            let refused =
                refusal(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens came from there; wait a minute");
            ([(header::RETRY_AFTER, "60")], refused).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn gate() -> Gate {
        Gate::new(Some(OperatorToken::new("the token")))
    }

    fn offer(gate: &Gate, text: Option<&'static str>, from: IpAddr, seconds: u64) -> Result<(), Denied> {
        let mut headers = HeaderMap::new();
        if let Some(text) = text {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(text));
        }
        gate.check(&headers, from, Moment(seconds * 1_000_000))
    }

    #[test]
    fn only_the_token_opens() {
        let gate = gate();
        assert_eq!(offer(&gate, Some("Bearer the token"), HERE, 0), Ok(()));
        for nothing in [None, Some("the token"), Some("Basic the token"), Some("bearer the token")] {
            assert_eq!(offer(&gate, nothing, HERE, 0), Err(Denied::Missing), "{nothing:?}");
        }
        for wrong in ["Bearer ", "Bearer the toke", "Bearer the token ", "Bearer THE TOKEN"] {
            assert_eq!(offer(&gate, Some(wrong), HERE, 0), Err(Denied::Wrong), "{wrong}");
        }
        let none = Gate::new(None);
        assert_eq!(offer(&none, Some("Bearer the token"), HERE, 0), Err(Denied::NotConfigured));
        assert_eq!(format!("{:?}", OperatorToken::new("the token")), "OperatorToken(…)");
    }

    #[test]
    fn who_offers_many_wrong_tokens_is_not_listened_to_for_a_while() {
        let gate = gate();
        for _ in 0..WRONG_TOKENS_RATE.count {
            assert_eq!(offer(&gate, Some("Bearer guess"), HERE, 5), Err(Denied::Wrong));
        }
        assert_eq!(offer(&gate, Some("Bearer guess"), HERE, 5), Err(Denied::TooMany));
        assert_eq!(offer(&gate, Some("Bearer the token"), HERE, 5), Err(Denied::TooMany));
        assert_eq!(offer(&gate, None, HERE, 5), Err(Denied::Missing));
        let elsewhere = IpAddr::from([192, 0, 2, 7]);
        assert_eq!(offer(&gate, Some("Bearer the token"), elsewhere, 5), Ok(()));
        assert_eq!(offer(&gate, Some("Bearer the token"), HERE, 12), Ok(()), "a tenth of a minute later");
        assert_eq!(offer(&gate, Some("Bearer guess"), HERE, 12), Err(Denied::Wrong));
        assert_eq!(offer(&gate, Some("Bearer the token"), HERE, 12), Err(Denied::TooMany));
    }

    #[test]
    fn neighbours_of_one_ipv6_network_are_one_and_the_list_of_addresses_is_bounded() {
        let gate = gate();
        let of =
            |network: u128, host: u128| IpAddr::from(((0x2001_0db8_u128 << 96) | (network << 64) | host).to_be_bytes());
        for host in 0..u128::from(WRONG_TOKENS_RATE.count) {
            assert_eq!(offer(&gate, Some("Bearer guess"), of(1, host), 0), Err(Denied::Wrong));
        }
        assert_eq!(offer(&gate, Some("Bearer guess"), of(1, 99), 0), Err(Denied::TooMany));
        for network in 0..2_000 {
            let _ = offer(&gate, Some("Bearer guess"), of(network, 1), 1);
        }
        let kept = || gate.wrong.lock().expect("nobody panics with it").len();
        assert!(kept() <= ADDRESSES_MAX + 1, "{}", kept());
        let _ = offer(&gate, Some("Bearer guess"), of(9_999, 1), 100);
        assert_eq!(kept(), 1, "what is old is forgotten");
    }
}
