//! Runs the simulated providers by themselves:
//! `cargo run -p simulator --example serve -- LINODE DIGITALOCEAN PAYPAL [SPEED [STATE_FILE]]` with socket
//! addresses.

use std::net::SocketAddr;
use std::path::PathBuf;

use simulator::{Config, Simulator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut config = Config::default();
    let addresses: [&mut SocketAddr; 3] = [&mut config.linode, &mut config.digitalocean, &mut config.paypal];
    for (address, text) in addresses.into_iter().zip(&arguments) {
        *address = text.parse()?;
    }
    if let Some(speed) = arguments.get(3) {
        config.speed = speed.parse()?;
    }
    config.state_file = arguments.get(4).map(PathBuf::from);
    let _simulator = Simulator::start(config).await?;
    std::future::pending().await
}
