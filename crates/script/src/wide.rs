//! Whole numbers of 64 bits in scripts, where Luau's own numbers end at 2^53: boxed, exact, with the usual operators.
//!
//! A wide number is one from -2^63 to 2^64 - 1; what leaves the range is an error and never wraps. Equal ones are one
//! and the same object, so that they can be keys of tables. Luau has integers of its own; they are without operators and
//! wrap, and do not tell signed from unsigned ones.

use mlua::{AnyUserData, Lua, MetaMethod, Table, UserData, UserDataMethods, Value as Luau};

/// Whole numbers of Luau beyond this are not told from their neighbours.
const EXACT: f64 = 9_007_199_254_740_992.0;

const LOW: i128 = i64::MIN as i128;
const HIGH: i128 = u64::MAX as i128;

/// The table of all living ones by their digits.
const INTERNED: &str = "kuafu wide";

#[derive(Clone, Copy, Debug)]
struct Wide(i128);

/// Prepares a machine.
pub(crate) fn install(lua: &Lua) -> mlua::Result<()> {
    let interned = lua.create_table()?;
    interned.set_metatable(Some(lua.create_table_from([("__mode", "v")])?))?;
    lua.set_named_registry_value(INTERNED, interned)
}

/// The object of a number.
pub(crate) fn interned(lua: &Lua, number: i128) -> mlua::Result<Luau> {
    let interned: Table = lua.named_registry_value(INTERNED)?;
    let key = lua.create_string(number.to_string())?;
    if let Luau::UserData(known) = interned.raw_get::<Luau>(&key)? {
        return Ok(Luau::UserData(known));
    }
    let made = lua.create_userdata(Wide(number))?;
    interned.raw_set(key, &made)?;
    Ok(Luau::UserData(made))
}

/// The number of an object, if it is one.
pub(crate) fn number_of(value: &AnyUserData) -> Option<i128> {
    value.borrow::<Wide>().ok().map(|wide| wide.0)
}

/// The whole number that a script gives: a wide one, one of Luau's own, or a text of digits.
pub(crate) fn of(value: &Luau) -> Result<i128, String> {
    let number = match value {
        Luau::UserData(object) => number_of(object),
        Luau::Integer(number) if number.unsigned_abs() <= EXACT as u64 => Some(i128::from(*number)),
        Luau::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT => Some(*number as i128),
        Luau::String(text) => text.to_str().ok().and_then(|text| text.parse().ok()),
        _ => None,
    };
    let number = number.filter(|number| (LOW..=HIGH).contains(number));
    number
        .ok_or_else(|| "a wide number is a whole one from -2^63 to 2^64 - 1: a number up to 2^53 or a text".to_owned())
}

/// A number within the range of a type as its bits.
pub(crate) fn bits(number: i128, signed: bool) -> Option<i64> {
    if signed { i64::try_from(number).ok() } else { u64::try_from(number).ok().map(u64::cast_signed) }
}

/// The number that bits of a type stand for.
pub(crate) fn of_bits(bits: i64, signed: bool) -> i128 {
    if signed { i128::from(bits) } else { i128::from(bits.cast_unsigned()) }
}

fn operand(value: &Luau) -> mlua::Result<i128> {
    match value {
        Luau::String(_) => Err(mlua::Error::runtime("a wide number does not count with a text")),
        value => of(value).map_err(mlua::Error::runtime),
    }
}

fn result(lua: &Lua, number: Option<i128>) -> mlua::Result<Luau> {
    match number.filter(|number| (LOW..=HIGH).contains(number)) {
        Some(number) => interned(lua, number),
        None => Err(mlua::Error::runtime("the result is no wide number: it lies outside -2^63 to 2^64 - 1")),
    }
}

fn nonzero(number: i128) -> mlua::Result<i128> {
    if number == 0 { Err(mlua::Error::runtime("a wide number was divided by zero")) } else { Ok(number) }
}

/// Rounded down, as Luau does.
fn floor_division(a: i128, b: i128) -> i128 {
    a.div_euclid(b) - i128::from(b < 0 && a.rem_euclid(b) != 0)
}

impl UserData for Wide {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        type Two = (Luau, Luau);
        methods
            .add_meta_function(MetaMethod::Add, |lua, (a, b): Two| result(lua, operand(&a)?.checked_add(operand(&b)?)));
        methods
            .add_meta_function(MetaMethod::Sub, |lua, (a, b): Two| result(lua, operand(&a)?.checked_sub(operand(&b)?)));
        methods
            .add_meta_function(MetaMethod::Mul, |lua, (a, b): Two| result(lua, operand(&a)?.checked_mul(operand(&b)?)));
        methods.add_meta_function(MetaMethod::IDiv, |lua, (a, b): Two| {
            result(lua, Some(floor_division(operand(&a)?, nonzero(operand(&b)?)?)))
        });
        methods.add_meta_function(MetaMethod::Mod, |lua, (a, b): Two| {
            let (a, b) = (operand(&a)?, nonzero(operand(&b)?)?);
            result(lua, Some(a - b * floor_division(a, b)))
        });
        methods.add_meta_function(MetaMethod::Div, |_, (a, b): Two| Ok(operand(&a)? as f64 / operand(&b)? as f64));
        methods.add_meta_function(MetaMethod::Unm, |lua, a: Luau| result(lua, operand(&a)?.checked_neg()));
        methods.add_meta_function(MetaMethod::Lt, |_, (a, b): Two| Ok(operand(&a)? < operand(&b)?));
        methods.add_meta_function(MetaMethod::Le, |_, (a, b): Two| Ok(operand(&a)? <= operand(&b)?));
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(this.0.to_string()));
        methods.add_method("number", |_, this, ()| {
            if this.0.unsigned_abs() > EXACT as u128 {
                return Err(mlua::Error::runtime(format!("{} is more than a number holds exactly", this.0)));
            }
            Ok(this.0 as f64)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_rounds_down_and_the_rest_has_the_divisors_sign() {
        for (a, b) in [(7, 2), (-7, 2), (7, -2), (-7, -2), (6, 3), (-6, 3), (6, -3)] {
            let expected = (a as f64 / b as f64).floor() as i128;
            assert_eq!(floor_division(a, b), expected, "{a} // {b}");
            let rest = a - b * expected;
            assert!(rest == 0 || (rest < 0) == (b < 0), "{a} % {b}");
        }
    }

    #[test]
    fn bits_keep_every_number_of_their_type() {
        for number in [0, 1, HIGH, 1 << 63] {
            assert_eq!(bits(number, false).map(|bits| of_bits(bits, false)), Some(number));
        }
        for number in [LOW, -1, i128::from(i64::MAX)] {
            assert_eq!(bits(number, true).map(|bits| of_bits(bits, true)), Some(number));
        }
        assert_eq!((bits(-1, false), bits(1 << 63, true)), (None, None));
    }
}
