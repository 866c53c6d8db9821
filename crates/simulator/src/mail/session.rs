//! One SMTP conversation (RFC 5321), as far as senders of mail need it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::MailHost;
use crate::core::{Fault, FaultKind, RequestLog};

/// Longer lines and mails are not read.
const LINE_MAX: u64 = 4_096;
const DATA_MAX: usize = 4 * 1024 * 1024;

/// Talks with one client until it leaves, or a fault cuts the line.
pub(crate) async fn converse(host: Arc<MailHost>, stream: TcpStream) {
    let mut session =
        Session { host, wire: BufReader::new(stream), user: None, envelope: Envelope::default() };
    if let Err(error) = session.run().await {
        tracing::debug!(%error, "a mail client went away");
    }
}

#[derive(Default)]
struct Envelope {
    from: Option<String>,
    recipients: Vec<String>,
}

struct Session {
    host: Arc<MailHost>,
    wire: BufReader<TcpStream>,
    user: Option<String>,
    envelope: Envelope,
}

/// Does the conversation go on?
type Goes = io::Result<bool>;

impl Session {
    async fn run(&mut self) -> io::Result<()> {
        self.say("220 simulator ESMTP").await?;
        while let Some(line) = self.line().await? {
            if !self.obey(&line).await? {
                break;
            }
        }
        Ok(())
    }

    async fn obey(&mut self, line: &str) -> Goes {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.say("250-simulator\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN").await,
            "HELO" | "NOOP" => self.say("250 simulator").await,
            "AUTH" => self.sign_in(rest).await,
            "MAIL" => {
                self.envelope = Envelope { from: Some(address(rest)), recipients: Vec::new() };
                self.say("250 2.1.0 go on").await
            }
            "RCPT" if self.envelope.from.is_some() => self.recipient(address(rest)).await,
            "DATA" if !self.envelope.recipients.is_empty() => self.data().await,
            "RSET" => {
                self.envelope = Envelope::default();
                self.say("250 2.0.0 forgotten").await
            }
            "QUIT" => {
                self.say("221 2.0.0 bye").await?;
                Ok(false)
            }
            "RCPT" | "DATA" => self.say("503 5.5.1 not now").await,
            _ => self.say("502 5.5.2 not known here").await,
        }
    }

    async fn sign_in(&mut self, rest: &str) -> Goes {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let (user, password) = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let given = if initial.is_empty() { self.ask("").await? } else { decoded(initial) };
                let mut words = given.split('\0').skip(1).map(str::to_owned);
                (words.next().unwrap_or_default(), words.next().unwrap_or_default())
            }
            "LOGIN" => (self.ask("Username:").await?, self.ask("Password:").await?),
            _ => return self.say("504 5.5.4 not known here").await,
        };
        let fault = self.host.core.fault("mail.auth");
        if fault.is_some() || password == "bad" {
            return self.say("535 5.7.8 the sign-in is not accepted").await;
        }
        self.user = Some(user);
        self.say("235 2.7.0 welcome").await
    }

    async fn ask(&mut self, question: &str) -> io::Result<String> {
        self.say(&format!("334 {}", STANDARD.encode(question))).await?;
        Ok(decoded(&self.line().await?.unwrap_or_default()))
    }

    async fn recipient(&mut self, address: String) -> Goes {
        if let Some(fault) = self.host.core.fault("mail.rcpt") {
            let code = fault.status.unwrap_or(550);
            self.note("mail.rcpt", &address, Some(code), Some(&fault));
            return self.say(&format!("{code} no mailbox of that name")).await;
        }
        self.envelope.recipients.push(address);
        self.say("250 2.1.5 go on").await
    }

    async fn data(&mut self) -> Goes {
        self.say("354 go on").await?;
        let Some(data) = self.lines_to_the_dot().await? else { return Ok(false) };
        let Envelope { from, recipients } = std::mem::take(&mut self.envelope);
        let path = recipients.join(",");
        let fault = self.host.core.fault("mail.send");
        if let Some(delay) = fault.as_ref().and_then(|fault| fault.delay_ms) {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let refusal = fault.as_ref().and_then(refusal);
        let is = |kind| fault.as_ref().is_some_and(|fault| fault.kind == kind);
        let cut = is(FaultKind::CutBefore) || is(FaultKind::CutAfter);
        let status = if cut { None } else { Some(refusal.unwrap_or(250)) };
        if refusal.is_none() && !is(FaultKind::CutBefore) {
            self.host.take(from.unwrap_or_default(), recipients, &data);
        }
        self.note("mail.send", &path, status, fault.as_ref());
        match status {
            None => Ok(false),
            Some(250) if is(FaultKind::MalformedJson) => self.say("gibberish").await,
            Some(250) => self.say("250 2.0.0 taken").await,
            Some(code) => self.say(&format!("{code} not taken")).await,
        }
    }

    /// The data up to the line with the dot alone; `None` when it is too long or the client is gone.
    async fn lines_to_the_dot(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut data = Vec::new();
        while let Some(line) = self.line().await? {
            if line == "." {
                return Ok(Some(data));
            }
            // A dot that begins a line is sent twice.
            data.extend_from_slice(line.strip_prefix('.').unwrap_or(&line).as_bytes());
            data.extend_from_slice(b"\r\n");
            if data.len() > DATA_MAX {
                break;
            }
        }
        Ok(None)
    }

    /// The next line without its end; `None` when the client is gone.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let length = (&mut self.wire).take(LINE_MAX).read_until(b'\n', &mut line).await?;
        let text = String::from_utf8_lossy(&line);
        Ok((length > 0).then(|| text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    async fn say(&mut self, line: &str) -> Goes {
        self.wire.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.wire.flush().await?;
        Ok(true)
    }

    fn note(&self, operation: &'static str, path: &str, status: Option<u16>, fault: Option<&Fault>) {
        self.host.core.requests.push(RequestLog {
            at: self.host.core.clock.now(),
            vendor: "mail",
            operation: Some(operation),
            method: "SMTP".into(),
            path: path.to_owned(),
            account: self.user.clone(),
            body: None,
            status,
            fault: fault.map(|fault| fault.kind),
        });
    }
}

/// What a fault answers instead of taking the mail.
fn refusal(fault: &Fault) -> Option<u16> {
    match fault.kind {
        FaultKind::RateLimited => Some(450),
        FaultKind::Error | FaultKind::HtmlError => Some(fault.status.unwrap_or(451)),
        FaultKind::Failed | FaultKind::SoldOut => Some(fault.status.unwrap_or(550)),
        _ => None,
    }
}

/// What stands between the angle brackets of `FROM:<…>` and `TO:<…>`.
fn address(rest: &str) -> String {
    let inner = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or("", |(address, _)| address).to_owned()
}

fn decoded(text: &str) -> String {
    STANDARD.decode(text.trim()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
