//! The parser's state: tokens, scopes, depth, and what to do after an error.
//!
//! An error ends the top-level statement that it is in; reading goes on at the next line that begins, without
//! indentation, with `function`, `local` or `return`. So an error is told once, and the others of the file too.

use rustc_hash::FxHashMap;

use super::lexer::{Kind, Token, tokens};
use super::{Block, DEPTH_MAX, FunctionNo, Local, LocalNo, Name, Span, Statement, SyntaxError, Tree, TypeText};

/// Errors that are told of one file.
const ERRORS_MAX: usize = 20;

/// Reading cannot go on here; the error is noted.
#[derive(Debug)]
pub(super) struct Stop;

pub(super) type Parsed<T> = Result<T, Stop>;

/// Reads a script. What is no Luau is in the tree's errors, and the tree then lacks it.
pub(crate) fn parse(text: &str) -> Tree<'_> {
    let mut parser = Parser::new(text);
    let body = parser.script();
    let Parser { locals, around, types, errors, .. } = parser;
    Tree { body, locals, around, types, errors }
}

/// Reads a type that stands alone, as in the table of the API.
pub(crate) fn parse_type(text: &str) -> Option<TypeText<'_>> {
    let mut parser = Parser::new(text);
    parser.type_text().ok().filter(|_| parser.token().kind == Kind::End)
}

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
    depth: u32,
    locals: Vec<Local<'a>>,
    /// The locals that are in scope, in order, each with what its name meant before.
    scopes: Vec<(&'a str, Option<LocalNo>)>,
    visible: FxHashMap<&'a str, LocalNo>,
    functions: Vec<Frame>,
    around: Vec<FunctionNo>,
    pub(super) types: Vec<&'a str>,
    errors: Vec<SyntaxError>,
}

