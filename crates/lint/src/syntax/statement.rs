//! Reading statements.

use super::lexer::{Kind, Token};
use super::parser::{Parsed, Parser};
use super::{Block, Expression, ExpressionKind, Function, LocalNo, Operator, Statement, StatementKind, TypeText};

impl<'a> Parser<'a> {
    pub(super) fn statement(&mut self) -> Parsed<Statement<'a>> {
        let first = self.token();
        let kind = match (first.kind, first.text) {
            (Kind::Word, "local") => self.local(),
            (Kind::Word, "function") => self.function_statement(),
            (Kind::Word, "if") => self.branch(),
            (Kind::Word, "while") => self.while_loop(),
            (Kind::Word, "repeat") => self.repeat_loop(),
            (Kind::Word, "for") => self.for_loop(),
            (Kind::Word, "do") => {
                self.next();
                let block = self.block()?;
                self.expect_close("end", first)?;
                Ok(StatementKind::Do(block))
            }
            (Kind::Word, "return") => {
                self.next();
                Ok(StatementKind::Return(self.returned()?))
            }
            (Kind::Word, "break") => {
                self.next();
                self.jump(first, StatementKind::Break)
            }
            (Kind::Attribute, _) | (Kind::Sign, "@") => self.attributed(),
            (Kind::Name, "const") if self.ahead(1).kind == Kind::Name || self.ahead(1).is("function") => self.local(),
            _ => self.expression_statement(),
        }?;
        let last = self.before();
        Ok(Statement { span: first.span.to(last), kind })
    }

    fn returned(&mut self) -> Parsed<Vec<Expression<'a>>> {
        let token = self.token();
        let is_empty =
            token.kind == Kind::End || ["end", "else", "elseif", "until", ";"].iter().any(|word| token.is(word));
        if is_empty { Ok(Vec::new()) } else { self.expressions() }
    }

    fn jump(&mut self, at: Token<'a>, kind: StatementKind<'a>) -> Parsed<StatementKind<'a>> {
        if self.frame().loops == 0 {
            return self.fail_at(at.span, format!("`{}` stands in no loop", at.text), "take it out, or use `return`");
        }
        Ok(kind)
    }

    fn attributed(&mut self) -> Parsed<StatementKind<'a>> {
        self.attributes()?;
        if self.is("local") && self.ahead(1).is("function") { self.local() } else { self.function_statement() }
    }

    /// Passes `@native` and the like, and `@[native, deprecated { … }]`.
    pub(super) fn attributes(&mut self) -> Parsed<()> {
        while self.is("@") {
            self.next();
            self.expect("[", "after `@`")?;
            while !self.is("]") {
                self.name("of an attribute")?;
                while !self.is(",") && !self.is("]") {
                    self.expression()?;
                }
                self.take(",");
            }
            self.expect("]", "after the attributes")?;
        }
        while self.token().kind == Kind::Attribute {
            let token = self.next();
            if !["@native", "@checked", "@deprecated"].contains(&token.text) {
                return self.fail_at(
                    token.span,
                    format!("`{}` is no attribute", token.text),
                    "the attributes are @native, @checked and @deprecated",
                );
            }
        }
        Ok(())
    }

    fn local(&mut self) -> Parsed<StatementKind<'a>> {
        self.next();
        if self.is("function") {
            let opening = self.next();
            let name = self.name("of the function")?;
            let local = self.new_local(name, None);
            self.declare(local);
            let function = self.function(opening, false)?;
            return Ok(StatementKind::LocalFunction(local, Box::new(function)));
        }
        let locals = self.bindings("after `local`")?;
        let values = if self.take("=") { self.expressions()? } else { Vec::new() };
        locals.iter().for_each(|local| self.declare(*local));
        Ok(StatementKind::Local(locals, values))
    }

    /// `a: T, b`
    fn bindings(&mut self, place: &str) -> Parsed<Vec<LocalNo>> {
        let mut locals = Vec::new();
        loop {
            let name = self.name(place)?;
            let annotation = self.annotation()?;
            locals.push(self.new_local(name, annotation));
            if !self.take(",") {
                return Ok(locals);
            }
        }
    }

    fn annotation(&mut self) -> Parsed<Option<TypeText<'a>>> {
        if self.take(":") { self.type_text().map(Some) } else { Ok(None) }
    }

    fn function_statement(&mut self) -> Parsed<StatementKind<'a>> {
        let opening = self.expect("function", "after attributes")?;
        let name = self.name("of the function")?;
        let mut target = self.variable(name);
        let mut has_colon = false;
        let mut is_plain = true;
        while !has_colon && (self.is(".") || self.is(":")) {
            has_colon = self.next().text == ":";
            is_plain = false;
            let field = self.name("of the function")?;
            let span = target.span.to(field.span);
            target = self.deeper(|_| Ok(Expression { span, kind: ExpressionKind::Field(Box::new(target), field) }))?;
        }
        if is_plain && let ExpressionKind::Local(local) = target.kind {
            self.note_write(local);
        }
        let function = self.function(opening, has_colon)?;
        Ok(StatementKind::Function(Box::new(target), Box::new(function)))
    }

    /// What follows `function` and its name.
    pub(super) fn function(&mut self, opening: Token<'a>, has_colon: bool) -> Parsed<Function<'a>> {
        let no = self.enter_function();
        let scope = self.open();
        let mut parameters = Vec::new();
        if has_colon {
            let before = self.before();
            parameters.push(self.new_local(super::Name { text: "self", span: before }, None));
        }
        self.generics()?;
        self.expect("(", "before the parameters")?;
        let has_rest = self.parameters(&mut parameters)?;
        self.expect(")", "after the parameters")?;
        if self.take(":") {
            self.return_type()?;
        }
        parameters.iter().for_each(|local| self.declare(*local));
        let mut body = Block::default();
        self.deeper(|parser| parser.statements(&mut body))?;
        self.close(scope);
        self.leave_function();
        self.expect_close("end", opening)?;
        Ok(Function { no, parameters, has_rest, body })
    }

    fn parameters(&mut self, parameters: &mut Vec<LocalNo>) -> Parsed<bool> {
        while !self.is(")") {
            if self.take("...") {
                self.set_rest();
                if self.take(":") {
                    self.pack_type()?;
                }
                return Ok(true);
            }
            let name = self.name("of a parameter")?;
            let annotation = self.annotation()?;
            parameters.push(self.new_local(name, annotation));
            if !self.is(")") {
                self.expect(",", "between parameters")?;
                if self.is(")") {
                    return self.fail("expected a parameter after `,`, found `)`", "take the `,` out");
                }
            }
        }
        Ok(false)
    }

    fn branch(&mut self) -> Parsed<StatementKind<'a>> {
        let opening = self.next();
        let mut branches = Vec::new();
        loop {
            let condition = self.expression()?;
            self.expect("then", "after the condition")?;
            branches.push((condition, self.block()?));
            if !self.take("elseif") {
                break;
            }
        }
        let otherwise = if self.take("else") { Some(self.block()?) } else { None };
        self.expect_close("end", opening)?;
        Ok(StatementKind::If(branches, otherwise))
    }

    fn looped(&mut self) -> Parsed<Block<'a>> {
        self.frame().loops += 1;
        let block = self.block()?;
        self.frame().loops -= 1;
        Ok(block)
    }

    fn while_loop(&mut self) -> Parsed<StatementKind<'a>> {
        let opening = self.next();
        let condition = self.expression()?;
        self.expect("do", "after the condition")?;
        let block = self.looped()?;
        self.expect_close("end", opening)?;
        Ok(StatementKind::While(Box::new(condition), block))
    }

    /// The condition sees the locals of the block.
    fn repeat_loop(&mut self) -> Parsed<StatementKind<'a>> {
        let opening = self.next();
        let scope = self.open();
        self.frame().loops += 1;
        let mut block = Block::default();
        self.deeper(|parser| parser.statements(&mut block))?;
        self.frame().loops -= 1;
        self.expect_close("until", opening)?;
        let condition = self.expression()?;
        self.close(scope);
        Ok(StatementKind::Repeat(block, Box::new(condition)))
    }

    fn for_loop(&mut self) -> Parsed<StatementKind<'a>> {
        let opening = self.next();
        let locals = self.bindings("after `for`")?;
        let counts = locals.len() == 1 && self.take("=");
        if !counts {
            self.expect("in", "after the names")?;
        }
        let at = self.token();
        let values = self.expressions()?;
        if counts && !(2..=3).contains(&values.len()) {
            return self.fail_at(at.span, "a loop counts from a number to a number", "write `for i = 1, 10 do`");
        }
        self.expect("do", "after the head of the loop")?;
        let scope = self.open();
        locals.iter().for_each(|local| self.declare(*local));
        let block = self.looped()?;
        self.close(scope);
        self.expect_close("end", opening)?;
        Ok(match locals[..] {
            [local] if counts => StatementKind::Count(local, values, block),
            _ => StatementKind::Each(locals, values, block),
        })
    }

    fn expression_statement(&mut self) -> Parsed<StatementKind<'a>> {
        let first = self.token();
        let target = self.primary()?;
        if matches!(target.kind, ExpressionKind::Call(..) | ExpressionKind::MethodCall(..)) {
            return Ok(StatementKind::Call(Box::new(target)));
        }
        if self.is("=") || self.is(",") {
            return self.assignment(target);
        }
        if let Some(operator) = compound(self.token()) {
            self.check_target(&target)?;
            self.next();
            let value = self.expression()?;
            return Ok(StatementKind::Compound(operator, Box::new(target), Box::new(value)));
        }
        if matches!(target.kind, ExpressionKind::Local(_) | ExpressionKind::Global(_)) {
            match first.text {
                "continue" => return self.jump(first, StatementKind::Continue),
                "type" => return self.type_statement(),
                "export" if self.token().kind == Kind::Name && self.token().text == "type" => {
                    self.next();
                    return self.type_statement();
                }
                _ => {}
            }
        }
        self.fail_at(
            target.span,
            format!("expected a statement, found {}", self.found_at(first)),
            "a statement assigns something or calls a function",
        )
    }

    fn found_at(&self, token: Token<'a>) -> String {
        if token.kind == Kind::End { "the end of the file".to_owned() } else { format!("`{}`", token.text) }
    }

    fn assignment(&mut self, first: Expression<'a>) -> Parsed<StatementKind<'a>> {
        let mut targets = vec![first];
        while self.take(",") {
            targets.push(self.primary()?);
        }
        for target in &targets {
            self.check_target(target)?;
        }
        self.expect("=", "after what is assigned")?;
        let values = self.expressions()?;
        Ok(StatementKind::Assign(targets, values))
    }

    fn check_target(&mut self, target: &Expression<'a>) -> Parsed<()> {
        match target.kind {
            ExpressionKind::Local(local) => self.note_write(local),
            ExpressionKind::Global(_) | ExpressionKind::Field(..) | ExpressionKind::Index(..) => {}
            _ => {
                return self.fail_at(
                    target.span,
                    "this cannot be assigned",
                    "what is assigned is a variable or a field: `a = 1`, `a.b = 1`, `a[b] = 1`",
                );
            }
        }
        Ok(())
    }
}

fn compound(token: Token<'_>) -> Option<Operator> {
    if token.kind != Kind::Sign {
        return None;
    }
    Some(match token.text {
        "+=" => Operator::Add,
        "-=" => Operator::Subtract,
        "*=" => Operator::Multiply,
        "/=" => Operator::Divide,
        "//=" => Operator::FloorDivide,
        "%=" => Operator::Modulo,
        "^=" => Operator::Power,
        "..=" => Operator::Concat,
        _ => return None,
    })
}
