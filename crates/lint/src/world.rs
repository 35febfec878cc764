//! What is known before any script is looked into: the properties, methods and components that `self` and references
//! to entities have, by entity type, trait and component.
//!
//! A view is made for the kind of thing that a script's `self`, or a reference, may be. As an entity of a type may be
//! of a type that inherits from it, a view has the members of these too: what is missing in it is missing in all.

use kuafu_def::{Component, Definitions, EntityType, Method, Part, Property};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::class::Class;
use crate::source::Kind;

/// A view, by its place in [`World::views`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ViewNo(usize);

/// What is known of a kind of thing.
#[derive(Debug, Default)]
pub(crate) struct View<'w> {
    /// For messages.
    pub(crate) name: &'w str,
    pub(crate) is_component: bool,
    pub(crate) properties: FxHashMap<&'w str, Known<'w>>,
    /// Declared methods; several of one name where types that inherit, or share a trait, declare their own.
    pub(crate) methods: FxHashMap<(Part, &'w str), Vec<&'w Method>>,
    pub(crate) slots: FxHashMap<&'w str, ViewNo>,
    /// Functions that scripts give, declared or not.
    scripted: [FxHashSet<&'w str>; 2],
    /// Some script may give more functions than are seen.
    pub(crate) is_open: bool,
}

/// A property in a view.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known<'w> {
    One(&'w Property),
    /// Types that share the view have different ones.
    Several,
}

impl<'w> View<'w> {
    /// Whether a script gives a function of this name.
    pub(crate) fn is_scripted(&self, part: Part, name: &str) -> bool {
        self.scripted[usize::from(part == Part::Cell)].contains(name)
    }

    pub(crate) fn scripted(&self, part: Part) -> impl Iterator<Item = &'w str> + '_ {
        self.scripted[usize::from(part == Part::Cell)].iter().copied()
    }

    fn add_property(&mut self, name: &'w str, property: &'w Property) {
        let known = self.properties.entry(name).or_insert(Known::One(property));
        let is_same = match known {
            Known::One(other) => {
                other.part == property.part
                    && other.ty == property.ty
                    && other.persistent == property.persistent
                    && other.min == property.min
                    && other.max == property.max
                    && other.max_length == property.max_length
            }
            Known::Several => false,
        };
        if !is_same {
            *known = Known::Several;
        }
    }

    fn add_method(&mut self, name: &'w str, method: &'w Method) {
        let known = self.methods.entry((method.part, name)).or_default();
        if !known.iter().any(|other| other.arguments == method.arguments && other.result == method.result) {
            known.push(method);
        }
    }
}

/// Everything that is known.
#[derive(Debug)]
pub(crate) struct World<'w> {
    pub(crate) definitions: &'w Definitions,
    views: Vec<View<'w>>,
    types: FxHashMap<&'w str, ViewNo>,
    /// The same by the names that editors know: `MagicDoor`.
    written: FxHashMap<String, ViewNo>,
    traits: FxHashMap<&'w str, ViewNo>,
    components: FxHashMap<&'w str, ViewNo>,
    /// All declared methods by part and name.
    methods: FxHashMap<(Part, &'w str), Vec<&'w Method>>,
    /// Names of all properties and slots.
    members: FxHashSet<&'w str>,
}

/// The classes of the files, by what they are for.
pub(crate) type Classes<'w> = FxHashMap<FileKey<'w>, &'w Class<'w>>;

/// What a file with a class is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FileKey<'w> {
    Type(&'w str),
    Trait(&'w str),
    Component(&'w str),
}

impl<'w> FileKey<'w> {
    pub(crate) fn of(kind: Kind<'w>) -> Option<Self> {
        match kind {
            Kind::Type(name) => Some(Self::Type(name)),
            Kind::Trait(name) => Some(Self::Trait(name)),
            Kind::Component(name) => Some(Self::Component(name)),
            Kind::Library(_) | Kind::Nowhere => None,
        }
    }
}

impl<'w> World<'w> {
    pub(crate) fn new(definitions: &'w Definitions, classes: &Classes<'w>) -> Self {
        let mut world = Self {
            definitions,
            views: Vec::new(),
            types: FxHashMap::default(),
            written: FxHashMap::default(),
            traits: FxHashMap::default(),
            components: FxHashMap::default(),
            methods: FxHashMap::default(),
            members: FxHashSet::default(),
        };
        let all: Vec<&'w EntityType> = all_types(definitions).collect();
        for ty in &all {
            let no = world.view(&ty.name);
            world.types.insert(&ty.name, no);
            world.written.insert(pascal(&ty.name), no);
        }
        for ty in &all {
            world.list_members(ty);
            world.fill_type(ty, &all, classes);
        }
        for ty in &all {
            world.fill_traits(ty, classes);
        }
        world
    }

    pub(crate) fn get(&self, no: ViewNo) -> &View<'w> {
        &self.views[no.0]
    }

    pub(crate) fn type_view(&self, name: &str) -> Option<ViewNo> {
        self.types.get(name).copied()
    }

    pub(crate) fn view_of(&self, key: FileKey<'_>) -> Option<ViewNo> {
        match key {
            FileKey::Type(name) => self.types.get(name),
            FileKey::Trait(name) => self.traits.get(name),
            FileKey::Component(name) => self.components.get(name),
        }
        .copied()
    }

    /// The entity type that an annotation names: `MagicDoor` is a reference to a `magic_door`.
    pub(crate) fn annotated(&self, name: &str) -> Option<ViewNo> {
        let definitions = self.definitions;
        let is_value =
            definitions.structs.iter().any(|ty| ty.name == name) || definitions.enums.iter().any(|ty| ty.name == name);
        if is_value { None } else { self.written.get(name).copied() }
    }

    /// What an annotation of `self` names: `MagicDoorBase` is the base part of a `magic_door`.
    pub(crate) fn annotated_own(&self, name: &str) -> Option<(ViewNo, Part)> {
        let own = |word: &str, part| Some((self.annotated(name.strip_suffix(word)?)?, part));
        own("Base", Part::Base).or_else(|| own("Cell", Part::Cell))
    }

    pub(crate) fn type_names(&self) -> impl Iterator<Item = &'w str> + '_ {
        self.types.keys().copied()
    }

    pub(crate) fn component_names(&self) -> impl Iterator<Item = &'w str> + '_ {
        self.components.keys().copied()
    }

    /// Every declared method of this part and name.
    pub(crate) fn methods_named(&self, part: Part, name: &'w str) -> &[&'w Method] {
        self.methods.get(&(part, name)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn method_names(&self, part: Part) -> impl Iterator<Item = &'w str> + '_ {
        self.methods.keys().filter(move |(of, _)| *of == part).map(|(_, name)| *name)
    }

    /// Whether any type has a property or slot of this name.
    pub(crate) fn is_member(&self, name: &str) -> bool {
        self.members.contains(name)
    }

    fn view(&mut self, name: &'w str) -> ViewNo {
        self.views.push(View { name, ..View::default() });
        ViewNo(self.views.len() - 1)
    }

    fn list_members(&mut self, ty: &'w EntityType) {
        for method in &ty.methods {
            let name = plain(&method.name);
            self.methods.entry((method.part, name)).or_default().push(method);
        }
        self.members
            .extend(ty.properties.iter().filter(|property| !property.name.contains('.')).map(|p| p.name.as_str()));
        self.members.extend(ty.components.iter().map(|component| component.slot.as_str()));
    }

    fn fill_type(&mut self, ty: &'w EntityType, all: &[&'w EntityType], classes: &Classes<'w>) {
        let no = self.types[ty.name.as_str()];
        let definitions = self.definitions;
        for relative in all.iter().filter(|other| definitions.is_a(other, &ty.name)) {
            self.add_members(no, relative, classes);
            self.add_scripts(no, relative, classes);
        }
        for ancestor in definitions.lineage(ty) {
            self.add_scripts(no, ancestor, classes);
        }
    }

    /// Adds what a type declares, its components in views of their own.
    fn add_members(&mut self, no: ViewNo, ty: &'w EntityType, classes: &Classes<'w>) {
        for component in &ty.components {
            if !self.views[no.0].slots.contains_key(component.slot.as_str()) {
                let slot = self.view(&component.slot);
                self.views[slot.0].is_component = true;
                self.views[no.0].slots.insert(&component.slot, slot);
            }
            let slot = self.views[no.0].slots[component.slot.as_str()];
            self.add_slot(slot, ty, component, classes);
            let shared = self.component_view(&component.component);
            self.add_slot(shared, ty, component, classes);
        }
        let view = &mut self.views[no.0];
        for property in ty.properties.iter().filter(|property| !property.name.contains('.')) {
            view.add_property(&property.name, property);
        }
        for method in ty.methods.iter().filter(|method| !method.name.contains('.')) {
            view.add_method(&method.name, method);
        }
    }

    fn component_view(&mut self, name: &'w str) -> ViewNo {
        if let Some(no) = self.components.get(name) {
            return *no;
        }
        let no = self.view(name);
        self.views[no.0].is_component = true;
        self.components.insert(name, no);
        no
    }

    fn add_slot(&mut self, no: ViewNo, ty: &'w EntityType, component: &'w Component, classes: &Classes<'w>) {
        let within = |name: &'w str| name.strip_prefix(component.slot.as_str())?.strip_prefix('.');
        let view = &mut self.views[no.0];
        for property in &ty.properties {
            within(&property.name).into_iter().for_each(|name| view.add_property(name, property));
        }
        for method in &ty.methods {
            within(&method.name).into_iter().for_each(|name| view.add_method(name, method));
        }
        self.add_class(no, classes.get(&FileKey::Component(&component.component)).copied());
        for name in &component.traits {
            self.add_class(no, classes.get(&FileKey::Trait(name)).copied());
        }
    }

    fn add_scripts(&mut self, no: ViewNo, ty: &'w EntityType, classes: &Classes<'w>) {
        self.add_class(no, classes.get(&FileKey::Type(&ty.name)).copied());
        for name in &ty.traits {
            self.add_class(no, classes.get(&FileKey::Trait(name)).copied());
        }
    }

    fn add_class(&mut self, no: ViewNo, class: Option<&Class<'w>>) {
        let Some(class) = class else { return };
        let view = &mut self.views[no.0];
        view.is_open |= class.is_open;
        for (part, names) in [Part::Base, Part::Cell].into_iter().zip(&mut view.scripted) {
            names.extend(class.methods(part).keys().copied());
        }
    }

    /// Gives the traits that a type and its components use the members of their users.
    fn fill_traits(&mut self, ty: &'w EntityType, classes: &Classes<'w>) {
        for name in &ty.traits {
            let no = self.trait_view(name);
            let users: Vec<&'w EntityType> =
                all_types(self.definitions).filter(|other| self.definitions.is_a(other, &ty.name)).collect();
            for user in users {
                self.add_members(no, user, classes);
                self.add_scripts(no, user, classes);
            }
            for ancestor in self.definitions.lineage(ty) {
                self.add_scripts(no, ancestor, classes);
            }
        }
        for component in &ty.components {
            for name in &component.traits {
                let no = self.trait_view(name);
                // What a component's `self` has of the engine is not known here.
                self.views[no.0].is_component = true;
                self.add_slot(no, ty, component, classes);
            }
        }
    }

    fn trait_view(&mut self, name: &'w str) -> ViewNo {
        if let Some(no) = self.traits.get(name) {
            return *no;
        }
        let no = self.view(name);
        self.traits.insert(name, no);
        no
    }
}

/// Every entity type, the abstract ones too.
pub(crate) fn all_types(definitions: &Definitions) -> impl Iterator<Item = &EntityType> {
    definitions.types.values().chain(&definitions.abstract_types).map(AsRef::as_ref)
}

/// The name without its slot.
fn plain(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, plain)| plain)
}

/// `magic_door` as `MagicDoor`.
fn pascal(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}
