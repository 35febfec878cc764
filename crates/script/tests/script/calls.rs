//! Calls in and out, awaiting, timers and everything else that a script wants done.

use crate::support::{SELF, Stage, base_script, body, body_with, cell_body, fails, refusal, run};
use kuafu_core::{Code, EntityId, Quantity, Refusal, Value};
use kuafu_def::Part;
use kuafu_logic::{Answer, Audience, AwaitId, CallToken, Caller, Effect, Failure, Hook, LogicHost, Placement};

const OTHER: EntityId = EntityId(8);

fn awaiting(effects: &[Effect]) -> AwaitId {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::Call { awaiting, .. } | Effect::Save { awaiting, .. } => *awaiting,
        _ => None,
    });
    found.expect("something is awaited")
}

#[test]
fn a_method_takes_and_gives_values_of_its_declared_types() {
    let mut stage = Stage::new(
        Part::Base,
        "local D = { base = {}, cell = {} }
        function D.base:run() end
        function D.cell:step() end
        function D.base:give(item, to)
            assert(item.kind == 'gem' and item.hue == 4 and item.tags[1] == 'x' and to.id == 8)
            return { kind = 'hat', tags = { 'y' } }
        end
        return D",
    );
    let item = |kind: i64, hue: i64, tag: &str| {
        Value::List(vec![kind.into(), hue.into(), Value::List(vec![Value::text(tag)])])
    };
    let answer = stage.call("give", vec![item(1, 4, "x"), Value::Entity(OTHER)]);
    assert_eq!(answer, Answer::Done(Ok(item(2, 0, "y"))), "{:?}", stage.faults());
}

#[test]
fn a_method_knows_who_called_it_through_awaits_and_in_what_it_spawns() {
    let mut stage = body(
        "local before, by_client = kuafu.caller()
        local saved = self:save():await()
        local after = kuafu.caller()
        kuafu.spawn(function() self.gold = kuafu.caller().id end)
        return if by_client and saved and before == after then before.id else 0",
    );
    stage.caller = Caller::Client(OTHER);
    let Answer::Pending(token) = stage.call("run", vec![]) else { panic!("{:?}", stage.faults()) };
    let id = awaiting(&stage.effects());
    // Somebody else's entry in between must not be mistaken for it.
    stage.caller = Caller::Engine;
    stage.hook(Hook::Shutdown);
    stage.resume(id, Ok(Value::Bool(true)));
    let outcome = Ok(Value::Int(OTHER.0 as i64));
    assert!(stage.effects().contains(&Effect::Answer { token, outcome }), "{:?}", stage.faults());
    assert_eq!(stage.changes().len(), 1, "the spawned task knew it too");
    assert_eq!(run("return if kuafu.caller() then 1 else 0"), 0, "the engine is nobody");
}

#[test]
fn a_result_that_does_not_fit_is_a_fault_and_a_refusal_is_none() {
    let mut stage = body("return 'x'");
    assert_eq!(refusal(stage.call("run", vec![])).code, Code::ScriptFailed);
    assert!(stage.faults()[0].contains("int64"));
    let mut stage = body("self.gold = 1 kuafu.refuse('not today') return 1");
    let why = refusal(stage.call("run", vec![]));
    assert_eq!((why.code, why.text.as_str()), (Code::Refused, "not today"));
    assert_eq!(stage.faults(), [""; 0]);
    assert_eq!(stage.changes().len(), 1, "a refusal undoes nothing");
}

#[test]
fn unknown_entities_and_methods_without_a_script_are_refused() {
    let mut stage = body("return 1");
    assert_eq!(refusal(stage.call_on(EntityId(99), "run", vec![])).code, Code::EntityUnknown);
    let mut stage = Stage::of(crate::support::doll(), "doll", Part::Base, &[], kuafu_core::Limits::default());
    assert_eq!(refusal(stage.call("run", vec![])).code, Code::MethodUnknown);
    assert_eq!(stage.read("gold"), Value::Int(0));
}

