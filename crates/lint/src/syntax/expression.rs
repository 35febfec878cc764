//! Reading expressions, by precedence.

use std::borrow::Cow;

use super::escape;
use super::lexer::{Kind, Token};
use super::parser::{Parsed, Parser};
use super::{Expression, ExpressionKind, Item, Name, Operator, Span};

/// How tightly unary operators bind.
const UNARY: u8 = 8;

impl<'a> Parser<'a> {
    pub(super) fn expression(&mut self) -> Parsed<Expression<'a>> {
        self.binary(0)
    }

    pub(super) fn expressions(&mut self) -> Parsed<Vec<Expression<'a>>> {
        let mut found = vec![self.expression()?];
        while self.take(",") {
            found.push(self.expression()?);
        }
        Ok(found)
    }

    /// The end of what was read last.
    pub(super) fn before(&self) -> Span {
        self.previous().span
    }

    fn binary(&mut self, limit: u8) -> Parsed<Expression<'a>> {
        self.deeper(|parser| {
            let mut left = parser.unary()?;
            let mut levels = 0;
            let read = loop {
                let Some((operator, tight, right_tight)) = binary_operator(parser.token()) else { break Ok(()) };
                if tight <= limit {
                    break Ok(());
                }
                parser.next();
                // A chain of operators is a deep tree, so that each link counts.
                levels += 1;
                if let Err(stop) = parser.push_level() {
                    break Err(stop);
                }
                let right = parser.binary(right_tight)?;
                let span = left.span.to(right.span);
                left = Expression { span, kind: ExpressionKind::Binary(operator, Box::new(left), Box::new(right)) };
            };
            parser.pop_levels(levels);
            read.map(|()| left)
        })
    }

    fn unary(&mut self) -> Parsed<Expression<'a>> {
        let token = self.token();
        let operator = match (token.kind, token.text) {
            (Kind::Word, "not") => Operator::Not,
            (Kind::Sign, "-") => Operator::Subtract,
            (Kind::Sign, "#") => Operator::Length,
            _ => return self.cast(),
        };
        self.next();
        let inner = self.binary(UNARY)?;
        let span = token.span.to(inner.span);
        Ok(Expression { span, kind: ExpressionKind::Unary(operator, Box::new(inner)) })
    }

    fn cast(&mut self) -> Parsed<Expression<'a>> {
        let inner = self.simple()?;
        if !self.take("::") {
            return Ok(inner);
        }
        let ty = self.type_text()?;
        let span = inner.span.to(self.before());
        Ok(Expression { span, kind: ExpressionKind::Cast(Box::new(inner), ty) })
    }

    fn simple(&mut self) -> Parsed<Expression<'a>> {
        let token = self.token();
        let kind = match (token.kind, token.text) {
            (Kind::Word, "nil") => ExpressionKind::Nil,
            (Kind::Word, "true") => ExpressionKind::Bool,
            (Kind::Word, "false") => ExpressionKind::Bool,
            (Kind::Number, text) => ExpressionKind::Number(escape::number(text).unwrap_or_default()),
            (Kind::Text | Kind::LongText | Kind::InterpolatedWhole, _) => ExpressionKind::Text(self.text_of(token)?),
            (Kind::Sign, "...") => {
                if !self.has_rest() {
                    return self.fail("`...` stands in a function without it", "add `...` to the parameters");
                }
                ExpressionKind::Rest
            }
            (Kind::InterpolatedStart, _) => return self.interpolated(),
            (Kind::Sign, "{") => return self.table(),
            (Kind::Word, "if") => return self.choice(),
            (Kind::Word, "function") | (Kind::Attribute, _) | (Kind::Sign, "@") => {
                self.attributes()?;
                let opening = self.expect("function", "after attributes")?;
                let function = self.function(opening, false)?;
                let span = token.span.to(self.before());
                return Ok(Expression { span, kind: ExpressionKind::Function(Box::new(function)) });
            }
            _ => return self.primary(),
        };
        self.next();
        Ok(Expression { span: token.span, kind })
    }

    /// The text that a token stands for.
    pub(super) fn text_of(&mut self, token: Token<'a>) -> Parsed<Option<Cow<'a, str>>> {
        let text = token.text;
        if token.kind == Kind::LongText {
            let level = text[1..].bytes().take_while(|b| *b == b'=').count();
            let inner = &text[level + 2..text.len() - level - 2];
            let inner = inner.strip_prefix("\r\n").or_else(|| inner.strip_prefix('\n')).unwrap_or(inner);
            return Ok(Some(if inner.contains("\r\n") { inner.replace("\r\n", "\n").into() } else { inner.into() }));
        }
        self.unescaped(token, &text[1..text.len() - 1])
    }

    fn unescaped(&mut self, token: Token<'a>, inner: &'a str) -> Parsed<Option<Cow<'a, str>>> {
        match escape::quoted(inner) {
            Ok(text) => Ok(text),
            Err(escape::BadEscape) => self.fail_at(
                token.span,
                "this text has an escape that is none",
                "escapes are \\n, \\t, \\\\, \\xHH, \\ddd up to 255, \\u{HHHH} …; a backslash itself is \\\\",
            ),
        }
    }

    fn interpolated(&mut self) -> Parsed<Expression<'a>> {
        let first = self.token();
        let mut values = Vec::new();
        loop {
            let token = self.next();
            self.unescaped(token, &token.text[1..token.text.len() - 1])?;
            if token.kind == Kind::InterpolatedEnd {
                break;
            }
            values.push(self.expression()?);
            if !matches!(self.token().kind, Kind::InterpolatedMiddle | Kind::InterpolatedEnd) {
                return self.fail(format!("expected `}}` in the text, found {}", self.found()), "put `}` here");
            }
        }
        Ok(Expression { span: first.span.to(self.before()), kind: ExpressionKind::Interpolated(values) })
    }

    fn table(&mut self) -> Parsed<Expression<'a>> {
        let opening = self.next();
        let mut items = Vec::new();
        while !self.is("}") {
            items.push(self.item()?);
            if !self.take(",") && !self.take(";") {
                break;
            }
        }
        let close = self.expect_close("}", opening)?;
        Ok(Expression { span: opening.span.to(close.span), kind: ExpressionKind::Table(items) })
    }

    fn item(&mut self) -> Parsed<Item<'a>> {
        if self.is("[") {
            let opening = self.next();
            let key = self.expression()?;
            self.expect_close("]", opening)?;
            self.expect("=", "after the key")?;
            return Ok(Item::Keyed(key, self.expression()?));
        }
        if self.token().kind == Kind::Name && self.ahead(1).is("=") {
            let name = self.name("of the field")?;
            self.next();
            return Ok(Item::Named(name, self.expression()?));
        }
        Ok(Item::Positional(self.expression()?))
    }

    fn choice(&mut self) -> Parsed<Expression<'a>> {
        let first = self.next();
        let mut branches = Vec::new();
        loop {
            let condition = self.expression()?;
            self.expect("then", "after the condition")?;
            branches.push((condition, self.expression()?));
            if !self.take("elseif") {
                break;
            }
        }
        self.expect("else", "in an expression: each `if` there has one")?;
        let otherwise = Box::new(self.expression()?);
        let span = first.span.to(otherwise.span);
        Ok(Expression { span, kind: ExpressionKind::Choice(branches, otherwise) })
    }

    pub(super) fn variable(&mut self, name: Name<'a>) -> Expression<'a> {
        let kind = self.lookup(name.text).map_or(ExpressionKind::Global(name.text), ExpressionKind::Local);
        Expression { span: name.span, kind }
    }

    /// A name or parentheses, and the fields, indices and calls behind it.
    pub(super) fn primary(&mut self) -> Parsed<Expression<'a>> {
        let token = self.token();
        let mut found = if token.kind == Kind::Name {
            self.next();
            self.variable(Name { text: token.text, span: token.span })
        } else if self.is("(") {
            self.next();
            let inner = self.expression()?;
            let close = self.expect_close(")", token)?;
            Expression { span: token.span.to(close.span), kind: ExpressionKind::Paren(Box::new(inner)) }
        } else {
            return self
                .fail(format!("expected an expression, found {}", self.found()), "something is missing before it");
        };
        self.type_arguments()?;
        let mut levels = 0;
        while self.has_suffix() {
            levels += 1;
            self.push_level()?;
            found = self.suffix(found)?;
            self.type_arguments()?;
        }
        self.pop_levels(levels);
        Ok(found)
    }

    fn has_suffix(&self) -> bool {
        let token = self.token();
        matches!(token.kind, Kind::Text | Kind::LongText) || [".", "[", ":", "(", "{"].iter().any(|sign| token.is(sign))
    }

    fn suffix(&mut self, inner: Expression<'a>) -> Parsed<Expression<'a>> {
        let start = inner.span;
        let inner = Box::new(inner);
        let kind = if self.take(".") {
            ExpressionKind::Field(inner, self.name("after `.`")?)
        } else if self.is("[") {
            let opening = self.next();
            let key = self.expression()?;
            self.expect_close("]", opening)?;
            ExpressionKind::Index(inner, Box::new(key))
        } else if self.take(":") {
            let name = self.name("after `:`")?;
            self.type_arguments()?;
            self.check_same_line()?;
            ExpressionKind::MethodCall(inner, name, self.arguments()?)
        } else {
            self.check_same_line()?;
            ExpressionKind::Call(inner, self.arguments()?)
        };
        Ok(Expression { span: start.to(self.before()), kind })
    }

    /// Passes `<<T, U>>`, types given to a generic function.
    fn type_arguments(&mut self) -> Parsed<()> {
        let (first, second) = (self.token(), self.ahead(1));
        if first.is("<") && second.is("<") && first.span.end == second.span.start {
            self.next();
            self.next();
            self.type_list_until_angle()?;
            self.expect(">", "after the types")?;
        }
        Ok(())
    }

    /// Luau takes no call whose arguments begin on another line than the function ends.
    fn check_same_line(&mut self) -> Parsed<()> {
        if !self.is("(") || !self.breaks_line() {
            return Ok(());
        }
        self.fail(
            "it is not clear whether this `(` calls what stands before it or begins a statement",
            "put it on the line before, or end that line with `;`",
        )
    }

    fn arguments(&mut self) -> Parsed<Vec<Expression<'a>>> {
        let token = self.token();
        match token.kind {
            Kind::Text | Kind::LongText => {
                let text = self.text_of(token)?;
                self.next();
                Ok(vec![Expression { span: token.span, kind: ExpressionKind::Text(text) }])
            }
            _ if token.is("{") => Ok(vec![self.table()?]),
            _ if token.is("(") => {
                self.next();
                let found = if self.is(")") { Vec::new() } else { self.expressions()? };
                self.expect_close(")", token)?;
                Ok(found)
            }
            _ => self.fail(format!("expected arguments, found {}", self.found()), "a method is called: `x:m()`"),
        }
    }
}

/// An operator with how tightly it binds on its left and on its right.
fn binary_operator(token: Token<'_>) -> Option<(Operator, u8, u8)> {
    if !matches!(token.kind, Kind::Sign | Kind::Word) {
        return None;
    }
    Some(match token.text {
        "or" => (Operator::Or, 1, 1),
        "and" => (Operator::And, 2, 2),
        "==" => (Operator::Equal, 3, 3),
        "~=" => (Operator::Unequal, 3, 3),
        "<" => (Operator::Less, 3, 3),
        "<=" => (Operator::LessEqual, 3, 3),
        ">" => (Operator::Greater, 3, 3),
        ">=" => (Operator::GreaterEqual, 3, 3),
        ".." => (Operator::Concat, 5, 4),
        "+" => (Operator::Add, 6, 6),
        "-" => (Operator::Subtract, 6, 6),
        "*" => (Operator::Multiply, 7, 7),
        "/" => (Operator::Divide, 7, 7),
        "//" => (Operator::FloorDivide, 7, 7),
        "%" => (Operator::Modulo, 7, 7),
        "^" => (Operator::Power, 10, 9),
        _ => return None,
    })
}
