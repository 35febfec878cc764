//! Values by type: the value of a new property, and whether a value or a change fits.
//!
//! What comes from a script, a client or a peer is checked here before anybody keeps it. A check never changes the
//! value: a number that is out of range is refused, not clamped, and a whole number is not taken for a float. A
//! `float32` may come with more precision than it has; what is sent or saved of it is rounded.

use kuafu_core::{Change, Edit, EntityId, Limits, Quantity, Step, Value, change};

use crate::model::{Argument, EXACT_INT_MAX, EnumType, Field, Method, Property, StructType, Type};

/// The least and the greatest whole number of a type, ends included.
pub(crate) fn int_range(bits: u8, signed: bool, wide: bool) -> (i128, i128) {
    let exact = i128::from(EXACT_INT_MAX);
    match (signed, bits) {
        (true, 64) if !wide => (-exact, exact),
        (false, 64) if !wide => (0, exact),
        (true, bits) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        (false, bits) => (0, (1 << bits) - 1),
    }
}

/// What an `Int` of the type stands for: above 2^63 a `uint64` is stored as its bit pattern.
fn int_of(bits: u8, signed: bool, number: i64) -> i128 {
    if bits == 64 && !signed { i128::from(number.cast_unsigned()) } else { i128::from(number) }
}

/// Why a value does not fit, and where inside it.
struct Fault {
    path: String,
    what: String,
}

impl Fault {
    fn new(what: impl Into<String>) -> Self {
        Self { path: String::new(), what: what.into() }
    }

    fn within(self, step: &str) -> Self {
        Self { path: format!("{step}{}", self.path), ..self }
    }

    fn text(self) -> String {
        if self.path.is_empty() { self.what } else { format!("at {}: {}", self.path, self.what) }
    }
}

impl Type {
    /// What a new value holds: zero, nothing, or the defaults of the fields.
    #[must_use]
    pub fn default_value(&self) -> Value {
        match self {
            Self::Bool => Value::Bool(false),
            Self::Int { .. } | Self::Enum(_) => Value::Int(0),
            Self::Float32 | Self::Float64 => Value::Float(0.0),
            Self::Text => Value::text(""),
            Self::Bytes => Value::Bytes([].into()),
            Self::Vector(len) => Value::Vector(Quantity { len: *len, parts: [0.0; 4] }),
            Self::Entity(_) => Value::Entity(EntityId::NONE),
            Self::List(_) => Value::List(Vec::new()),
            Self::Map(..) => Value::Map(Vec::new()),
            Self::Struct(ty) => Value::List(ty.fields.iter().map(|field| field.default.clone()).collect()),
        }
    }

    /// Whether the value is one of this type and within the limits on depth, items and text.
    ///
    /// # Errors
    /// What was expected, what was found, and where: `at [3].name: expected string, found a bool`.
    pub fn check(&self, value: &Value, limits: &Limits) -> Result<(), String> {
        Checker { limits }.value(self, value, 0).map_err(Fault::text)
    }

    /// Whether the change's path leads into values of this type, and its value fits at the end. Whether the index is
    /// there and the key is known only the current value can tell ([`Change::apply`]).
    ///
    /// # Errors
    /// What was expected, what was found, and where.
    pub fn check_change(&self, change: &Change, limits: &Limits) -> Result<(), String> {
        if change.path.is_empty() && !matches!(change.edit, Edit::Set(_)) {
            return Err("an insert or remove needs a path".to_owned());
        }
        Checker { limits }.change(self, &change.path, &change.edit, 0).map_err(Fault::text)
    }
}

impl Property {
    /// Whether the property may hold the value: its type, limits, `min`, `max` and `max_length`.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn check(&self, value: &Value, limits: &Limits) -> Result<(), String> {
        self.ty.check(value, limits)?;
        check_bounds(&self.ty, value, self.min, self.max, self.max_length)
    }

    /// Whether the change fits the property: as [`Type::check_change`], and the bounds of the property for a change
    /// that replaces it whole or adds to it.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn check_change(&self, change: &Change, limits: &Limits) -> Result<(), String> {
        self.ty.check_change(change, limits)?;
        match (change.path.as_slice(), &change.edit) {
            ([], Edit::Set(value)) => check_bounds(&self.ty, value, self.min, self.max, self.max_length),
            ([Step::Index(index)], Edit::Set(_) | Edit::Insert(_)) if matches!(self.ty, Type::List(_)) => {
                check_length(u64::from(*index) + 1, self.max_length)
            }
            _ => Ok(()),
        }
    }
}

