//! All roles of a run: each built on its own thread with its executor, started and drained in order.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use crossbeam_channel::Receiver;
use kuafu_base::manager::{BaseManagerRole, GlobalType};
use kuafu_base::{BaseConfig, BaseRole};
use kuafu_cell::{CellConfig, CellManagerConfig, CellManagerRole, CellRole};
use kuafu_config::{ConfigRole, ConfigSettings, In as ConfigIn};
use kuafu_console::{ConsoleConfig, ConsoleHttp, ConsoleServer, Operator, SpaceName};
use kuafu_contract::{Address, RoleKind};
use kuafu_core::{Chance, Clock, WallTime};
use kuafu_db::{DbConfig, DbRole};
use kuafu_def::Part;
use kuafu_edge::{Edge, EdgeConfig, EdgeHandle};
use kuafu_interfaces::{AllowList, HttpClient, InterfacesConfig, InterfacesIn, InterfacesRole, Trust};
use kuafu_logic::{LogicHost, World};
use kuafu_login::{LoginConfig, LoginRole};
use kuafu_native::MixedHost;
use kuafu_node::{Ended, ExternalSender, Node, RoleHandle};
use kuafu_region::accounts::{AccountsConfig, AccountsIn, AccountsOut, AccountsRole, HashPool};
use kuafu_script::{HostConfig, ScriptHost};
use kuafu_store::Store;
use tokio::runtime::Handle;

use super::ports::Ports;
use super::queries::Asker;
use super::say::ReleaseTeller;
use super::watch::{Start, Watcher};
use crate::project::Project;

/// How often a running game looks whether a role ended by itself.
const LOOK_PERIOD: Duration = Duration::from_millis(500);

/// The roles of one run, in the order in which they were started.
pub(super) struct Running {
    /// Ends before the roles do.
    watcher: Option<Watcher>,
    roles: Vec<RoleHandle>,
    /// Where saved files are brought.
    config: Option<ExternalSender<ConfigIn>>,
    runtime: Handle,
    edges: Vec<EdgeHandle>,
    console: Option<ConsoleServer>,
    guards: Vec<Guard>,
    clock: Arc<dyn Clock>,
    script_time_max: Duration,
}

/// Stops the scripts of one role when they take too long.
struct Guard {
    role: Address,
    halt: Arc<AtomicBool>,
}

/// How a role's drain went.
pub(super) struct EndedRole {
    pub(super) name: String,
    pub(super) in_time: bool,
}

type BuiltLogic = Result<Box<dyn LogicHost>, String>;

/// What every role is built from.
struct Builder<'a> {
    project: &'a Project,
    ports: &'a Ports,
    node: &'a Node,
    store: &'a Store,
    runtime: &'a Handle,
    tls: Option<Arc<rustls::ServerConfig>>,
    operator: Operator,
}

impl Running {
    /// Starts every role. When one cannot be started, those before it are dropped again.
    pub(super) fn start(
        project: &Project,
        ports: &Ports,
        node: &Node,
        store: &Store,
        runtime: &Handle,
        tell: ReleaseTeller,
        operator: Operator,
    ) -> anyhow::Result<Self> {
        let tls = super::tls::load(project)?;
        let builder = Builder { project, ports, node, store, runtime, tls, operator };
        let mut running = Self {
            watcher: None,
            roles: Vec::new(),
            config: None,
            runtime: runtime.clone(),
            edges: Vec::new(),
            console: None,
            guards: Vec::new(),
            clock: node.clock().clone(),
            script_time_max: Duration::from_millis(project.limits().script_time_ms_max),
        };
        match builder.start_all(&mut running, tell) {
            Ok(()) => Ok(running),
            Err(why) => {
                running.roles.iter().for_each(RoleHandle::kill);
                Err(why)
            }
        }
    }

    /// Has saved files become releases from now on. A game that cannot be watched runs all the same.
    pub(super) fn watch(&mut self, start: Start, project: &Project, asker: Asker) {
        let Some(config) = self.config.clone() else { return };
        match start.watch(project.definitions.clone(), config, asker) {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(why) => tracing::error!("saved files do not become releases: {why:#}"),
        }
    }

    /// Whether saved files become releases.
    pub(super) fn is_watching(&self) -> bool {
        self.watcher.is_some()
    }

