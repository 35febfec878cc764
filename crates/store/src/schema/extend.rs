//! Brings the tables of entity types to what the definitions say, when the store is opened.
//!
//! New properties add columns, or tables where they hold items; dropped ones keep theirs, unread. A change that would
//! lose what is stored is refused, all such changes in one message. A table without records is made anew instead:
//! nothing can be lost there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kuafu_core::{PropertyNo, TypeNo};
use kuafu_def::{Definitions, EntityType, Field, Property, StructType};
use sea_query::{Alias, ColumnDef, Expr, ForeignKey, ForeignKeyAction, Index, SqliteQueryBuilder, Table as SqlTable};
use serde_json::json;
use sqlx::SqliteConnection;

use super::columns::{Columns, Declared, Stored, free_name, index_name, least, note_column, run, stored_columns};
use super::items::{FieldColumn, ITEM, ItemsTable, item_of};
use super::shape::fits;
use super::table::{Column, PLACE, RECORD, Table, Tables};
use crate::SchemaProblem;
use crate::sql::{built, is_unique_violation};

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
            let name = format!("e_{}", ty.name);
            let table = Extension { connection: &mut *connection, ty, name, problems: &mut problems }.run().await?;
            tables.insert(ty.no, table);
        }
    }
    if problems.is_empty() { Ok(tables) } else { Err(ExtendError::Problems(problems)) }
}

struct Extension<'a> {
    connection: &'a mut SqliteConnection,
    ty: &'a EntityType,
    /// Of the table.
    name: String,
    problems: &'a mut Vec<SchemaProblem>,
}