#[test]
fn an_awaited_call_suspends_and_its_answer_ends_it() {
    let mut stage = body(
        "
        local before = self.gold
        local value, why = kuafu.entity(8).base:run():await()
        assert(why == nil)
        self.gold = value
        return value + before",
    );
    let Answer::Pending(token) = stage.call("run", vec![]) else { panic!("{:?}", stage.faults()) };
    let effects = stage.effects();
    let id = awaiting(&effects);
    assert_eq!(
        effects,
        [Effect::Call {
            from: SELF,
            to: OTHER,
            part: Part::Base,
            method: "run".into(),
            arguments: vec![],
            awaiting: Some(id)
        }]
    );
    assert_eq!(stage.host.counters().tasks, 1);
    stage.resume(id, Ok(Value::Int(41)));
    assert_eq!(stage.effects(), [Effect::Answer { token, outcome: Ok(Value::Int(41)) }]);
    assert_eq!(stage.read("gold"), Value::Int(41));
    assert_eq!(stage.host.counters().tasks, 0);
    stage.resume(id, Ok(Value::Int(1)));
    assert_eq!(stage.effects(), []);
}

#[test]
fn a_failed_await_gives_nil_and_why() {
    for (failure, expected) in [
        (Failure::Refused(Refusal::new(Code::Busy, "later")), "refused Busy later"),
        (Failure::Unknown, "unknown DeadlinePassed no answer came in time; it may have happened"),
    ] {
        let mut stage = body(
            "
            local value, why = self.cell:step(nil):await()
            kuafu.refuse(`{why.kind} {why.code} {why.text}`)
            return 1",
        );
        stage.call("run", vec![]);
        let id = awaiting(&stage.effects());
        stage.resume(id, Err(failure));
        let effects = stage.effects();
        let [Effect::Answer { outcome: Err(refusal), .. }] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!(refusal.text, expected);
    }
}

#[test]
fn what_an_await_gives_has_the_type_of_the_called_method() {
    let mut stage = body(
        "
        local item = kuafu.entity(8).base:give({ kind = 'gem' }, self):await()
        return if item.kind == 'hat' and item.hue == 9 then 1 else 0",
    );
    stage.call("run", vec![]);
    let id = awaiting(&stage.effects());
    stage.resume(id, Ok(Value::List(vec![2.into(), 9.into(), Value::List(vec![])])));
    let effects = stage.effects();
    assert!(matches!(effects[..], [Effect::Answer { outcome: Ok(Value::Int(1)), .. }]), "{effects:?}");
}