    /// Who runs.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.roles.iter().map(RoleHandle::address)
    }

    /// Waits until it is asked to stop, or a role ends by itself; that role.
    pub(super) fn wait(&self, stop: &Receiver<()>) -> Option<Address> {
        loop {
            if stop.recv_timeout(LOOK_PERIOD).is_ok() {
                return None;
            }
            self.halt_endless_scripts();
            let dead = self.roles.iter().find(|role| role.wait(Duration::ZERO).is_some());
            if let Some(role) = dead {
                return Some(role.address());
            }
        }
    }

    /// A role that does not come back from an input is in a script's step that takes long.
    fn halt_endless_scripts(&self) {
        let now = self.clock.now().at;
        for guard in &self.guards {
            let role = self.roles.iter().find(|role| role.address() == guard.role);
            let since = role.and_then(RoleHandle::busy_since);
            if since.is_some_and(|since| now.since(since) > self.script_time_max) {
                tracing::error!(role = %guard.role, "a script runs for too long; it is stopped at its next step");
                guard.halt.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Drains the roles, the last started first: clients are told, then everything is saved.
    #[expect(clippy::disallowed_methods, reason = "a drain is bounded in real time")]
    pub(super) fn drain(mut self, most: Duration) -> Vec<EndedRole> {
        let start = Instant::now();
        self.watcher = None;
        let mut ended = Vec::new();
        while let Some(role) = self.roles.pop() {
            role.drain();
            let how = role.wait(most.saturating_sub(start.elapsed()));
            ended.push(EndedRole { name: role.address().to_string(), in_time: how == Some(Ended::Drained) });
        }
        for edge in &self.edges {
            self.runtime.block_on(edge.stop());
        }
        if let Some(console) = self.console.take() {
            self.runtime.block_on(console.stop());
        }
        ended
    }
}

impl Builder<'_> {
    fn start_all(&self, running: &mut Running, tell: ReleaseTeller) -> anyhow::Result<()> {
        let console = self.address(RoleKind::Console)?;
        let (handle, server) = self.start_console(console)?;
        running.roles.push(handle);
        running.console = Some(server);
        running.roles.push(self.start_db()?);
        running.roles.push(self.start_accounts()?);
        running.roles.push(self.start_base_manager()?);
        running.roles.push(self.start_cell_manager()?);
        let (handle, config) = self.start_config(tell)?;
        running.roles.push(handle);
        running.config = Some(config);
        running.roles.push(self.start_interfaces()?);
        for _ in 0..self.project.file.roles.cells {
            let (handle, guard) = self.start_cell()?;
            running.roles.push(handle);
            running.guards.push(guard);
        }
        for number in 0..self.project.file.roles.bases {
            let (handle, edge, guard) = self.start_base(number as u16)?;
            running.roles.push(handle);
            running.guards.push(guard);
            running.edges.push(edge);
        }
        let (handle, edge) = self.start_login()?;
        running.roles.push(handle);
        running.edges.push(edge);
        Ok(())
    }

    /// The address of a new role instance, which no one had before.
    fn address(&self, role: RoleKind) -> anyhow::Result<Address> {
        let wall = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let at = WallTime(wall.as_millis() as u64);
        let incarnation = self.runtime.block_on(self.store.next_incarnation(role, at))?;
        Ok(Address { role, incarnation })
    }

    fn start_console(&self, address: Address) -> anyhow::Result<(RoleHandle, ConsoleServer)> {
        let spaces = self.project.spaces.iter().map(|space| SpaceName { id: space.id, name: space.name.clone() });
        let config = ConsoleConfig { address, spaces: spaces.collect(), tick_hz: self.project.limits().tick_hz };
        let (handle, desk) = kuafu_console::start(self.node, config).map_err(|why| anyhow!(why))?;
        let types = self.project.definitions.types.values().map(|ty| (ty.no.0, ty.name.clone()));
        let http = ConsoleHttp {
            bind: self.ports.console(),
            hosts: Vec::new(),
            game: self.project.file.game.name.clone(),
            client: self.project.folder.join("client"),
            login_port: self.ports.login().port(),
            types: types.collect(),
            sdk: kuafu_console::SDK_FILES,
            operator: Some(self.operator.clone()),
        };
        let server = self.runtime.block_on(kuafu_console::serve(http, desk))?;
        Ok((handle, server))
    }

    fn start_db(&self) -> anyhow::Result<RoleHandle> {
        let address = self.address(RoleKind::Db)?;
        let config = DbConfig { address, limits: self.project.limits().clone() };
        let store = self.store.handle();
        self.start(address, move |results| {
            let executor = store.executor(move |ticket, result| bring(&results, (ticket, result)));
            Ok((DbRole::new(config), executor))
        })
    }

    fn start_accounts(&self) -> anyhow::Result<RoleHandle> {
        let address = self.address(RoleKind::Accounts)?;
        let config = AccountsConfig { address, limits: self.project.limits().clone(), chance: Chance::from_system() };
        let store = self.store.handle();
        self.start(address, move |results| {
            let from_store = results.clone();
            let mut to_store =
                store.executor(move |ticket, result| bring(&from_store, AccountsIn::Store(ticket, result)));
            let hash_threads = hash_threads();
            let pool = HashPool::start(hash_threads, move |ticket, outcome| {
                bring(&results, AccountsIn::Hashed(ticket, outcome));
            });
            let pool = pool.map_err(|why| format!("no thread to check passwords on: {why}"))?;
            let executor = move |out| match out {
                AccountsOut::Store(ticket, command) => to_store((ticket, command)),
                AccountsOut::Hash(ticket, job) => pool.submit(ticket, job),
            };
            Ok((AccountsRole::new(config), executor))
        })
    }

    fn start_base_manager(&self) -> anyhow::Result<RoleHandle> {
        let address = self.address(RoleKind::BaseManager)?;
        let types = self.project.definitions.types.values().filter(|ty| ty.is_global && ty.parts.base);
        let globals = types.map(|ty| GlobalType { ty: ty.no, name: ty.name.clone() }).collect();
        let role = BaseManagerRole::new(address).with_limits(self.project.limits()).with_globals(globals);
        self.start(address, move |_| Ok((role, |()| {})))
    }

    fn start_cell_manager(&self) -> anyhow::Result<RoleHandle> {
        let address = self.address(RoleKind::CellManager)?;
        let config = CellManagerConfig {
            address,
            limits: self.project.limits().clone(),
            spaces: self.project.spaces.iter().map(|space| space.id).collect(),
            cells_expected: self.project.file.roles.cells,
        };
        self.start(address, move |_| Ok((CellManagerRole::new(config), |_| {})))
    }

    fn start_config(&self, mut tell: ReleaseTeller) -> anyhow::Result<(RoleHandle, ExternalSender<ConfigIn>)> {
        let address = self.address(RoleKind::Config)?;
        let limits = self.project.limits().clone();
        let settings =
            ConfigSettings { address, limits, first: self.project.logic.to_release(&self.project.definitions) };
        let (bring_in, brought) = crossbeam_channel::bounded(1);
        let handle = self.start(address, move |external| {
            let _ = bring_in.send(external);
            Ok((ConfigRole::new(settings), move |event| tell.tell(event)))
        })?;
        Ok((handle, brought.recv()?))
    }

    fn start_interfaces(&self) -> anyhow::Result<RoleHandle> {
        let address = self.address(RoleKind::Interfaces)?;
        let allow = AllowList::parse(&self.project.file.http.allow)?;
        let config = InterfacesConfig { address, limits: self.project.limits().clone(), allow };
        let runtime = self.runtime.clone();
        self.start(address, move |ends| {
            let back = move |ticket, end| bring(&ends, InterfacesIn::Http(ticket, end));
            let mut client = HttpClient::new(runtime, Trust::default(), back)?;
            Ok((InterfacesRole::new(config), move |out| client.send(out)))
        })
    }

    fn start_cell(&self) -> anyhow::Result<(RoleHandle, Guard)> {
        let address = self.address(RoleKind::Cell)?;
        let config = CellConfig {
            address,
            limits: self.project.limits().clone(),
            definitions: self.project.definitions.clone(),
            spaces: self.project.spaces.clone(),
            tick_hz: self.project.limits().tick_hz,
        };
        let (logic, halts) = self.logic(Part::Cell);
        let clock = self.node.clock().clone();
        let handle = self.start(address, move |_| {
            let role = CellRole::new(config, Box::new(logic), Chance::from_system()).map_err(|why| why.to_string())?;
            Ok((role.with_work_clock(clock), |_| {}))
        })?;
        Ok((handle, Guard { role: address, halt: halts.recv()? }))
    }

    fn start_base(&self, number: u16) -> anyhow::Result<(RoleHandle, EdgeHandle, Guard)> {
        let address = self.address(RoleKind::Base)?;
        let bind = self.ports.base(number);
        let mut game = self.project.rules.clone();
        if number > 0 {
            // One base loads what lives without players.
            game.autoload.clear();
        }
        let limits = self.project.limits().clone();
        let definitions = self.project.definitions.clone();
        let schema_json: Arc<str> = definitions.client_schema_json().into();
        let server_name = self.project.file.game.name.clone();
        let (edge_config, runtime) = (self.edge_config(bind, "a base"), self.runtime.clone());
        let (logic, halts) = self.logic(Part::Base);
        let (tell, told) = crossbeam_channel::bounded(1);
        let handle = self.start(address, move |events| {
            let edge = Edge::listen(edge_config, events, &runtime).map_err(|why| why.to_string())?;
            let gauge = edge.clone();
            let config = BaseConfig {
                address,
                limits,
                definitions,
                schema_json,
                server_name,
                listen: (String::new(), bind.port()),
                game,
                queued_bytes: Arc::new(move |conn| gauge.queued_bytes(conn)),
            };
            let role = BaseRole::new(config, Chance::from_system(), logic)?;
            let _ = tell.send(edge.clone());
            Ok((role, move |command| edge.execute(command)))
        })?;
        Ok((handle, told.recv()?, Guard { role: address, halt: halts.recv()? }))
    }

    fn start_login(&self) -> anyhow::Result<(RoleHandle, EdgeHandle)> {
        let address = self.address(RoleKind::Login)?;
        let definitions = &self.project.definitions;
        let config = LoginConfig {
            address,
            limits: self.project.limits().clone(),
            digest: definitions.digest_client.0,
            schema_json: definitions.client_schema_json(),
            server_name: self.project.file.game.name.clone(),
            realm: self.project.realm(),
            registration_open: true,
        };
        let (edge_config, runtime) = (self.edge_config(self.ports.login(), "the login"), self.runtime.clone());
        let (tell, told) = crossbeam_channel::bounded(1);
        let handle = self.start(address, move |events| {
            let edge = Edge::listen(edge_config, events, &runtime).map_err(|why| why.to_string())?;
            let _ = tell.send(edge.clone());
            Ok((LoginRole::new(config), move |command| edge.execute(command)))
        })?;
        Ok((handle, told.recv()?))
    }

    fn edge_config(&self, bind: SocketAddr, name: &str) -> EdgeConfig {
        let mut config = EdgeConfig::new(bind, name);
        config.limits = self.project.limits().clone();
        config.tls = self.tls.clone();
        config
    }

    /// Builds the logic of one part, on the thread of its role; the flag that stops it comes through the receiver.
    fn logic(
        &self,
        part: Part,
    ) -> (impl FnOnce(Rc<dyn World>) -> BuiltLogic + Send + 'static, Receiver<Arc<AtomicBool>>) {
        let definitions = self.project.definitions.clone();
        let scripts = self.project.logic.scripts.clone();
        let limits = self.project.limits().clone();
        let (tell, told) = crossbeam_channel::bounded(1);
        let build = move |world| -> BuiltLogic {
            let native = crate::game::native_host(part, &definitions, &limits, &world);
            let config = HostConfig { part, definitions, scripts, limits, world, chance: Chance::from_system() };
            let host = ScriptHost::new(config).map_err(|why| why.to_string())?;
            let _ = tell.send(host.halt_flag());
            Ok(match native {
                Some(native) => Box::new(MixedHost::new(host, native)),
                None => Box::new(host),
            })
        };
        (build, told)
    }

    fn start<R, X, B>(&self, address: Address, build: B) -> anyhow::Result<RoleHandle>
    where
        R: kuafu_node::Role + 'static,
        R::In: Send + 'static,
        X: kuafu_node::Executor<R::Out> + 'static,
        B: FnOnce(kuafu_node::ExternalSender<R::In>) -> Result<(R, X), String> + Send + 'static,
    {
        self.node.start(address, build).map_err(|why| anyhow!(why))
    }
}

/// Hands a result to its role. The lane is as wide as all that a role may have asked for, so it is not full.
fn bring<E>(lane: &ExternalSender<E>, what: E) {
    if lane.try_send(what).is_err() {
        tracing::error!("a result found its role gone, or its lane full");
    }
}

/// Half of the cores check passwords, so that a rush of logins leaves the other half to the game.
fn hash_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2).max(1)
}
