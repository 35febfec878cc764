//! Two bases and a cell as one realm: global entities, services, names, shared data, groups, and entities that are found,
//! created and ended from elsewhere.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use kuafu_core::{EntityId, Value};

use super::game::{Game, PATIENCE, copy_of};
use super::player::{Player, pass, run, until};

const HALL: &str = r#"
[entity]
parts = ["base"]
global = true
[properties.visits]
type = "int64"
persistent = true
[properties.heard]
type = "string"
[methods.base.visit]
result = "int64"
[methods.base.news]
result = "string"
"#;

const HALL_LUAU: &str = r#"
local Hall = { base = {} }
local function open(self)
    self:watch("weather")
    for _ = 1, 4 do kuafu.create("clerk", { where = "least-loaded" }) end
end
function Hall.base:on_create() open(self) end
function Hall.base:on_load() open(self) end
function Hall.base:visit()
    self.visits += 1
    kuafu.count("visits")
    local visits = self.visits
    self:save():await()
    return visits
end
function Hall.base:on_shared(key, value) self.heard = `{key} is {value}` end
function Hall.base:news() return self.heard end
return Hall
"#;

const CLERK: &str = r#"
[entity]
parts = ["base"]
[methods.base.bid]
arguments = [{ name = "price", type = "int32" }]
result = "int64"
"#;

const CLERK_LUAU: &str = r#"
local Clerk = { base = {} }
function Clerk.base:on_create() self:provide("auction") end
function Clerk.base:bid(price)
    if price < 0 then kuafu.refuse("a price is not less than nothing") end
    return self.id
end
return Clerk
"#;

const GUILD: &str = r#"
[entity]
parts = ["base"]
[properties.name]
type = "string"
persistent = true
unique = true
"#;

/// What is added to the avatar: methods that its client calls.
const AVATAR: &str = r#"
[methods.base.visit]
exposed = "owner"
result = "int64"
[methods.base.news]
exposed = "owner"
result = "string"
[methods.base.bid]
exposed = "owner"
arguments = [{ name = "price", type = "int32" }, { name = "key", type = "string" }]
result = "int64"
[methods.base.set_weather]
exposed = "owner"
arguments = [{ name = "weather", type = "string" }]
result = "string"
[methods.base.weather]
exposed = "owner"
result = "string"
[methods.base.join_party]
exposed = "owner"
arguments = [{ name = "party", type = "string" }]
[methods.base.leave_party]
exposed = "owner"
arguments = [{ name = "party", type = "string" }]
[methods.base.tell_party]
exposed = "owner"
arguments = [{ name = "party", type = "string" }, { name = "text", type = "string" }]
[methods.cell.call_party]
exposed = "owner"
arguments = [{ name = "party", type = "string" }, { name = "text", type = "string" }]
[methods.base.found_guild]
exposed = "owner"
arguments = [{ name = "name", type = "string" }]
result = "int64"
[methods.base.guild_of]
exposed = "owner"
arguments = [{ name = "name", type = "string" }]
result = "int64"
[methods.cell.guild_of_cell]
exposed = "owner"
arguments = [{ name = "name", type = "string" }]
result = "int64"
[methods.base.close_guild]
exposed = "owner"
arguments = [{ name = "guild", type = "int64" }]
result = "bool"
[methods.base.be_king]
exposed = "owner"
result = "string"
"#;

const AVATAR_LUAU: &str = r#"
function Avatar.base:visit()
    local hall = kuafu.global("hall")
    if not hall then kuafu.refuse("there is no hall yet") end
    return (hall.base:visit():await()) or 0
end
function Avatar.base:news() return (kuafu.global("hall").base:news():await()) or "" end
function Avatar.base:bid(price, key)
    local by = if key ~= "" then key else nil
    local clerk, why = kuafu.service("auction", by):bid(price):await()
    if why then kuafu.refuse(why.text) end
    return clerk
end
function Avatar.base:set_weather(weather)
    local done, why = kuafu.shared.set("weather", weather):await()
    if not done then kuafu.refuse(why.text) end
    return kuafu.shared.get("weather")
end
function Avatar.base:weather() return kuafu.shared.get("weather") or "none" end
function Avatar.base:join_party(party) self:join(party) end
function Avatar.base:leave_party(party) self:leave(party) end
function Avatar.base:tell_party(party, text) kuafu.group(party):heard(text, false) end
function Avatar.cell:call_party(party, text) kuafu.group(party):heard(text, true) end
function Avatar.base:found_guild(name)
    local guild, why = kuafu.create("guild", { where = "least-loaded", persistent = true, properties = { name = name } }):await()
    if not guild then kuafu.refuse(why.text) end
    return guild.id
