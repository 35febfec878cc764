//! The HTTP server: routes, shared state, start and end.
//!
//! It knows pictures and files, nothing of how reports become pictures. What must hold: every answer has a bound, every
//! request names a host that is ours, and nobody but the page itself and programs on this machine changes anything; the
//! game is steered by who has the operator's token alone.

mod audit;
mod events;
mod explorer;
mod files;
mod found;
mod guard;
pub(crate) mod json;
mod listener;
mod metrics;
mod operator;
mod page;
pub(crate) mod sdk;
mod steer;
mod told;
mod watched;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::config::{ConsoleError, ConsoleHttp};
use crate::publish::Desk;
use crate::role::In;

/// The most viewers that get events at once; a further one is answered 503.
pub(crate) const VIEWERS_MAX: usize = 64;
/// How long a reset may take to show in the picture.
const RESET_WAIT: Duration = Duration::from_secs(3);
/// How long connections have to finish when the server ends.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// What all handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) http: Arc<ConsoleHttp>,
    pub(crate) desk: Desk,
    pub(crate) viewers: Arc<Semaphore>,
    pub(crate) file_reads: Arc<Semaphore>,
    pub(crate) page: Arc<str>,
    pub(crate) steering: Arc<steer::Steering>,
    pub(crate) stop: watch::Receiver<bool>,
}

/// A listening console. Dropping it ends it at once.
#[derive(Debug)]
pub struct ConsoleServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// Listens and serves until the server is stopped or dropped. Call it on a tokio runtime.
///
/// # Errors
/// The port is in use or cannot be had, the page could not be made, or the audit log cannot be written.
pub async fn serve(http: ConsoleHttp, desk: Desk) -> Result<ConsoleServer, ConsoleError> {
    let page = page::render(&http)?.into();
    let steering = Arc::new(steering(&http)?);
    let listener = listener::Bounded::bind(http.bind).await?;
    let address = listener.address();
    let (stop, stopped) = watch::channel(false);
    let shared = Shared {
        http: Arc::new(http),
        desk,
        viewers: Arc::new(Semaphore::new(VIEWERS_MAX)),
        file_reads: Arc::new(Semaphore::new(files::READS_MAX)),
        page,
        steering,
        stop: stopped.clone(),
    };
    let service = router(shared).into_make_service_with_connect_info::<listener::Peer>();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let end = async move { wait_for_stop(stopped).await };
        if let Err(why) = axum::serve(listener, service).with_graceful_shutdown(end).await {
            tracing::error!(%why, "the console's server ended");
        }
    });
    Ok(ConsoleServer { address, stop, tasks })
}

fn steering(http: &ConsoleHttp) -> Result<steer::Steering, ConsoleError> {
    let Some(operator) = &http.operator else { return Ok(steer::Steering::new(operator::Gate::new(None), None)) };
    let failed = |why| ConsoleError::Audit { path: operator.audit.clone(), why };
    let audit = audit::Audit::open(&operator.audit).map_err(failed)?;
    Ok(steer::Steering::new(operator::Gate::new(Some(operator.token.clone())), Some(audit)))
}

pub(crate) async fn wait_for_stop(mut stop: watch::Receiver<bool>) {
    // An error means that the server was dropped, which is a stop too.
    let _ = stop.wait_for(|stopped| *stopped).await;
}

impl ConsoleServer {
    /// Where it listens, with the real port when port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, ends the event streams, and waits a moment for the other answers.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(STOP_WAIT, self.tasks.join_next()).await.is_err() {
            tracing::debug!("connections to the console were cut");
        }
    }
}

/// What needs the operator's token.
fn steered(shared: Shared) -> Router<Shared> {
    Router::new()
        .route("/api/logic/evaluate", post(steer::evaluate))
        .route("/api/logic/profile", post(steer::profile))
        .route("/api/logic/heap", get(steer::heap))
        .route("/api/logic/entities", get(steer::entities))
        .route("/api/logic/audit", get(steer::audit))
        .route_layer(from_fn_with_state(shared, operator::require))
        .layer(DefaultBodyLimit::max(steer::BODY_BYTES_MAX))
}

fn router(shared: Shared) -> Router {
    Router::new()
        .merge(steered(shared.clone()))
        .route("/", get(page::show))
        .route("/assets/{name}", get(page::asset))
        .route("/api/status", get(status))
        .route("/api/events", get(events::events))
        .route("/api/reset", post(reset))
        .route("/api/logic/api", get(explorer::show))
        .route("/metrics", get(metrics::metrics))
        .route("/play", get(|| async { Redirect::permanent("/play/") }))
        .route("/play/config.json", get(files::play_config))
        .route("/play/", get(files::play_index))
        .route("/play/{*path}", get(files::play))
        .route("/sdk/{*path}", get(sdk::show))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is no such page; the console is at /\n") })
        .layer(from_fn_with_state(shared.clone(), guard::guard))
        .with_state(shared)
}

async fn status(State(shared): State<Shared>) -> Response {
    let json = shared.desk.views.published.borrow().json.to_string();
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

/// Starts the measuring window anew and answers when the picture shows it.
async fn reset(State(shared): State<Shared>, ConnectInfo(peer): ConnectInfo<listener::Peer>) -> Response {
    if !peer.0.ip().to_canonical().is_loopback() {
        return refusal(StatusCode::FORBIDDEN, "the measuring window can be reset from this machine only");
    }
    let mut published = shared.desk.views.published.clone();
    let before = published.borrow_and_update().picture.window.number;
    if shared.desk.requests.try_send(In::Reset).is_err() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the console takes no requests at the moment");
    }
    let shown = published.wait_for(|published| published.picture.window.number > before);
    match tokio::time::timeout(RESET_WAIT, shown).await {
        Ok(Ok(shown)) => {
            let number = shown.picture.window.number;
            axum::Json(serde_json::json!({ "reset": number })).into_response()
        }
        _ => refusal(StatusCode::SERVICE_UNAVAILABLE, "the console did not answer in time"),
    }
}

pub(crate) fn refusal(status: StatusCode, why: &str) -> Response {
    (status, axum::Json(serde_json::json!({ "error": why }))).into_response()
}
