//! The table of an entity type: its columns, and the texts of the statements on it.
//!
//! Columns of the store itself begin with `_`, which no property can, so that a property may be called `space` or `x`.

use std::collections::HashMap;
use std::sync::Arc;

use kuafu_core::{PropertyNo, TypeNo, Value};
use kuafu_def::{EntityType, Type};
use sea_query::{
    Alias, Asterisk, BinOper, DeleteStatement, Expr, ExprTrait, OnConflict, Query, SelectStatement, SqliteQueryBuilder,
};

use super::items::{ITEM, ItemsTable};
use crate::sql::Cell;

/// The column of the record id.
pub(crate) const RECORD: &str = "_record";

/// The columns of the place, in the order of their cells.
pub(crate) const PLACE: [&str; 5] = ["_space", "_x", "_y", "_z", "_yaw"];

/// All tables by type.
pub(crate) type Tables = HashMap<TypeNo, Table>;

/// The table of an entity type.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) ty: TypeNo,
    pub(crate) type_name: String,
    pub(crate) name: String,
    /// Entities of the type have cell parts.
    pub(crate) has_cell: bool,
    /// Persistent properties, sorted by number.
    pub(crate) columns: Vec<Column>,
    /// Those of its properties that are tables of their own, sorted by number.
    pub(crate) items: Vec<ItemsTable>,
    /// Properties of the type that are not persistent: their values are passed over.
    pub(crate) transient: Vec<PropertyNo>,
    /// One record by id: place, then columns.
    pub(crate) select: Arc<str>,
    /// Takes one record out by id.
    pub(crate) delete: Arc<str>,
    /// Ids above ?1 that nobody alive owns: ?2 is the type, ?3 a JSON array of who is alive, ?4 the most to give.
    pub(crate) autoload: Arc<str>,
}

/// A persistent property.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) no: PropertyNo,
    pub(crate) property: String,
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) unique: bool,
    pub(crate) indexed: bool,
    pub(crate) default: Value,
    /// The least whole number that it takes.
    pub(crate) least: Option<i64>,
}

/// What a row is written to, which decides the text of the statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// New records: id, place, all columns.
    Insert(TypeNo),
    /// Records that are there: id, place if so said, these columns.
    Update { ty: TypeNo, place: bool, columns: Vec<u16> },
    /// Owner rows: type, record, holder, epoch, newborn.
    Owners,
    /// Operations: id, time, result.
    Operations,
    /// Items of the `at`-th such property: id, record, fields. Those that are not `fresh` are there already.
    Items { ty: TypeNo, at: u16, fresh: bool },
}

impl Table {
    /// A table with its texts.
    pub(crate) fn new(ty: &EntityType, name: String, columns: Vec<Column>, items: Vec<ItemsTable>) -> Self {
        let transient = ty.properties.iter().filter(|property| !property.persistent).map(|property| property.no);
        Self {
            ty: ty.no,
            type_name: ty.name.clone(),
            has_cell: ty.parts.cell,
            transient: transient.collect(),
            select: select_text(&name, &columns),
            delete: delete_text(&name),
            autoload: autoload_text(&name),
            name,
            columns,
            items,
        }
    }

    /// The position of a property among the columns.
    pub(crate) fn position(&self, no: PropertyNo) -> Option<usize> {
        self.columns.binary_search_by_key(&no, |column| column.no).ok()
    }

    /// The position of a property among those that are tables of their own.
    pub(crate) fn items_position(&self, no: PropertyNo) -> Option<usize> {
        self.items.binary_search_by_key(&no, |items| items.no).ok()
    }
}

impl Target {
    /// Cells of a row.
    pub(crate) fn width(&self, tables: &Tables) -> usize {
        match self {
            Self::Insert(ty) => 1 + PLACE.len() + tables.get(ty).map_or(0, |table| table.columns.len()),
            Self::Update { place, columns, .. } => 1 + if *place { PLACE.len() } else { 0 } + columns.len(),
            Self::Owners => 5,
            Self::Operations => 3,
            Self::Items { ty, at, .. } => {
                let items = tables.get(ty).and_then(|table| table.items.get(usize::from(*at)));
                2 + items.map_or(0, |items| items.fields.len())
            }
        }
    }

