//! Lifecycle hooks: the names under which scripts are told what happens to their entity.

macro_rules! hooks {
    ($($name:ident $method:literal $doc:literal;)*) => {
        /// Something that happens to an entity part. A part without the hook's method is simply not told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Hook { $(#[doc = $doc] $name),* }

        impl Hook {
            /// Every hook.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The method's name in a script.
            #[must_use]
            pub fn method(self) -> &'static str {
                match self { $(Self::$name => $method),* }
            }

            /// When it is called, for the reference.
            #[must_use]
            pub fn doc(self) -> &'static str {
                match self { $(Self::$name => $doc),* }
            }
        }
    };
}

hooks! {
    Create "on_create" "The part was created; for a persistent entity, for the first time ever. No arguments.";
    Load "on_load" "The part was created from what the database holds. No arguments.";
    Destroy "on_destroy" "The part is about to go. Calls made here are sent; nothing can be awaited.";
    ClientAttached "on_client_attached" "A client took the entity. Argument: `resumed`, whether it was here before within the grace time.";
    ClientLost "on_client_lost" "The client is gone; the entity stays for the grace time.";
    CellReady "on_cell_ready" "Base part: the cell part stands in its space.";
    CellLost "on_cell_lost" "Base part: the cell part is gone.";
    Arrive "on_arrive" "Cell part: `move_to` reached its target.";
    TriggerEnter "on_trigger_enter" "Cell part: an entity came within a trigger. Arguments: the entity, the trigger's radius.";
    TriggerLeave "on_trigger_leave" "Cell part: an entity left a trigger. Arguments: the entity, the trigger's radius.";
    Shared "on_shared" "A shared value that the part watches changed. Arguments: the key, the new value; nil when it was taken out.";
    NameLost "on_name_lost" "A global name that the entity held is held by another now. Argument: the name.";
    Reload "on_reload" "New code runs for the part, before anything else of it. Argument: the number of the release whose code ran before.";
    Shutdown "on_shutdown" "The server stops; what must last is saved after this.";
}
