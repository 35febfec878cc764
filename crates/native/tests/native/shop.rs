//! Properties, checks, timers, clients, faults and panics.

use kuafu_core::{Code, Edit, EntityId, Limits, Step, Value};
use kuafu_def::Part;
use kuafu_logic::{Audience, Effect, Hook, LogicHost, Placement};
use kuafu_native::{
    Behaviour, Context, Creation, Done, Methods, Native, Stop, methods, refuse, value_enum, value_struct,
};

use crate::support::{at, call, changes, create, definitions, done, effects, faults, host, ty};

value_enum! {
    /// What is sold.
    pub(crate) enum Kind { Flower = "flower", Gem = "gem" }
}

value_struct! {
    /// What lies on the shelf.
    pub(crate) struct Item { pub(crate) kind: Kind, pub(crate) count: u16 }
}

#[derive(Default)]
struct Shop {
    sold: u32,
}

impl Behaviour for Shop {
    fn methods() -> Methods<Self> {
        methods![buy, restock, order, break_down, tick]
    }

    fn on_create(&mut self, cx: &mut Context<'_>) -> Done {
        cx.set("gold", 10)?;
        cx.at("shelf").push(Item { kind: Kind::Gem, count: 3 })
    }

    fn on_client_attached(&mut self, cx: &mut Context<'_>, resumed: bool) -> Done {
        cx.client("told", (if resumed { "again" } else { "welcome" },));
        Ok(())
    }

    fn on_load(&mut self, cx: &mut Context<'_>) -> Done {
        cx.after(1.0, "tick", (5,));
        cx.every(0.5, "tick", (1,));
        Ok(())
    }
}

impl Shop {
    fn buy(&mut self, cx: &mut Context<'_>, count: u8) -> Done<i64> {
        if count == 0 {
            return Err(refuse("buy something"));
        }
        cx.at("shelf").index(0).field("count").set(3 - i64::from(count))?;
        cx.at("prices").key("gem").set(4)?;
        self.sold += u32::from(count);
        let gold: i64 = cx.get("gold")?;
        cx.set("gold", gold - 4 * i64::from(count))?;
        Ok(gold)
    }

    fn restock(&mut self, cx: &mut Context<'_>) -> Done {
        cx.client("told", ("a text that is too long",));
        cx.kick("never sent");
        Ok(())
    }

    fn order(&mut self, cx: &mut Context<'_>, _from: EntityId) -> Done<bool> {
        cx.at("shelf").insert(0, Item { kind: Kind::Flower, count: 1 })?;
        Ok(cx.at("shelf").len()? == 2)
    }

    fn break_down(&mut self, cx: &mut Context<'_>) {
        cx.kick("never sent");
        assert_eq!(self.sold, u32::MAX, "the till is short");
    }

    fn tick(&mut self, cx: &mut Context<'_>, by: i64) -> Done {
        let gold: i64 = cx.get("gold")?;
        cx.set("gold", gold + by)
    }
}

fn native() -> Native {
    Native::new().base::<Shop>("shop")
}

fn number(host: &dyn LogicHost, id: EntityId, name: &str) -> Value {
    host.read(id, ty("shop").property_by_name(name).expect("declared").no).expect("it is here")
}

#[test]
fn a_call_reads_and_writes_properties_and_changes_travel_by_their_path() {
    let mut host = host(Part::Base, native());
    let id = create(&mut host, "shop", 1);
    assert_eq!(changes(&mut host).len(), 2);
    assert_eq!(done(call(&mut host, id, "buy", &[2.into()])), Ok(10.into()));
    let changes = changes(&mut host);
    assert_eq!(changes[0].path, [Step::Index(0), Step::Field(1)]);
    assert_eq!(changes[0].edit, Edit::Set(1.into()));
    assert_eq!(changes[1].path, [Step::Key("gem".into())]);
    assert_eq!(changes[2].edit, Edit::Set(2.into()));
    assert_eq!(number(&host, id, "gold"), 2.into());
    assert_eq!(faults(&mut host), [""; 0]);
}

