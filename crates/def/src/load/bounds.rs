//! Bounds of numbers and lengths: of properties, arguments and fields; and the default that lies within them.

use kuafu_core::Value;

use super::table::{At, Table};
use crate::check::{check_bounds, int_range};
use crate::model::Type;

/// The bounds of a property, argument or field; those that make no sense for the type are reported.
#[derive(Clone, Copy, Default)]
pub(super) struct Bounds {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) max_length: Option<u32>,
}

impl Bounds {
    pub(super) fn read(table: &Table<'_>, ty: &Type) -> Self {
        let (min, max, max_length) = (table.number("min"), table.number("max"), table.count("max_length"));
        for (key, bound) in [("min", min), ("max", max)] {
            let Some(At { value, spot }) = bound else { continue };
            match ty {
                Type::Int { bits, signed, wide } => {
                    let (least, greatest) = int_range(*bits, *signed, *wide);
                    if value < least as f64 || value > greatest as f64 {
                        let help = format!("a {ty} goes from {least} to {greatest}");
                        spot.report("bounds", format!("`{key}` is {value}, which no {ty} can be"), help);
                    }
                }
                Type::Float32 | Type::Float64 => {}
                ty => {
                    spot.report("bounds", format!("`{key}` has no meaning for {ty}"), "only numbers have min and max")
                }
            }
        }
        if let (Some(min), Some(max)) = (min, max)
            && min.value > max.value
        {
            max.spot.report(
                "bounds",
                format!("`max` is {}, below `min`, {}", max.value, min.value),
                "exchange the two",
            );
        }
        let has_length = matches!(ty, Type::Text | Type::Bytes | Type::List(_) | Type::Map(..));
        if let Some(At { spot, .. }) = max_length
            && !has_length
        {
            let help = "string, bytes, list and map have a max_length";
            spot.report("bounds", format!("`max_length` has no meaning for {ty}"), help);
        }
        Self { min: min.map(|at| at.value), max: max.map(|at| at.value), max_length: max_length.map(|at| at.value) }
    }

    /// Reports a default that is out of bounds, unless nothing is within them.
    pub(super) fn check_default(&self, table: &Table<'_>, ty: &Type, default: &Value) {
        if self.min.is_some_and(|min| self.max.is_some_and(|max| min > max)) {
            return;
        }
        if let Err(error) = check_bounds(ty, default, self.min, self.max, self.max_length) {
            let message = format!("the default is out of bounds: {error}");
            table.spot_of("default").report("default", message, "write a default within min, max and max_length");
        }
    }

    /// The default of the type, moved to where the bounds allow it.
    pub(super) fn nearest_to_zero(&self, ty: &Type) -> Value {
        let least = self.min.unwrap_or(f64::MIN).max(0.0);
        let nearest = self.max.map_or(least, |max| if max < least { max } else { least });
        match ty {
            // A whole number beyond 2^63 is a bit pattern, see `Value`.
            Type::Int { .. } if nearest >= 0.0 => Value::Int((nearest.ceil() as u64).cast_signed()),
            Type::Int { .. } => Value::Int(nearest.floor() as i64),
            Type::Float32 | Type::Float64 => Value::Float(nearest),
            ty => ty.default_value(),
        }
    }
}
