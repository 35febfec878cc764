//! The data set of a project: all its tables, checked as one.
//!
//! A set is plain and never changes; a reload makes a new one. Copies share the tables.

use std::path::Path;
use std::sync::Arc;

use kuafu_core::Limits;
use kuafu_def::{Definitions, Problem};

use crate::draft::Draft;
use crate::files::Files;
use crate::table::Table;

/// All tables of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataSet {
    /// Sorted by name.
    pub(crate) tables: Vec<Arc<Table>>,
}

impl DataSet {
    /// Reads the tables in `dir` with the default limits. Tables of a query come without rows: see [`Draft`].
    ///
    /// # Errors
    /// Every problem of every file, sorted by place.
    pub fn load(dir: &Path, definitions: &Definitions) -> Result<Self, Vec<Problem>> {
        let limits = Limits::default();
        Self::from_files(Files::read(dir, &limits), definitions, &limits)
    }

    /// Reads the tables of some files. Tables of a query come without rows: see [`Draft`].
    ///
    /// # Errors
    /// Every problem of every file, sorted by place.
    pub fn from_files(files: Files, definitions: &Definitions, limits: &Limits) -> Result<Self, Vec<Problem>> {
        Draft::read(files, definitions, limits).finish()
    }

    /// The tables, sorted by name.
    pub fn tables(&self) -> impl ExactSizeIterator<Item = &Arc<Table>> {
        self.tables.iter()
    }

    /// The table of a name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.binary_search_by(|table| table.name.as_str().cmp(name)).ok().map(|at| &self.tables[at])
    }
}
