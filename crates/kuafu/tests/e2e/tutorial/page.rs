//! Reads the page: from Markdown to steps. It knows nothing of how they are done.

/// Something to do or to see.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// A command, as it is typed.
    Run(String),
    /// What the last command says, all of it.
    Says(String),
    /// What the running game says next, among other things.
    Tells(String),
    /// A whole file.
    Write { path: String, text: String },
    /// A piece of a file that stands there once.
    Replace { path: String, old: String, new: String },
    /// More at the end of a file.
    Append { path: String, text: String },
    /// A page in a new window.
    Open(Option<String>),
    /// The first window's page again.
    Reload,
    /// Ctrl-C in the first terminal.
    Interrupt,
    /// An expression in a window; when it gives a bool, it becomes true.
    Browser { window: usize, expression: String },
    /// A text that the first window shows.
    Sees(String),
}

impl Step {
    /// One line of it, for whoever watches the test.
    pub(super) fn name(&self) -> String {
        let text = format!("{self:?}");
        text.chars().take(110).collect()
    }
}

/// What a block will be, by the sentence before it.
enum Expecting {
    Nothing,
    Output(bool),
    File(String),
    Old { path: String, keep: bool },
    New { path: String, old: String, keep: bool },
    End(String),
}

/// The steps of a page, each with its line.
pub(super) fn read(text: &str) -> Result<Vec<(usize, Step)>, String> {
    let mut steps = Vec::new();
    let mut expecting = Expecting::Nothing;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let number = number + 1;
        if let Some(language) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            let block = body.iter().map(|line| format!("{line}\n")).collect();
            let more = step_of(language, block, &mut expecting).map_err(|why| format!("line {number}: {why}"))?;
            steps.extend(more.into_iter().map(|step| (number, step)));
        } else if !line.is_empty() {
            prose(line, &mut expecting, |step| steps.push((number, step)));
        }
    }
    Ok(steps)
}

/// What a fenced block asks for.
fn step_of(language: &str, block: String, expecting: &mut Expecting) -> Result<Vec<Step>, String> {
    let steps = match std::mem::replace(expecting, Expecting::Nothing) {
        _ if language == "sh" => block.lines().map(|line| Step::Run(line.to_owned())).collect(),
        Expecting::Output(true) => vec![Step::Tells(block)],
        Expecting::Output(false) => vec![Step::Says(block)],
        Expecting::File(path) => vec![Step::Write { path, text: block }],
        Expecting::End(path) => vec![Step::Append { path, text: block }],
        Expecting::Old { path, keep } => {
            *expecting = Expecting::New { path, old: block, keep };
            Vec::new()
        }
        Expecting::New { path, old, keep } => {
            let new = if keep { format!("{old}{block}") } else { block };
            vec![Step::Replace { path, old, new }]
        }
        Expecting::Nothing => return Err("nothing says what this block is for".into()),
    };
    Ok(steps)
}

/// What a line of text asks for, and what it says of the next block.
fn prose(line: &str, expecting: &mut Expecting, mut add: impl FnMut(Step)) {
    if let Some(comment) = line.strip_prefix("<!-- browser").and_then(|rest| rest.strip_suffix(" -->")) {
        let (window, expression) = comment.split_once(": ").expect("a window, a colon, an expression");
        let window = window.trim().parse().unwrap_or(1);
        return add(Step::Browser { window, expression: expression.to_owned() });
    }
    if let Some(address) = line.strip_prefix("Open <").and_then(|rest| rest.split('>').next()) {
        add(Step::Open(Some(address.to_owned())));
    }
    if line.starts_with("Open the same address") {
        add(Step::Open(None));
    }
    if line.starts_with("Reload the page") {
        add(Step::Reload);
    }
    if line.starts_with("Press Ctrl-C in the first terminal") {
        add(Step::Interrupt);
    }
    if line.starts_with("You see") {
        quoted(line).for_each(|text| add(Step::Sees(text)));
    }
    if let Some(next) = announced(line) {
        *expecting = next;
    } else if line != "by" && line != "add" && !matches!(expecting, Expecting::New { .. }) {
        *expecting = Expecting::Nothing;
    }
}

/// The block that a sentence announces.
fn announced(line: &str) -> Option<Expecting> {
    let path = line.split('`').nth(1).map(str::to_owned);
    if line.ends_with("he first terminal says:") {
        return Some(Expecting::Output(true));
    }
    if line.ends_with("It says:") {
        return Some(Expecting::Output(false));
    }
    if line.contains("In `") && line.ends_with(", replace") {
        return path.map(|path| Expecting::Old { path, keep: false });
    }
    if line.contains("In `") && line.ends_with(", after") {
        return path.map(|path| Expecting::Old { path, keep: true });
    }
    if line.contains("At the end of `") && line.ends_with(", add") {
        return path.map(Expecting::End);
    }
    if line.ends_with("`:") && line.contains("rite ") {
        return path.map(Expecting::File);
    }
    None
}

fn quoted(line: &str) -> impl Iterator<Item = String> {
    line.split('“').skip(1).filter_map(|rest| rest.split('”').next()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Vec<Step> {
        read(text).expect("it can be read").into_iter().map(|(_, step)| step).collect()
    }

    #[test]
    fn commands_files_edits_and_sights_become_steps() {
        let page = "Run it.\n\n```sh\nkuafu up .\n```\n\nIt says:\n\n```text\n  fine\n```\n\
                    In `a.luau`, replace\n\n```lua\nx\n```\n\nby\n\n```lua\ny\n```\n\nYou see “one” and “two”.\n\
                    Write a new file, `b.toml`:\n\n```toml\nz = 1\n```\n<!-- browser 2: lit() === 1 -->\n";
        let edit = Step::Replace { path: "a.luau".into(), old: "x\n".into(), new: "y\n".into() };
        let (one, two) = (Step::Sees("one".into()), Step::Sees("two".into()));
        let file = Step::Write { path: "b.toml".into(), text: "z = 1\n".into() };
        let look = Step::Browser { window: 2, expression: "lit() === 1".into() };
        let says = Step::Says("  fine\n".into());
        assert_eq!(steps(page), [Step::Run("kuafu up .".into()), says, edit, one, two, file, look]);
    }

    #[test]
    fn a_block_that_nothing_announces_is_an_error() {
        let why = read("Look:\n\n```lua\nx\n```\n").expect_err("nobody would try it");
        assert!(why.starts_with("line 3"), "{why}");
    }
}