    /// The statement that writes so many rows.
    pub(crate) fn text(&self, tables: &Tables, rows: usize) -> Arc<str> {
        match self {
            Self::Insert(ty) => {
                let Some(table) = tables.get(ty) else { return "".into() };
                let columns = table.columns.iter().map(|column| column.name.as_str());
                insert(&table.name, std::iter::once(RECORD).chain(PLACE).chain(columns).collect(), rows, None)
            }
            Self::Update { ty, place, columns } => {
                let Some(table) = tables.get(ty) else { return "".into() };
                let place = PLACE.iter().copied().filter(|_| *place);
                let columns = columns.iter().map(|at| table.columns[usize::from(*at)].name.as_str());
                // An upsert, because SQLite runs a multi-row one as one statement. The owner row that allows the
                // write proves that the record is there, so the insert never comes to pass.
                let names: Vec<&str> = std::iter::once(RECORD).chain(place).chain(columns).collect();
                insert(&table.name, names, rows, Some(&[RECORD]))
            }
            Self::Owners => {
                let columns = vec!["ty", "record", "holder", "epoch", "newborn"];
                insert("owners", columns, rows, Some(&["ty", "record"]))
            }
            Self::Operations => insert("operations", vec!["id", "at", "result"], rows, None),
            Self::Items { ty, at, fresh } => {
                let items = tables.get(ty).and_then(|table| table.items.get(usize::from(*at)));
                let Some(items) = items else { return "".into() };
                let fields = items.fields.iter().map(|field| field.name.as_str());
                // A fresh one that is in another record after all is refused by the primary key.
                let key: Option<&[&str]> = if *fresh { None } else { Some(&[ITEM]) };
                insert(&items.name, [ITEM, RECORD].into_iter().chain(fields).collect(), rows, key)
            }
        }
    }
}

/// An insert of so many rows; with `key`, one that updates the other columns of a row that is there.
fn insert(table: &str, columns: Vec<&str>, rows: usize, key: Option<&[&str]>) -> Arc<str> {
    let names = columns.iter().map(|name| Alias::new(*name));
    let mut statement = Query::insert();
    statement.into_table(Alias::new(table)).columns(names);
    for _ in 0..rows {
        statement.values_panic(columns.iter().map(|_| Expr::val(0)));
    }
    if let Some(key) = key {
        let others = columns.iter().filter(|name| !key.contains(name)).map(|name| Alias::new(*name));
        statement.on_conflict(
            OnConflict::columns(key.iter().map(|name| Alias::new(*name))).update_columns(others).to_owned(),
        );
    }
    statement.build(SqliteQueryBuilder).0.into()
}

fn select_text(table: &str, columns: &[Column]) -> Arc<str> {
    let names = PLACE.into_iter().chain(columns.iter().map(|column| column.name.as_str())).map(Alias::new);
    let record = Expr::col(Alias::new(RECORD));
    let select = Query::select().columns(names).from(Alias::new(table)).and_where(record.eq(0)).to_owned();
    select.build(SqliteQueryBuilder).0.into()
}

fn delete_text(table: &str) -> Arc<str> {
    let record = Expr::col(Alias::new(RECORD));
    let delete: DeleteStatement = Query::delete().from_table(Alias::new(table)).and_where(record.eq(0)).to_owned();
    delete.build(SqliteQueryBuilder).0.into()
}

fn autoload_text(table: &str) -> Arc<str> {
    let record = || Expr::col((Alias::new(table), Alias::new(RECORD)));
    let owner = |name: &str| Expr::col((Alias::new("owners"), Alias::new(name)));
    let alive = Expr::cust("(SELECT value FROM json_each(?3))");
    let owned: SelectStatement = Query::select()
        .column(Asterisk)
        .from(Alias::new("owners"))
        .and_where(owner("ty").eq(Expr::cust("?2")))
        .and_where(owner("record").eq(record()))
        .and_where(owner("holder").binary(BinOper::In, alive))
        .to_owned();
    let select = Query::select()
        .column(Alias::new(RECORD))
        .from(Alias::new(table))
        .and_where(record().gt(Expr::cust("?1")))
        .and_where(Expr::exists(owned).not())
        .order_by(Alias::new(RECORD), sea_query::Order::Asc)
        .to_owned();
    // The builder binds a limit as an argument without a number of its own, so it is said here.
    format!("{} LIMIT ?4", select.to_string(SqliteQueryBuilder)).into()
}

/// One row to write.
pub(crate) type Row = Vec<Cell>;
