//! Luau as a tree: what the checks look at.
//!
//! The parser is our own because it must survive anything: its depth is bounded by [`DEPTH_MAX`], it goes on after an
//! error at the next top-level statement, and it resolves names while it reads, so that a local is a number. Texts are
//! borrowed from the source. Nothing here knows of entities or definitions.

mod escape;
mod expression;
mod lexer;
mod parser;
mod statement;
mod types;
pub(crate) mod visit;

use std::borrow::Cow;

pub(crate) use parser::{parse, parse_type};

/// Levels of nesting of a script: blocks, brackets, operators and types together. Deeper is a problem.
pub(crate) const DEPTH_MAX: u32 = 250;

/// A place in a source: bytes `start..end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }
}

/// A name and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub(crate) text: &'a str,
    pub(crate) span: Span,
}

/// A local variable, by its place in [`Tree::locals`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LocalNo(pub(crate) u32);

/// A function, by the order in which they begin; 0 is the script itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FunctionNo(pub(crate) u32);

impl FunctionNo {
    /// What runs when the script is loaded.
    pub(crate) const SCRIPT: Self = Self(0);
}

/// A local variable or parameter.
#[derive(Clone, Debug)]
pub(crate) struct Local<'a> {
    pub(crate) name: Name<'a>,
    /// The function that declares it.
    pub(crate) function: FunctionNo,
    /// Assignments after its declaration.
    pub(crate) writes: u32,
    pub(crate) annotation: Option<TypeText<'a>>,
}

/// A whole script.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) body: Block<'a>,
    pub(crate) locals: Vec<Local<'a>>,
    /// The function around each function; the script's own is itself.
    pub(crate) around: Vec<FunctionNo>,
    /// Names of types that the script declares.
    pub(crate) types: Vec<&'a str>,
    pub(crate) errors: Vec<SyntaxError>,
}

impl<'a> Tree<'a> {
    pub(crate) fn local(&self, no: LocalNo) -> &Local<'a> {
        &self.locals[no.0 as usize]
    }
}

/// What is no Luau.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) span: Span,
    pub(crate) too_deep: bool,
    pub(crate) message: String,
    pub(crate) help: String,
}

#[derive(Debug, Default)]
pub(crate) struct Block<'a> {
    pub(crate) statements: Vec<Statement<'a>>,
}

#[derive(Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) span: Span,
    pub(crate) kind: StatementKind<'a>,
}

#[derive(Debug)]
pub(crate) enum StatementKind<'a> {
    /// `local a, b = …`
    Local(Vec<LocalNo>, Vec<Expression<'a>>),
    /// `local function f`
    LocalFunction(LocalNo, Box<Function<'a>>),
    /// `function a.b:c`
    Function(Box<Expression<'a>>, Box<Function<'a>>),
    Assign(Vec<Expression<'a>>, Vec<Expression<'a>>),
    /// `a += b`
    Compound(Operator, Box<Expression<'a>>, Box<Expression<'a>>),
    Call(Box<Expression<'a>>),
    Do(Block<'a>),
    While(Box<Expression<'a>>, Block<'a>),
    Repeat(Block<'a>, Box<Expression<'a>>),
    If(Vec<(Expression<'a>, Block<'a>)>, Option<Block<'a>>),
    /// `for i = from, to, step`
    Count(LocalNo, Vec<Expression<'a>>, Block<'a>),
    /// `for k, v in …`
    Each(Vec<LocalNo>, Vec<Expression<'a>>, Block<'a>),
    Return(Vec<Expression<'a>>),
    Break,
    Continue,
    /// A declaration of a type, which does nothing.
    Type,
}

#[derive(Debug)]
pub(crate) struct Expression<'a> {
    pub(crate) span: Span,
    pub(crate) kind: ExpressionKind<'a>,
}

#[derive(Debug)]
pub(crate) enum ExpressionKind<'a> {
    Nil,
    Bool,
    Number(f64),
    /// None when its bytes are no UTF-8.
    Text(Option<Cow<'a, str>>),
    /// `` `a{b}c` ``
    Interpolated(Vec<Expression<'a>>),
    /// `...`
    Rest,
    Function(Box<Function<'a>>),
    Local(LocalNo),
    Global(&'a str),
    /// `a.b`
    Field(Box<Expression<'a>>, Name<'a>),
    /// `a[b]`
    Index(Box<Expression<'a>>, Box<Expression<'a>>),
    Call(Box<Expression<'a>>, Vec<Expression<'a>>),
    /// `a:b(…)`
    MethodCall(Box<Expression<'a>>, Name<'a>, Vec<Expression<'a>>),
    Table(Vec<Item<'a>>),
    Unary(Operator, Box<Expression<'a>>),
    Binary(Operator, Box<Expression<'a>>, Box<Expression<'a>>),
    /// `if a then b elseif c then d else e`
    Choice(Vec<(Expression<'a>, Expression<'a>)>, Box<Expression<'a>>),
    Paren(Box<Expression<'a>>),
    /// `a :: T`
    Cast(Box<Expression<'a>>, TypeText<'a>),
}

/// An item of a table constructor.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    Positional(Expression<'a>),
    Named(Name<'a>, Expression<'a>),
    Keyed(Expression<'a>, Expression<'a>),
}

impl<'a> Item<'a> {
    pub(crate) fn value(&self) -> &Expression<'a> {
        match self {
            Self::Positional(value) | Self::Named(_, value) | Self::Keyed(_, value) => value,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Function<'a> {
    pub(crate) no: FunctionNo,
    /// `self` first when it was declared with a colon.
    pub(crate) parameters: Vec<LocalNo>,
    pub(crate) has_rest: bool,
    pub(crate) body: Block<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    Concat,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Not,
    Length,
}

/// A type annotation, as far as checks care.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TypeText<'a> {
    /// `number`, `Thing`, `nil`.
    Name(&'a str),
    /// `T?`
    Optional(Box<Self>),
    /// `{T}`
    List(Box<Self>),
    /// `{ name: T }`; what is no plain field is left out.
    Record(Vec<(&'a str, Self)>),
    /// `Name<T>`, with the first of its types.
    Of(&'a str, Box<Self>),
    /// `"text"`
    Text(&'a str),
    /// `A | B`
    Either(Vec<Self>),
    /// `A & B`
    Both(Vec<Self>),
    Function(FunctionType<'a>),
    /// Anything else.
    Other,
}

/// `(a: T, ...any) -> R`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionType<'a> {
    pub(crate) parameters: Vec<(Option<&'a str>, TypeText<'a>)>,
    pub(crate) has_rest: bool,
    /// The first result; none for `()`.
    pub(crate) result: Option<Box<TypeText<'a>>>,
}
