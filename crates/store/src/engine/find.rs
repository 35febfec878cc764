//! Finding a record by what is known of it, and its owner. A read: it sees what is committed.

use kuafu_contract::db::{FindBy, Found, Reply};
use kuafu_core::{Code, Incarnation, RecordId, Refusal, TypeNo};
use sqlx::{Row, SqliteConnection};

use crate::StoreReply;
use crate::engine::{Context, Fault};
use crate::schema::find::Known;
use crate::sql::{Cell, built, unsigned};
use crate::value::encode;

/// The record with the least id that fits, and who of the living owns it.
pub(super) async fn find_record(
    connection: &mut SqliteConnection,
    context: &Context,
    ty: TypeNo,
    by: &FindBy,
) -> Result<StoreReply, Fault> {
    let table = context.table(ty)?;
    let (known, cell) = match by {
        FindBy::Any => (Known::Nothing, None),
        FindBy::Record(record) => (Known::Record, Some(Cell::Int(i64::try_from(record.0).unwrap_or(i64::MAX)))),
        FindBy::Property(no, value) => {
            let column = table.position(*no).and_then(|at| table.columns.get(at));
            let column = column.ok_or_else(|| not_looked_up(&table.type_name))?;
            let cell = encode(&column.ty, value, &context.options.limits)
                .map_err(|why| Refusal::new(Code::ArgumentInvalid, format!("{}: {why}", column.property)))?;
            (Known::Property(*no), Some(cell))
        }
    };
    let text = table.find_text(known).ok_or_else(|| not_looked_up(&table.type_name))?;
    let statement = built(&text);
    let statement = match cell {
        None => statement,
        Some(Cell::Null) => statement.bind(None::<i64>),
        Some(Cell::Int(number)) => statement.bind(number),
        Some(Cell::Real(number)) => statement.bind(number),
        Some(Cell::Text(text)) => statement.bind(text.to_string()),
        Some(Cell::Blob(bytes)) => statement.bind(bytes.to_vec()),
    };
    let Some(row) = statement.fetch_optional(connection).await? else {
        return Ok(StoreReply::Entity(Reply::Found(None)));
    };
    let (record, holder): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    let holder = holder.and_then(|holder| u32::try_from(holder).ok()).map(Incarnation);
    let owner = holder.filter(|holder| context.live.has(*holder));
    Ok(StoreReply::Entity(Reply::Found(Some(Found { record: RecordId(unsigned(record)), owner }))))
}

fn not_looked_up(type_name: &str) -> Refusal {
    let text = format!("{type_name} is found by its record or by a persistent property that is unique or indexed");
    Refusal::new(Code::ArgumentInvalid, text)
}
