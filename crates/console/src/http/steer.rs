//! `/api/logic/…`: an operator looks into running logic, and changes it.
//!
//! A question goes to one role instance over the bus and always ends. What can change the game, or costs it time, runs
//! to its end and into the audit log though the browser that asked goes away.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use kuafu_contract::logic::{PROFILE_MS_MAX, Request, SOURCE_BYTES_MAX};
use kuafu_contract::{Address, Outcome, RoleKind};
use kuafu_core::{Code, EntityId, Incarnation, Refusal};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinSet, spawn_blocking};

use crate::http::audit::{Audit, Deed};
use crate::http::found::Found;
use crate::http::listener::Peer;
use crate::http::operator::Gate;
use crate::http::told::said;
use crate::http::watched::Watched;
use crate::http::{Shared, refusal};
use crate::role::In;

/// The most questions under way; a further one is answered 503.
pub(crate) const QUESTIONS_MAX: usize = 16;
/// The most bytes of a request: a source, and room for how JSON writes it.
pub(crate) const BODY_BYTES_MAX: usize = 4 * SOURCE_BYTES_MAX;

/// What steering needs, shared by all handlers.
#[derive(Debug)]
pub(crate) struct Steering {
    pub(crate) gate: Gate,
    audit: Option<Arc<Audit>>,
    questions: Arc<Semaphore>,
    watched: Mutex<Watched>,
    tasks: Mutex<JoinSet<()>>,
}

impl Steering {
    pub(crate) fn new(gate: Gate, audit: Option<Audit>) -> Self {
        Self {
            gate,
            audit: audit.map(Arc::new),
            questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            watched: Mutex::default(),
            tasks: Mutex::default(),
        }
    }

    /// Runs something that goes on when nobody waits for it any more. It holds a permit, so there are few.
    fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    /// Room for one more question, if there is.
    fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.questions.clone().try_acquire_owned().ok()
    }
}

#[derive(Deserialize)]
pub(crate) struct Evaluate {
    role: String,
    entity: u64,
    source: String,
    /// Whether its effects are kept.
    #[serde(default)]
    keep: bool,
    /// Whether it is one of many of its kind: effects are never kept then, and equal ones are one line of the log.
    #[serde(default)]
    watch: bool,
}

pub(crate) async fn evaluate(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Result<Json<Evaluate>, JsonRejection>,
) -> Response {
    let Json(asked) = match body {
        Ok(body) => body,
        Err(why) => return refusal(why.status(), &why.body_text()),
    };
    let Some(to) = logic_role(&asked.role) else { return no_role(&asked.role) };
    if asked.source.len() > SOURCE_BYTES_MAX {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, &format!("the source has more than {SOURCE_BYTES_MAX} bytes"));
    }
    let keep_effects = asked.keep && !asked.watch;
    let request = Request::Evaluate { entity: EntityId(asked.entity), source: asked.source.clone(), keep_effects };
    let deed = Deed {
        entity: Some(asked.entity),
        source: Some(asked.source),
        keep: Some(keep_effects),
        ..deed(&shared, peer, if asked.watch { "watch" } else { "evaluate" }, to)
    };
    steer(shared, deed, to, request).await
}

#[derive(Deserialize)]
pub(crate) struct Profile {
    role: String,
    seconds: f64,
}

pub(crate) async fn profile(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Result<Json<Profile>, JsonRejection>,
) -> Response {
    let Json(asked) = match body {
        Ok(body) => body,
        Err(why) => return refusal(why.status(), &why.body_text()),
    };
    let Some(to) = logic_role(&asked.role) else { return no_role(&asked.role) };
    let ms = asked.seconds * 1_000.0;
    if !(1.0..=f64::from(PROFILE_MS_MAX)).contains(&ms) {
        let why = format!("seconds: 0.001 to {}", PROFILE_MS_MAX / 1_000);
        return refusal(StatusCode::UNPROCESSABLE_ENTITY, &why);
    }
    let deed = Deed { seconds: Some(asked.seconds), ..deed(&shared, peer, "profile", to) };
    steer(shared, deed, to, Request::Profile { ms: ms as u32 }).await
}

#[derive(Deserialize)]
pub(crate) struct Heap {
    role: String,
}

pub(crate) async fn heap(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    query: Result<Query<Heap>, QueryRejection>,
) -> Response {
    let Query(asked) = match query {
        Ok(query) => query,
        Err(why) => return refusal(why.status(), &why.body_text()),
    };
    let Some(to) = logic_role(&asked.role) else { return no_role(&asked.role) };
    let deed = deed(&shared, peer, "heap", to);
    steer(shared, deed, to, Request::Heap).await
}

