//! What scripts find beside the engine's own functions: Luau's libraries, without what the sandbox takes away.
//!
//! It mirrors the environment that `kuafu-script` gives to scripts (`prelude/library.luau`).

/// A table of functions that Luau brings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) name: &'static str,
    pub(crate) members: &'static [&'static str],
}

/// Globals that are no tables.
pub(crate) const GLOBALS: &[&str] = &[
    "assert",
    "error",
    "ipairs",
    "next",
    "pairs",
    "pcall",
    "print",
    "rawequal",
    "rawget",
    "rawlen",
    "rawset",
    "select",
    "getmetatable",
    "setmetatable",
    "tonumber",
    "tostring",
    "type",
    "typeof",
    "unpack",
    "xpcall",
    "_VERSION",
    "require",
];

/// Names of the engine's own table, and of Luau that the sandbox lacks, with what to use instead.
pub(crate) const ABSENT: &[(&str, &str)] = &[
    ("_G", "scripts share nothing but properties and modules in scripts/lib"),
    ("getfenv", "there are no other environments"),
    ("setfenv", "there are no other environments"),
    ("loadstring", "code comes from files only"),
    ("load", "code comes from files only"),
    ("dofile", "use require(\"lib/…\")"),
    ("newproxy", "use a table with a metatable"),
    ("collectgarbage", "memory is the engine's care"),
    ("os", "the time is kuafu.now()"),
    ("io", "scripts read no files; designers' tables are in kuafu.data"),
    ("task", "timers are self:after(seconds, \"method\") and self:every(…)"),
    ("wait", "timers are self:after(seconds, \"method\") and self:every(…)"),
    ("tick", "the time is kuafu.now()"),
    ("time", "the time is kuafu.now()"),
    ("Vector3", "use vector.create(x, y, z)"),
    ("shared", "shared data is kuafu.shared"),
];

/// Members of libraries that the sandbox takes away, with what to use instead.
pub(crate) const ABSENT_MEMBERS: &[(&str, &str, &str)] = &[
    ("math", "randomseed", "chance comes seeded: kuafu.random()"),
    ("table", "foreach", "write `for key, value in t do`"),
    ("table", "foreachi", "write `for index, value in t do`"),
    ("table", "getn", "write `#t`"),
    ("table", "maxn", "write `#t`"),
    ("debug", "info", "only debug.traceback is there"),
];

pub(crate) const LIBRARIES: &[Library] = &[
    Library {
        name: "math",
        members: &[
            "abs", "acos", "asin", "atan", "atan2", "ceil", "clamp", "cos", "cosh", "deg", "exp", "floor", "fmod",
            "frexp", "huge", "ldexp", "lerp", "log", "log10", "map", "max", "min", "modf", "noise", "pi", "pow", "rad",
            "random", "round", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "isnan", "isinf", "isfinite", "nan", "e",
            "tau", "phi", "sqrt2",
        ],
    },
    Library {
        name: "string",
        members: &[
            "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack", "packsize", "rep",
            "reverse", "split", "sub", "unpack", "upper",
        ],
    },
    Library {
        name: "table",
        members: &[
            "clear", "clone", "concat", "create", "find", "freeze", "insert", "isfrozen", "move", "pack", "remove",
            "sort", "unpack",
        ],
    },
    Library {
        name: "bit32",
        members: &[
            "arshift", "band", "bnot", "bor", "btest", "bxor", "byteswap", "countlz", "countrz", "extract", "lrotate",
            "lshift", "replace", "rrotate", "rshift",
        ],
    },
    Library {
        name: "buffer",
        members: &[
            "copy",
            "create",
            "fill",
            "fromstring",
            "len",
            "readbits",
            "readf32",
            "readf64",
            "readi16",
            "readi32",
            "readi8",
            "readstring",
            "readu16",
            "readu32",
            "readu8",
            "tostring",
            "writebits",
            "writef32",
            "writef64",
            "writei16",
            "writei32",
            "writei8",
            "writestring",
            "writeu16",
            "writeu32",
            "writeu8",
        ],
    },
    Library {
        name: "coroutine",
        members: &["close", "create", "isyieldable", "resume", "running", "status", "wrap", "yield"],
    },
    Library { name: "utf8", members: &["char", "charpattern", "codepoint", "codes", "len", "offset"] },
    Library {
        name: "vector",
        members: &[
            "abs",
            "angle",
            "ceil",
            "clamp",
            "create",
            "cross",
            "dot",
            "floor",
            "lerp",
            "magnitude",
            "max",
            "min",
            "normalize",
            "one",
            "sign",
            "zero",
        ],
    },
    Library { name: "debug", members: &["traceback"] },
];

/// The library of a name.
pub(crate) fn find(name: &str) -> Option<&'static Library> {
    LIBRARIES.iter().find(|library| library.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mlua::{Lua, Table, Value};

    use super::*;

    #[test]
    fn the_libraries_are_those_of_luau_without_what_is_taken_away() {
        let lua = Lua::new();
        for library in LIBRARIES.iter().filter(|library| library.name != "debug") {
            let table: Table = lua.globals().get(library.name).expect("Luau has it");
            let names: BTreeSet<String> = table.pairs::<String, Value>().map(|pair| pair.expect("a name").0).collect();
            let absent =
                |name: &str| ABSENT_MEMBERS.iter().any(|(of, member, _)| *of == library.name && *member == name);
            let names: BTreeSet<&str> = names.iter().map(String::as_str).filter(|name| !absent(name)).collect();
            assert_eq!(library.members.iter().copied().collect::<BTreeSet<_>>(), names, "{}", library.name);
        }
    }

    #[test]
    fn the_globals_are_those_of_the_sandbox() {
        let prelude = include_str!("../../script/src/prelude/library.luau");
        let tree = crate::syntax::parse(prelude);
        let env = tree.body.statements.iter().find_map(|statement| match &statement.kind {
            crate::syntax::StatementKind::Local(locals, values) if tree.local(locals[0]).name.text == "env" => {
                values.first()
            }
            _ => None,
        });
        let Some(crate::syntax::ExpressionKind::Table(items)) = env.map(|env| &env.kind) else { panic!("no env") };
        let given: BTreeSet<&str> = items
            .iter()
            .filter_map(|item| if let crate::syntax::Item::Named(name, _) = item { Some(name.text) } else { None })
            .collect();
        let libraries = LIBRARIES.iter().map(|library| library.name);
        let known: BTreeSet<&str> =
            libraries.chain(GLOBALS.iter().copied()).filter(|name| *name != "require").collect();
        assert_eq!(known, given);
    }
}
