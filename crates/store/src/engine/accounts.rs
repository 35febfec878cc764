//! Accounts and their roles in SQL. A name is unique by its key, which the caller makes.

use kuafu_contract::accounts::Reply;
use kuafu_core::{AccountId, Code, RealmNo, RecordId, WallTime};
use sqlx::Row;

use crate::engine::Fault;
use crate::engine::group::Group;
use crate::engine::reader;
use crate::sql::{built, is_unique_violation, signed, unsigned};
use crate::{AccountCommand, StoreReply};

impl Group<'_> {
    pub(super) async fn run_account(&mut self, command: &AccountCommand) -> Result<StoreReply, Fault> {
        match command {
            AccountCommand::Register { name, key, hash, at } => self.register(name, key, hash, *at).await,
            AccountCommand::Find { key } => reader::find(self.connection, key).await,
            AccountCommand::Roles { account } => reader::roles(self.connection, *account).await,
            AccountCommand::CreateRole { account, realm, name, key, roles_max, at } => {
                self.create_role(*account, *realm, (name, key), *roles_max, *at).await
            }
            AccountCommand::MarkRole { account, role, deleted_at } => {
                self.mark_role(*account, *role, *deleted_at).await
            }
            AccountCommand::PurgeRoles { due } => self.purge_roles(*due).await,
            AccountCommand::OpenSession { account, role } => self.open_session(*account, *role).await,
            AccountCommand::PlaceSession { account, epoch, base } => self.place_session(*account, *epoch, *base).await,
            AccountCommand::CloseSession { account, epoch } => self.close_session(*account, *epoch).await,
        }
    }

    async fn register(&mut self, name: &str, key: &str, hash: &str, at: WallTime) -> Result<StoreReply, Fault> {
        let id = sqlx::query_scalar::<_, i64>(
            "INSERT INTO accounts (name, name_key, hash, created_at) VALUES (?1, ?2, ?3, ?4) RETURNING id",
        )
        .bind(name)
        .bind(key)
        .bind(hash)
        .bind(signed(at.0))
        .fetch_one(&mut *self.connection)
        .await;
        match id {
            Ok(id) => Ok(StoreReply::Account(Reply::Registered(AccountId(unsigned(id))))),
            Err(error) if is_unique_violation(&error) => Err(Code::NameTaken.into()),
            Err(error) => Err(error.into()),
        }
    }

    async fn create_role(
        &mut self,
        account: AccountId,
        realm: RealmNo,
        (name, key): (&str, &str),
        roles_max: u32,
        at: WallTime,
    ) -> Result<StoreReply, Fault> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM accounts WHERE id = ?1), (SELECT count(*) FROM roles WHERE account = ?1),
                    (SELECT count(*) FROM roles WHERE name_key = ?2)",
        )
        .bind(signed(account.0))
        .bind(key)
        .fetch_one(&mut *self.connection)
        .await?;
        let (accounts, roles, namesakes): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if accounts == 0 {
            return Err(Code::NotLoggedIn.into());
        }
        if roles >= i64::from(roles_max) {
            return Err(Code::RoleLimit.into());
        }
        if namesakes > 0 {
            return Err(Code::NameTaken.into());
        }
        let id = self.reserve_roles(realm, 1).await?.start;
        sqlx::query(
            "INSERT INTO roles (id, account, realm, name, name_key, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(signed(id))
        .bind(signed(account.0))
        .bind(i64::from(realm.0))
        .bind(name)
        .bind(key)
        .bind(signed(at.0))
        .execute(&mut *self.connection)
        .await?;
        reader::roles(self.connection, account).await
    }

    async fn mark_role(
        &mut self,
        account: AccountId,
        role: RecordId,
        deleted_at: WallTime,
    ) -> Result<StoreReply, Fault> {
        let done = sqlx::query(
            "UPDATE roles SET deleted_at = CASE WHEN ?3 = 0 OR deleted_at = 0 THEN ?3 ELSE deleted_at END
             WHERE account = ?1 AND id = ?2",
        )
        .bind(signed(account.0))
        .bind(signed(role.0))
        .bind(signed(deleted_at.0))
        .execute(&mut *self.connection)
        .await?;
        if done.rows_affected() == 0 {
            return Err(Code::RoleUnknown.into());
        }
        reader::roles(self.connection, account).await
    }

    /// Deletes what is due, entity and all. A role whose entity somebody alive owns waits for a later time.
    async fn purge_roles(&mut self, due: WallTime) -> Result<StoreReply, Fault> {
        self.flush().await?;
        let role_type = self.context.options.role_type;
        let due: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM roles WHERE deleted_at > 0 AND deleted_at <= ?1 AND NOT EXISTS (
                 SELECT 1 FROM owners WHERE ty = ?2 AND record = roles.id
                 AND holder IN (SELECT value FROM json_each(?3)))
             ORDER BY deleted_at LIMIT 1000",
        )
        .bind(signed(due.0))
        .bind(role_type.map_or(-1, |ty| i64::from(ty.0)))
        .bind(self.context.live.json())
        .fetch_all(&mut *self.connection)
        .await?;
        for id in &due {
            if let Some(table) = role_type.and_then(|ty| self.context.tables.get(&ty)) {
                built(&table.delete).bind(*id).execute(&mut *self.connection).await?;
            }
            sqlx::query("DELETE FROM roles WHERE id = ?1").bind(*id).execute(&mut *self.connection).await?;
        }
        Ok(StoreReply::Purged(due.len() as u64))
    }
}
