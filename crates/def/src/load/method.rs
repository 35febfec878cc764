//! The methods of an entity, trait or component file: who may call them, how often, and with what.

use std::collections::BTreeSet;

use kuafu_core::{MethodNo, Rate, Value};

use super::bounds::Bounds;
use super::problem::Spot;
use super::sheet::MEMBERS_MAX;
use super::table::{At, Table};
use super::types::{TypeTable, checked_member, member_name, read_default};
use crate::model::{Argument, Exposed, Method, Part, Type};
use crate::names;
use crate::type_text::shown;

/// Arguments of one method. More are a problem.
const ARGUMENTS_MAX: usize = 64;

/// A method without its number.
pub(crate) struct DeclaredMethod<'s> {
    pub(crate) method: Method,
    pub(crate) spot: Spot<'s>,
}

/// Reads `[methods.PART.*]`; problems are reported.
pub(super) fn read_methods<'s>(root: &Table<'s>, types: &mut TypeTable<'s>) -> Vec<DeclaredMethod<'s>> {
    let Some(group) = root.table("methods") else { return Vec::new() };
    group.keys_are(&Part::ALL.map(Part::name));
    let mut methods = Vec::new();
    for part in Part::ALL {
        let Some(of_part) = group.table(part.name()) else { continue };
        for name in of_part.names() {
            let (checked, table) = (checked_member(name), of_part.table(name.value));
            let (Some(checked), Some(table)) = (checked, table) else { continue };
            methods.push(read_method(checked, part, table, types));
            if methods.len() > MEMBERS_MAX {
                name.spot.report("too-large", format!("more than {MEMBERS_MAX} methods"), "split the type");
                return methods;
            }
        }
    }
    methods
}

fn read_method<'s>(name: String, part: Part, table: Table<'s>, types: &mut TypeTable<'s>) -> DeclaredMethod<'s> {
    table.keys_are(&["exposed", "rate", "arguments", "result", "description"]);
    let exposed = read_exposed(&table, part);
    let rate = read_rate(&table, exposed);
    let result = table.text("result", "\"bool\"");
    if let (Some(at), Part::Client) = (result, part) {
        at.spot.report(
            "result",
            "a client method returns nothing",
            "take `result` away; let the client call a method back",
        );
    }
    let method = Method {
        exposed,
        rate,
        arguments: read_arguments(&table, types),
        result: result.and_then(|text| types.parse(text)),
        description: table.description(),
        ..Method::new(MethodNo(0), name, part)
    };
    DeclaredMethod { method, spot: table.spot }
}

fn read_exposed(table: &Table<'_>, part: Part) -> Exposed {
    let help = "write exposed = \"owner\", exposed = \"view\" or exposed = { within = 5.0 }";
    if table.is_table("exposed") {
        let Some(inner) = table.table("exposed") else { return Exposed::No };
        inner.keys_are(&["within"]);
        return match inner.number("within") {
            Some(At { value, .. }) if value > 0.0 && part == Part::Cell => Exposed::Within(value as f32),
            Some(At { value, spot }) => {
                let message = match part {
                    Part::Cell => format!("the distance is {value}"),
                    Part::Base | Part::Client => "only a cell method has a distance to the caller".to_owned(),
                };
                spot.report("exposed", message, help);
                Exposed::No
            }
            None => {
                if !inner.has("within") {
                    inner.missing("within", help);
                }
                Exposed::No
            }
        };
    }
    let Some(At { value: word, spot }) = table.text("exposed", "\"owner\"") else { return Exposed::No };
    match (word, part) {
        ("owner" | "view", Part::Client) => {
            spot.report("exposed", "a client method is called by the server, not by clients", "take `exposed` away");
            Exposed::No
        }
        ("owner", _) => Exposed::Owner,
        ("view", Part::Cell) => Exposed::View,
        ("view", _) => {
            spot.report("exposed", "only a cell method can be called by those who have the entity in view", help);
            Exposed::No
        }
        (word, _) => {
            let guess = names::did_you_mean(word, ["owner", "view"]);
            spot.report("exposed", format!("`exposed` is {:?}", shown(word)), format!("{guess}{help}"));
            Exposed::No
        }
    }
}

fn read_rate(table: &Table<'_>, exposed: Exposed) -> Option<Rate> {
    let At { value: text, spot } = table.text("rate", "\"3/s\"")?;
    if !exposed.is_exposed() && !table.has("exposed") {
        let help = "a rate limits the calls of clients; add exposed = \"owner\" or take the rate away";
        spot.report("rate", "a rate on a method that no client may call", help);
    }
    let rate = text.parse();
    rate.map_err(|_| {
        spot.report("rate", format!("the rate is {:?}", shown(text)), "write a count, a slash and s, min or h: \"3/s\"")
    })
    .ok()
}

fn read_arguments<'s>(table: &Table<'s>, types: &mut TypeTable<'s>) -> Vec<Argument> {
    const EXAMPLE: &str = "[{ name = \"text\", type = \"string\" }]";
    let (mut arguments, mut names) = (Vec::new(), BTreeSet::new());
    for item in table.items("arguments", EXAMPLE) {
        let Some(table) = item.table("an argument", "{ name = \"text\", type = \"string\" }") else { continue };
        table.keys_are(&["name", "type", "wide", "default", "min", "max", "max_length", "description"]);
        table.description();
        let (name, ty) = (member_name(&table), types.type_at(&table, "type"));
        let (Some(name), Some(ty)) = (name, ty) else { continue };
        let default = read_argument_default(&table, &ty, arguments.last());
        let Bounds { min, max, max_length } = Bounds::read(&table, &ty);
        if !names.insert(name.clone()) {
            item.spot.report("duplicate", format!("two arguments are called `{name}`"), "rename one of the two");
        }
        arguments.push(Argument { default, min, max, max_length, ..Argument::new(name, ty) });
        if arguments.len() > ARGUMENTS_MAX {
            item.spot.report("too-large", format!("more than {ARGUMENTS_MAX} arguments"), "pass a struct");
            break;
        }
    }
    arguments
}

/// The default of an argument; only the last arguments may have one, because a caller leaves arguments out at the end.
fn read_argument_default(table: &Table<'_>, ty: &Type, before: Option<&Argument>) -> Option<Value> {
    let default = read_default(table, ty).flatten();
    match (&default, before) {
        (Some(default), _) => Bounds::read(table, ty).check_default(table, ty, default),
        (None, Some(before)) if before.default.is_some() && !table.has("default") => {
            let message = format!("an argument without a default after `{}`, which has one", before.name);
            table.spot.report("default", message, "give it a default too, or put it before the others");
        }
        (None, _) => {}
    }
    default
}
