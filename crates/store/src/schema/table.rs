//! The table of an entity type: its columns, and the texts of the statements on it.
//!
//! Columns of the store itself begin with `_`, which no property can, so that a property may be called `space` or `x`.

use std::collections::HashMap;
use std::sync::Arc;

use kuafu_core::{PropertyNo, TypeNo, Value};
use kuafu_def::Type;
use sea_query::{
    Alias, Asterisk, BinOper, DeleteStatement, Expr, ExprTrait, OnConflict, Query, SelectStatement, SqliteQueryBuilder,
};

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
    /// Persistent properties, sorted by number.
    pub(crate) columns: Vec<Column>,
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
}

/// What a row is written to, which decides the text of the statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// New records: id, place, all columns.
    Insert(TypeNo),
    /// Records that are there: id, place if so said, these columns.
    Update { ty: TypeNo, place: bool, columns: Vec<u16> },
    /// Owner rows: type, record, holder, epoch.
    Owners,
    /// Operations: id, time, result.
    Operations,
}

impl Table {
    /// A table with its texts.
    pub(crate) fn new(
        ty: TypeNo,
        type_name: &str,
        name: String,
        columns: Vec<Column>,
        transient: Vec<PropertyNo>,
    ) -> Self {
        let select = select_text(&name, &columns);
        let delete = delete_text(&name);
        let autoload = autoload_text(&name);
        Self { ty, type_name: type_name.to_owned(), name, columns, transient, select, delete, autoload }
    }

    /// The position of a property among the columns.
    pub(crate) fn position(&self, no: PropertyNo) -> Option<usize> {
        self.columns.binary_search_by_key(&no, |column| column.no).ok()
    }
}

impl Target {
    /// Cells of a row.
    pub(crate) fn width(&self, tables: &Tables) -> usize {
        match self {
            Self::Insert(ty) => 1 + PLACE.len() + tables.get(ty).map_or(0, |table| table.columns.len()),
            Self::Update { place, columns, .. } => 1 + if *place { PLACE.len() } else { 0 } + columns.len(),
            Self::Owners => 4,
            Self::Operations => 3,
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
            Self::Owners => insert("owners", vec!["ty", "record", "holder", "epoch"], rows, Some(&["ty", "record"])),
            Self::Operations => insert("operations", vec!["id", "at", "result"], rows, None),
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
