//! The example's own program: all of `kuafu`, with the fireflies in Rust.

mod firefly;

fn main() -> std::process::ExitCode {
    kuafu::Game::new().native(kuafu::Native::new().cell::<firefly::Firefly>("firefly")).main()
}