#[test]
fn saves_and_creations_of_one_entry_share_a_step_and_await_works_inside_pcall() {
    let mut stage = body("
        local thing = kuafu.create('doll', { properties = { gold = 3, best = { kind = 'hat' } }, position = vector.create(1, 2, 3), persistent = true })
        assert(thing.id == 3 * 2 ^ 32 + 1)
        local fine, saved = pcall(function() return self:save():await() end)
        self:kick('bye')
        self:destroy(true)
        return if fine and saved then 1 else 0");
    stage.call("run", vec![]);
    let effects = stage.effects();
    let [
        Effect::Create { ty, values, placement, persistent: true, step, .. },
        Effect::Save { entity: SELF, awaiting: Some(id), step: saved },
    ] = effects.as_slice()
    else {
        panic!("{effects:?} {:?}", stage.faults())
    };
    assert_eq!((*ty, step), (stage.ty.no, saved));
    assert_eq!(*placement, Placement::Space { space: None, position: [1.0, 2.0, 3.0], yaw: 0.0 });
    let best = Value::List(vec![2.into(), 0.into(), Value::List(vec![])]);
    let expected = vec![(stage.property("best"), best), (stage.property("gold"), Value::Int(3))];
    assert_eq!(*values, expected);
    let (id, step) = (*id, *step);
    stage.resume(id, Ok(Value::Bool(true)));
    let effects = stage.effects();
    assert_eq!(effects.len(), 3, "{effects:?}");
    assert!(matches!(&effects[0], Effect::Kick { text, .. } if text == "bye"));
    assert!(matches!(&effects[1], Effect::Destroy { forever: true, step: later, .. } if *later != step));
    assert!(matches!(&effects[2], Effect::Answer { outcome: Ok(Value::Int(1)), .. }));
}

#[test]
fn what_cannot_be_awaited_is_an_error_that_says_why() {
    for (lines, expected) in [
        ("coroutine.wrap(function() self:save():await() end)()", "in the method itself"),
        ("local p = self:save() self:save():await() p:await()", "suspended"),
        ("local p = self:save() p.await()", "with a colon"),
        ("self:save().await({})", "with a colon"),
        ("table.sort({ 1, 2 }, function() self:save():await() end)", "nothing can be awaited here"),
        ("coroutine.yield()", "coroutine.yield is for"),
        ("coroutine.yield(1)", "coroutine.yield is for"),
        ("kuafu.entity(8).base:jump()", r#"no entity type has a method "jump" in its base part"#),
        ("kuafu.entity(8).base.run(1)", "with a colon"),
        ("kuafu.entity(0).base:run()", "on no entity"),
        ("kuafu.entity(8).base:run(print)", "argument 1: a function cannot leave a script"),
        ("local t = {} t.t = t kuafu.entity(8).base:run(t)", "nested deeper"),
        ("kuafu.entity(8).base:run(string.rep('x', 70000))", "longer than"),
        ("self.client:heard(string.rep('x', 21), true)", "heard, argument text"),
        ("self.client:heard('x')", "heard, argument loud"),
        ("self.client:heard('x', true, 1)", "takes 2 arguments"),
        ("self.client:shouted()", "no entity type has a client method"),
        ("kuafu.create('dolly')", "no entity type `dolly`"),
        ("kuafu.create('doll', { properties = { golf = 1 } })", "no property `golf`"),
        ("kuafu.create('doll', { properties = { gold = -1 } })", "doll.gold: expected at least 0"),
        ("kuafu.create('doll', { colour = 1 })", "no option `colour`"),
        ("self:after(-1, 'run')", "at least 0"),
        ("self:after(1, 'jump')", "no method `jump`"),
        ("self:after(1, 'run', print)", "cannot leave"),
        ("for i = 1, 65 do self:after(1, 'run') end", "64 timers already"),
        ("self.after(1, 'run')", "with a colon"),
        ("kuafu.random(3, 1)", "no number from 3 to 1"),
        ("kuafu.random(1.5)", "whole numbers"),
        ("kuafu.log('loud', 'x')", "is no level"),
        ("return self.position", "no property \"position\""),
        ("self:nearby(3)", "no property \"nearby\""),
        ("kuafu.entity(1.5)", "whole number"),
        ("kuafu.entity(-1)", "whole number"),
    ] {
        // A wait that comes first is answered, so that what follows it runs.
        let mut stage = body(lines);
        stage.call("run", vec![]);
        let effects = stage.effects();
        if expected == "suspended" {
            let id = awaiting(&effects[1..]);
            stage.resume(id, Ok(Value::Bool(true)));
            assert!(stage.faults()[0].contains("await it at once"), "{lines}");
            continue;
        }
        let faults = stage.faults();
        assert!(faults.len() == 1 && faults[0].contains(expected), "{lines}: {faults:?}");
        assert_eq!(effects, [], "{lines}: the effects of a failed entry are dropped");
    }
}

#[test]
fn an_error_at_its_line_undoes_no_changes_and_drops_effects() {
    let mut stage = body("self.gold = 5\nself:kick('x')\nerror('oops')");
    assert_eq!(refusal(stage.call("run", vec![])).code, Code::ScriptFailed);
    assert!(stage.faults()[0].starts_with("doll.luau:7: oops"));
    assert_eq!((stage.effects(), stage.read("gold"), stage.changes().len()), (vec![], Value::Int(5), 1));
}

#[test]
fn suspended_tasks_are_bounded_and_die_with_their_entity() {
    let limits = kuafu_core::Limits { script_tasks_per_entity_max: 3, ..Default::default() };
    let mut stage = body_with("self:save():await() return 1", limits);
    let tokens: Vec<CallToken> = (0..3)
        .map(|_| match stage.call("run", vec![]) {
            Answer::Pending(token) => token,
            done @ Answer::Done(_) => panic!("{done:?}"),
        })
        .collect();
    assert_eq!(refusal(stage.call("run", vec![])).code, Code::ScriptFailed);
    assert!(stage.faults()[0].contains("script_tasks_per_entity_max"));
    let id = awaiting(&stage.effects());
    stage.host.destroy(SELF);
    let gone = |token| Effect::Answer { token, outcome: Err(Code::EntityUnknown.into()) };
    assert_eq!(stage.effects(), tokens.into_iter().map(gone).collect::<Vec<_>>());
    assert_eq!(stage.host.counters().tasks, 0);
    stage.resume(id, Ok(Value::Bool(true)));
    assert_eq!((stage.effects(), stage.faults()), (vec![], vec![]));
}

#[test]
fn timers_call_methods_by_name_with_their_arguments() {
    let script = base_script(
        "self:after(2, 'note', 1, kuafu.entity(8))
        local id = self:every(1, 'tick', { step = 2 })
        self:after(10, 'stop', id)
        local never = self:after(1, 'note', 100, nil)
        self:cancel(never)
        self:cancel(99)
        return 1",
    )
    .replace(
        "return D\n",
        "function D.base:note(n, who) self.gold += n assert(who.id == 8) end
         function D.base:tick(t) self.gold += 10 * t.step end
         function D.base:stop(id) self:cancel(id) end
         return D",
    );
    let mut stage = Stage::new(Part::Base, &script);
    stage.call("run", vec![]);
    assert_eq!(stage.host.next_wake(), Some(stage.now.at + std::time::Duration::from_secs(1)));
    let mut seen = Vec::new();
    for _ in 0..12 {
        stage.advance_ms(1000);
        let Value::Int(gold) = stage.read("gold") else { panic!() };
        seen.push(gold);
    }
    assert_eq!(stage.faults(), [""; 0]);
    assert_eq!(seen, [20, 41, 61, 81, 101, 121, 141, 161, 181, 201, 201, 201]);
    assert_eq!((stage.host.next_wake(), stage.host.counters().timers), (None, 0));
}

#[test]
fn a_timer_of_no_time_does_not_stall_the_clock() {
    let script = base_script("self:after(0, 'again') self:every(0, 'tick') return 1").replace(
        "return D\n",
        "function D.base:again() self.gold += 1 self:after(0, 'again') end
         function D.base:tick() self.hue += 1 end
         return D",
    );
    let mut stage = Stage::new(Part::Base, &script);
    stage.call("run", vec![]);
    stage.advance_ms(100);
    assert_eq!((stage.read("gold"), stage.read("hue")), (Value::Int(1), Value::Int(1)));
    stage.host.destroy(SELF);
    assert_eq!(stage.host.next_wake(), None);
}

#[test]
fn hooks_are_told_and_on_destroy_cannot_wait() {
    let script = base_script("return 1").replace(
        "return D\n",
        "function D.base:on_create() self.gold = 3 self:save():await() self.gold = 4 end
         function D.base:on_destroy() self.cell:step(self) self:save():await() end
         return D",
    );
    let mut stage = Stage::new(Part::Base, &script);
    stage.hook(Hook::Create);
    stage.hook(Hook::Load);
    let id = awaiting(&stage.effects());
    assert_eq!(stage.read("gold"), Value::Int(3));
    stage.resume(id, Ok(Value::Bool(true)));
    assert_eq!((stage.read("gold"), stage.effects()), (Value::Int(4), vec![]));
    stage.hook(Hook::Destroy);
    assert!(stage.faults()[0].contains("about to go"));
}

#[test]
fn a_cell_part_moves_looks_around_and_speaks() {
    let mut stage = cell_body(
        "assert(self.position == vector.create(1, 0, 2) and self.yaw == 0.5)
        assert(self.id == 7 and self.type == 'doll' and self.record == 1000001)
        assert(other.type == 'doll' and other.position.y == 9 and other.id == 8)
        assert(self:distance_to(other) == 5 and self:distance_to(kuafu.entity(77)) == nil)
        assert(#self:nearby(4) == 0 and self:nearby(5, 'doll')[1] == other)
        assert(other.mood == 'hat' and other.name == nil and kuafu.entity(77).mood == nil)
        assert(kuafu.now() == 12.5)
        self:move_to(vector.create(3, 0, 4), 2)
        self:stop()
        self:teleport(vector.zero)
        self:add_trigger(4)
        self.others:heard('a', true)
        self.clients:heard('b', false)
        self.client:heard('c', false)
        self:clients_within(15):heard('d', false)
        self.mood = 'gem'
        self.base:run()",
    );
    stage.world.public.borrow_mut().insert((OTHER, stage.property("mood")), Value::Int(2));
    let answer = stage.call("step", vec![Value::Entity(OTHER)]);
    assert_eq!(answer, Answer::Done(Ok(Value::Nil)), "{:?}", stage.faults());
    let effects = stage.effects();
    let heard = stage.ty.method_by_name(Part::Client, "heard").expect("the method").no;
    let tell = |audience, text: &str, loud: bool| Effect::CallClient {
        entity: SELF,
        audience,
        method: heard,
        arguments: vec![Value::text(text), loud.into()],
    };
    assert_eq!(
        effects[..8],
        [
            Effect::MoveTo { entity: SELF, target: [3.0, 0.0, 4.0], speed: 2.0 },
            Effect::Stop { entity: SELF },
            Effect::Teleport { entity: SELF, position: [0.0; 3], yaw: None },
            Effect::AddTrigger { entity: SELF, radius: 4.0 },
            tell(Audience::Others, "a", true),
            tell(Audience::All, "b", false),
            tell(Audience::Own, "c", false),
            tell(Audience::Within(15.0), "d", false),
        ]
    );
    assert_eq!(effects.len(), 9);
    assert_eq!(stage.changes().len(), 1);
}

#[test]
fn a_cell_cannot_create_what_only_a_base_can() {
    let mut stage = cell_body("kuafu.create('doll', { position = vector.zero })");
    stage.call("step", vec![Value::Entity(OTHER)]);
    assert!(stage.faults()[0].contains("only a base can create it"));
}

#[test]
fn vectors_leave_and_come_back_as_vectors() {
    let mut stage =
        body("kuafu.entity(8).base:run(vector.create(1, 2, 3), { a = { 1, 2 } }, nil, self, 0.5, 2 ^ 60) return 1");
    stage.call("run", vec![]);
    let effects = stage.effects();
    let Effect::Call { arguments, .. } = &effects[0] else { panic!("{effects:?}") };
    let list = Value::List(vec![1.into(), 2.into()]);
    assert_eq!(
        *arguments,
        [
            Value::Vector(Quantity::from_slice(&[1.0, 2.0, 3.0]).expect("three")),
            Value::Map(vec![(Value::text("a"), list)]),
            Value::Nil,
            Value::Entity(SELF),
            Value::Float(0.5),
            Value::Float(2f64.powi(60)),
        ]
    );
}

#[test]
fn chance_and_the_standard_dice_come_from_the_seed() {
    let lines = "local t = {} for i = 1, 5 do table.insert(t, kuafu.random(1, 1000) + math.random(1, 1000)) end
        local low, high = 1, 0
        for i = 1, 100 do local r = kuafu.random() low = math.min(low, r) high = math.max(high, r) end
        assert(low >= 0 and high < 1)
        return t[1] * 1000 + t[5]";
    assert_eq!(run(lines), run(lines));
}

#[test]
fn a_gone_entity_can_be_read_and_not_used() {
    let script = base_script("return 1").replace(
        "return D\n",
        "local kept, item
         function D.base:on_create() kept = self self.bag = { { hue = 4 } } item = self.bag[1] end
         function D.base:on_load()
             assert(kept.gold == 0 and item.hue == 4 and kept ~= self)
             for _, use in { function() kept.gold = 1 end, function() item.hue = 1 end, function() kept:save() end,
                 function() kept:after(1, 'run') end, function() table.insert(kept.bag, {}) end } do
                 assert(not pcall(use))
             end
             self.friend = kept
             self.gold = 9
         end
         return D",
    );
    let mut stage = Stage::new(Part::Base, &script);
    stage.hook(Hook::Create);
    stage.host.destroy(SELF);
    stage.create(EntityId(9), vec![]);
    stage.host.hook(stage.now, EntityId(9), Hook::Load, &[]);
    assert_eq!(stage.faults(), [""; 0]);
    assert_eq!(stage.host.read(EntityId(9), stage.property("gold")), Some(Value::Int(9)));
    assert_eq!(stage.changes().len(), 2, "what the gone entity changed is forgotten");
}

#[test]
fn a_fault_names_the_entity_the_type_and_the_entry() {
    let mut stage = body("local t = nil return t.x");
    stage.call("run", vec![]);
    let fault = stage.host.poll_fault().expect("a fault");
    assert_eq!((fault.entity, fault.type_name.as_str(), fault.entry.as_str()), (SELF, "doll", "run"));
    assert!(fault.message.contains("attempt to index nil") && fault.message.contains("doll.luau:5 in run"));
    assert_eq!(stage.host.counters().faults, 1);
    assert!(fails("error({})").contains("table"));
}
