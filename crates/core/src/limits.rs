//! Named limits: one table with the default, and what happens at the limit.
//!
//! `kuafu.toml` overrides any of them in `[limits]`; the documentation page is made from this table. A limit that is
//! reached is counted under its name, so that the console can show it.

use serde::{Deserialize, Serialize};

macro_rules! limits {
    ($($(#[$attr:meta])* $name:ident: $kind:ty = $default:expr, $unit:literal, $behaviour:literal;)*) => {
        /// Every bound of a running system. See [`Limits::TABLE`] for units and behaviour.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits { $(#[doc = concat!($behaviour, " (", $unit, ")")] pub $name: $kind),* }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default),* }
            }
        }

        impl Limits {
            /// Name, default, unit, and what happens at the limit.
            pub const TABLE: &'static [LimitRow] = &[$(LimitRow {
                name: stringify!($name),
                default: stringify!($default),
                unit: $unit,
                behaviour: $behaviour,
            }),*];
        }
    };
}

/// One row of the table of limits.
#[derive(Clone, Copy, Debug)]
pub struct LimitRow {
    /// The name in `kuafu.toml` and in counters.
    pub name: &'static str,
    /// The default, as written in the source.
    pub default: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// What happens at the limit.
    pub behaviour: &'static str,
}

limits! {
    // Connections.
    loopback: bool = false, "yes or no", "whether per-address limits also hold for loopback addresses";
    connections_max: u32 = 20_000, "connections per listener", "further connections are refused with Busy";
    connections_per_address_max: u32 = 64, "connections", "further connections from the address are refused with TooManyConnections";
    packet_bytes_max: u32 = 65_536, "bytes, client to server", "the connection is told FrameTooLarge and closed";
    packets_per_second_max: u32 = 120, "packets per second and connection", "the connection is told RateExceeded and closed after a burst of two seconds' worth";
    handshake_ms_max: u64 = 10_000, "milliseconds", "a connection that has not attached or logged in by then is closed with Idle";
    idle_ms_max: u64 = 30_000, "milliseconds", "a connection from which nothing came for so long is closed with Idle";
    heartbeat_ms: u64 = 5_000, "milliseconds", "how often a client is asked to send a ping when it has nothing else to say";
    write_queue_bytes_max: u32 = 262_144, "bytes waiting for one client", "the client gets less as the queue fills (budget), and is dropped with TooSlow when it is full for stalled_ms_max";
    stalled_ms_max: u64 = 10_000, "milliseconds", "a client whose queue stays full for so long is dropped with TooSlow";
    calls_in_flight_max: u32 = 32, "calls per client", "a further call is answered Busy";

    // Accounts and login.
    login_attempts_per_account_per_min: u32 = 10, "attempts", "further attempts are answered TooManyAttempts without looking at the password";
    login_attempts_per_address_per_min: u32 = 30, "attempts", "further attempts are answered TooManyAttempts";
    registrations_per_address_per_hour: u32 = 20, "registrations", "further registrations are answered TooManyAttempts";
    roles_per_account_max: u32 = 4, "roles", "a further one is answered RoleLimit";
    role_delete_delay_s: u64 = 604_800, "seconds", "a deleted role can be restored for so long, then it is gone";
    players_max: u32 = 5_000, "players per base", "logins wait in the queue";
    login_queue_max: u32 = 10_000, "waiting logins", "further logins are answered QueueFull";
    logins_in_flight_max: u32 = 64, "logins being worked on", "further logins wait in the queue";
    password_checks_in_flight_max: u32 = 4, "password checks at once", "further checks wait";
    ticket_ms_max: u64 = 30_000, "milliseconds", "an unused ticket is forgotten, its login undone";
    reconnect_grace_ms: u64 = 60_000, "milliseconds", "an entity without a client stays for so long, then it is saved and leaves";

    // Mailboxes and links.
    mailbox_messages_max: u32 = 65_536, "messages per role", "a further call is refused with Busy; a further notice is dropped and counted";
    link_frames_max: u32 = 64, "frames in flight per link", "the sender holds its frame back and sends a later state instead";
    link_frame_bytes_max: u32 = 4_194_304, "bytes", "a larger frame is a fault of the sender: dropped and counted, the link resyncs";
    call_deadline_ms: u64 = 5_000, "milliseconds", "a call without an answer ends as unknown";

    // Spaces and view.
    tick_hz: u32 = 10, "ticks per second", "the pace of cells";
    tick_late_ms_max: u64 = 1_000, "milliseconds", "a cell that is late skips ticks and counts them; one late tick simulates no more time than this";
    entities_per_cell_max: u32 = 100_000, "entities", "a further one is refused";
    view_radius_max: u32 = 500, "metres", "a larger radius in a space file is refused at start";
    view_size_max: u32 = 250, "entities in one view", "the nearest are seen; a nearer one displaces the farthest";
    client_bytes_per_tick_max: u32 = 16_384, "bytes to one client per tick", "what does not fit is held back by priority and catches up";
    history_blobs_max: u32 = 32, "kept deltas per entity and audience", "a viewer that is further behind gets a snapshot";
    move_time_budget_ms_max: u64 = 1_000, "milliseconds of movement in stock", "the stock of unused movement time grows no further, so a pause allows no long leap";
    triggers_per_entity_max: u32 = 8, "proximity triggers", "a further one is an error in the script";

    // Persistence.
    archive_period_ms: u64 = 30_000, "milliseconds", "how old unsaved state of a persistent entity may become";
    cell_backup_period_ms: u64 = 2_000, "milliseconds", "how old a base's copy of its cell part's state may become";
    save_batch_entities_max: u32 = 256, "entities", "a larger batch is cut";
    saves_in_flight_max: u32 = 1_024, "batches per database", "further ones wait in the base; their entities stay dirty";

    // Scripts.
    script_steps_max: u64 = 2_000_000, "interrupt checks per entry", "the script is stopped with an error";
    script_time_ms_max: u64 = 2_000, "milliseconds of real time per input", "a script that is still running is stopped with an error at its next step; a guard beside the step budget for single steps that take long";
    script_memory_bytes_max: u64 = 268_435_456, "bytes per virtual machine", "an allocation beyond fails in the script that asks for it";
    script_tasks_per_entity_max: u32 = 64, "suspended tasks", "a further await is an error in the script";
    timers_per_entity_max: u32 = 64, "timers", "a further one is an error in the script";
    effects_per_entry_max: u32 = 4_096, "effects of one entry into a script", "the script is stopped with an error; its effects are dropped";
    value_depth_max: u32 = 16, "levels of nested containers", "a deeper value is refused";
    container_items_max: u32 = 4_096, "items of one container", "a larger one is refused";
    text_bytes_max: u32 = 65_536, "bytes of one text or blob", "a longer one is refused";

    // Releases of logic and data tables.
    release_bytes_max: u32 = 67_108_864, "bytes of one release", "a larger release is refused; the present one runs on";
    release_stage_ms_max: u64 = 30_000, "milliseconds", "a release that not every base and cell has loaded by then is given up; the present one runs on";
    release_trial_ms: u64 = 60_000, "milliseconds", "how long after it was activated a release can be taken back for its errors";
    release_faults_max: u32 = 20, "errors in scripts during the trial", "with more, the release before is activated again";
    reloads_per_tick_max: u32 = 500, "entities per tick", "further entities hear of the new release in the next ticks, or before their next entry";
    data_table_rows_max: u32 = 100_000, "rows of one data table", "a larger table is a problem of the project";
    data_bytes_max: u64 = 33_554_432, "bytes of one data file", "a larger file is a problem of the project";
    data_query_ms_max: u64 = 5_000, "milliseconds per query of a data table", "the query is stopped, which is a problem of the project";

    // Services, names, shared data, groups.
    directory_entries_max: u32 = 10_000, "names and service providers per realm", "a further one is refused";
    shared_entries_max: u32 = 1_000, "shared values per realm", "a further one is refused";
    shared_value_bytes_max: u32 = 65_536, "encoded bytes of one shared value", "a larger value is refused";
    groups_per_entity_max: u32 = 32, "groups of one entity", "a further one is an error in the script";
    lookups_in_flight_max: u32 = 1_024, "searches for entities per base or cell", "a further search is refused with Busy";

    // What scripts ask of others.
    http_requests_in_flight_max: u32 = 64, "requests per realm", "a further request is refused with Busy";
    http_request_bytes_max: u32 = 1_048_576, "bytes of the body of one request", "a longer body is an error in the script";
    http_response_bytes_max: u32 = 1_048_576, "bytes of one response", "a longer response is refused";
    http_ms_max: u64 = 10_000, "milliseconds per request", "the request ends as unknown";
    metrics_per_role_max: u32 = 256, "names of metrics per base or cell", "further names are counted together as `other`";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_named_once_and_says_what_happens() {
        let names: std::collections::BTreeSet<_> = Limits::TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), Limits::TABLE.len());
        assert!(Limits::TABLE.iter().all(|row| !row.behaviour.is_empty() && !row.unit.is_empty()));
    }
}