/// A function that is being read.
pub(super) struct Frame {
    no: FunctionNo,
    has_rest: bool,
    /// Loops of it that are open.
    pub(super) loops: u32,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            tokens: tokens(text),
            at: 0,
            depth: 0,
            locals: Vec::new(),
            scopes: Vec::new(),
            visible: FxHashMap::default(),
            functions: vec![Frame { no: FunctionNo::SCRIPT, has_rest: true, loops: 0 }],
            around: vec![FunctionNo::SCRIPT],
            types: Vec::new(),
            errors: Vec::new(),
        }
    }

    fn script(&mut self) -> Block<'a> {
        let mut body = Block::default();
        loop {
            match self.statements(&mut body) {
                Ok(()) if self.token().kind == Kind::End => return body,
                Ok(()) => {
                    let found = self.found();
                    self.fail::<()>(
                        format!("expected the end of the file, found {found}"),
                        "there is one `end` too many, or a statement follows `return`",
                    )
                    .ok();
                }
                Err(Stop) => {}
            }
            if self.errors.len() >= ERRORS_MAX
                || self.errors.last().is_some_and(|error| error.too_deep)
                || !self.resume()
            {
                return body;
            }
        }
    }

    /// Goes to the next line that begins a top-level statement.
    fn resume(&mut self) -> bool {
        self.depth = 0;
        self.functions.truncate(1);
        self.functions[0].loops = 0;
        let rest = self.tokens.iter().enumerate().skip(self.at + 1);
        let next = rest.into_iter().find(|(_, token)| {
            let start = token.span.start as usize;
            let starts_line = start == 0 || self.text.as_bytes()[start - 1] == b'\n';
            starts_line && ["function", "local", "return"].iter().any(|word| token.is(word))
        });
        let next = next.map(|(at, _)| at);
        self.at = next.unwrap_or(self.at);
        next.is_some()
    }

    /// Reads statements until something that begins none.
    pub(super) fn statements(&mut self, block: &mut Block<'a>) -> Parsed<()> {
        while !self.ends_block() {
            let statement: Statement<'a> = self.statement()?;
            let is_last = matches!(
                statement.kind,
                super::StatementKind::Return(_) | super::StatementKind::Break | super::StatementKind::Continue
            );
            block.statements.push(statement);
            self.take(";");
            if is_last {
                break;
            }
        }
        Ok(())
    }

    fn ends_block(&self) -> bool {
        let token = self.token();
        token.kind == Kind::End || ["end", "else", "elseif", "until"].iter().any(|word| token.is(word))
    }

    /// A block with a scope of its own.
    pub(super) fn block(&mut self) -> Parsed<Block<'a>> {
        let scope = self.open();
        let mut block = Block::default();
        let read = self.deeper(|parser| parser.statements(&mut block));
        self.close(scope);
        read.map(|()| block)
    }

    /// Reads something one level deeper.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            self.fail::<()>(
                format!("this is nested more than {DEPTH_MAX} levels deep"),
                "make functions or tables of the inner parts; long chains of operators count too",
            )
            .ok();
            if let Some(error) = self.errors.last_mut() {
                error.too_deep = true;
            }
            return Err(Stop);
        }
        let result = read(self);
        // After an error the depth is set anew where reading goes on.
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// Counts a level for each link of a chain, which is a level of the tree.
    pub(super) fn push_level(&mut self) -> Parsed<()> {
        let depth = self.depth;
        self.deeper(|_| Ok(()))?;
        self.depth = depth + 1;
        Ok(())
    }

    pub(super) fn pop_levels(&mut self, levels: u32) {
        self.depth = self.depth.saturating_sub(levels);
    }

    // Tokens

    pub(super) fn token(&self) -> Token<'a> {
        self.tokens[self.at]
    }

    pub(super) fn ahead(&self, count: usize) -> Token<'a> {
        self.tokens[(self.at + count).min(self.tokens.len() - 1)]
    }

    /// The token that was passed last.
    pub(super) fn previous(&self) -> Token<'a> {
        self.tokens[self.at.saturating_sub(1)]
    }

    /// Whether a line ends between the last token and this one.
    pub(super) fn breaks_line(&self) -> bool {
        self.text[self.previous().span.end as usize..self.token().span.start as usize].contains('\n')
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.token().is(text)
    }

    /// Passes a token; the last one stays.
    pub(super) fn next(&mut self) -> Token<'a> {
        let token = self.token();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    pub(super) fn take(&mut self, text: &str) -> bool {
        let there = self.is(text);
        if there {
            self.next();
        }
        there
    }

    pub(super) fn expect(&mut self, text: &str, place: &str) -> Parsed<Token<'a>> {
        if self.is(text) {
            return Ok(self.next());
        }
        self.fail(format!("expected `{text}` {place}, found {}", self.found()), format!("put `{text}` here"))
    }

    /// Expects the sign or word that ends what began at `opening`.
    pub(super) fn expect_close(&mut self, text: &str, opening: Token<'a>) -> Parsed<Token<'a>> {
        if self.is(text) {
            return Ok(self.next());
        }
        let line = self.text[..opening.span.start as usize].bytes().filter(|b| *b == b'\n').count() + 1;
        let what = opening.text;
        self.fail(
            format!("expected `{text}` to close `{what}` of line {line}, found {}", self.found()),
            format!("put `{text}` here, or look whether one is missing further up"),
        )
    }

    pub(super) fn name(&mut self, place: &str) -> Parsed<Name<'a>> {
        let token = self.token();
        if token.kind == Kind::Name {
            self.next();
            return Ok(Name { text: token.text, span: token.span });
        }
        let help =
            if token.kind == Kind::Word { "this is a word of Luau; take another name" } else { "put a name here" };
        self.fail(format!("expected a name {place}, found {}", self.found()), help)
    }

    /// What stands here, for messages.
    pub(super) fn found(&self) -> String {
        let token = self.token();
        match token.kind {
            Kind::End => "the end of the file".to_owned(),
            _ => format!("`{}`", token.text.chars().take(24).collect::<String>()),
        }
    }

    pub(super) fn fail<T>(&mut self, message: impl Into<String>, help: impl Into<String>) -> Parsed<T> {
        let span = self.token().span;
        self.fail_at(span, message, help)
    }

    pub(super) fn fail_at<T>(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) -> Parsed<T> {
        let (mut message, mut help) = (message.into(), help.into());
        if let Kind::Bad(why) = self.token().kind {
            (message, help) = (why.to_owned(), "correct or remove it; see https://luau.org/syntax".to_owned());
        }
        self.errors.push(SyntaxError { span, too_deep: false, message, help });
        Err(Stop)
    }

    // Scopes

    pub(super) fn open(&self) -> usize {
        self.scopes.len()
    }

    pub(super) fn close(&mut self, scope: usize) {
        while self.scopes.len() > scope {
            if let Some((name, before)) = self.scopes.pop() {
                match before {
                    Some(local) => self.visible.insert(name, local),
                    None => self.visible.remove(name),
                };
            }
        }
    }

    /// A local that is not in scope yet.
    pub(super) fn new_local(&mut self, name: Name<'a>, annotation: Option<TypeText<'a>>) -> LocalNo {
        let no = LocalNo(u32::try_from(self.locals.len()).unwrap_or(u32::MAX));
        let function = self.frame().no;
        self.locals.push(Local { name, function, writes: 0, annotation });
        no
    }

    pub(super) fn declare(&mut self, local: LocalNo) {
        let name = self.locals[local.0 as usize].name.text;
        let before = self.visible.insert(name, local);
        self.scopes.push((name, before));
    }

    pub(super) fn lookup(&self, name: &str) -> Option<LocalNo> {
        self.visible.get(name).copied()
    }

    pub(super) fn note_write(&mut self, local: LocalNo) {
        self.locals[local.0 as usize].writes += 1;
    }

    // Functions

    pub(super) fn frame(&mut self) -> &mut Frame {
        self.functions.last_mut().expect("the script's own frame is never popped")
    }

    pub(super) fn has_rest(&mut self) -> bool {
        self.frame().has_rest
    }

    pub(super) fn enter_function(&mut self) -> FunctionNo {
        let no = FunctionNo(u32::try_from(self.around.len()).unwrap_or(u32::MAX));
        let around = self.frame().no;
        self.around.push(around);
        self.functions.push(Frame { no, has_rest: false, loops: 0 });
        no
    }

    pub(super) fn set_rest(&mut self) {
        self.frame().has_rest = true;
    }

    pub(super) fn leave_function(&mut self) {
        if self.functions.len() > 1 {
            self.functions.pop();
        }
    }
}
