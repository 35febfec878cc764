//! Reading types, of which the checks keep only what they understand.

use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use super::{FunctionType, StatementKind, TypeText};

impl<'a> Parser<'a> {
    /// What follows the word `type`: an alias, or a function over types.
    pub(super) fn type_statement(&mut self) -> Parsed<StatementKind<'a>> {
        if self.is("function") {
            let opening = self.next();
            let name = self.name("of the type function")?;
            self.types.push(name.text);
            self.function(opening, false)?;
            return Ok(StatementKind::Type);
        }
        let name = self.name("of the type")?;
        self.types.push(name.text);
        self.generics()?;
        self.expect("=", "after the name of the type")?;
        self.type_text()?;
        Ok(StatementKind::Type)
    }

    /// `<T, U...>`, with defaults.
    pub(super) fn generics(&mut self) -> Parsed<()> {
        if !self.take("<") {
            return Ok(());
        }
        loop {
            let name = self.name("of a generic type")?;
            self.types.push(name.text);
            let is_pack = self.take("...");
            if self.take("=") {
                if is_pack {
                    self.pack_argument()?
                } else {
                    self.type_text()?
                };
            }
            if !self.take(",") {
                break;
            }
        }
        self.expect(">", "after the generic types").map(drop)
    }

    pub(super) fn type_text(&mut self) -> Parsed<TypeText<'a>> {
        self.deeper(|parser| {
            let mut sign = if parser.is("|") || parser.is("&") { Some(parser.next().text) } else { None };
            let mut parts = vec![parser.type_part()?];
            while parser.is("|") || parser.is("&") {
                let token = parser.next();
                if sign.is_some_and(|sign| sign != token.text) {
                    return parser.fail_at(token.span, "`|` and `&` are mixed", "put parentheses around one of them");
                }
                sign = Some(token.text);
                parts.push(parser.type_part()?);
            }
            Ok(joined(parts, sign))
        })
    }

    fn type_part(&mut self) -> Parsed<TypeText<'a>> {
        let mut found = self.simple_type()?;
        while self.take("?") {
            if !matches!(found, TypeText::Optional(_)) {
                found = TypeText::Optional(Box::new(found));
            }
        }
        Ok(found)
    }

    fn simple_type(&mut self) -> Parsed<TypeText<'a>> {
        let token = self.token();
        match (token.kind, token.text) {
            (Kind::Word, "nil") => {
                self.next();
                Ok(TypeText::Name("nil"))
            }
            (Kind::Word, "true" | "false") | (Kind::LongText, _) => {
                self.next();
                Ok(TypeText::Other)
            }
            (Kind::Text, text) => {
                self.next();
                let inner = &text[1..text.len() - 1];
                Ok(if inner.contains('\\') { TypeText::Other } else { TypeText::Text(inner) })
            }
            (Kind::Name, "typeof") => {
                self.next();
                self.expect("(", "after `typeof`")?;
                self.expression()?;
                self.expect(")", "after the expression")?;
                Ok(TypeText::Other)
            }
            (Kind::Name, _) => self.named_type(),
            (Kind::Sign, "{") => self.table_type(),
            (Kind::Sign, "(" | "<") => self.function_type(),
            _ => self.fail(format!("expected a type, found {}", self.found()), "put a type here"),
        }
    }

    fn named_type(&mut self) -> Parsed<TypeText<'a>> {
        let name = self.name("of a type")?;
        let mut found = TypeText::Name(name.text);
        if self.take(".") {
            self.name("of a type")?;
            found = TypeText::Other;
        }
        if self.take("<") {
            let first = self.type_list_until_angle()?;
            found = match (found, first) {
                (TypeText::Name(name), Some(first)) => TypeText::Of(name, Box::new(first)),
                _ => TypeText::Other,
            };
        }
        Ok(found)
    }

    /// `T, U...>`; gives the first type.
    pub(super) fn type_list_until_angle(&mut self) -> Parsed<Option<TypeText<'a>>> {
        let mut first = None;
        while !self.is(">") {
            let found = self.pack_argument()?;
            first.get_or_insert(found);
            if !self.take(",") {
                break;
            }
        }
        self.expect(">", "after the types")?;
        Ok(first)
    }

    /// A type, or a pack of types, where both may stand.
    fn pack_argument(&mut self) -> Parsed<TypeText<'a>> {
        if self.take("...") {
            self.type_text()?;
            return Ok(TypeText::Other);
        }
        if self.token().kind == Kind::Name && self.ahead(1).is("...") {
            self.next();
            self.next();
            return Ok(TypeText::Other);
        }
        if self.is("(") {
            return self.return_type().map(|ty| ty.unwrap_or(TypeText::Other));
        }
        self.type_text()
    }

    /// The type of `...` in parameters: `T` or `T...`.
    pub(super) fn pack_type(&mut self) -> Parsed<()> {
        self.type_text()?;
        self.take("...");
        Ok(())
    }

    /// What a function gives: a type, a list in parentheses, or a pack.
    pub(super) fn return_type(&mut self) -> Parsed<Option<TypeText<'a>>> {
        if self.take("...") {
            return self.type_text().map(Some);
        }
        if self.token().kind == Kind::Name && self.ahead(1).is("...") {
            self.next();
            self.next();
            return Ok(Some(TypeText::Other));
        }
        if !self.is("(") {
            return self.type_text().map(Some);
        }
        let (parameters, is_list) = self.type_list()?;
        if self.is("->") {
            return self.after_parameters(parameters).map(|ty| Some(TypeText::Function(ty)));
        }
        if is_list || parameters.parameters.len() != 1 {
            return Ok(parameters.parameters.into_iter().next().map(|(_, ty)| ty));
        }
        // One type in parentheses may go on as a larger type.
        let mut found = parameters.parameters.into_iter().next().map_or(TypeText::Other, |(_, ty)| ty);
        while self.take("?") {
            found = TypeText::Optional(Box::new(found));
        }
        while self.take("|") || self.take("&") {
            self.type_part()?;
            found = TypeText::Other;
        }
        Ok(Some(found))
    }

    fn function_type(&mut self) -> Parsed<TypeText<'a>> {
        let is_generic = self.is("<");
        self.generics()?;
        let (list, is_list) = self.type_list()?;
        if self.is("->") || is_generic {
            return self.after_parameters(list).map(TypeText::Function);
        }
        let mut types = list.parameters.into_iter();
        match (types.next(), types.next(), is_list) {
            (Some((None, ty)), None, false) => Ok(ty),
            _ => {
                let found = self.found();
                self.fail(
                    format!("expected `->` after the parameters of a function type, found {found}"),
                    "put `->` and the result here",
                )
            }
        }
    }

    fn after_parameters(&mut self, list: FunctionType<'a>) -> Parsed<FunctionType<'a>> {
        self.expect("->", "after the parameters of a function type")?;
        let result = self.deeper(Self::return_type)?;
        Ok(FunctionType { result: result.map(Box::new), ..list })
    }

    /// `(a: T, U, ...V)`; whether it can only be a list.
    fn type_list(&mut self) -> Parsed<(FunctionType<'a>, bool)> {
        self.expect("(", "before types")?;
        let mut list = FunctionType { parameters: Vec::new(), has_rest: false, result: None };
        let mut is_list = self.is(")");
        while !self.is(")") {
            if self.take("...") {
                self.type_text()?;
                (list.has_rest, is_list) = (true, true);
                break;
            }
            if self.token().kind == Kind::Name && self.ahead(1).is("...") {
                self.next();
                self.next();
                (list.has_rest, is_list) = (true, true);
                break;
            }
            let mut name = None;
            if matches!(self.token().kind, Kind::Name) && self.ahead(1).is(":") {
                name = Some(self.next().text);
                self.next();
                is_list = true;
            }
            let ty = self.type_text()?;
            list.parameters.push((name, ty));
            if !self.take(",") {
                break;
            }
            is_list = true;
        }
        self.expect(")", "after types")?;
        Ok((list, is_list))
    }

    fn table_type(&mut self) -> Parsed<TypeText<'a>> {
        let opening = self.next();
        let mut fields = Vec::new();
        let mut is_first = true;
        while !self.is("}") {
            if self.token().kind == Kind::Name
                && ["read", "write"].contains(&self.token().text)
                && (self.ahead(1).kind == Kind::Name || self.ahead(1).is("["))
            {
                self.next();
            }
            if self.take("[") {
                self.type_text()?;
                self.expect("]", "after the type of the keys")?;
                self.expect(":", "before the type of the values")?;
                self.type_text()?;
            } else if self.token().kind == Kind::Name && self.ahead(1).is(":") {
                let name = self.next().text;
                self.next();
                let ty = self.type_text()?;
                fields.push((name, ty));
            } else if is_first {
                let item = self.type_text()?;
                self.expect_close("}", opening)?;
                return Ok(TypeText::List(Box::new(item)));
            } else {
                return self.fail(format!("expected a field, found {}", self.found()), "write `name: type`");
            }
            is_first = false;
            if !self.take(",") && !self.take(";") {
                break;
            }
        }
        self.expect_close("}", opening)?;
        Ok(TypeText::Record(fields))
    }
}

/// Types with `|` or `&` between them.
fn joined<'a>(mut parts: Vec<TypeText<'a>>, sign: Option<&str>) -> TypeText<'a> {
    if parts.len() == 1 {
        return parts.pop().unwrap_or(TypeText::Other);
    }
    if sign == Some("&") {
        return TypeText::Both(parts);
    }
    let before = parts.len();
    parts.retain(|part| *part != TypeText::Name("nil"));
    let has_nil = parts.len() < before;
    let rest = if parts.len() == 1 { parts.pop().unwrap_or(TypeText::Other) } else { TypeText::Either(parts) };
    if has_nil { TypeText::Optional(Box::new(rest)) } else { rest }
}
