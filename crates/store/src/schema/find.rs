//! The statement that finds a record of a table by its id, by a property, or the first one.

use std::sync::Arc;

use kuafu_core::PropertyNo;
use sea_query::{Alias, Expr, ExprTrait, JoinType, Order, Query, SqliteQueryBuilder};

use super::table::{RECORD, Table};

/// What of a record is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Nothing,
    Record,
    Property(PropertyNo),
}

impl Table {
    /// Id and holder of the record with the least id that has the value ?1 (nothing is bound for
    /// [`Known::Nothing`]). `None` when the table has no such column, or one that is neither unique nor indexed.
    pub(crate) fn find_text(&self, known: Known) -> Option<Arc<str>> {
        let column = match known {
            Known::Nothing => None,
            Known::Record => Some(RECORD),
            Known::Property(no) => {
                let column = self.columns.get(self.position(no)?)?;
                Some(column.name.as_str()).filter(|_| column.unique || column.indexed).map(Some)?
            }
        };
        let own = |name: &str| Expr::col((Alias::new(self.name.as_str()), Alias::new(name)));
        let owner = |name: &str| Expr::col((Alias::new("owners"), Alias::new(name)));
        let is_owner = owner("ty").eq(i32::from(self.ty.0)).and(owner("record").eq(own(RECORD)));
        let mut select = Query::select();
        select
            .expr(own(RECORD))
            .expr(owner("holder"))
            .from(Alias::new(self.name.as_str()))
            .join(JoinType::LeftJoin, Alias::new("owners"), is_owner)
            .order_by((Alias::new(self.name.as_str()), Alias::new(RECORD)), Order::Asc);
        if let Some(column) = column {
            select.and_where(own(column).eq(Expr::cust("?1")));
        }
        Some(format!("{} LIMIT 1", select.to_string(SqliteQueryBuilder)).into())
    }
}
