//! The login connection: accounts, roles, the queue, and the way to the base.

use std::sync::Arc;
use std::time::Duration;

use kuafu_core::{AccountId, Code, RecordId};
use kuafu_def::Definitions;
use kuafu_wire::{ClientMessage, Message, Password, Role, ServerMessage};
use tokio::time::Instant;

use crate::channel::Channel;
use crate::rejoin::{Greeting, Joined, Plan, Seat, attach, connect_and_greet};
use crate::{Account, Client, ClientError, Loss, Options, Target};

/// A client that is not in the game yet. Dropping it closes the connection.
pub struct Login {
    target: Target,
    options: Options,
    channel: Option<Channel>,
    greeting: Greeting,
    credentials: Option<(String, String)>,
    account: AccountId,
    roles: Vec<Role>,
    roles_max: u32,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("target", &self.target).field("roles", &self.roles).finish_non_exhaustive()
    }
}

impl Login {
    pub(crate) async fn connect(target: Target, options: Options) -> Result<Self, ClientError> {
        let schema = options.schema.clone();
        let (channel, greeting) =
            connect_and_greet(&target.host, target.port, target.transport, &options, schema).await?;
        Ok(Self {
            target,
            options,
            channel: Some(channel),
            greeting,
            credentials: None,
            account: AccountId::default(),
            roles: Vec::new(),
            roles_max: 0,
        })
    }

