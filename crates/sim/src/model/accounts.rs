//! Accounts, roles and sessions in the model store.

use kuafu_contract::accounts::{Previous, Reply, Role};
use kuafu_contract::{Address, RoleKind};
use kuafu_core::{AccountId, Code, Epoch, Incarnation, RecordId, WallTime};
use kuafu_store::{AccountCommand, FoundAccount, StoreReply};

use super::Model;

#[derive(Clone, Debug)]
pub(super) struct Account {
    key: String,
    hash: String,
}

#[derive(Clone, Debug)]
pub(super) struct RoleRow {
    account: AccountId,
    key: String,
    role: Role,
}

/// The one session of an account, as `kuafu-store` keeps it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Session {
    epoch: Epoch,
    role: RecordId,
    open: bool,
    placed: Option<(Incarnation, RecordId, Epoch)>,
}

impl Model {
    pub(super) fn account(&mut self, command: &AccountCommand) -> Result<StoreReply, Code> {
        let reply = match command {
            AccountCommand::Register { key, hash, .. } => self.register(key, hash)?,
            AccountCommand::Find { key } => {
                let place = self.accounts.iter().position(|account| account.key == *key);
                let found = place.map(|place| FoundAccount {
                    account: AccountId(place as u64 + 1),
                    hash: self.accounts[place].hash.clone(),
                });
                return Ok(StoreReply::Found(found));
            }
            AccountCommand::Roles { account } => self.roles_of(*account),
            AccountCommand::CreateRole { account, name, key, roles_max, .. } => {
                self.create_role(*account, name, key, *roles_max)?
            }
            AccountCommand::MarkRole { account, role, deleted_at } => self.mark_role(*account, *role, *deleted_at)?,
            // Nothing is marked for so short a time that a run would see it go.
            AccountCommand::PurgeRoles { .. } => return Ok(StoreReply::Purged(0)),
            AccountCommand::OpenSession { account, role } => self.open_session(*account, *role)?,
            AccountCommand::PlaceSession { account, epoch, base } => self.place_session(*account, *epoch, *base)?,
            AccountCommand::CloseSession { account, epoch } => {
                self.close_session(*account, *epoch);
                return Ok(StoreReply::Done);
            }
        };
        Ok(StoreReply::Account(reply))
    }

    fn register(&mut self, key: &str, hash: &str) -> Result<Reply, Code> {
        if self.accounts.iter().any(|account| account.key == key) {
            return Err(Code::NameTaken);
        }
        self.accounts.push(Account { key: key.to_owned(), hash: hash.to_owned() });
        Ok(Reply::Registered(AccountId(self.accounts.len() as u64)))
    }

    fn roles_of(&self, account: AccountId) -> Reply {
        let roles = self.roles.iter().filter(|row| row.account == account).map(|row| row.role.clone());
        Reply::Account { account, roles: roles.collect() }
    }

    fn create_role(&mut self, account: AccountId, name: &str, key: &str, roles_max: u32) -> Result<Reply, Code> {
        if account.0 == 0 || account.0 > self.accounts.len() as u64 {
            return Err(Code::NotLoggedIn);
        }
        if self.roles.iter().filter(|row| row.account == account).count() >= roles_max as usize {
            return Err(Code::RoleLimit);
        }
        if self.roles.iter().any(|row| row.key == key) {
            return Err(Code::NameTaken);
        }
        let id = self.next_record(self.role_type);
        let role = Role { id, name: name.to_owned(), deleted_at: 0 };
        self.roles.push(RoleRow { account, key: key.to_owned(), role });
        Ok(self.roles_of(account))
    }

    fn mark_role(&mut self, account: AccountId, role: RecordId, deleted_at: WallTime) -> Result<Reply, Code> {
        let row = self.roles.iter_mut().find(|row| row.account == account && row.role.id == role);
        let row = row.ok_or(Code::RoleUnknown)?;
        if deleted_at.0 == 0 || row.role.deleted_at == 0 {
            row.role.deleted_at = deleted_at.0;
        }
        Ok(self.roles_of(account))
    }

    fn open_session(&mut self, account: AccountId, role: RecordId) -> Result<Reply, Code> {
        let row = self.roles.iter().find(|row| row.account == account && row.role.id == role);
        let found = &row.ok_or(Code::RoleUnknown)?.role;
        if found.deleted_at != 0 {
            return Err(Code::RoleDeleting);
        }
        let role_name = found.name.clone();
        let session = self.sessions.entry(account).or_default();
        session.epoch.0 += 1;
        (session.role, session.open) = (role, true);
        let placed = session.placed.filter(|(base, ..)| self.live.contains(base));
        let previous = placed.map(|(incarnation, role, epoch)| Previous {
            base: Address { role: RoleKind::Base, incarnation },
            role,
            epoch,
        });
        Ok(Reply::Session { epoch: session.epoch, role_name, previous })
    }

    fn place_session(&mut self, account: AccountId, epoch: Epoch, base: Incarnation) -> Result<Reply, Code> {
        let session = self.sessions.get_mut(&account).filter(|session| session.open && session.epoch == epoch);
        let session = session.ok_or(Code::Stale)?;
        session.placed = Some((base, session.role, epoch));
        Ok(Reply::Placed)
    }

    fn close_session(&mut self, account: AccountId, epoch: Epoch) {
        let Some(session) = self.sessions.get_mut(&account) else { return };
        if session.epoch == epoch {
            session.open = false;
        }
        session.placed = session.placed.filter(|(_, _, placed)| *placed != epoch);
    }

    /// Accounts whose session is still said to live at somebody alive.
    pub(crate) fn placed_sessions(&self) -> Vec<(AccountId, Incarnation)> {
        let placed = self.sessions.iter().filter_map(|(account, session)| Some((*account, session.placed?.0)));
        placed.filter(|(_, base)| self.live.contains(base)).collect()
    }
}
