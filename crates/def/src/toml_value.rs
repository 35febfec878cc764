//! Values of TOML files as numbers and as JSON, for the readers of definitions and of data tables.

use serde_json::Value as Json;
use toml::de::{DeInteger, DeValue};

/// A whole number of any base, when 128 bits hold it.
#[must_use]
pub fn whole(number: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A finite number.
#[must_use]
pub fn number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(number) => whole(number)? as f64,
        DeValue::Float(number) => number.as_str().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A value as JSON. That has no dates, no infinities and no long numbers: they become texts, which the type that is to
/// read them refuses or understands.
#[must_use]
pub fn json(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Integer(number) => match whole(number) {
            Some(number) => i64::try_from(number).map_or_else(|_| Json::from(number.to_string()), Json::from),
            None => Json::from(number.as_str()),
        },
        DeValue::Float(text) => number(value).map_or_else(|| Json::from(text.as_str()), Json::from),
        DeValue::Boolean(flag) => Json::Bool(*flag),
        DeValue::Datetime(date) => Json::from(date.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(entries) => {
            Json::Object(entries.iter().map(|(key, item)| (key.get_ref().to_string(), json(item.get_ref()))).collect())
        }
    }
}
