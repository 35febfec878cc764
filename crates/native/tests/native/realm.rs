//! What the whole realm shares: services, names, values, groups, and finding entities.

use kuafu_core::{EntityId, RecordId, Value, service};
use kuafu_def::Part;
use kuafu_logic::{Effect, FindBy, Hook, LogicHost};
use kuafu_native::{Behaviour, Context, Creation, Done, Methods, Native, Outcome, ServiceId, methods};

use crate::support::{at, create, effects, faults, host, ty};

#[derive(Default)]
struct Shop;

impl Behaviour for Shop {
    fn methods() -> Methods<Self> {
        methods![found]
    }

    fn on_load(&mut self, cx: &mut Context<'_>) -> Done {
        let auction = || ServiceId::Name("auction".into());
        let _ = cx.provide(auction()).then("found");
        cx.call_service(auction(), Some("gems".into()), "bid", (5,));
        cx.claim_name("hall");
        cx.share("weather", "rain");
        cx.join("party:7");
        cx.call_group("party:7", "told", ("hi",));
        let _ = cx.find_record("shop", RecordId(9), true).then("found");
        cx.create_anywhere(Creation::new("shop").with("gold", 3).persistent());
        cx.count("sales", 1.0);
        Ok(())
    }

    fn on_shared(&mut self, cx: &mut Context<'_>, key: &str, value: &Value) -> Done {
        assert_eq!(cx.shared::<String>(key)?, None, "the test's world shares nothing");
        cx.kick(&format!("{key} {}", value.as_text().unwrap_or("gone")));
        Ok(())
    }

    fn on_client_lost(&mut self, cx: &mut Context<'_>) -> Done {
        cx.find_by("shop", "gold", 5, false);
        Ok(())
    }

    fn on_cell_lost(&mut self, cx: &mut Context<'_>) -> Done {
        cx.claim_name("");
        Ok(())
    }
}

impl Shop {
    fn found(&mut self, cx: &mut Context<'_>, found: Outcome<Option<EntityId>>) -> Done {
        let text = if found.or_refuse()?.is_some() { "found" } else { "not found" };
        cx.kick(text);
        Ok(())
    }
}

#[test]
fn what_is_asked_of_the_realm_leaves_as_effects_in_order() {
    let mut host = host(Part::Base, Native::new().base::<Shop>("shop"));
    let id = create(&mut host, "shop", 1);
    host.hook(at(1), id, Hook::Load, &[]);
    assert_eq!(faults(&mut host), [""; 0]);
    let mut asked = effects(&mut host);
    let auction = ServiceId::Name("auction".into());
    assert!(matches!(&asked[0], Effect::Provide { service, awaiting: Some(_), .. } if *service == auction));
    let key = service::key_hash(&"gems".into());
    assert!(matches!(&asked[1], Effect::CallService { key: by, awaiting: None, .. } if *by == key));
    assert!(matches!(&asked[2], Effect::ClaimName { name, .. } if &**name == "hall"));
    assert!(matches!(&asked[3], Effect::Share { value, .. } if *value == "rain".into()));
    assert!(matches!(&asked[4], Effect::Join { on: true, .. }));
    assert!(matches!(&asked[5], Effect::CallGroup { arguments, .. } if *arguments == ["hi".into()]));
    assert!(matches!(&asked[6], Effect::Find { by: FindBy::Record(RecordId(9)), load: true, .. }));
    let gold = ty("shop").property_by_name("gold").expect("declared").no;
    assert!(matches!(&asked[7], Effect::CreateAnywhere { values, .. } if *values == [(gold, 3.into())]));
    assert!(matches!(&asked[8], Effect::Measure { is_gauge: false, .. }));

    let awaiting = asked[6].awaiting_mut().and_then(|awaiting| *awaiting).expect("it is awaited");
    host.resume(at(2), awaiting, Ok(Value::Nil));
    assert_eq!(effects(&mut host), [Effect::Kick { entity: id, text: "not found".into() }]);
}

#[test]
fn a_shared_value_is_told_and_what_cannot_be_is_a_fault() {
    let mut host = host(Part::Base, Native::new().base::<Shop>("shop"));
    let id = create(&mut host, "shop", 1);
    host.hook(at(1), id, Hook::Shared, &["weather".into(), Value::Nil]);
    assert_eq!(effects(&mut host), [Effect::Kick { entity: id, text: "weather gone".into() }]);
    host.hook(at(1), id, Hook::ClientLost, &[]);
    host.hook(at(1), id, Hook::CellLost, &[]);
    let said = faults(&mut host);
    assert!(said[0].contains("shop.gold: to be found by it"), "{said:?}");
    assert!(said[1].contains("a name has 1 to 128 bytes"), "{said:?}");
    assert_eq!(effects(&mut host), []);
}
