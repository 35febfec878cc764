//! The cell properties of a type, by dense position, and who gets what of its entities.
//!
//! What other clients get may depend on distance and on time. Distances are *rings* around the entity, numbered from 1,
//! the nearest: a viewer is in the *band* of the nearest ring that holds it, or in one beyond the last. A ring reaches
//! every band up to its own number, so 0 reaches nobody and the number of the outermost band everybody. Properties that
//! go equally far are a *layer*. A type that uses none of this has one layer for everybody, no rings and no gates.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::{Limits, PropertyNo, Rate, TypeNo, Value};
use kuafu_def::{Definitions, EntityType, Part as PartKind, Property, Spread};
use kuafu_space::MoveRule;

use super::Audience;

/// How fast a client may move its entity up or down, in metres per second: falling is quick.
const VERTICAL_SPEED: f32 = 30.0;

/// Distances that one type tells apart: those of its details and of its movement. Of more the nearest count, and what
/// belongs to a farther one goes as far as the last: never too far.
pub(crate) const RINGS_MAX: usize = 10;

/// Which band a viewer is in, or how far something reaches.
pub(crate) type Band = u8;

/// The cell properties of a type.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) ty: Arc<EntityType>,
    /// The numbers of the cell properties, rising; a position in here is a position in a part's values.
    pub(super) numbers: Vec<PropertyNo>,
    /// Which property of the type stands at each position.
    pub(super) places: Vec<usize>,
    pub(super) own: Vec<usize>,
    pub(super) persistent: Vec<usize>,
    pub(crate) rule: MoveRule,
    /// The rings, in metres, rising.
    rings: Vec<f32>,
    /// What others get, the nearest first; the last one is for all of them.
    pub(super) layers: Vec<Layer>,
    /// Which of others' properties are told only now and then.
    pub(super) gated: Vec<Gated>,
    /// How far movement reaches.
    pub(crate) movement: Movement,
}

/// The properties that go equally far.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) reach: Band,
    pub(super) properties: Vec<usize>,
    /// These and those of all farther layers, by rising number.
    pub(super) all: Vec<usize>,
}

/// A property that is told others at most once in so many ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gated {
    pub(super) at: usize,
    pub(super) interval_ticks: u64,
}

/// How far an entity's movement reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Movement {
    pub(crate) position: Band,
    pub(crate) yaw: Band,
}

/// The layouts of all types that have a cell part.
pub(crate) type Layouts = BTreeMap<TypeNo, Rc<Layout>>;

impl Layout {
    fn new(ty: &Arc<EntityType>, tick_hz: u32) -> Self {
        let in_cell = |property: &Property| property.part == PartKind::Cell;
        let places: Vec<usize> = (0..ty.properties.len()).filter(|at| in_cell(&ty.properties[*at])).collect();
        let those = |wanted: fn(&Property) -> bool| {
            (0..places.len()).filter(|at| wanted(&ty.properties[places[*at]])).collect::<Vec<_>>()
        };
        let others = those(|property| property.other_clients);
        let rings = rings_of(ty, others.iter().map(|at| &ty.properties[places[*at]]));
        let top_speed = ty.top_speed.unwrap_or(f32::INFINITY);
        Self {
            ty: ty.clone(),
            numbers: places.iter().map(|at| ty.properties[*at].no).collect(),
            own: those(|property| property.own_client),
            persistent: those(|property| property.persistent),
            rule: MoveRule { top_speed, vertical_speed: VERTICAL_SPEED.max(top_speed) },
            layers: layers_of(
                &others,
                |at| ty.properties[places[at]].detail.map_or(everybody(&rings), |metres| reach_of(&rings, metres)),
                everybody(&rings),
            ),
            gated: others.iter().filter_map(|at| gated(*at, ty.properties[places[*at]].update?, tick_hz)).collect(),
            movement: Movement {
                position: reach_of_spread(&rings, ty.volatile.position),
                yaw: reach_of_spread(&rings, ty.volatile.yaw),
            },
            rings,
            places,
        }
    }

    /// One a type with a cell part, for a cell that ticks so many times a second.
    pub(crate) fn all(definitions: &Definitions, tick_hz: u32) -> Layouts {
        let with_cell = definitions.types.values().filter(|ty| ty.parts.cell);
        with_cell.map(|ty| (ty.no, Rc::new(Self::new(ty, tick_hz)))).collect()
    }

    pub(crate) fn position(&self, no: PropertyNo) -> Option<usize> {
        self.numbers.binary_search(&no).ok()
    }

