//! The ways into the game: the handshake, attaching at a base, and coming back when the connection broke.

use std::sync::Arc;

use kuafu_core::{Chance, Code, EntityId, RecordId, TypeNo};
use kuafu_def::Definitions;
use kuafu_wire::{ClientMessage, Message, PROTOCOL_VERSION, ServerMessage, Token};
use tokio::time::{Instant, sleep};

use crate::channel::Channel;
use crate::login::Login;
use crate::{ClientError, Loss, Options, Target, Transport};

/// What a client must remember to come back.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) options: Options,
    /// Account, password, role.
    pub(crate) login: Option<(String, String, RecordId)>,
}

/// Where and by what token the own entity can be had.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) token: Token,
}

/// What the Welcome said that is of use later.
#[derive(Clone, Debug)]
pub(crate) struct Greeting {
    pub(crate) schema: Arc<Definitions>,
    pub(crate) idle_ms: u32,
    pub(crate) heartbeat_ms: u32,
    pub(crate) server: String,
}

/// A connection to a base that has the own entity.
pub(crate) struct Joined {
    pub(crate) channel: Channel,
    pub(crate) greeting: Greeting,
    /// With the resume token.
    pub(crate) seat: Seat,
    pub(crate) attached: Attached,
}

/// The Attached message, but for its token.
pub(crate) struct Attached {
    pub(crate) entity: EntityId,
    pub(crate) type_no: TypeNo,
    pub(crate) record: RecordId,
    pub(crate) retaken: bool,
    pub(crate) properties: bytes::Bytes,
}

/// How a lost connection came back.
pub(crate) struct Rejoined {
    pub(crate) joined: Joined,
    pub(crate) tries: u32,
    pub(crate) by_login: bool,
}

/// A connection that broke.
pub(crate) struct Lost {
    pub(crate) why: Loss,
    /// Tries to come back that were made before, since the last connection that held.
    pub(crate) tries: u32,
}

/// Says Hello; learns the schema when there is none, or another one now.
pub(crate) async fn greet(
    channel: &mut Channel,
    options: &Options,
    schema: Option<Arc<Definitions>>,
) -> Result<Greeting, ClientError> {
    let hello = ClientMessage::Hello {
        version: PROTOCOL_VERSION,
        flags: u8::from(schema.is_none()),
        digest: schema.as_ref().map_or([0; 16], |schema| schema.digest_client.0),
        name: options.name.clone(),
    };
    let (idle_ms, heartbeat_ms, server) = match channel.ask(&hello, options.answer_timeout).await? {
        ServerMessage::Welcome { idle_ms, heartbeat_ms, name, .. } => (idle_ms, heartbeat_ms, name),
        other => return Err(ClientError::Unexpected { asked: "Hello", got: other.name() }),
    };
    let schema = match schema {
        Some(schema) => schema,
        None => read_schema(channel.answer("Hello", Instant::now() + options.answer_timeout).await?)?,
    };
    Ok(Greeting { schema, idle_ms, heartbeat_ms, server })
}

fn read_schema(message: ServerMessage) -> Result<Arc<Definitions>, ClientError> {
    match message {
        ServerMessage::Schema { json } => Ok(Arc::new(Definitions::from_client_schema_json(&json)?)),
        other => Err(ClientError::Unexpected { asked: "Hello", got: other.name() }),
    }
}

/// Connects to a server and greets it. When the definitions have changed since the client learned them, it learns
/// them anew.
pub(crate) async fn connect_and_greet(
    host: &str,
    port: u16,
    transport: Transport,
    options: &Options,
    schema: Option<Arc<Definitions>>,
) -> Result<(Channel, Greeting), ClientError> {
    let known = schema.is_some();
    let mut channel = Channel::connect(host, port, transport, options).await?;
    match greet(&mut channel, options, schema).await {
        Err(error) if known && error.code() == Some(Code::DigestMismatch) => {
            let mut channel = Channel::connect(host, port, transport, options).await?;
            let greeting = greet(&mut channel, options, None).await?;
            Ok((channel, greeting))
        }
        greeting => Ok((channel, greeting?)),
    }
}

/// Takes the own entity over at a base.
pub(crate) async fn attach(plan: &Plan, seat: Seat, schema: Option<Arc<Definitions>>) -> Result<Joined, ClientError> {
    let (transport, options) = (plan.target.transport, &plan.options);
    let (mut channel, greeting) = connect_and_greet(&seat.host, seat.port, transport, options, schema).await?;
    match channel.ask(&ClientMessage::Attach { token: seat.token }, options.answer_timeout).await? {
        ServerMessage::Attached { entity, type_no, record, resume, retaken, properties } => Ok(Joined {
            channel,
            greeting,
            seat: Seat { token: resume, ..seat },
            attached: Attached { entity, type_no, record, retaken, properties },
        }),
        other => Err(ClientError::Unexpected { asked: "Attach", got: other.name() }),
    }
}

/// Tries again and again, within the bounds of the options: by the resume token while the base knows it, else, or when
/// the base is not there, by a full login.
pub(crate) async fn rejoin(
    plan: Arc<Plan>,
    seat: Seat,
    schema: Arc<Definitions>,
    lost: Lost,
    mut chance: Chance,
) -> Result<Rejoined, ClientError> {
    let mut seat = Some(seat);
    let mut last = ClientError::Lost(lost.why);
    for tried in lost.tries..plan.options.reconnect.tries_max {
        sleep(plan.options.reconnect.wait(tried, chance.unit())).await;
        let tries = tried + 1;
        if let Some(known) = seat.clone() {
            match attach(&plan, known, Some(Arc::clone(&schema))).await {
                Ok(joined) => return Ok(Rejoined { joined, tries, by_login: false }),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    if error.code() == Some(Code::TicketInvalid) {
                        seat = None;
                    }
                    last = error;
                }
            }
        }
        match login_again(&plan, &schema).await {
            Some(Ok(joined)) => return Ok(Rejoined { joined, tries, by_login: true }),
            Some(Err(error)) if is_final(&error) => return Err(error),
            Some(Err(error)) => last = error,
            None if seat.is_none() => break,
            None => {}
        }
    }
    Err(last)
}

async fn login_again(plan: &Plan, schema: &Arc<Definitions>) -> Option<Result<Joined, ClientError>> {
    let (account, password, role) = plan.login.as_ref()?;
    let options = Options { schema: Some(Arc::clone(schema)), ..plan.options.clone() };
    let joined = async {
        let mut login = Login::connect(plan.target.clone(), options).await?;
        login.login(account, password).await?;
        login.join(*role, |_, _| {}).await
    };
    Some(joined.await)
}

/// Whether trying again cannot help.
fn is_final(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused { code, .. } if is_final_code(*code))
}

/// Whether a refusal with this code stays a refusal.
pub(crate) fn is_final_code(code: u16) -> bool {
    use Code::{
        AccountBanned, Kicked, LoggedInElsewhere, LoginFailed, NameInvalid, PasswordInvalid, ProtocolVersion,
        RoleDeleted, RoleDeleting, RoleUnknown,
    };
    matches!(
        Code::from_number(code),
        Some(
            AccountBanned
                | Kicked
                | LoggedInElsewhere
                | LoginFailed
                | NameInvalid
                | PasswordInvalid
                | ProtocolVersion
                | RoleDeleted
                | RoleDeleting
                | RoleUnknown
        )
    )
}
