//! The table of a property that holds items: one row an item, its id the primary key.
//!
//! That key is what makes it impossible that two records of a type hold the same item; the foreign key is what takes
//! items out with their record. Columns of the store itself begin with `_`, which no field can.

use std::sync::Arc;

use kuafu_core::{Limits, PropertyNo, Value};
use kuafu_def::{StructType, Type};
use sea_query::{Alias, BinOper, Expr, ExprTrait, Order, Query, SqliteQueryBuilder};

use super::table::RECORD;
use crate::sql::Cell;
use crate::value::{decode, encode};

/// The column of the item's id.
pub(crate) const ITEM: &str = "_item";

/// The table of the items of one property of a type.
#[derive(Clone, Debug)]
pub(crate) struct ItemsTable {
    pub(crate) no: PropertyNo,
    pub(crate) property: String,
    pub(crate) name: String,
    /// The property's type: a map from ids to structs.
    ty: Type,
    item: Arc<StructType>,
    pub(crate) fields: Vec<FieldColumn>,
    /// The most items of a record.
    rows_max: usize,
    /// The items of record ?1, by id: id, fields.
    pub(crate) select: Arc<str>,
    /// The items of many records, ?1 a JSON array: record, id, fields.
    pub(crate) select_many: Arc<str>,
    /// Which ids of a JSON array ?1 are there.
    pub(crate) select_held: Arc<str>,
    /// Takes out the ids in a JSON array ?1.
    pub(crate) delete: Arc<str>,
}

/// A field of an item that is saved.
#[derive(Clone, Debug)]
pub(crate) struct FieldColumn {
    /// Its place in the struct.
    pub(crate) at: usize,
    pub(crate) name: String,
    pub(crate) least: Option<i64>,
}

/// An item as a row: its id, and the cells of its fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ItemRow {
    pub(crate) id: i64,
    pub(crate) cells: Vec<Cell>,
}

/// The struct of which a property's items are, when its type is one for items.
pub(super) fn item_of(ty: &Type) -> Option<&Arc<StructType>> {
    match ty {
        Type::Map(_, item) => match item.as_ref() {
            Type::Struct(item) => Some(item),
            _ => None,
        },
        _ => None,
    }
}

impl ItemsTable {
    /// A table with its texts. `rows_max` is the property's own bound.
    pub(super) fn new(
        (no, property): (PropertyNo, String),
        name: String,
        ty: Type,
        item: Arc<StructType>,
        fields: Vec<FieldColumn>,
        rows_max: Option<u32>,
    ) -> Self {
        let texts = Texts { table: &name, fields: &fields };
        let (select, select_many) = (texts.select(), texts.select_many());
        let (select_held, delete) = (texts.select_held(), texts.delete());
        let rows_max = rows_max.map_or(usize::MAX, |most| most as usize);
        Self { no, property, name, ty, item, fields, rows_max, select, select_many, select_held, delete }
    }

    /// The rows of a property's value.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub(crate) fn encode(&self, value: &Value, limits: &Limits) -> Result<Vec<ItemRow>, String> {
        self.ty.check(value, limits)?;
        let Value::Map(entries) = value else { return Err("expected items by their ids".to_owned()) };
        if entries.len() > self.rows_max {
            return Err(format!("expected at most {} items, found {}", self.rows_max, entries.len()));
        }
        entries.iter().map(|(id, item)| self.encode_item(id, item, limits)).collect()
    }

    fn encode_item(&self, id: &Value, item: &Value, limits: &Limits) -> Result<ItemRow, String> {
        let (Value::Int(id), Value::List(values)) = (id, item) else {
            return Err("expected an item by its id".to_owned());
        };
        let cell = |column: &FieldColumn| {
            let (field, value) = (&self.item.fields[column.at], &values[column.at]);
            let cell = encode(&field.ty, value, limits).and_then(|cell| column.check(cell));
            cell.map_err(|what| format!("item {id}: {}: {what}", field.name))
        };
        Ok(ItemRow { id: *id, cells: self.fields.iter().map(cell).collect::<Result<_, _>>()? })
    }

    /// The value of a property from its rows.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub(crate) fn decode(&self, rows: &[ItemRow]) -> Result<Value, String> {
        let entry = |row: &ItemRow| {
            let mut values: Vec<Value> = self.item.fields.iter().map(|field| field.default.clone()).collect();
            for (column, cell) in self.fields.iter().zip(&row.cells) {
                let field = &self.item.fields[column.at];
                let value =
                    decode(&field.ty, cell).map_err(|what| format!("item {}: {}: {what}", row.id, field.name))?;
                if let Some(value) = value {
                    values[column.at] = value;
                }
            }
            Ok((Value::Int(row.id), Value::List(values)))
        };
        rows.iter().map(entry).collect::<Result<_, String>>().map(Value::Map)
    }
}

impl FieldColumn {
    fn check(&self, cell: Cell) -> Result<Cell, String> {
        crate::value::at_least(self.least, &cell).map(|()| cell)
    }
}

struct Texts<'a> {
    table: &'a str,
    fields: &'a [FieldColumn],
}

impl Texts<'_> {
    fn columns<'s>(&'s self, first: &[&'s str]) -> Vec<Alias> {
        let fields = self.fields.iter().map(|field| field.name.as_str());
        first.iter().copied().chain(fields).map(Alias::new).collect()
    }

    fn listed(column: &str) -> Expr {
        Expr::col(Alias::new(column)).binary(BinOper::In, Expr::cust("(SELECT value FROM json_each(?1))"))
    }

    fn select(&self) -> Arc<str> {
        let mut select = Query::select();
        select.columns(self.columns(&[ITEM])).from(Alias::new(self.table));
        select.and_where(Expr::col(Alias::new(RECORD)).eq(Expr::cust("?1"))).order_by(Alias::new(ITEM), Order::Asc);
        select.to_string(SqliteQueryBuilder).into()
    }

    fn select_many(&self) -> Arc<str> {
        let mut select = Query::select();
        select.columns(self.columns(&[RECORD, ITEM])).from(Alias::new(self.table)).and_where(Self::listed(RECORD));
        select.to_string(SqliteQueryBuilder).into()
    }

    fn select_held(&self) -> Arc<str> {
        let mut select = Query::select();
        select.column(Alias::new(ITEM)).from(Alias::new(self.table)).and_where(Self::listed(ITEM));
        select.to_string(SqliteQueryBuilder).into()
    }

    fn delete(&self) -> Arc<str> {
        let mut delete = Query::delete();
        delete.from_table(Alias::new(self.table)).and_where(Self::listed(ITEM));
        delete.to_string(SqliteQueryBuilder).into()
    }
}
