//! The game's program: `kuafu` with this game's logic in Rust.

mod firefly;

fn main() -> std::process::ExitCode {
    kuafu::Game::new().native(kuafu::Native::new().cell::<firefly::Firefly>("firefly")).main()
}
