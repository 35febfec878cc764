//! The one session an account may have, in SQL.
//!
//! `epoch` rises with each opening, and only the newest may be placed. Where the last placed session lives is kept
//! until that one is closed or its base is dead, also while newer ones are opened and fail: whoever opens next must
//! still hear of it, for its entity may still be there.

use kuafu_contract::accounts::{Previous, Reply};
use kuafu_contract::{Address, RoleKind};
use kuafu_core::{AccountId, Code, Epoch, Incarnation, RecordId};
use sqlx::Row;

use crate::StoreReply;
use crate::engine::Fault;
use crate::engine::group::Group;
use crate::sql::{signed, unsigned};

impl Group<'_> {
    pub(super) async fn open_session(&mut self, account: AccountId, role: RecordId) -> Result<StoreReply, Fault> {
        let row = sqlx::query("SELECT name, deleted_at FROM roles WHERE account = ?1 AND id = ?2")
            .bind(signed(account.0))
            .bind(signed(role.0))
            .fetch_optional(&mut *self.connection)
            .await?
            .ok_or(Code::RoleUnknown)?;
        let (role_name, deleted_at): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        if deleted_at != 0 {
            return Err(Code::RoleDeleting.into());
        }
        let row = sqlx::query(
            "INSERT INTO sessions (account, epoch, role, open, placed_base, placed_role, placed_epoch)
             VALUES (?1, 1, ?2, 1, 0, 0, 0)
             ON CONFLICT (account) DO UPDATE SET epoch = epoch + 1, role = excluded.role, open = 1
             RETURNING epoch, placed_base, placed_role, placed_epoch",
        )
        .bind(signed(account.0))
        .bind(signed(role.0))
        .fetch_one(&mut *self.connection)
        .await?;
        let base: i64 = row.try_get(1)?;
        let base = u32::try_from(base).ok().map(Incarnation).filter(|base| self.context.live.has(*base));
        let previous = match base {
            Some(incarnation) => Some(Previous {
                base: Address { role: RoleKind::Base, incarnation },
                role: RecordId(unsigned(row.try_get(2)?)),
                epoch: Epoch(unsigned(row.try_get(3)?)),
            }),
            None => None,
        };
        let epoch = Epoch(unsigned(row.try_get(0)?));
        Ok(StoreReply::Account(Reply::Session { epoch, role_name, previous }))
    }

    pub(super) async fn place_session(
        &mut self,
        account: AccountId,
        epoch: Epoch,
        base: Incarnation,
    ) -> Result<StoreReply, Fault> {
        let done = sqlx::query(
            "UPDATE sessions SET placed_base = ?3, placed_role = role, placed_epoch = epoch
             WHERE account = ?1 AND epoch = ?2 AND open = 1",
        )
        .bind(signed(account.0))
        .bind(signed(epoch.0))
        .bind(i64::from(base.0))
        .execute(&mut *self.connection)
        .await?;
        if done.rows_affected() == 0 { Err(Code::Stale.into()) } else { Ok(StoreReply::Account(Reply::Placed)) }
    }

    pub(super) async fn close_session(&mut self, account: AccountId, epoch: Epoch) -> Result<StoreReply, Fault> {
        sqlx::query(
            "UPDATE sessions SET open = CASE WHEN epoch = ?2 THEN 0 ELSE open END,
                 placed_base = CASE WHEN placed_epoch = ?2 THEN 0 ELSE placed_base END
             WHERE account = ?1",
        )
        .bind(signed(account.0))
        .bind(signed(epoch.0))
        .execute(&mut *self.connection)
        .await?;
        Ok(StoreReply::Done)
    }
}