end
local function find(name)
    local guild, why = kuafu.find("guild", { name = name }):await()
    if why then kuafu.refuse(why.text) end
    return if guild then guild.id else 0
end
function Avatar.base:guild_of(name) return find(name) end
function Avatar.cell:guild_of_cell(name) return find(name) end
function Avatar.base:close_guild(guild) return (kuafu.entity(guild):destroy():await()) or false end
function Avatar.base:be_king()
    local mine, why = self:claim_name("king"):await()
    return if mine then "king" else why.code
end
return Avatar
"#;

/// A plaza with two bases and the types above.
fn realm() -> tempfile::TempDir {
    let project = copy_of("plaza");
    let edit = |name: &str, change: &dyn Fn(String) -> String| {
        let path = project.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, change(text)).expect("it can be written");
    };
    edit("kuafu.toml", &|text| text.replace("bases = 1", "bases = 2"));
    // Things live on one base, where they would outweigh all else.
    edit("spaces/plaza.toml", &|text| text.replace("count = 24", "count = 1"));
    edit("entities/avatar.toml", &|text| text + AVATAR);
    edit("scripts/avatar.luau", &|text| text.replace("return Avatar\n", "") + AVATAR_LUAU);
    for (name, definition, script) in
        [("hall", HALL, HALL_LUAU), ("clerk", CLERK, CLERK_LUAU), ("guild", GUILD, "return { base = {} }\n")]
    {
        edit(&format!("entities/{name}.toml"), &|_| definition.to_owned());
        edit(&format!("scripts/{name}.luau"), &|_| script.to_owned());
    }
    project
}

fn text(text: &str) -> Value {
    Value::text(text)
}

fn entity(value: &Value) -> EntityId {
    EntityId(value.as_int().expect("an entity's id").cast_unsigned())
}

/// Asks again and again until the answer is as wanted.
async fn ask(player: &mut Player, method: &str, arguments: &[Value], wanted: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let answer = player.base(method, arguments).await;
        if wanted(&answer) {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "{method} gives {answer:?}");
        pass(&mut [player], Duration::from_millis(100)).await;
    }
}

/// Two players on different bases of a realm whose hall stands.
async fn two(game: &Game) -> [Player; 2] {
    let ada = Player::join(game, "Ada").await;
    let start = Instant::now();
    // Who comes before a base was heard of goes where there is one.
    let bo = loop {
        let other = Player::join(game, "Bo").await;
        if other.id().incarnation() != ada.id().incarnation() {
            break other;
        }
        assert!(start.elapsed() < PATIENCE, "all are on one base");
        other.leave().await;
    };
    let mut players = [ada, bo];
    for player in &mut players {
        while player.client.call(kuafu_def::Part::Base, "visit", &[]).await.is_err() {
            assert!(start.elapsed() < PATIENCE, "there is no hall");
            pass(&mut [player], Duration::from_millis(100)).await;
        }
    }
    players
}

fn metrics(game: &Game) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", game.port)).expect("the console listens");
    let host = format!("127.0.0.1:{}", game.port);
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_realm_of_two_bases_has_one_hall_which_keeps_what_it_knows() {
    let (project, data) = (realm(), tempfile::tempdir().expect("a temporary folder"));
    let game = Game::start(project.path(), data.path());
    run(async {
        let [mut ada, mut bo] = two(&game).await;
        let first = ada.base("visit", &[]).await.as_int().expect("a number");
        assert_eq!(bo.base("visit", &[]).await, Value::Int(first + 1), "both visit the same hall");
        let start = Instant::now();
        while !metrics(&game).contains("game_visits") {
            assert!(start.elapsed() < PATIENCE, "{}", metrics(&game));
            pass(&mut [&mut ada, &mut bo], Duration::from_millis(200)).await;
        }
        ada.leave().await;
        bo.leave().await;
    });
    assert!(game.stop().success());
    let game = Game::start(project.path(), data.path());
    run(async {
        let [mut ada, _bo] = two(&game).await;
        let Value::Int(visits) = ada.base("visit", &[]).await else { panic!("no number") };
        assert!(visits >= 7, "the hall remembers its visits: {visits}");
    });
    assert!(game.stop().success());
}

