//! The instances: each role built as `kuafu up` builds it, with models for executors.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use kuafu_base::manager::BaseManagerRole;
use kuafu_base::{BaseConfig, BaseRole, GameRules};
use kuafu_cell::{CellConfig, CellManagerConfig, CellManagerRole, CellRole};
use kuafu_contract::{Address, RoleKind};
use kuafu_core::{Chance, RealmNo};
use kuafu_db::{DbConfig, DbRole};
use kuafu_def::Part as EntityPart;
use kuafu_logic::World;
use kuafu_login::{LoginConfig, LoginRole};
use kuafu_region::accounts::{AccountsConfig, AccountsRole};
use kuafu_store::{StoreCommand, StoreReply};

use super::{Event, Instance, Realm, Slot};
use crate::game::{AVATAR, PURSE, SPACE, SPACE_NAME, definitions, space};
use crate::logic::CoinLogic;
use crate::part::{Driven, Part};

/// Base number `n` listens here.
const BASE_PORT: u16 = 10;

impl Slot {
    pub(super) fn kind(self) -> RoleKind {
        match self {
            Self::Accounts => RoleKind::Accounts,
            Self::Db => RoleKind::Db,
            Self::BaseManager => RoleKind::BaseManager,
            Self::CellManager => RoleKind::CellManager,
            Self::Cell => RoleKind::Cell,
            Self::Base(_) => RoleKind::Base,
            Self::Login => RoleKind::Login,
        }
    }

    fn of_port(port: u16) -> Self {
        if port < BASE_PORT { Self::Login } else { Self::Base(u32::from(port - BASE_PORT)) }
    }
}

impl Realm {
    /// Who listens on a port.
    pub(super) fn listener(&self, port: u16) -> Option<Address> {
        self.slots.get(&Slot::of_port(port)).copied().filter(|address| self.directory.contains_key(address))
    }

    /// Puts a new instance into a slot.
    pub(super) fn fill(&mut self, slot: Slot) {
        let command = StoreCommand::NextIncarnation { role: slot.kind(), at: self.now().wall };
        let Ok(StoreReply::Incarnation(incarnation)) = self.store.run(&command) else {
            unreachable!("the model store gives a number to whoever asks")
        };
        let address = Address { role: slot.kind(), incarnation };
        let part = self.build(slot, address);
        let instance = Instance {
            slot,
            part: Some(part),
            open: Default::default(),
            instant: Default::default(),
            wake_at: None,
            doomed: None,
        };
        self.directory.insert(address, instance);
        self.slots.insert(slot, address);
        self.trace.event(self.at, format_args!("{address} begins in {slot:?}"));
        self.plan_event(Duration::ZERO, Event::Start(address));
    }

    fn build(&mut self, slot: Slot, address: Address) -> Box<dyn Part> {
        let limits = self.limits.clone();
        let chance = Chance::from_seed(self.chance.u64());
        match slot {
            Slot::Db => Box::new(Driven(DbRole::new(DbConfig { address, limits }))),
            Slot::Accounts => Box::new(Driven(AccountsRole::new(AccountsConfig { address, limits, chance }))),
            Slot::BaseManager => Box::new(Driven(BaseManagerRole::new(address))),
            Slot::CellManager => {
                let config = CellManagerConfig { address, limits, spaces: vec![SPACE], cells_expected: 1 };
                Box::new(Driven(CellManagerRole::new(config)))
            }
            Slot::Cell => {
                let (tick_hz, definitions) = (limits.tick_hz, definitions());
                let config = CellConfig { address, limits, definitions, spaces: vec![space()], tick_hz };
                let host = Box::new(|world| Ok(CoinLogic::boxed(EntityPart::Cell, world)));
                Box::new(Driven(CellRole::new(config, host, chance).expect("the configuration is sound")))
            }
            Slot::Base(number) => self.build_base(number, address, chance),
            Slot::Login => {
                let definitions = definitions();
                Box::new(Driven(LoginRole::new(LoginConfig {
                    address,
                    limits,
                    digest: definitions.digest_client.0,
                    schema_json: definitions.client_schema_json(),
                    server_name: "sim".to_owned(),
                    realm: RealmNo(1),
                    registration_open: true,
                })))
            }
        }
    }

    fn build_base(&self, number: u32, address: Address, chance: Chance) -> Box<dyn Part> {
        let definitions = definitions();
        let game = GameRules {
            role_type: AVATAR,
            start_space: Some(SPACE),
            spaces: [(SPACE_NAME.to_owned(), SPACE)].into(),
            // One base loads what lives without players.
            autoload: if number == 0 { vec![PURSE] } else { Vec::new() },
            ..GameRules::default()
        };
        let config = BaseConfig {
            address,
            limits: self.limits.clone(),
            schema_json: definitions.client_schema_json().into(),
            definitions,
            server_name: "sim".to_owned(),
            listen: (String::new(), BASE_PORT + number as u16),
            game,
            queued_bytes: Arc::new(|_| 0),
        };
        let host = |world: Rc<dyn World>| Ok(CoinLogic::boxed(EntityPart::Base, world));
        Box::new(Driven(BaseRole::new(config, chance, host).expect("the logic is always built")))
    }
}