    pub(crate) fn property(&self, at: usize) -> &Property {
        &self.ty.properties[self.places[at]]
    }

    /// Whether what others get of its entities depends on how far away they are.
    pub(crate) fn is_by_distance(&self) -> bool {
        self.is_layered() || !self.movement_is_for_all()
    }

    /// Whether others get some properties only when they are near.
    pub(crate) fn is_layered(&self) -> bool {
        self.layers.len() > 1
    }

    /// Whether everybody gets all of its movement.
    pub(crate) fn movement_is_for_all(&self) -> bool {
        let everybody = everybody(&self.rings);
        self.movement == Movement { position: everybody, yaw: everybody }
    }

    /// Whether all others get the same at the same time, as soon as it changes.
    pub(super) fn is_plain(&self) -> bool {
        self.layers.len() == 1 && self.gated.is_empty()
    }

    pub(super) fn far(&self) -> usize {
        self.layers.len() - 1
    }

    /// The layers that reach a band: all from the one returned.
    pub(super) fn first_layer(&self, band: Band) -> usize {
        self.layers.iter().position(|layer| band <= layer.reach).unwrap_or(self.far())
    }

    /// The layer of what stands at a position, if others get it.
    pub(super) fn layer_of(&self, at: usize) -> Option<usize> {
        self.layers.iter().position(|layer| layer.properties.contains(&at))
    }

    pub(super) fn visible(&self, audience: Audience) -> &[usize] {
        match audience {
            Audience::Others => &self.layers[self.far()].properties,
            Audience::Own => &self.own,
        }
    }

    /// The band of one who comes from nowhere, at a squared distance in square metres.
    pub(crate) fn band(&self, distance2: f32) -> Band {
        self.next_band(everybody(&self.rings), distance2, 0.0)
    }

    /// The band of one who was in `band`: nearer at once when within a ring, farther only when so many metres beyond it.
    pub(crate) fn next_band(&self, mut band: Band, distance2: f32, hysteresis: f32) -> Band {
        while distance2 <= self.limits(band, hysteresis).0 {
            band -= 1;
        }
        while distance2 > self.limits(band, hysteresis).1 {
            band += 1;
        }
        band
    }

    /// For one who is in `band`, the squared distance within which it is in a nearer one, negative for none; and the one
    /// beyond which it is in a farther one.
    pub(crate) fn limits(&self, band: Band, hysteresis: f32) -> (f32, f32) {
        let squared = |ring: usize, slack: f32| self.rings.get(ring).map(|metres| (metres + slack) * (metres + slack));
        let band = usize::from(band);
        let rise2 = band.checked_sub(2).and_then(|nearer| squared(nearer, 0.0));
        (rise2.unwrap_or(-1.0), squared(band - 1, hysteresis).unwrap_or(f32::INFINITY))
    }

    /// The defaults, overwritten by those values that fit; tells how many did not.
    pub(crate) fn initial_values(&self, given: &[(PropertyNo, Value)], limits: &Limits) -> (Vec<Value>, u32) {
        let mut values: Vec<Value> = self.places.iter().map(|at| self.ty.properties[*at].default.clone()).collect();
        let mut misfits = 0;
        for (no, value) in given {
            let Some(at) = self.position(*no) else { continue };
            match self.property(at).check(value, limits) {
                Ok(()) => values[at] = value.clone(),
                Err(_) => misfits += 1,
            }
        }
        (values, misfits)
    }
}

fn rings_of<'p>(ty: &EntityType, others: impl Iterator<Item = &'p Property>) -> Vec<f32> {
    let moves = [ty.volatile.position, ty.volatile.yaw].into_iter().filter_map(|spread| match spread {
        Spread::Within(metres) => Some(metres),
        Spread::Always | Spread::Never => None,
    });
    let mut rings: Vec<f32> = others.filter_map(|property| property.detail).chain(moves).collect();
    rings.sort_unstable_by(f32::total_cmp);
    rings.dedup();
    rings.truncate(RINGS_MAX);
    rings
}

/// The outermost band: what reaches it reaches everybody.
fn everybody(rings: &[f32]) -> Band {
    rings.len() as Band + 1
}

/// The widest ring that is not wider than so many metres.
fn reach_of(rings: &[f32], metres: f32) -> Band {
    rings.partition_point(|ring| *ring <= metres) as Band
}

fn reach_of_spread(rings: &[f32], spread: Spread) -> Band {
    match spread {
        Spread::Always => everybody(rings),
        Spread::Never => 0,
        Spread::Within(metres) => reach_of(rings, metres),
    }
}

