//! The cell part of `entities/firefly.toml`: a light that falls into step with the others around it.
//!
//! Each has a phase that grows from 0 to 1 in [`PERIOD_S`], flashes at 1 and begins again. Who sees a flash is pushed a
//! little towards its own, the farther it is the more, so a swarm that began at random flashes as one after a while
//! (Mirollo and Strogatz, "Synchronization of pulse-coupled biological oscillators", 1990). The fields of a value are
//! gone with its entity; what clients see is a property.

use kuafu::{Behaviour, Context, Done, EntityId, Methods, Part, TimerId, methods};

/// Seconds from one flash to the next, when nobody else is there.
const PERIOD_S: f64 = 2.0;

/// How far a flash is seen, in metres.
const SEEN_M: f32 = 25.0;

/// What part of its phase a flash adds to who sees it.
const PUSH: f64 = 0.1;

/// So long after its own flash, in seconds, a firefly sees no other.
const BLIND_S: f64 = 0.3;

/// How a firefly stands between two flashes.
#[derive(Default)]
pub(crate) struct Firefly {
    /// Its phase, at `since_s` seconds of space time.
    phase: f64,
    since_s: f64,
    /// The timer that will call `flash`.
    timer: Option<TimerId>,
}

impl Behaviour for Firefly {
    // The methods that calls and timers find by name.
    fn methods() -> Methods<Self> {
        methods![see, startle, flash]
    }

    fn on_create(&mut self, cx: &mut Context<'_>) -> Done {
        let phase = cx.random();
        self.go_on_from(cx, phase);
        Ok(())
    }
}

impl Firefly {
    /// `methods.cell.see`: another one flashed.
    fn see(&mut self, cx: &mut Context<'_>) -> Done {
        let elapsed_s = cx.now_s() - self.since_s;
        if self.phase == 0.0 && elapsed_s < BLIND_S {
            return Ok(());
        }
        let phase = (self.phase + elapsed_s / PERIOD_S) * (1.0 + PUSH);
        if phase >= 1.0 {
            return self.flash(cx);
        }
        self.go_on_from(cx, phase);
        Ok(())
    }

    /// `methods.cell.startle`: somebody clapped. It gives how often it has flashed.
    fn startle(&mut self, cx: &mut Context<'_>) -> Done<u32> {
        self.flash(cx)?;
        cx.get("flashes")
    }

    fn flash(&mut self, cx: &mut Context<'_>) -> Done {
        let flashes: u32 = cx.get("flashes")?;
        cx.set("flashes", flashes.wrapping_add(1))?;
        cx.set("flashed_s", cx.now_s())?;
        let neighbours: Vec<EntityId> = cx.nearby(SEEN_M, Some("firefly"))?;
        for neighbour in neighbours {
            cx.call(neighbour, Part::Cell, "see", ());
        }
        self.go_on_from(cx, 0.0);
        Ok(())
    }

    fn go_on_from(&mut self, cx: &mut Context<'_>, phase: f64) {
        if let Some(timer) = self.timer.take() {
            cx.cancel(timer);
        }
        (self.phase, self.since_s) = (phase, cx.now_s());
        self.timer = Some(cx.after(PERIOD_S * (1.0 - phase), "flash", ()));
    }
}