#[test]
fn a_value_out_of_range_is_a_fault_and_what_was_changed_before_stays() {
    let mut host = host(Part::Base, native());
    let id = create(&mut host, "shop", 1);
    changes(&mut host);
    let outcome = done(call(&mut host, id, "buy", &[3.into()]));
    assert_eq!(outcome.expect_err("gold below 0").code, Code::ScriptFailed);
    assert_eq!(faults(&mut host), ["buy: `gold`: expected at least 0, found -2"]);
    assert_eq!(changes(&mut host).len(), 2, "the shelf and the price");
    assert_eq!(host.counters().faults, 1);
}

#[test]
fn a_refusal_reaches_the_caller_and_is_no_fault() {
    let mut host = host(Part::Base, native());
    let id = create(&mut host, "shop", 1);
    let refusal = done(call(&mut host, id, "buy", &[0.into()])).expect_err("refused");
    assert_eq!((refusal.code, refusal.text.as_str()), (Code::Refused, "buy something"));
    assert_eq!(host.counters().faults, 0);
}

#[test]
fn a_list_takes_no_more_than_its_definition_allows() {
    let mut host = host(Part::Base, native());
    let id = create(&mut host, "shop", 1);
    assert_eq!(done(call(&mut host, id, "order", &[Value::Entity(id)])), Ok(true.into()));
    assert!(done(call(&mut host, id, "order", &[Value::Entity(id)])).is_err());
    assert_eq!(faults(&mut host), ["order: `shelf`: it has 2 items, and may have no more"]);
    let Value::List(shelf) = number(&host, id, "shelf") else { panic!("a list") };
    assert_eq!(shelf, [Value::List(vec![0.into(), 1.into()]), Value::List(vec![1.into(), 3.into()])]);
}

#[test]
fn what_is_asked_for_wrongly_makes_the_entry_a_fault_without_effects() {
    let mut host = host(Part::Base, native());
    let id = create(&mut host, "shop", 1);
    assert!(done(call(&mut host, id, "restock", &[])).is_err());
    assert!(faults(&mut host)[0].contains("told, argument text: expected a length of at most 10"));
    assert_eq!(effects(&mut host), []);
}

#[test]
fn a_panic_is_a_fault_of_its_entity_and_everything_else_runs_on() {
    let mut host = host(Part::Base, native());
    let (id, other) = (create(&mut host, "shop", 1), create(&mut host, "shop", 2));
    let outcome = done(call(&mut host, id, "break_down", &[]));
    assert_eq!(outcome.expect_err("it panics").code, Code::ScriptFailed);
    let said = faults(&mut host);
    assert!(said[0].contains("panicked at") && said[0].contains("shop.rs") && said[0].contains("till"), "{said:?}");
    assert_eq!(effects(&mut host), []);
    assert_eq!(done(call(&mut host, id, "buy", &[1.into()])), Ok(10.into()), "it can be entered again");
    assert_eq!(done(call(&mut host, other, "buy", &[1.into()])), Ok(10.into()));
}

#[test]
fn hooks_carry_their_arguments_and_timers_call_by_name_until_their_entity_goes() {
    let mut host = host(Part::Base, native());
    let id = create(&mut host, "shop", 1);
    host.hook(at(0), id, Hook::ClientAttached, &[true.into()]);
    let told = ty("shop").method_by_name(Part::Client, "told").expect("declared").no;
    let again =
        Effect::CallClient { entity: id, audience: Audience::Own, method: told, arguments: vec!["again".into()] };
    assert_eq!(effects(&mut host), [again]);

    host.hook(at(0), id, Hook::Load, &[]);
    assert_eq!(host.next_wake(), Some(at(500).at));
    host.advance(at(1_000));
    assert_eq!(number(&host, id, "gold"), 16.into(), "10, 1 from the repeating one, 5 from the other");
    host.hook(at(1_000), id, Hook::Load, &[]);
    assert!(faults(&mut host)[0].contains("2 timers already"));
    host.destroy(id);
    assert_eq!((host.next_wake(), host.counters().timers), (None, 0));
}

#[derive(Default)]
struct Wisp;

