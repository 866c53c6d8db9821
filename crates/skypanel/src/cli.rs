//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use app::wallet::statement::PublicKey;
use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use crate::{admin, config, demo, doctor, ledger, serve, simulate, statement, work};

/// Control plane for cloud resellers.
#[derive(Debug, Parser)]
#[command(name = "skypanel", version)]
pub(crate) struct Cli {
    /// Settings file (TOML); the environment overrides it.
    #[arg(long, global = true, env = "SKYPANEL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve pages and API.
    Serve,
    /// Run jobs: provider work, payments, billing.
    Work,
    /// Bring the database schema up to date (as its owner).
    Migrate,
    /// Commands for the operator.
    #[command(subcommand)]
    Admin(Admin),
    /// Commands on the books.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Commands on statements that customers downloaded.
    #[command(subcommand)]
    Statement(Statement),
    /// List every setting with its meaning and present value; secrets are not shown.
    Config,
    /// Check settings, database, schema, sealing keys and alarms; exits non-zero when anything is wrong.
    Doctor,
    /// Run simulated clouds, a simulated payment gateway and mail host, and nothing else.
    Simulate(Simulate),
    /// Run everything with simulated clouds and example data.
    Demo(Demo),
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Make an operator. The password is read from standard input.
    CreateOperator {
        /// Sign-in name.
        #[arg(long)]
        email: String,
        /// Display name.
        #[arg(long)]
        name: String,
        /// Name of the operators' own organization.
        #[arg(long, default_value = "Operators")]
        organization: String,
    },
}

#[derive(Debug, Subcommand)]
enum Ledger {
    /// Check balances, chains, holds, meters, charges and payments; exits non-zero at the first difference.
    Verify,
    /// Count every hour again from the history of its meter, and compare with charges and ledger; exits non-zero at the
    /// first difference.
    Recompute {
        /// Only this organization's.
        #[arg(long, value_name = "ID")]
        organization: Option<domain::OrganizationId>,
    },
}

#[derive(Debug, Subcommand)]
enum Statement {
    /// Check chain, sums and signature of a statement file, without a database; exits non-zero at the first fault.
    Verify {
        /// The file.
        file: PathBuf,
        /// The public key it must be signed with, as the issuer publishes it at /statement-keys.
        #[arg(long, value_name = "PUBLIC")]
        key: Option<PublicKey>,
    },
}

/// Addresses and pace of the simulated outside world.
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Address of the simulated Linode API.
    #[arg(long, default_value = "127.0.0.1:4101")]
    pub(crate) linode: SocketAddr,
    /// Address of the simulated DigitalOcean API.
    #[arg(long, default_value = "127.0.0.1:4102")]
    pub(crate) digitalocean: SocketAddr,
    /// Address of the simulated PayPal: its API, the pages where payers approve, and what payers, banks and PayPal do
    /// by themselves under /_sim/paypal/. Webhooks are signed; listeners have to trust the root at
    /// /_sim/paypal/root.pem.
    #[arg(long, default_value = "127.0.0.1:4103")]
    pub(crate) paypal: SocketAddr,
    /// Address of the simulated mail host (SMTP); its inbox is the page /_sim/mail of the other three.
    #[arg(long, default_value = "127.0.0.1:4104")]
    pub(crate) mail: SocketAddr,
    /// How many times faster than the real clouds.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) speed: f64,
    /// Same seed, same ids and addresses.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Where the demo runs.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Port of the panel on 127.0.0.1; the simulated clouds, gateway and mail host take the four after it.
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// Folder for the sealing key and the state of the simulated clouds.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// How many times faster than the real clouds the simulated ones are.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) speed: f64,
}

/// Runs a command.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode> {
    let config = || Config::load(cli.config.as_deref());
    match cli.command {
        Command::Serve => serve::run(&config()?).await?,
        Command::Work => work::run(&config()?).await?,
        Command::Migrate => admin::migrate(&config()?).await?,
        Command::Admin(Admin::CreateOperator { email, name, organization }) => {
            admin::create_operator(&config()?, &organization, &name, &email).await?;
        }
        Command::Ledger(Ledger::Verify) => return ledger::verify(&config()?).await,
        Command::Ledger(Ledger::Recompute { organization }) => {
            return ledger::recompute(&config()?, organization).await;
        }
        Command::Statement(Statement::Verify { file, key }) => return statement::verify(&file, key.as_ref()),
        Command::Config => config::print(cli.config.as_deref())?,
        Command::Doctor => return doctor::run(cli.config.as_deref()).await,
        Command::Simulate(options) => simulate::run(&options).await?,
        Command::Demo(options) => demo::run(&options).await?,
    }
    Ok(ExitCode::SUCCESS)
}