    /// What the server calls itself.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.greeting.server
    }

    /// The game's definitions as clients see them.
    #[must_use]
    pub fn schema(&self) -> &Arc<Definitions> {
        &self.greeting.schema
    }

    /// The account, after [`Login::login`].
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The account's roles, after [`Login::login`].
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The most roles that the account may have.
    #[must_use]
    pub fn roles_max(&self) -> u32 {
        self.roles_max
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`ClientError`]; refused with `NameTaken` when there is one of the name.
    pub async fn register(&mut self, account: &str, password: &str) -> Result<(), ClientError> {
        let (account, password) = (account.to_owned(), Password(password.to_owned()));
        match self.ask(&ClientMessage::Register { account, password }).await? {
            ServerMessage::Registered => Ok(()),
            other => Err(ClientError::Unexpected { asked: "Register", got: other.name() }),
        }
    }

    /// Logs in; gives the account's roles.
    ///
    /// # Errors
    /// [`ClientError`]; refused with `LoginFailed` when name and password do not belong together.
    pub async fn login(&mut self, account: &str, password: &str) -> Result<&[Role], ClientError> {
        let credentials = (account.to_owned(), password.to_owned());
        let (account, password) = (credentials.0.clone(), Password(credentials.1.clone()));
        match self.ask(&ClientMessage::Login { account, password }).await? {
            ServerMessage::LoggedIn { account, roles_max, roles } => {
                (self.account, self.roles_max, self.roles) = (account, roles_max, roles);
                self.credentials = Some(credentials);
                Ok(&self.roles)
            }
            other => Err(ClientError::Unexpected { asked: "Login", got: other.name() }),
        }
    }

    /// Makes a role; gives all of them.
    ///
    /// # Errors
    /// [`ClientError`]; refused with `RoleLimit`, `NameTaken` or `NameInvalid`.
    pub async fn create_role(&mut self, name: &str) -> Result<&[Role], ClientError> {
        self.change_roles(&ClientMessage::RoleCreate { name: name.to_owned() }).await
    }

    /// Marks a role for deletion; gives all of them.
    ///
    /// # Errors
    /// [`ClientError`]; refused with `RoleUnknown`.
    pub async fn delete_role(&mut self, role: RecordId) -> Result<&[Role], ClientError> {
        self.change_roles(&ClientMessage::RoleDelete { role }).await
    }

    /// Takes a deletion back; gives all roles.
    ///
    /// # Errors
    /// [`ClientError`]; refused with `RoleUnknown`.
    pub async fn restore_role(&mut self, role: RecordId) -> Result<&[Role], ClientError> {
        self.change_roles(&ClientMessage::RoleRestore { role }).await
    }

    /// Enters the game with a role. While the server has no room, `on_queue` is told the position and the length of
    /// the queue. The login connection is closed then.
    ///
    /// # Errors
    /// [`ClientError`]; after a refusal of the role the login goes on.
    pub async fn enter(
        &mut self,
        role: RecordId,
        on_queue: impl FnMut(u32, u32) + Send,
    ) -> Result<Client, ClientError> {
        let joined = self.join(role, on_queue).await?;
        Client::start(self.plan(role), joined)
    }

    pub(crate) async fn join(
        &mut self,
        role: RecordId,
        on_queue: impl FnMut(u32, u32) + Send,
    ) -> Result<Joined, ClientError> {
        let seat = self.select_role(role, on_queue).await?;
        self.channel = None;
        attach(&self.plan(role), seat, Some(Arc::clone(&self.greeting.schema))).await
    }

    pub(crate) async fn as_account(&mut self, account: &Account) -> Result<RecordId, ClientError> {
        if account.register {
            match self.register(&account.name, &account.password).await {
                Err(error) if error.code() != Some(Code::NameTaken) => return Err(error),
                _ => {}
            }
        }
        self.login(&account.name, &account.password).await?;
        let usable = |roles: &[Role]| roles.iter().find(|role| role.deleted_at_ms == 0).map(|role| role.id);
        match usable(&self.roles) {
            Some(role) => Ok(role),
            None => usable(self.create_role(&account.role).await?)
                .ok_or(ClientError::Unexpected { asked: "RoleCreate", got: "Roles" }),
        }
    }

    fn plan(&self, role: RecordId) -> Plan {
        let login = self.credentials.clone().map(|(account, password)| (account, password, role));
        Plan { target: self.target.clone(), options: self.options.clone(), login }
    }

    async fn change_roles(&mut self, message: &ClientMessage) -> Result<&[Role], ClientError> {
        match self.ask(message).await? {
            ServerMessage::Roles { roles } => {
                self.roles = roles;
                Ok(&self.roles)
            }
            other => Err(ClientError::Unexpected { asked: message.name(), got: other.name() }),
        }
    }

    async fn ask(&mut self, message: &ClientMessage) -> Result<ServerMessage, ClientError> {
        let patience = self.options.answer_timeout;
        self.channel()?.ask(message, patience).await
    }

    /// A wait in the queue has no end of its own: the server speaks or the connection falls silent.
    async fn select_role(&mut self, role: RecordId, mut on_queue: impl FnMut(u32, u32)) -> Result<Seat, ClientError> {
        let host = self.target.host.clone();
        let heartbeat = Duration::from_millis(u64::from(self.greeting.heartbeat_ms).max(100));
        let silence = Duration::from_millis(u64::from(self.greeting.idle_ms)).max(self.options.answer_timeout);
        let channel = self.channel()?;
        channel.say(&ClientMessage::RoleSelect { role }).map_err(|_| Loss::Closed)?;
        let mut heard = Instant::now();
        loop {
            match channel.answer("RoleSelect", Instant::now() + heartbeat).await {
                Ok(ServerMessage::Queue { position, length }) => on_queue(position, length),
                Ok(ServerMessage::Pong { .. }) => {}
                Ok(ServerMessage::Enter { ticket, host: other, port }) => {
                    return Ok(Seat { host: if other.is_empty() { host } else { other }, port, token: ticket });
                }
                Ok(other) => return Err(ClientError::Unexpected { asked: "RoleSelect", got: other.name() }),
                Err(ClientError::TimedOut(_)) if heard.elapsed() < silence => {
                    channel.say(&ClientMessage::Ping { clock_ms: 0.0 }).map_err(|_| Loss::Closed)?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            heard = Instant::now();
        }
    }

    fn channel(&mut self) -> Result<&mut Channel, ClientError> {
        self.channel.as_mut().ok_or(ClientError::Lost(Loss::Closed))
    }
}