fn layers_of(others: &[usize], reach: impl Fn(usize) -> Band, everybody: Band) -> Vec<Layer> {
    let mut reaches: Vec<Band> = others.iter().map(|at| reach(*at)).chain([everybody]).collect();
    reaches.sort_unstable();
    reaches.dedup();
    let those = |wanted: &dyn Fn(Band) -> bool| others.iter().copied().filter(|at| wanted(reach(*at))).collect();
    let layer = |&is: &Band| Layer { reach: is, properties: those(&|of| of == is), all: those(&|of| of >= is) };
    reaches.iter().map(layer).collect()
}

/// `None` when the rate allows a change in every tick.
fn gated(at: usize, rate: Rate, tick_hz: u32) -> Option<Gated> {
    let ticks_us = rate.span.as_micros() * u128::from(tick_hz);
    let interval_ticks = ticks_us.div_ceil(u128::from(rate.count.max(1)) * 1_000_000);
    let interval_ticks = u64::try_from(interval_ticks).unwrap_or(u64::MAX);
    (interval_ticks > 1).then_some(Gated { at, interval_ticks })
}

#[cfg(test)]
mod tests {
    use kuafu_def::{Parts, Type, Volatile};

    use super::*;

    fn layout(details: &[Option<f32>], volatile: Volatile) -> Layout {
        let numbered = details.iter().zip(1..);
        let properties = numbered.map(|(detail, no)| Property {
            other_clients: true,
            detail: *detail,
            ..Property::new(PropertyNo(no), format!("p{no}"), Type::Bool, PartKind::Cell)
        });
        let parts = Parts { base: false, cell: true, client: true };
        let ty = EntityType { properties: properties.collect(), volatile, ..EntityType::new(TypeNo(1), "a", parts) };
        Layout::new(&Arc::new(ty), 10)
    }

    #[test]
    fn a_type_without_distances_has_one_layer_for_everybody() {
        let plain = layout(&[None, None], Volatile::default());
        assert!(plain.is_plain() && !plain.is_by_distance() && plain.rings.is_empty());
        assert_eq!((plain.layers[0].properties.as_slice(), plain.band(1e12)), (&[0, 1][..], 1));
    }

    #[test]
    fn bands_begin_at_the_ring_and_end_beyond_it() {
        let rings = layout(&[Some(40.0), None, Some(15.0)], Volatile::default());
        let at = |metres: f32| metres * metres;
        assert_eq!([0.0, 15.0, 15.1, 40.0, 41.0].map(|metres| rings.band(at(metres))), [1, 1, 2, 2, 3]);
        assert_eq!([19.9, 20.1, 44.0, 46.0].map(|metres| rings.next_band(1, at(metres), 5.0)), [1, 2, 2, 3]);
        assert_eq!([39.0, 15.1, 3.0].map(|metres| rings.next_band(3, at(metres), 5.0)), [2, 2, 1]);
        let seen = [1, 2, 3].map(|band| rings.layers[rings.first_layer(band)].all.clone());
        assert_eq!(seen, [vec![0, 1, 2], vec![0, 1], vec![1]]);
    }

    #[test]
    fn of_too_many_distances_none_goes_farther_than_it_says() {
        let details: Vec<_> = (1..=30).map(|metres| Some(metres as f32)).collect();
        let rings = layout(&details, Volatile::default());
        assert_eq!(rings.rings.len(), RINGS_MAX);
        for (at, detail) in details.iter().enumerate() {
            let reach = rings.layers[rings.layer_of(at).expect("a layer")].reach;
            assert!(Some(rings.rings[usize::from(reach) - 1]) <= *detail);
        }
    }

    #[test]
    fn movement_reaches_nobody_somebody_or_everybody() {
        let still = layout(&[], Volatile { position: Spread::Never, yaw: Spread::Within(20.0) });
        assert_eq!(still.movement, Movement { position: 0, yaw: 1 });
        assert!(still.is_by_distance() && still.is_plain());
        assert_eq!(layout(&[], Volatile::default()).movement, Movement { position: 1, yaw: 1 });
    }

    #[test]
    fn a_rate_becomes_whole_ticks_and_never_fewer() {
        let ticks = |text: &str, hz| gated(0, text.parse().expect("a rate"), hz).map(|gated| gated.interval_ticks);
        assert_eq!([ticks("2/s", 10), ticks("3/s", 10), ticks("10/s", 30)], [Some(5), Some(4), Some(3)]);
        assert_eq!([ticks("10/s", 10), ticks("60/s", 10), ticks("1/min", 10)], [None, None, Some(600)]);
    }
}
