//! A project with very many types.

use kuafu_def::{Definitions, EntityType, Parts};
use kuafu_lint::{Source, check};

#[test]
fn a_thousand_types_are_no_trouble() {
    let parts = Parts { base: true, cell: false, client: false };
    let mut definitions = Definitions::default();
    for no in 0..1_000 {
        let ty = EntityType::new(kuafu_core::TypeNo(no), format!("type_{no}"), parts);
        definitions.types.insert(ty.no, ty.into());
    }
    let scripts: Vec<Source> =
        (0..1_000).map(|no| Source { path: format!("type_{no}.luau"), text: "return { base = {} }".into() }).collect();
    assert_eq!(check(&scripts, &definitions, None), []);
}