impl Argument {
    /// Whether the argument may be the value: its type, limits, `min`, `max` and `max_length`.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn check(&self, value: &Value, limits: &Limits) -> Result<(), String> {
        self.ty.check(value, limits)?;
        check_bounds(&self.ty, value, self.min, self.max, self.max_length)
    }
}

impl Method {
    /// Adds the defaults of the last arguments to what a caller gave, when it gave fewer. What is still missing then
    /// has no default.
    pub fn fill_in(&self, given: &mut Vec<Value>) {
        let missing = self.arguments.iter().skip(given.len());
        given.extend(missing.map_while(|argument| argument.default.clone()));
    }

    /// How many arguments a caller must give at least.
    #[must_use]
    pub fn arguments_min(&self) -> usize {
        self.arguments.iter().take_while(|argument| argument.default.is_none()).count()
    }
}

/// Holds a value that fits its type against the bounds of a property or argument.
pub fn check_bounds(
    ty: &Type,
    value: &Value,
    min: Option<f64>,
    max: Option<f64>,
    max_length: Option<u32>,
) -> Result<(), String> {
    match (ty, value) {
        (Type::Int { bits, signed, .. }, Value::Int(number)) => {
            let number = int_of(*bits, *signed, *number);
            check_least(min, number < whole(min.unwrap_or_default().ceil()), number)?;
            check_greatest(max, number > whole(max.unwrap_or_default().floor()), number)
        }
        (_, Value::Float(number)) => {
            check_least(min, min.is_some_and(|min| *number < min), number)?;
            check_greatest(max, max.is_some_and(|max| *number > max), number)
        }
        (_, Value::Text(text)) => check_length(text.chars().count() as u64, max_length),
        (_, Value::Bytes(bytes)) => check_length(bytes.len() as u64, max_length),
        (Type::List(_), Value::List(items)) => check_length(items.len() as u64, max_length),
        (_, Value::Map(entries)) => check_length(entries.len() as u64, max_length),
        _ => Ok(()),
    }
}

/// A bound as a whole number; the conversion saturates, so that a bound beyond all numbers stays one.
fn whole(bound: f64) -> i128 {
    bound as i128
}

fn check_least(min: Option<f64>, below: bool, found: impl std::fmt::Display) -> Result<(), String> {
    match min {
        Some(min) if below => Err(format!("expected at least {min}, found {found}")),
        _ => Ok(()),
    }
}

fn check_greatest(max: Option<f64>, above: bool, found: impl std::fmt::Display) -> Result<(), String> {
    match max {
        Some(max) if above => Err(format!("expected at most {max}, found {found}")),
        _ => Ok(()),
    }
}

fn check_length(length: u64, max: Option<u32>) -> Result<(), String> {
    match max {
        Some(max) if length > u64::from(max) => Err(format!("expected a length of at most {max}, found {length}")),
        _ => Ok(()),
    }
}

struct Checker<'a> {
    limits: &'a Limits,
}

