#[path = "script/support.rs"] #[allow(dead_code)] mod support;
use kuafu_logic::LogicHost;
#[test]
fn scratch() {
    for (name, text) in [
        ("loop", "while true do end"),
        ("backtrack", "local s = string.rep('a', 5000) return string.find(s, '.-.-.-.-.-b')"),
        ("upper", "local s = string.rep('a', 1000000) while true do s:upper() end"),
                ("sort", "local t = table.create(100000, 0) while true do table.sort(t) end"),
        ("plain find", "local s = string.rep('a', 500000) local p = string.rep('a', 200000) .. 'b' while true do string.find(s, p, 1, true) end"),
        ("set find", "local s = string.rep('a', 1000000) while true do string.find(s, '[b-z]*$', 1) end"),
        ("max expand", "local s = string.rep('a', 1000000) while true do string.find(s, '^a*b') end"),
        ("max expand 2", "local s = string.rep('a', 1000000) while true do string.find(s, 'a*b') end"),
        ("balance", "local s = string.rep('(', 1000000) while true do string.find(s, '%b()') end"),
        ("tables", "local t = {} while true do t[#t + 1] = { {} } end"),
        ("split", "local s = string.rep('a,', 400000) while true do #string.split(s, 'b') end"),
        ("gsub", "local s = string.rep('a', 1000000) while true do string.gsub(s, 'b', '') end"),
        ("byte", "local s = string.rep('a', 1000000) while true do string.reverse(s) end"),
        ("utf8", "local s = string.rep('a', 1000000) while true do utf8.len(s) end"),
        ("tonumber", "local s = string.rep('1', 1000000) while true do tonumber(s) end"),
        ("hoard", "hoard"),
    ] {
        let text = text.replace("do #string", "do local x = #string");
        let mut stage = if name == "hoard" {
            let script = support::base_script("for i = 1, 100000 do kept[#kept + 1] = { {} } end return 1").replace("local D", "local kept = {} local D");
            support::Stage::with(kuafu_def::Part::Base, &script, Default::default())
        } else { support::body(&text) };
        let rounds = if name == "hoard" { 60 } else { 1 };
        println!("{name} ..."); let start = std::time::Instant::now();
        let mut last = String::new();
        for _ in 0..rounds { last = format!("{:?}", stage.call("run", vec![])); last.truncate(60); }
        println!("{name}: {:?} {last} {:?} mem {}", start.elapsed(), stage.faults().last().map(|f| f.lines().next().unwrap_or("").to_owned()), stage.host.counters().memory_bytes >> 20);
    }
}
