//! Data tables: what designers write in files, checked against schemas and definitions.
//!
//! A table is a schema `data/NAME.toml` with its rows beside it, in `NAME.csv` or `NAME.json`, or a query that a
//! database answers. [`DataSet::load`] reads all of a project and checks them as one set, every problem with file,
//! line and column; a [`DataSet`] never changes, is cheap to share, and travels as bytes. Reading the files is the
//! only I/O here: who runs a query hands its rows to a [`Draft`]. Nothing here knows of roles, SQL or scripts.
//!
//! ```
//! use kuafu_core::Limits;
//! use kuafu_def::Definitions;
//! use kuafu_tables::{DataSet, Files};
//!
//! let files = Files::in_memory("data", [
//!     ("monsters.toml", "key = \"id\"\n[columns]\nid = \"uint32\"\nhp = { type = \"int32\", min = 1 }\n"),
//!     ("monsters.csv", "id,hp\n12,40\n7,3\n"),
//! ]);
//! let set = DataSet::from_files(files, &Definitions::default(), &Limits::default()).expect("no problems");
//! let monsters = set.table("monsters").expect("a table");
//! assert_eq!(monsters.row(12).and_then(|row| row.int("hp")), Some(40));
//! assert_eq!(monsters.rows().filter_map(|row| row.int("id")).collect::<Vec<_>>(), [12, 7]);
//! ```

mod bytes;
mod check;
mod column;
mod diff;
mod draft;
mod entries;
mod files;
mod fuzz;
mod read;
mod report;
mod schema;
mod set;
mod table;

pub use bytes::BytesError;
pub use column::{Cell, Cells, Column, Texts};
pub use diff::{Difference, Kind, TableDifference};
pub use draft::{Draft, NotAQuery};
pub use files::{Files, TABLES_MAX};
pub use fuzz::fuzz;
pub use kuafu_def::Problem;
pub use read::query::{Query, QueryCell, QueryRows};
pub use schema::{COLUMNS_MAX, SCHEMA_BYTES_MAX};
pub use set::DataSet;
pub use table::{Key, Row, Table};