impl Checker<'_> {
    /// `depth` counts the containers around the value.
    fn value(&self, ty: &Type, value: &Value, depth: u32) -> Result<(), Fault> {
        match (ty, value) {
            (Type::Bool, Value::Bool(_)) => Ok(()),
            (Type::Int { bits, signed, wide }, Value::Int(number)) => check_int(*bits, *signed, *wide, *number),
            (Type::Float32, Value::Float(number)) if !(*number as f32).is_finite() => {
                Err(Fault::new(format!("expected a finite float32, found {number}")))
            }
            (Type::Float64, Value::Float(number)) if !number.is_finite() => {
                Err(Fault::new(format!("expected a finite float64, found {number}")))
            }
            (Type::Float32 | Type::Float64, Value::Float(_)) => Ok(()),
            (Type::Text, Value::Text(text)) => self.text(text.len()),
            (Type::Bytes, Value::Bytes(bytes)) => self.text(bytes.len()),
            (Type::Vector(len), Value::Vector(vector)) => check_vector(*len, vector),
            (Type::Entity(_), Value::Entity(id)) => check_entity(*id),
            (Type::Enum(ty), Value::Int(index)) => check_enum(ty, *index),
            (Type::List(item), Value::List(items)) => self.list(item, items, depth),
            (Type::Map(key, item), Value::Map(entries)) => self.map(key, item, entries, depth),
            (Type::Struct(ty), Value::List(fields)) => self.fields(ty, fields, depth),
            (ty, value) => Err(Fault::new(format!("expected {ty}, found {}", value.kind()))),
        }
    }

    fn text(&self, bytes: usize) -> Result<(), Fault> {
        let max = self.limits.text_bytes_max as usize;
        if bytes > max { Err(Fault::new(format!("expected at most {max} bytes, found {bytes}"))) } else { Ok(()) }
    }

    fn items(&self, count: usize) -> Result<(), Fault> {
        let max = self.limits.container_items_max as usize;
        if count > max { Err(Fault::new(format!("expected at most {max} items, found {count}"))) } else { Ok(()) }
    }

    fn deeper(&self, depth: u32) -> Result<u32, Fault> {
        let max = self.limits.value_depth_max;
        if depth >= max {
            Err(Fault::new(format!("expected at most {max} levels of containers")))
        } else {
            Ok(depth + 1)
        }
    }

    fn list(&self, item: &Type, items: &[Value], depth: u32) -> Result<(), Fault> {
        let depth = self.deeper(depth)?;
        self.items(items.len())?;
        for (at, value) in items.iter().enumerate() {
            self.value(item, value, depth).map_err(|fault| fault.within(&format!("[{at}]")))?;
        }
        Ok(())
    }

    fn map(&self, key: &Type, item: &Type, entries: &[(Value, Value)], depth: u32) -> Result<(), Fault> {
        let depth = self.deeper(depth)?;
        self.items(entries.len())?;
        for (k, v) in entries {
            self.value(key, k, depth).map_err(|fault| fault.within("[key]"))?;
            self.value(item, v, depth).map_err(|fault| fault.within(&key_step(k)))?;
        }
        if entries.windows(2).all(|pair| change::order(&pair[0].0, &pair[1].0).is_lt()) {
            Ok(())
        } else {
            Err(Fault::new("expected the entries sorted by key, every key once"))
        }
    }

    fn fields(&self, ty: &StructType, fields: &[Value], depth: u32) -> Result<(), Fault> {
        let depth = self.deeper(depth)?;
        if fields.len() != ty.fields.len() {
            let (expected, found) = (ty.fields.len(), fields.len());
            return Err(Fault::new(format!("expected the {expected} fields of {}, found {found}", ty.name)));
        }
        for (field, value) in ty.fields.iter().zip(fields) {
            let fits = self.value(&field.ty, value, depth).and_then(|()| check_field(field, value));
            fits.map_err(|fault| fault.within(&format!(".{}", field.name)))?;
        }
        Ok(())
    }

    fn change(&self, ty: &Type, path: &[Step], edit: &Edit, depth: u32) -> Result<(), Fault> {
        let Some((step, rest)) = path.split_first() else {
            return match edit {
                Edit::Set(value) | Edit::Insert(value) => self.value(ty, value, depth),
                Edit::Remove => Ok(()),
            };
        };
        let depth = self.deeper(depth)?;
        let last = rest.is_empty();
        let (inner, name) = match (ty, step) {
            (Type::List(item), Step::Index(index)) => {
                self.items((*index as usize).saturating_add(1))?;
                (item.as_ref(), format!("[{index}]"))
            }
            (Type::Map(key, item), Step::Key(at)) if !(last && matches!(edit, Edit::Insert(_))) => {
                self.value(key, at, depth).map_err(|fault| fault.within("[key]"))?;
                (item.as_ref(), key_step(at))
            }
            (Type::Struct(ty), Step::Field(no)) if !last || matches!(edit, Edit::Set(_)) => {
                let field = ty.fields.get(usize::from(*no));
                let field = field.ok_or_else(|| Fault::new(format!("{} has no field number {no}", ty.name)))?;
                check_field_change(field, rest, edit).map_err(|fault| fault.within(&format!(".{}", field.name)))?;
                (&field.ty, format!(".{}", field.name))
            }
            (ty, step) => return Err(no_such_edit(ty, step, edit, last)),
        };
        self.change(inner, rest, edit, depth).map_err(|fault| fault.within(&name))
    }
}

