//! Finding records in the model store.

use kuafu_contract::db::{FindBy, Found, Reply};
use kuafu_core::{Code, TypeNo};

use super::Model;

impl Model {
    pub(super) fn find_record(&self, ty: TypeNo, by: &FindBy) -> Result<Reply, Code> {
        if let FindBy::Property(no, _) = by {
            let property = self.definitions.get(ty).and_then(|ty| ty.property(*no));
            if !property.is_some_and(|property| property.persistent && (property.unique || property.indexed)) {
                return Err(Code::ArgumentInvalid);
            }
        }
        let fits = |(key, row): &(&super::Key, &super::Row)| match by {
            FindBy::Any => true,
            FindBy::Record(record) => key.1 == *record,
            FindBy::Property(no, value) => row.values.get(no) == Some(value),
        };
        let found = self.records.iter().filter(|(key, _)| key.0 == ty).find(fits);
        Ok(Reply::Found(found.map(|(key, _)| {
            let holder = self.owners.get(key).and_then(|owner| owner.holder);
            Found { record: key.1, owner: holder.filter(|holder| self.live.contains(holder)) }
        })))
    }
}