impl Extension<'_> {
    async fn run(&mut self) -> Result<Table, ExtendError> {
        let mut stored = stored_columns(self.connection, &self.name).await?;
        let misfits = self.misfits(&stored).await?;
        if !misfits.is_empty() {
            if self.has_records().await? {
                self.problems.extend(misfits);
                return Ok(Table::new(self.ty, self.name.clone(), Vec::new(), Vec::new()));
            }
            self.drop_tables(&stored).await?;
            stored.clear();
        }
        self.create_table().await?;
        let items = self.add_items(&stored).await?;
        let columns = self.add_columns(stored).await?;
        self.index_columns(&columns).await?;
        Ok(Table::new(self.ty, self.name.clone(), columns, items))
    }

    fn persistent(&self) -> impl Iterator<Item = &Property> {
        self.ty.properties.iter().filter(|property| property.persistent)
    }

    /// Properties that are tables of their own, with the struct of their items.
    fn items(&self) -> Vec<(Property, Arc<StructType>)> {
        let item = |property: &Property| {
            item_of(&property.ty).filter(|_| property.items).map(|item| (property.clone(), Arc::clone(item)))
        };
        self.persistent().filter_map(item).collect()
    }

    async fn misfits(&mut self, stored: &BTreeMap<String, Stored>) -> Result<Vec<SchemaProblem>, sqlx::Error> {
        let mut misfits: Vec<SchemaProblem> = self
            .persistent()
            .filter_map(|property| Some(self.problem(&property.name, misfit(property, stored.get(&property.name)?)?)))
            .collect();
        for (property, item) in self.items() {
            let Some(stored) = stored.get(&property.name).filter(|stored| is_items(stored)) else { continue };
            let fields = stored_columns(self.connection, &stored.column).await?;
            for field in item.fields.iter().filter(|field| field.persistent) {
                let what = fields.get(&field.name).and_then(|stored| fits(&stored.shape, &field.ty).err());
                misfits.extend(
                    what.map(|what| self.problem(&property.name, format!("in field `{}`: {what}", field.name))),
                );
            }
        }
        Ok(misfits)
    }

    fn problem(&self, property: &str, what: String) -> SchemaProblem {
        SchemaProblem {
            type_name: self.ty.name.clone(),
            property: property.to_owned(),
            what,
            help: "put the old declaration back, or give the changed property another name".to_owned(),
        }
    }

    async fn has_records(&mut self) -> Result<bool, sqlx::Error> {
        let known: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1")
            .bind(&self.name)
            .fetch_one(&mut *self.connection)
            .await?;
        if known == 0 {
            return Ok(false);
        }
        let from = Alias::new(self.name.as_str());
        let select = sea_query::Query::select().expr(Expr::val(1)).from(from).limit(1).to_owned();
        let text = select.to_string(SqliteQueryBuilder).into();
        Ok(built(&text).fetch_optional(&mut *self.connection).await?.is_some())
    }

    async fn drop_tables(&mut self, stored: &BTreeMap<String, Stored>) -> Result<(), sqlx::Error> {
        let items = stored.values().filter(|stored| is_items(stored)).map(|stored| stored.column.clone());
        for table in items.chain([self.name.clone()]) {
            let drop = SqlTable::drop().table(Alias::new(table.as_str())).if_exists().to_string(SqliteQueryBuilder);
            run(self.connection, drop).await?;
            sqlx::query("DELETE FROM stored_columns WHERE table_name = ?1")
                .bind(table)
                .execute(&mut *self.connection)
                .await?;
        }
        Ok(())
    }

    async fn create_table(&mut self) -> Result<(), sqlx::Error> {
        let mut create = SqlTable::create();
        create.table(Alias::new(self.name.as_str())).if_not_exists();
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
        run(self.connection, create.to_string(SqliteQueryBuilder)).await
    }

    async fn add_columns(&mut self, stored: BTreeMap<String, Stored>) -> Result<Vec<Column>, sqlx::Error> {
        let properties: Vec<Property> = self.persistent().filter(|property| !property.items).cloned().collect();
        let mut columns = Vec::with_capacity(properties.len());
        let mut there = Columns::new(self.connection, &self.name, stored);
        for property in properties {
            let declared = declared_property(&property);
            let name = there.bring(&declared).await?;
            let Property { no, name: property, ty, unique, indexed, default, .. } = property;
            columns.push(Column { no, property, name, ty, unique, indexed, default, least: declared.least });
        }
        columns.sort_by_key(|column: &Column| -> PropertyNo { column.no });
        Ok(columns)
    }

    /// The tables of the properties that hold items.
    async fn add_items(&mut self, stored: &BTreeMap<String, Stored>) -> Result<Vec<ItemsTable>, sqlx::Error> {
        let known = stored.values().filter(|stored| is_items(stored));
        let mut taken: BTreeSet<String> = known.map(|stored| stored.column.to_ascii_lowercase()).collect();
        let mut tables = Vec::new();
        for (property, item) in self.items() {
            let name = match stored.get(&property.name) {
                Some(stored) => stored.column.clone(),
                // A type's name has no dot, so that no other type's table can be called so.
                None => free_name(&format!("i_{}.{}", self.ty.name, property.name), &mut taken),
            };
            self.create_items_table(&name).await?;
            note_column(self.connection, &self.name, &property.name, &Stored::table(name.clone(), items_shape()))
                .await?;
            let fields = self.add_fields(&name, &item).await?;
            let Property { no, name: property, ty, max_length, .. } = property;
            tables.push(ItemsTable::new((no, property), name, ty, item, fields, max_length));
        }
        tables.sort_by_key(|table: &ItemsTable| table.no);
        Ok(tables)
    }

    async fn create_items_table(&mut self, name: &str) -> Result<(), sqlx::Error> {
        let (table, record) = (Alias::new(name), Alias::new(RECORD));
        let mut owner = ForeignKey::create();
        owner.from(table.clone(), record.clone()).to(Alias::new(self.name.as_str()), record.clone());
        let mut create = SqlTable::create();
        create.table(table.clone()).if_not_exists();
        create.col(ColumnDef::new(Alias::new(ITEM)).integer().primary_key());
        create.col(ColumnDef::new(record.clone()).integer().not_null());
        create.foreign_key(owner.on_delete(ForeignKeyAction::Cascade));
        run(self.connection, create.to_string(SqliteQueryBuilder)).await?;
        let index = Index::create().if_not_exists().name(format!("r_{name}")).table(table).col(record).to_owned();
        run(self.connection, index.to_string(SqliteQueryBuilder)).await
    }

    async fn add_fields(&mut self, table: &str, item: &StructType) -> Result<Vec<FieldColumn>, sqlx::Error> {
        let stored = stored_columns(self.connection, table).await?;
        let mut there = Columns::new(self.connection, table, stored);
        let mut fields = Vec::new();
        for (at, field) in item.fields.iter().enumerate().filter(|(_, field)| field.persistent) {
            let declared = declared_field(field);
            fields.push(FieldColumn { at, name: there.bring(&declared).await?, least: declared.least });
        }
        Ok(fields)
    }

    /// Makes the indexes that the definitions want and drops those that they no longer do.
    async fn index_columns(&mut self, columns: &[Column]) -> Result<(), sqlx::Error> {
        let there: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
        )
        .bind(&self.name)
        .fetch_all(&mut *self.connection)
        .await?;
        let mut wanted = BTreeMap::new();
        for column in columns.iter().filter(|column| column.unique || column.indexed) {
            wanted.insert(index_name(&self.name, &column.name, column.unique), column);
        }
        for name in there.iter().filter(|name| !wanted.contains_key(*name)) {
            run(self.connection, Index::drop().name(name).to_string(SqliteQueryBuilder)).await?;
        }
        for (name, column) in wanted.into_iter().filter(|(name, _)| !there.contains(name)) {
            let mut index = Index::create();
            index.name(&name).table(Alias::new(self.name.as_str())).col(Alias::new(&column.name));
            if column.unique {
                index.unique();
            }
            match run(self.connection, index.to_string(SqliteQueryBuilder)).await {
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
}

fn declared_property(property: &Property) -> Declared {
    let Property { name, ty, default, unique, min, .. } = property.clone();
    Declared { least: least(&ty, min), name, ty, default, unique }
}

fn declared_field(field: &Field) -> Declared {
    let Field { name, ty, default, min, .. } = field.clone();
    Declared { least: least(&ty, min), name, ty, default, unique: false }
}

/// The shape of what is a table of its own.
fn items_shape() -> serde_json::Value {
    json!("items")
}

fn is_items(stored: &Stored) -> bool {
    stored.shape == items_shape()
}

/// What does not fit between a property and what is stored of it.
fn misfit(property: &Property, stored: &Stored) -> Option<String> {
    match (property.items, is_items(stored)) {
        (true, true) => None,
        (true, false) => Some("it is stored in a column, not as a table of items".to_owned()),
        (false, _) => fits(&stored.shape, &property.ty).err(),
    }
}
