//! `/api/events`: the status each second, and the maps of a space while somebody looks, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use kuafu_core::SpaceId;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::http::{Shared, VIEWERS_MAX, refusal, wait_for_stop};
use crate::publish::Views;
use crate::role::In;

/// How often the role is told that somebody still looks at a map.
const LOOK_PERIOD: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
pub(crate) struct Wanted {
    /// The space whose maps are wanted.
    space: Option<u32>,
}

pub(crate) async fn events(State(shared): State<Shared>, Query(wanted): Query<Wanted>) -> Response {
    let Ok(permit) = shared.viewers.clone().try_acquire_owned() else {
        let why = format!("{VIEWERS_MAX} viewers watch already; close one and try again");
        let refused = refusal(StatusCode::SERVICE_UNAVAILABLE, &why);
        return ([(header::RETRY_AFTER, "5")], refused).into_response();
    };
    let mut looks = interval(LOOK_PERIOD);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut viewer = Viewer {
        views: shared.desk.views.clone(),
        shared,
        space: wanted.space.map(SpaceId),
        map_shown: 0,
        looks,
        _permit: permit,
    };
    // The first event is what is known already.
    viewer.views.published.mark_changed();
    viewer.views.maps.mark_changed();
    Sse::new(stream(viewer)).keep_alive(KeepAlive::new()).into_response()
}

/// One browser that watches.
struct Viewer {
    shared: Shared,
    views: Views,
    space: Option<SpaceId>,
    /// The number of the map that it has.
    map_shown: u64,
    looks: Interval,
    _permit: OwnedSemaphorePermit,
}

fn stream(viewer: Viewer) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(viewer, |mut viewer| async move {
        let event = viewer.next().await?;
        Some((Ok(event), viewer))
    })
}

impl Viewer {
    /// The next event; `None` when the console ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let stop = wait_for_stop(self.shared.stop.clone());
            tokio::select! {
                () = stop => return None,
                changed = self.views.published.changed() => {
                    changed.ok()?;
                    let json = self.views.published.borrow_and_update().json.clone();
                    return Some(Event::default().event("status").data(json));
                }
                changed = self.views.maps.changed() => {
                    changed.ok()?;
                    if let Some(event) = self.take_map() {
                        return Some(event);
                    }
                }
                _ = self.looks.tick(), if self.space.is_some() => self.look(),
            }
        }
    }

    fn take_map(&mut self) -> Option<Event> {
        let space = self.space?;
        let (number, json) = self.views.maps.borrow_and_update().get(&space)?.clone();
        if number == self.map_shown {
            return None;
        }
        self.map_shown = number;
        Some(Event::default().event("map").data(json))
    }

    fn look(&self) {
        if let Some(space) = self.space {
            // A full lane is not worth waiting for: the next look comes in two seconds.
            let _ = self.shared.desk.requests.try_send(In::WatchMap { space });
        }
    }
}
