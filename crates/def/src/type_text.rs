//! Types as text: `list<Item>`, `int64 wide`, `map<string, vec3>`; parsing and display are each other's inverse.
//!
//! The parser bounds depth and size, because a type text comes from files and from servers: whoever walks a parsed
//! type may recurse without a thought.

use std::fmt;
use std::sync::Arc;

use crate::model::{EnumType, StructType, TYPE_DEPTH_MAX, TYPE_SIZE_MAX, Type};
use crate::names;

/// The built-in types that stand alone in a type text.
pub(crate) const BUILT_IN: [&str; 17] = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "string",
    "bytes", "vec2", "vec3", "vec4", "entity",
];

/// The built-in types that take others. `items` is one only as the whole type of a property.
pub(crate) const CONTAINERS: [&str; 3] = ["list", "map", "items"];

/// A text that is no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeTextError {
    /// Nothing of this name is known.
    #[error("there is no type `{name}`")]
    Unknown {
        /// What was written.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// The name is declared, but its declaration is wrong, which is a problem of its own.
    #[error("the declaration of `{0}` has a problem")]
    Broken(String),
    /// The text breaks off or goes on in a way that no type does.
    #[error("found {found} where {expected} was expected")]
    Syntax {
        /// What stands there.
        found: String,
        /// What could stand there.
        expected: &'static str,
    },
    /// A type that cannot be the key of a map.
    #[error("`{0}` cannot be the key of a map")]
    NotAKey(String),
    /// `wide` after a type that is not `int64` or `uint64`.
    #[error("`{0}` cannot be wide")]
    NotWide(String),
    /// `items<…>` inside a type, or where no property is.
    #[error("`items` stands where it cannot")]
    Items,
    /// More than [`TYPE_DEPTH_MAX`] levels.
    #[error("the type is nested more than {TYPE_DEPTH_MAX} levels deep")]
    TooDeep,
    /// More than [`TYPE_SIZE_MAX`] parts.
    #[error("the type has more than {TYPE_SIZE_MAX} parts when its structs are written out")]
    TooLarge,
}

impl TypeTextError {
    /// What would be right.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Unknown { nearest: Some(name), .. } => format!("did you mean `{name}`?"),
            Self::Unknown { .. } => format!(
                "the built-in types are {}, list<T>, map<K, V>, and items<T> and entity<type>; structs, enums and aliases are declared in types.toml",
                BUILT_IN.join(", ")
            ),
            Self::Broken(_) => "correct the declaration".to_owned(),
            Self::Syntax { .. } => "types look like `int32`, `int64 wide`, `list<T>` or `map<K, V>`".to_owned(),
            Self::NotAKey(_) => "keys are whole numbers, string, bool, entity or enums".to_owned(),
            Self::NotWide(_) => "only int64 and uint64 have a wide form; take `wide` away".to_owned(),
            Self::Items => "`items<Struct>` can only be the whole type of a property; use map<uint64, T>".to_owned(),
            Self::TooDeep | Self::TooLarge => "make the type flatter, or split the property".to_owned(),
        }
    }
}

/// What a parser of type texts asks for the names that are not built in.
pub(crate) trait Names {
    /// The type of a declared name.
    fn find(&mut self, name: &str) -> Found;

    /// Takes note of an entity type that a reference names.
    fn refer(&mut self, _name: &str) {}

    /// Every declared name, to guess what was meant.
    fn all(&self) -> Vec<String>;
}

/// What is known of a name.
pub(crate) enum Found {
    Type(Type),
    Broken,
    Unknown,
}

impl Type {
    /// Reads a type text, with the structs and enums it may name.
    ///
    /// # Errors
    /// [`TypeTextError`] when the text is no type, names something unknown, or is too deep or too large.
    pub fn parse(text: &str, structs: &[Arc<StructType>], enums: &[Arc<EnumType>]) -> Result<Self, TypeTextError> {
        parse_type(text, &mut Declared { structs, enums })
    }

    /// Levels and parts, as [`TYPE_DEPTH_MAX`] and [`TYPE_SIZE_MAX`] count them.
    pub(crate) fn measure(&self) -> (usize, usize) {
        let inner = match self {
            Self::List(item) => item.measure(),
            Self::Map(key, value) => together([key.measure(), value.measure()]),
            Self::Struct(ty) => together(ty.fields.iter().map(|field| field.ty.measure())),
            _ => (0, 0),
        };
        (inner.0 + 1, inner.1.saturating_add(1))
    }

    /// Refuses a type that is too deep or too large.
    pub(crate) fn bounded(self) -> Result<Self, TypeTextError> {
        match self.measure() {
            (depth, _) if depth > TYPE_DEPTH_MAX => Err(TypeTextError::TooDeep),
            (_, size) if size > TYPE_SIZE_MAX => Err(TypeTextError::TooLarge),
            _ => Ok(self),
        }
    }

