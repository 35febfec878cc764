//! Measures the view step beside a plain sorted grid: `cargo run --release -p kuafu-space --example view_bench`.
//!
//! Arguments: ticks per row (default 90), then pairs ENTITIES×NEIGHBOURS as `10000x50`. Prints milliseconds per tick,
//! medians with the tenth and ninetieth percentile, and the ratio to the baseline of the same run.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

#[expect(unreachable_pub, reason = "the file moves between crates unchanged")]
mod view;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let ticks = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(90);
    let mut sizes: Vec<(usize, usize)> = arguments
        .filter_map(|text| text.split_once('x').map(|(a, b)| (a.to_owned(), b.to_owned())))
        .filter_map(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)))
        .collect();
    if sizes.is_empty() {
        sizes = [1_000, 10_000, 50_000].into_iter().flat_map(|entities| [(entities, 10), (entities, 50)]).collect();
    }
    println!("{}", view::Row::HEAD);
    for (entities, neighbours) in sizes {
        println!("{}", view::run(entities, neighbours, ticks));
    }
}