#[test]
fn services_shared_data_groups_and_names_reach_over_both_bases() {
    let (project, data) = (realm(), tempfile::tempdir().expect("a temporary folder"));
    let game = Game::start(project.path(), data.path());
    run(async {
        let [mut ada, mut bo] = two(&game).await;
        // In turn each clerk is asked, and they live on both bases.
        let mut clerks = std::collections::BTreeSet::new();
        let start = Instant::now();
        while clerks.len() < 4 && start.elapsed() < PATIENCE {
            if let Ok(clerk) = bo.client.call(kuafu_def::Part::Base, "bid", &[Value::Int(5), text("")]).await {
                clerks.insert(entity(&clerk));
            }
        }
        let bases: std::collections::BTreeSet<_> = clerks.iter().map(|clerk| clerk.incarnation()).collect();
        assert_eq!((clerks.len(), bases.len()), (4, 2), "{clerks:?}");
        let mine = ada.base("bid", &[Value::Int(5), text("a sword")]).await;
        for player in [&mut bo, &mut ada] {
            assert_eq!(player.base("bid", &[Value::Int(5), text("a sword")]).await, mine, "a key has its clerk");
        }
        let refused = ada.client.call(kuafu_def::Part::Base, "bid", &[Value::Int(-1), text("")]).await;
        assert!(format!("{refused:?}").contains("a price is not less than nothing"), "{refused:?}");

        // What one sets it can read at once, the other soon, and the hall hears of it.
        assert_eq!(ada.base("set_weather", &[text("rain")]).await, text("rain"));
        ask(&mut bo, "weather", &[], |weather| *weather == text("rain")).await;
        ask(&mut bo, "news", &[], |news| *news == text("weather is rain")).await;

        // A party hears what its members say, from base and cell parts, and those who left do not.
        for player in [&mut ada, &mut bo] {
            player.base("join_party", &[text("party:7")]).await;
        }
        bo.base("tell_party", &[text("party:7"), text("over here")]).await;
        let both = &mut [&mut ada, &mut bo];
        let heard = |player: &Player, what: &str| player.heard().iter().any(|text| text == what);
        until(both, "both hear it", |p| (heard(p[0], "over here") && heard(p[1], "over here")).then_some(())).await;
        ada.client
            .tell(None, kuafu_def::Part::Cell, "call_party", &[text("party:7"), text("from afar")])
            .expect("sent");
        let both = &mut [&mut ada, &mut bo];
        until(both, "both hear the call", |p| (heard(p[0], "from afar") && heard(p[1], "from afar")).then_some(()))
            .await;
        bo.base("leave_party", &[text("party:7")]).await;
        ada.base("tell_party", &[text("party:7"), text("alone")]).await;
        let both = &mut [&mut ada, &mut bo];
        until(both, "she hears herself", |p| heard(p[0], "alone").then_some(())).await;
        pass(&mut [&mut ada, &mut bo], Duration::from_millis(300)).await;
        assert!(!heard(&bo, "alone"));

        // One king at a time.
        assert_eq!(ada.base("be_king", &[]).await, text("king"));
        assert_eq!(bo.base("be_king", &[]).await, text("NameTaken"));
        ada.leave().await;
        ask(&mut bo, "be_king", &[], |answer| *answer == text("king")).await;
        bo.leave().await;
    });
    assert!(game.stop().success());
}

#[test]
fn an_entity_is_created_elsewhere_found_from_everywhere_ended_and_loaded_again() {
    let (project, data) = (realm(), tempfile::tempdir().expect("a temporary folder"));
    let game = Game::start(project.path(), data.path());
    run(async {
        let [mut ada, mut bo] = two(&game).await;
        let ants = ada.base("found_guild", &[text("Ants")]).await;
        let mut bees = ada.base("found_guild", &[text("Bees")]).await;
        let mut name = "Bees".to_owned();
        while entity(&bees).incarnation() == entity(&ants).incarnation() {
            assert!(name.len() < 20, "all guilds are on one base, which has most to do by now");
            name.push('s');
            bees = ada.base("found_guild", &[text(&name)]).await;
        }
        for (name, guild) in [("Ants", &ants), (name.as_str(), &bees)] {
            for player in [&mut ada, &mut bo] {
                ask(player, "guild_of", &[text(name)], |found| found == guild).await;
                let from_cell = player.client.call(kuafu_def::Part::Cell, "guild_of_cell", &[text(name)]).await;
                assert_eq!(from_cell.as_ref().ok(), Some(guild), "{from_cell:?}");
            }
        }
        assert_eq!(bo.base("guild_of", &[text("Cats")]).await, Value::Int(0));
        assert_eq!(bo.base("close_guild", std::slice::from_ref(&ants)).await, Value::Bool(true));
        let again = ask(&mut ada, "guild_of", &[text("Ants")], |found| *found != ants).await;
        assert_ne!(again, Value::Int(0), "it is loaded again");
        ask(&mut bo, "guild_of", &[text("Ants")], |found| *found == again).await;
    });
    assert!(game.stop().success());
}