fn check_field(field: &Field, value: &Value) -> Result<(), Fault> {
    check_bounds(&field.ty, value, field.min, field.max, field.max_length).map_err(Fault::new)
}

/// The bounds of a field for a change that replaces it whole or adds to it; a value of another type is told elsewhere.
fn check_field_change(field: &Field, rest: &[Step], edit: &Edit) -> Result<(), Fault> {
    match (rest, edit) {
        ([], Edit::Set(value)) => check_field(field, value),
        ([Step::Index(index)], Edit::Set(_) | Edit::Insert(_)) if matches!(field.ty, Type::List(_)) => {
            check_length(u64::from(*index) + 1, field.max_length).map_err(Fault::new)
        }
        _ => Ok(()),
    }
}

fn no_such_edit(ty: &Type, step: &Step, edit: &Edit, last: bool) -> Fault {
    let step = match step {
        Step::Index(_) => "an index",
        Step::Field(_) => "a field",
        Step::Key(_) => "a key",
    };
    let what = match edit {
        Edit::Insert(_) if last => "nothing can be inserted",
        Edit::Remove if last => "nothing can be removed",
        _ => "the path cannot go on",
    };
    Fault::new(format!("{what} at {step} of {ty}"))
}

fn key_step(key: &Value) -> String {
    match key {
        Value::Text(text) => format!("[{:?}]", crate::type_text::shown(text)),
        Value::Int(number) => format!("[{number}]"),
        Value::Bool(flag) => format!("[{flag}]"),
        Value::Entity(id) => format!("[entity {id}]"),
        other => format!("[{}]", other.kind()),
    }
}

fn check_int(bits: u8, signed: bool, wide: bool, number: i64) -> Result<(), Fault> {
    let (least, greatest) = int_range(bits, signed, wide);
    let number = int_of(bits, signed, number);
    if (least..=greatest).contains(&number) {
        return Ok(());
    }
    let ty = Type::Int { bits, signed, wide };
    Err(Fault::new(format!("expected {ty} from {least} to {greatest}, found {number}")))
}

fn check_vector(len: u8, vector: &Quantity) -> Result<(), Fault> {
    if vector.len != len {
        return Err(Fault::new(format!("expected vec{len}, found vec{}", vector.len)));
    }
    let (used, unused) = vector.parts.split_at(usize::from(len.min(4)));
    if !used.iter().all(|part| part.is_finite()) {
        return Err(Fault::new(format!("expected a vec{len} of finite numbers, found {used:?}")));
    }
    if unused.iter().any(|part| *part != 0.0) {
        return Err(Fault::new(format!("expected zero in the unused parts of a vec{len}")));
    }
    Ok(())
}

fn check_entity(id: EntityId) -> Result<(), Fault> {
    if id.0 < EXACT_INT_MAX.cast_unsigned() {
        Ok(())
    } else {
        Err(Fault::new(format!("expected an entity below 2^53, found {id}")))
    }
}

fn check_enum(ty: &EnumType, index: i64) -> Result<(), Fault> {
    if usize::try_from(index).is_ok_and(|index| index < ty.variants.len()) {
        return Ok(());
    }
    let count = ty.variants.len();
    Err(Fault::new(format!("expected {} from 0 to {}, found {index}", ty.name, count.saturating_sub(1))))
}