#[derive(Deserialize)]
pub(crate) struct Search {
    id: Option<u64>,
    #[serde(rename = "type")]
    type_name: Option<String>,
}

/// Looks for entities everywhere. It changes nothing and runs no script, so it is no deed.
pub(crate) async fn entities(State(shared): State<Shared>, query: Result<Query<Search>, QueryRejection>) -> Response {
    let Query(Search { id, type_name }) = match query {
        Ok(query) => query,
        Err(why) => return refusal(why.status(), &why.body_text()),
    };
    let Some(_permit) = shared.steering.permit() else { return busy() };
    let request = Request::Entities { type_name, entity: id.map(EntityId) };
    let roles = shared.desk.views.published.borrow().picture.logic_roles();
    let asked = roles.iter().map(|role| ask(&shared, *role, request.clone()));
    let mut found = Found::default();
    for (role, outcome) in roles.iter().zip(join_all(asked).await) {
        found.take(*role, outcome);
    }
    Json(found.to_json()).into_response()
}

/// The last lines of the audit log.
pub(crate) async fn audit(State(shared): State<Shared>) -> Response {
    let list = shared.steering.audit.as_ref().map(|audit| audit.recent()).unwrap_or_default();
    Json(json!({ "list": list })).into_response()
}

fn deed(shared: &Shared, peer: Peer, action: &'static str, role: Address) -> Deed {
    Deed {
        at: shared.desk.clock.now().wall.0,
        from: peer.0.to_string(),
        action,
        role: role.to_string(),
        entity: None,
        source: None,
        keep: None,
        seconds: None,
    }
}

/// Does it and writes it down, whether or not anybody waits for the answer.
async fn steer(shared: Shared, deed: Deed, to: Address, request: Request) -> Response {
    let Some(audit) = shared.steering.audit.clone() else {
        return refusal(StatusCode::FORBIDDEN, "this console was started without an audit log");
    };
    let Some(permit) = shared.steering.permit() else { return busy() };
    let (tell, told) = oneshot::channel();
    let steering = shared.steering.clone();
    steering.run(async move {
        let _permit = permit;
        let response = do_and_note(&shared, audit, deed, to, request).await;
        // Whoever asked may have gone.
        let _ = tell.send(response);
    });
    let ending = |_| refusal(StatusCode::SERVICE_UNAVAILABLE, "the console is ending; it may have been done");
    told.await.unwrap_or_else(ending)
}

async fn do_and_note(shared: &Shared, audit: Arc<Audit>, deed: Deed, to: Address, request: Request) -> Response {
    let checked = audit.clone();
    if let Err(why) = blocking(move || checked.is_ready()).await {
        tracing::error!(%why, "the audit log cannot be written: nothing is steered");
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "nothing is steered while the audit log cannot be written");
    }
    let begun = shared.desk.clock.now();
    let told = said(to, ask(shared, to, request).await);
    let took = shared.desk.clock.now().at.since(begun.at);
    let is_new = deed.action != "watch" || {
        let mut watched = shared.steering.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.is_new(&deed, begun.at)
    };
    if is_new {
        let ended = told.ended(took);
        if let Err(why) = blocking(move || audit.note(&deed, ended)).await {
            tracing::error!(%why, "what was steered is not in the audit log");
        }
    }
    told.into_response(took)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|why| Err(io::Error::other(why)))
}

/// Asks a role through the console's own; it always ends, by the deadline of the call.
async fn ask(shared: &Shared, to: Address, request: Request) -> Outcome {
    let answers = &shared.desk.views.answers;
    let (number, told) = answers.expect();
    if shared.desk.requests.try_send(In::Ask { number, to, request }).is_err() {
        answers.forget(number);
        return Outcome::Refused(Refusal::new(Code::Busy, "the console takes no questions at the moment"));
    }
    told.await.unwrap_or(Outcome::Unknown)
}

/// `base#4` or `cell#6`.
fn logic_role(text: &str) -> Option<Address> {
    let (kind, number) = text.split_once('#')?;
    let role = [RoleKind::Base, RoleKind::Cell].into_iter().find(|role| role.name() == kind)?;
    Some(Address { role, incarnation: Incarnation(number.parse().ok()?) })
}

fn busy() -> Response {
    refusal(StatusCode::SERVICE_UNAVAILABLE, "too many questions are under way; try again shortly")
}

fn no_role(text: &str) -> Response {
    let why = format!("`{text}` is no base and no cell; write what the table of roles says, such as `cell#6`");
    refusal(StatusCode::UNPROCESSABLE_ENTITY, &why)
}