impl Behaviour for Wisp {
    fn on_create(&mut self, cx: &mut Context<'_>) -> Done {
        let young = cx.create(Creation::new("wisp").with("hue", 40).at([1.0, 0.0, 2.0]))?;
        cx.move_to([f32::from(young.incarnation().0 as u16), 0.0, 0.0], 2.0);
        cx.add_trigger(4.0);
        Ok(())
    }

    fn on_arrive(&mut self, cx: &mut Context<'_>) -> Done {
        let hue: i64 = cx.random_between(0, 359);
        assert!(cx.now_s() == 2.5 && (0.0..1.0).contains(&cx.random()));
        cx.set("hue", hue)?;
        Err(Stop::fault("enough"))
    }

    fn on_trigger_enter(&mut self, cx: &mut Context<'_>, other: EntityId, radius: f32) -> Done {
        cx.teleport([other.0 as f32, 0.0, radius], None);
        cx.save();
        Ok(())
    }
}

#[test]
fn a_cell_part_makes_entities_walks_and_is_told_of_others() {
    let mut host = host(Part::Cell, Native::new().cell::<Wisp>("wisp"));
    let id = create(&mut host, "wisp", 1);
    let asked = effects(&mut host);
    let ty = ty("wisp");
    let hue = ty.property_by_name("hue").expect("declared").no;
    let Effect::Create { values, placement, persistent: false, .. } = &asked[0] else { panic!("{asked:?}") };
    assert_eq!((values.as_slice(), ty.no), (&[(hue, 40.into())][..], ty.no));
    assert_eq!(*placement, Placement::Space { space: None, position: [1.0, 0.0, 2.0], yaw: 0.0 });
    assert_eq!(asked[1], Effect::MoveTo { entity: id, target: [9.0, 0.0, 0.0], speed: 2.0 });
    assert_eq!(asked[2], Effect::AddTrigger { entity: id, radius: 4.0 });

    host.hook(at(1), id, Hook::Arrive, &[]);
    assert_eq!(faults(&mut host), ["on_arrive: enough"]);
    host.hook(at(1), id, Hook::TriggerEnter, &[Value::Entity(EntityId(7)), Value::Float(4.0)]);
    assert_eq!(faults(&mut host), ["on_trigger_enter: only base parts are saved"]);
    assert_eq!(effects(&mut host), []);
}

struct Odd;

impl Behaviour for Odd {
    fn methods() -> Methods<Self> {
        methods![buy, "restock" => other_name, order]
    }
}

impl Odd {
    fn buy(&mut self, _: &mut Context<'_>, _count: i8) {}

    fn other_name(&mut self, _: &mut Context<'_>, _more: bool) {}

    fn order(&mut self, _: &mut Context<'_>, _from: EntityId) {}
}

#[test]
fn logic_that_does_not_fit_the_definitions_is_told_with_what_would() {
    let native = Native::new().with(Part::Base, "shop", || Odd).base::<Shop>("ship").base::<Shop>("wisp");
    let said: Vec<String> = native.check(&definitions()).iter().map(ToString::to_string).collect();
    let expected = [
        "the Rust logic of `shop.base`: the method `break_down` is declared and missing",
        "the Rust logic of `shop.base`: `buy` cannot take `count`, which is uint8: expected i8, found 255",
        "the Rust logic of `shop.base`: `restock` takes 1 arguments, and 0 are declared",
        "the Rust logic of `ship.base`: there is no such entity type",
        "the Rust logic of `wisp.base`: wisp has no base part",
    ];
    assert_eq!(said, expected);
    assert_eq!(super::shop::native().check(&definitions()), []);
}

#[test]
fn a_change_from_outside_is_applied_and_not_reported() {
    let mut host = host(Part::Base, native());
    let id = create(&mut host, "shop", 1);
    changes(&mut host);
    let gold = ty("shop").property_by_name("gold").expect("declared").no;
    host.apply(id, &kuafu_core::Change::set(gold, 77.into())).expect("it fits");
    assert!(host.apply(id, &kuafu_core::Change::set(gold, "much".into())).is_err());
    assert_eq!((number(&host, id, "gold"), changes(&mut host)), (77.into(), vec![]));
    assert!(Limits::default().timers_per_entity_max > 2, "the limit of these tests is a tight one");
}