    /// Whether values of the type can be keys of a map.
    pub(crate) fn can_be_key(&self) -> bool {
        matches!(self, Self::Bool | Self::Int { .. } | Self::Text | Self::Entity(_) | Self::Enum(_))
    }
}

fn together(inner: impl IntoIterator<Item = (usize, usize)>) -> (usize, usize) {
    inner.into_iter().fold((0, 0), |sum, one| (sum.0.max(one.0), sum.1.saturating_add(one.1)))
}

/// Reads a type text; names that are not built in come from `names`.
pub(crate) fn parse_type(text: &str, names: &mut dyn Names) -> Result<Type, TypeTextError> {
    let mut parser = Parser { rest: text.trim(), names };
    let ty = parser.ty(TYPE_DEPTH_MAX)?;
    if parser.rest.is_empty() { ty.bounded() } else { Err(parser.unexpected("the end of the type")) }
}

struct Declared<'a> {
    structs: &'a [Arc<StructType>],
    enums: &'a [Arc<EnumType>],
}

impl Names for Declared<'_> {
    fn find(&mut self, name: &str) -> Found {
        let of_struct = self.structs.iter().find(|ty| ty.name == name).map(|ty| Type::Struct(Arc::clone(ty)));
        let of_enum = || self.enums.iter().find(|ty| ty.name == name).map(|ty| Type::Enum(Arc::clone(ty)));
        of_struct.or_else(of_enum).map_or(Found::Unknown, Found::Type)
    }

    fn all(&self) -> Vec<String> {
        self.structs.iter().map(|ty| ty.name.clone()).chain(self.enums.iter().map(|ty| ty.name.clone())).collect()
    }
}

struct Parser<'a> {
    rest: &'a str,
    names: &'a mut dyn Names,
}

impl<'a> Parser<'a> {
    fn ty(&mut self, levels: usize) -> Result<Type, TypeTextError> {
        let levels = levels.checked_sub(1).ok_or(TypeTextError::TooDeep)?;
        let word = self.word().ok_or_else(|| self.unexpected("a type"))?;
        match word {
            "list" => {
                self.sign('<', "`<`")?;
                let item = self.ty(levels)?;
                self.sign('>', "`>`")?;
                Ok(Type::List(Arc::new(item)))
            }
            "map" => {
                self.sign('<', "`<`")?;
                let key = self.ty(levels)?;
                self.sign(',', "`,`")?;
                let value = self.ty(levels)?;
                self.sign('>', "`>`")?;
                if key.can_be_key() {
                    Ok(Type::Map(Arc::new(key), Arc::new(value)))
                } else {
                    Err(TypeTextError::NotAKey(key.to_string()))
                }
            }
            "entity" if self.rest.starts_with('<') => {
                self.sign('<', "`<`")?;
                let name = self.word().ok_or_else(|| self.unexpected("an entity type"))?;
                self.sign('>', "`>`")?;
                self.names.refer(name);
                Ok(Type::Entity(Some(name.into())))
            }
            "items" => Err(TypeTextError::Items),
            word => self.named(word),
        }
    }

    fn named(&mut self, word: &str) -> Result<Type, TypeTextError> {
        let ty = match built_in(word) {
            Some(ty) => ty,
            None => self.declared(word)?,
        };
        if !self.rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Ok(ty);
        }
        match (self.word(), ty) {
            (Some("wide"), ty) => widened(ty).map_err(|ty| TypeTextError::NotWide(ty.to_string())),
            (other, _) => Err(TypeTextError::Syntax {
                found: format!("`{}`", shown(other.unwrap_or_default())),
                expected: "`wide` or the end of the type",
            }),
        }
    }

    fn declared(&mut self, word: &str) -> Result<Type, TypeTextError> {
        match self.names.find(word) {
            Found::Type(ty) => Ok(ty),
            Found::Broken => Err(TypeTextError::Broken(word.to_owned())),
            Found::Unknown => {
                let declared = self.names.all();
                let known = BUILT_IN.into_iter().chain(CONTAINERS).chain(declared.iter().map(String::as_str));
                let nearest = names::nearest(word, known).map(str::to_owned);
                Err(TypeTextError::Unknown { name: shown(word), nearest })
            }
        }
    }

    fn word(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        (!word.is_empty()).then_some(word)
    }

    fn sign(&mut self, sign: char, expected: &'static str) -> Result<(), TypeTextError> {
        let rest = self.rest.strip_prefix(sign).ok_or_else(|| self.unexpected(expected))?;
        self.rest = rest.trim_start();
        Ok(())
    }

    fn unexpected(&self, expected: &'static str) -> TypeTextError {
        let found = match self.rest {
            "" => "the end".to_owned(),
            rest => format!("`{}`", shown(rest)),
        };
        TypeTextError::Syntax { found, expected }
    }
}

