//! The logic of `entities/firefly.toml` in Rust: a light that wanders, and shines when somebody comes near.
//!
//! One value of [`Firefly`] stands beside each cell part. Its fields are gone when the part goes; what clients see or the
//! database keeps is a property. A panic ends the entry that it happened in, is logged and counted, and the game goes on.

use std::f64::consts::TAU;

use kuafu::{Behaviour, Context, Done, EntityId, Methods, methods};

const NEAR_M: f32 = 4.0;
const STROLL_M: f64 = 6.0;
const SHINE_S: f64 = 3.0;

/// The cell part of a firefly.
#[derive(Default)]
pub(crate) struct Firefly {
    /// Where it was born; it stays around there.
    home: [f32; 3],
}

impl Behaviour for Firefly {
    // Methods that timers, calls and continuations may reach by name.
    fn methods() -> Methods<Self> {
        methods![wander, dim]
    }

    fn on_create(&mut self, cx: &mut Context<'_>) -> Done {
        self.home = cx.position().unwrap_or_default();
        let hue = cx.random_between(40, 70);
        cx.set("hue", hue)?;
        cx.add_trigger(NEAR_M);
        let pause = cx.random() * 3.0;
        cx.after(pause, "wander", ());
        Ok(())
    }

    fn on_arrive(&mut self, cx: &mut Context<'_>) -> Done {
        let pause = 1.0 + cx.random() * 3.0;
        cx.after(pause, "wander", ());
        Ok(())
    }

    fn on_trigger_enter(&mut self, cx: &mut Context<'_>, other: EntityId, _radius: f32) -> Done {
        let bright: bool = cx.get("bright")?;
        if !bright && cx.type_of(other).as_deref() == Some("avatar") {
            cx.set("bright", true)?;
            cx.after(SHINE_S, "dim", ());
        }
        Ok(())
    }
}

impl Firefly {
    fn wander(&mut self, cx: &mut Context<'_>) {
        // The root spreads the targets evenly over the circle.
        let (angle, distance) = (cx.random() * TAU, STROLL_M * cx.random().sqrt());
        let [x, y, z] = self.home;
        let target = [x + (angle.cos() * distance) as f32, y, z + (angle.sin() * distance) as f32];
        cx.move_to(target, 1.5);
    }

    fn dim(&mut self, cx: &mut Context<'_>) -> Done {
        cx.set("bright", false)
    }
}
