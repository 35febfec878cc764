//! Brings the tables of entity types to what the definitions say, when the store is opened.
//!
//! New properties add columns; dropped ones keep theirs, unread. A change that would lose what is stored is refused,
//! all such changes in one message. A table without records is made anew instead: nothing can be lost there.

use std::collections::{BTreeMap, BTreeSet};

use kuafu_core::{Limits, PropertyNo, TypeNo};
use kuafu_def::{Definitions, EntityType, Property};
use sea_query::{Alias, ColumnDef, Expr, Index, SqliteQueryBuilder, Table as SqlTable};
use serde_json::Value as Json;
use sqlx::{Row as _, SqliteConnection};

use super::shape::{fits, shape};
use super::table::{Column, PLACE, RECORD, Table, Tables};
use crate::SchemaProblem;
use crate::sql::{Cell, built, is_unique_violation};
use crate::value::{ColumnKind, column_kind, encode};

/// Why the tables cannot be brought to the definitions.
#[derive(Debug)]
pub(crate) enum ExtendError {
    Problems(Vec<SchemaProblem>),
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for ExtendError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// Makes and extends the tables of all persistent types, and that of the role type. To be run in a transaction.
pub(crate) async fn extend(
    connection: &mut SqliteConnection,
    definitions: &Definitions,
    role_type: Option<TypeNo>,
) -> Result<Tables, ExtendError> {
    let mut tables = Tables::new();
    let mut problems = Vec::new();
    for ty in definitions.types.values() {
        if ty.is_persistent() || Some(ty.no) == role_type {
            let table = Extension { connection: &mut *connection, ty, problems: &mut problems }.run().await?;
            tables.insert(ty.no, table);
        }
    }
    if problems.is_empty() { Ok(tables) } else { Err(ExtendError::Problems(problems)) }
}

/// A column as the file knows it.
#[derive(Debug)]
struct Stored {
    column: String,
    shape: Json,
}

struct Extension<'a> {
    connection: &'a mut SqliteConnection,
    ty: &'a EntityType,
    problems: &'a mut Vec<SchemaProblem>,
}