/// The beginning of a text, short enough for a message.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_LENGTH_MAX: usize = 40;
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(SHOWN_LENGTH_MAX).collect();
    if chars.next().is_some() { head + "…" } else { head }
}

fn built_in(word: &str) -> Option<Type> {
    let int = |bits, signed| Some(Type::Int { bits, signed, wide: false });
    match word {
        "bool" => Some(Type::Bool),
        "int8" => int(8, true),
        "int16" => int(16, true),
        "int32" => int(32, true),
        "int64" => int(64, true),
        "uint8" => int(8, false),
        "uint16" => int(16, false),
        "uint32" => int(32, false),
        "uint64" => int(64, false),
        "float32" => Some(Type::Float32),
        "float64" => Some(Type::Float64),
        "string" => Some(Type::Text),
        "bytes" => Some(Type::Bytes),
        "vec2" => Some(Type::Vector(2)),
        "vec3" => Some(Type::Vector(3)),
        "vec4" => Some(Type::Vector(4)),
        "entity" => Some(Type::Entity(None)),
        _ => None,
    }
}

/// The wide form of a 64-bit integer type; any other type comes back as the error.
pub(crate) fn widened(ty: Type) -> Result<Type, Type> {
    match ty {
        Type::Int { bits: 64, signed, .. } => Ok(Type::Int { bits: 64, signed, wide: true }),
        other => Err(other),
    }
}

/// The text of a type without the entity types of its references: what they are on the wire.
pub(crate) struct OnTheWire<'a>(pub(crate) &'a Type);

impl fmt::Display for OnTheWire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Type::Entity(_) => f.write_str("entity"),
            Type::List(item) => write!(f, "list<{}>", Self(item)),
            Type::Map(key, value) => write!(f, "map<{}, {}>", Self(key), Self(value)),
            ty => ty.fmt(f),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int { bits, signed, wide } => {
                write!(f, "{}int{bits}{}", if *signed { "" } else { "u" }, if *wide { " wide" } else { "" })
            }
            Self::Float32 => f.write_str("float32"),
            Self::Float64 => f.write_str("float64"),
            Self::Text => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Vector(len) => write!(f, "vec{len}"),
            Self::Entity(None) => f.write_str("entity"),
            Self::Entity(Some(name)) => write!(f, "entity<{name}>"),
            Self::List(item) => write!(f, "list<{item}>"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Self::Struct(ty) => f.write_str(&ty.name),
            Self::Enum(ty) => f.write_str(&ty.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_text_is_the_display_of_what_it_parses_to() {
        let texts = [
            "entity<thing>",
            "list<map<entity<a>, int8>>",
            "int64 wide",
            "list<uint64 wide>",
            "map<string, list<map<int8, vec3>>>",
            "entity",
            "bytes",
        ];
        for text in BUILT_IN.into_iter().chain(texts) {
            assert_eq!(Type::parse(text, &[], &[]).map(|ty| ty.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Type::parse(" map< uint8 ,string > ", &[], &[]), Type::parse("map<uint8, string>", &[], &[]));
    }

    #[test]
    fn on_the_wire_a_typed_reference_is_an_entity() {
        let ty = Type::parse("map<entity<a>, list<entity<b>>>", &[], &[]).expect("a type");
        assert_eq!(OnTheWire(&ty).to_string(), "map<entity, list<entity>>");
    }

    #[test]
    fn what_is_no_type_is_told_apart() {
        let error = |text: &str| Type::parse(text, &[], &[]).expect_err(text).to_string();
        assert_eq!(error(""), "found the end where a type was expected");
        assert_eq!(error("list<int8"), "found the end where `>` was expected");
        assert_eq!(error("map<int8>"), "found `>` where `,` was expected");
        assert_eq!(error("int32 wide"), "`int32` cannot be wide");
        assert_eq!(error("int64 broad"), "found `broad` where `wide` or the end of the type was expected");
        assert_eq!(error("map<float32, bool>"), "`float32` cannot be the key of a map");
        assert_eq!(error("bool>"), "found `>` where the end of the type was expected");
        assert_eq!(error("list<items<int8>>"), "`items` stands where it cannot");
        assert_eq!(error("entity<>"), "found `>` where an entity type was expected");
        assert_eq!(error("entity<list<int8>>"), "found `<int8>>` where `>` was expected");
        assert_eq!(error("strnig"), "there is no type `strnig`");
        assert_eq!(Type::parse("strnig", &[], &[]).expect_err("unknown").help(), "did you mean `string`?");
        assert_eq!(Type::parse(&"list<".repeat(100_000), &[], &[]), Err(TypeTextError::TooDeep));
    }
}
