//! Our clients against the simulated services, with the vendors' published descriptions in between: a proxy
//! refuses every request and every answer that a description does not allow.
//!
//! The descriptions live beside the checkout; without them the stage is skipped.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::Outcome;
use crate::{assets, process, progress, workspace};

/// A vendor's description, and the tests of our client for it.
struct Service {
    name: &'static str,
    /// The test program, a part of the names of its tests, and the one that is left out.
    tests: [&'static str; 3],
    corrections: &'static [Correction],
}

/// Where a description contradicts what the vendor was recorded to answer.
struct Correction {
    /// What it says about this property (RFC 6901) …
    pointer: &'static str,
    /// … as it should be.
    truth: fn() -> Value,
}

const SERVICES: [Service; 3] = [
    Service {
        name: "linode",
        // The test that is left out has the cloud answer HTML on purpose.
        tests: ["contract", "linode", "a_create_that_was_turned_away_made_nothing"],
        // Recorded: the number 0 for what is over.
        corrections: &[Correction {
            pointer: "/paths/~1v4~1account~1events/get/responses/200/content/application~1json/schema/properties/data/items/properties/time_remaining",
            truth: || json!({ "nullable": true, "oneOf": [{ "type": "string" }, { "type": "integer" }] }),
        }],
    },
    Service {
        name: "digitalocean",
        tests: ["contract", "digitalocean", "a_create_that_was_turned_away_made_nothing"],
        // Recorded: images of distributions that the closed list does not have, such as AlmaLinux.
        corrections: &[Correction {
            pointer: "/components/schemas/distribution",
            truth: || json!({ "type": "string" }),
        }],
    },
    Service {
        name: "paypal",
        // The test that is left out has PayPal limit the rate, which no operation's description knows.
        tests: ["paypal", "", "trouble_before_the_effect_is_transient"],
        // PayPal's own examples: the list lacks the token that payers approve.
        corrections: &[Correction {
            pointer: "/components/schemas/vault_token_id_request/properties/type/enum",
            truth: || json!(["BILLING_AGREEMENT", "SETUP_TOKEN"]),
        }],
    },
];

/// The large descriptions take a while to read.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Runs the clients' tests through the proxies.
pub(super) fn check() -> Result<Outcome> {
    let root = workspace::root();
    let descriptions = root.parent().unwrap_or(root).join("shared/specs");
    if !descriptions.exists() {
        return Ok(Outcome::Skipped("../shared/specs is not there"));
    }
    let folder = root.join("tests/specifications");
    assets::install_packages(&folder)?;
    let proxies = SERVICES.iter().map(|service| Proxy::start(service, &descriptions, &folder));
    let proxies = proxies.collect::<Result<Vec<_>>>()?;
    for (service, proxy) in SERVICES.iter().zip(&proxies) {
        proxy.await_start()?;
        progress(&format!("{} behind its description", service.name));
        let mut test = workspace::cargo();
        let [program, tests, left_out] = service.tests;
        // One after the other: the simulated cloud of each listens where the proxy looks.
        test.args(["test", "--quiet", "--workspace", "--test", program, "--", tests]);
        test.args(["--test-threads", "1", "--skip", left_out]);
        test.env(format!("CHECKED_{}", service.name.to_uppercase()), proxy.addresses());
        process::run(&mut test).with_context(|| format!("what was not allowed is in {}", proxy.log))?;
    }
    Ok(Outcome::Passed)
}

/// A running proxy; it ends with this value.
struct Proxy {
    process: Child,
    port: u16,
    /// Where it expects the simulated service.
    upstream: u16,
    log: String,
}

impl Proxy {
    fn start(service: &Service, descriptions: &Path, folder: &Path) -> Result<Self> {
        let name = service.name;
        let scratch = workspace::scratch("specifications")?;
        let corrected = scratch.join(format!("{name}.json"));
        fs::write(&corrected, corrected_description(service, &descriptions.join(format!("{name}.json")))?)?;
        let log = scratch.join(format!("{name}.log"));
        let output = fs::File::create(&log)?;
        let (port, upstream) = (free_port()?, free_port()?);
        let mut prism = Command::new(folder.join("node_modules/.bin/prism"));
        prism.args(["proxy", "--errors", "-h", "127.0.0.1", "-p", &port.to_string()]).arg(&corrected);
        prism.arg(format!("http://127.0.0.1:{upstream}"));
        prism.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let process = process::end_with_parent(&mut prism, Signal::SIGKILL).spawn()?;
        Ok(Self { process, port, upstream, log: log.display().to_string() })
    }

    fn await_start(&self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            ensure!(Instant::now() < deadline, "the proxy does not start, see {}", self.log);
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// As the tests want to be told.
    fn addresses(&self) -> String {
        format!("127.0.0.1:{} http://127.0.0.1:{}", self.upstream, self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        process::signal(&self.process, Signal::SIGKILL);
        let _ = self.process.wait();
    }
}

fn corrected_description(service: &Service, file: &Path) -> Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut description: Value = serde_json::from_str(&text)?;
    for correction in service.corrections {
        let stated = description.pointer_mut(correction.pointer);
        *stated.with_context(|| format!("{} has no {}", service.name, correction.pointer))? =
            (correction.truth)();
    }
    Ok(description.to_string())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