impl Extension<'_> {
    async fn run(&mut self) -> Result<Table, ExtendError> {
        let name = format!("e_{}", self.ty.name);
        let mut stored = self.stored(&name).await?;
        let misfits = self.misfits(&stored);
        if !misfits.is_empty() {
            if self.has_records(&name).await? {
                self.problems.extend(misfits);
            } else {
                self.drop_table(&name).await?;
                stored.clear();
            }
        }
        self.create_table(&name).await?;
        let columns = self.add_columns(&name, stored).await?;
        self.index_columns(&name, &columns).await?;
        let transient = self.ty.properties.iter().filter(|property| !property.persistent).map(|p| p.no).collect();
        Ok(Table::new(self.ty.no, &self.ty.name, name, columns, transient))
    }

    fn persistent(&self) -> impl Iterator<Item = &Property> {
        self.ty.properties.iter().filter(|property| property.persistent)
    }

    async fn stored(&mut self, table: &str) -> Result<BTreeMap<String, Stored>, sqlx::Error> {
        let rows = sqlx::query("SELECT property, column_name, shape FROM stored_columns WHERE table_name = ?1")
            .bind(table)
            .fetch_all(&mut *self.connection)
            .await?;
        let read = |row: sqlx::sqlite::SqliteRow| {
            let shape: String = row.try_get(2)?;
            // A shape that cannot be read fits nothing, and is then reported with its property.
            let shape = serde_json::from_str(&shape).unwrap_or(Json::Null);
            Ok((row.try_get(0)?, Stored { column: row.try_get(1)?, shape }))
        };
        rows.into_iter().map(read).collect()
    }

    fn misfits(&self, stored: &BTreeMap<String, Stored>) -> Vec<SchemaProblem> {
        let check = |property: &Property| {
            let what = fits(&stored.get(&property.name)?.shape, &property.ty).err()?;
            Some(SchemaProblem {
                type_name: self.ty.name.clone(),
                property: property.name.clone(),
                what,
                help: "put the old declaration back, or give the changed property another name".to_owned(),
            })
        };
        self.persistent().filter_map(check).collect()
    }

    async fn has_records(&mut self, table: &str) -> Result<bool, sqlx::Error> {
        let known: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1")
            .bind(table)
            .fetch_one(&mut *self.connection)
            .await?;
        if known == 0 {
            return Ok(false);
        }
        let select = sea_query::Query::select().expr(Expr::val(1)).from(Alias::new(table)).limit(1).to_owned();
        let text = select.to_string(SqliteQueryBuilder).into();
        Ok(built(&text).fetch_optional(&mut *self.connection).await?.is_some())
    }

    async fn drop_table(&mut self, table: &str) -> Result<(), sqlx::Error> {
        self.run_built(SqlTable::drop().table(Alias::new(table)).if_exists().to_string(SqliteQueryBuilder)).await?;
        sqlx::query("DELETE FROM stored_columns WHERE table_name = ?1")
            .bind(table)
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    async fn create_table(&mut self, table: &str) -> Result<(), sqlx::Error> {
        let mut create = SqlTable::create();
        create.table(Alias::new(table)).if_not_exists();
        create.col(ColumnDef::new(Alias::new(RECORD)).integer().primary_key());
        for (at, name) in PLACE.iter().enumerate() {
            let mut column = ColumnDef::new(Alias::new(*name));
            if at == 0 {
                column.text()
            } else {
                column.double()
            };
            create.col(&mut column);
        }
        self.run_built(create.to_string(SqliteQueryBuilder)).await
    }

    async fn add_columns(
        &mut self,
        table: &str,
        mut stored: BTreeMap<String, Stored>,
    ) -> Result<Vec<Column>, sqlx::Error> {
        let mut taken: BTreeSet<String> = stored.values().map(|stored| stored.column.to_ascii_lowercase()).collect();
        let mut columns = Vec::new();
        let properties: Vec<Property> = self.persistent().cloned().collect();
        for property in properties {
            let known = stored.remove(&property.name);
            let fresh_shape = shape(&property.ty);
            let changed = known.as_ref().is_none_or(|known| known.shape != fresh_shape);
            let is_new = known.is_none();
            let name = known.map_or_else(|| free_name(&property.name, &mut taken), |known| known.column);
            if is_new {
                self.add_column(table, &name, &property).await?;
            }
            if changed {
                self.note_column(table, &property.name, &name, &fresh_shape).await?;
            }
            let Property { no, name: property, ty, unique, indexed, default, .. } = property;
            columns.push(Column { no, property, name, ty, unique, indexed, default });
        }
        columns.sort_by_key(|column: &Column| -> PropertyNo { column.no });
        Ok(columns)
    }

    async fn add_column(&mut self, table: &str, name: &str, property: &Property) -> Result<(), sqlx::Error> {
        let mut column = ColumnDef::new(Alias::new(name));
        match column_kind(&property.ty) {
            ColumnKind::Integer => column.big_integer(),
            ColumnKind::Real => column.double(),
            ColumnKind::Text => column.text(),
            ColumnKind::Blob => column.blob(),
        };
        if let Some(default) = sql_default(property) {
            column.default(default);
        }
        let mut alter = SqlTable::alter();
        alter.table(Alias::new(table)).add_column(&mut column);
        self.run_built(alter.to_string(SqliteQueryBuilder)).await
    }

    async fn note_column(
        &mut self,
        table: &str,
        property: &str,
        column: &str,
        shape: &Json,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO stored_columns (table_name, property, column_name, shape) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (table_name, property) DO UPDATE SET shape = excluded.shape",
        )
        .bind(table)
        .bind(property)
        .bind(column)
        .bind(shape.to_string())
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Makes the indexes that the definitions want and drops those that they no longer do.
    async fn index_columns(&mut self, table: &str, columns: &[Column]) -> Result<(), sqlx::Error> {
        let there: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
        )
        .bind(table)
        .fetch_all(&mut *self.connection)
        .await?;
        let mut wanted = BTreeMap::new();
        for column in columns.iter().filter(|column| column.unique || column.indexed) {
            let prefix = if column.unique { "u" } else { "i" };
            wanted.insert(format!("{prefix}_{table}_{}", column.name), column);
        }
        for name in there.iter().filter(|name| !wanted.contains_key(*name)) {
            self.run_built(Index::drop().name(name).to_string(SqliteQueryBuilder)).await?;
        }
        for (name, column) in wanted.into_iter().filter(|(name, _)| !there.contains(name)) {
            let mut index = Index::create();
            index.name(&name).table(Alias::new(table)).col(Alias::new(&column.name));
            if column.unique {
                index.unique();
            }
            match self.run_built(index.to_string(SqliteQueryBuilder)).await {
                Err(error) if is_unique_violation(&error) => self.problems.push(SchemaProblem {
                    type_name: self.ty.name.clone(),
                    property: column.property.clone(),
                    what: "it is to be unique now, and some stored records hold the same value".to_owned(),
                    help: "take `unique` back, or change the values that occur twice".to_owned(),
                }),
                other => other?,
            }
        }
        Ok(())
    }

    async fn run_built(&mut self, text: String) -> Result<(), sqlx::Error> {
        built(&text.into()).execute(&mut *self.connection).await?;
        Ok(())
    }
}

/// A column name that SQLite, which takes `Gold` for `gold`, can tell from the others.
fn free_name(property: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = property.to_owned();
    let mut number = 1;
    while !taken.insert(name.to_ascii_lowercase()) {
        number += 1;
        name = format!("{property}${number}");
    }
    name
}

/// What records from before the column hold in it. None for a unique property, which no two records may share: NULL
/// stands for "as defined".
fn sql_default(property: &Property) -> Option<sea_query::Value> {
    if property.unique {
        return None;
    }
    match encode(&property.ty, &property.default, &Limits::default()).ok()? {
        Cell::Null => None,
        Cell::Int(number) => Some(number.into()),
        Cell::Real(number) => Some(number.into()),
        // The text of a statement cannot hold a NUL.
        Cell::Text(text) => (!text.contains('\0')).then(|| text.as_ref().into()),
        Cell::Blob(bytes) => Some(bytes.to_vec().into()),
    }
}
