//! Stacks for people: what an error says, then `file:line in function` for each level, the innermost first.

use mlua::Lua;

use crate::shared::Shared;

/// Bytes of a fault's message that are kept; an error can carry any text.
const MESSAGE_BYTES_MAX: usize = 8_192;

/// What begins the engine's own files in stacks.
const PRELUDE: &str = "kuafu/";

/// Where the machine's stacks begin.
const HEAD: &str = "stack traceback:";

/// What an error says, with the script's stack, within bounds.
pub(crate) fn message_of(error: &mlua::Error) -> String {
    let text = match error {
        mlua::Error::RuntimeError(message) => tidy(message),
        error => tidy(&error.to_string()),
    };
    cut(&text)
}

/// The same, with the stacks of the coroutines that the error left on its way.
pub(crate) fn message_through(shared: &Shared, error: &mlua::Error) -> String {
    let message = message_of(error);
    let mut lines = message.lines();
    let said = lines.by_ref().take_while(|line| !is_level(line)).collect::<Vec<_>>().join("\n");
    let inner = shared.kit().take_stacks.call::<String>(said.as_str()).unwrap_or_default();
    if inner.is_empty() {
        return message;
    }
    let levels = message.lines().skip(said.lines().count());
    let inner = inner.lines().filter_map(level);
    cut(&std::iter::once(said.clone()).chain(inner).chain(levels.map(str::to_owned)).collect::<Vec<_>>().join("\n"))
}

/// The stack of who runs now, for a task that it starts.
pub(crate) fn here(lua: &Lua) -> String {
    let stack = lua.traceback(None, 1).map(|text| text.to_string_lossy()).unwrap_or_default();
    stack.lines().filter_map(level).collect::<Vec<_>>().join("\n")
}

/// A message without the machine's words, its stack in our form.
fn tidy(text: &str) -> String {
    let Some((said, stack)) = text.split_once(HEAD) else { return text.to_owned() };
    let said = said.trim_end();
    std::iter::once(said.to_owned()).chain(stack.lines().filter_map(level)).collect::<Vec<_>>().join("\n")
}

/// A line of the machine's stacks in our form; none for what is no script's.
fn level(line: &str) -> Option<String> {
    let line = line.trim().trim_start_matches('>').trim();
    let (file, rest) = line.split_once(':')?;
    if file.starts_with(PRELUDE) || file.starts_with('[') || file.contains(char::is_whitespace) {
        return None;
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number = &rest[..digits];
    if number.is_empty() {
        return None;
    }
    let rest = rest[digits..].trim_start_matches(':').trim();
    let rest = rest.strip_prefix("in ").unwrap_or(rest);
    let name = rest.strip_prefix("function").map(|name| name.trim().trim_matches('\''));
    let name = name.filter(|name| !name.is_empty() && !name.starts_with('<') && *name != "?");
    Some(format!("  {file}:{number} in {}", name.unwrap_or("a function without a name")))
}

fn is_level(line: &str) -> bool {
    line.starts_with("  ") && line.contains(" in ")
}

/// The beginning of a text, within bounds.
pub(crate) fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MESSAGE_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_machines_stacks_become_ours() {
        let text =
            "doll.luau:3: no\nstack traceback:\n\t[C]: in ?\n\tdoll.luau:3: in function 'run'\n\tkuafu/entity:4: in ?";
        assert_eq!(tidy(text), "doll.luau:3: no\n  doll.luau:3 in run");
        assert_eq!(level("lib/a.luau:12 function f"), Some("  lib/a.luau:12 in f".to_owned()));
        assert_eq!(level("lib/a.luau:12"), Some("  lib/a.luau:12 in a function without a name".to_owned()));
        assert_eq!(tidy("plain"), "plain");
    }
}
