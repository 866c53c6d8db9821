//! What no simulated cloud does: answers made by hand, byte by byte.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use clients::{Clouds, Options};
use domain::provider::{
    CloudProvider, ProviderAccount, ProviderConnector as _, ProviderKind, Rejection, ServerRef, ServerTag,
    UpstreamError,
};
use domain::{ProviderId, VpsId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A server that answers each request, given by its first line, with the bytes of a function.
struct Fake {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (log, answer) = (seen.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (log.clone(), answer.clone());
                tokio::spawn(async move { serve(stream, answer.as_ref(), &log).await });
            }
        });
        Self { url, seen }
    }

    fn client(&self, kind: ProviderKind) -> Arc<dyn CloudProvider> {
        // Fails when another test of this process was faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clouds = Clouds::new(&Options::default()).unwrap();
        clouds.connect(&account(kind, &self.url)).unwrap()
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// One request per connection.
async fn serve(mut stream: TcpStream, answer: &(impl Fn(&str) -> Vec<u8> + Sync), log: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
    log.lock().unwrap().push(line.clone());
    // The client may have seen enough and be gone.
    let _ = stream.write_all(&answer(&line)).await;
}

fn account(kind: ProviderKind, url: &str) -> ProviderAccount {
    let base_url = Some(url.parse().unwrap());
    ProviderAccount { id: ProviderId::new(), kind, base_url, token: "acme-secret".into() }
}

fn reply(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

fn server() -> ServerRef {
    ServerRef("1".to_owned())
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let fake = Fake::start(|_| reply("302 Found\r\nlocation: /elsewhere", "")).await;
    let outcome = fake.client(ProviderKind::Linode).delete(&server()).await;
    assert!(matches!(outcome, Err(UpstreamError::OutcomeUnknown { .. })), "{outcome:?}");
    assert_eq!(fake.seen(), ["DELETE /v4/linode/instances/1 HTTP/1.1"]);
}

#[tokio::test]
async fn a_quoted_token_is_redacted() {
    let fake =
        Fake::start(|_| reply("400 Bad Request", r#"{"errors":[{"reason":"acme-secret is odd"}]}"#)).await;
    let error = fake.client(ProviderKind::Linode).delete(&server()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Rejected { reason: Rejection::Invalid, .. }), "{error:?}");
    assert!(error.to_string().contains("[redacted] is odd"), "{error}");
}

#[tokio::test]
async fn an_answer_too_large_is_not_read() {
    let fake = Fake::start(|_| reply("200 OK", &" ".repeat(9 * 1024 * 1024))).await;
    let outcome = fake.client(ProviderKind::Linode).delete(&server()).await;
    let Err(UpstreamError::OutcomeUnknown { detail }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(detail, "200: answer too large");
}

#[tokio::test]
async fn a_proxy_cannot_say_that_a_server_is_gone() {
    let fake = Fake::start(|_| reply("404 Not Found", "<html>no such page</html>")).await;
    for kind in ProviderKind::ALL {
        let outcome = fake.client(*kind).get(&server()).await;
        assert!(matches!(outcome, Err(UpstreamError::Transient { .. })), "{kind}: {outcome:?}");
    }
}

#[tokio::test]
async fn linode_pages_are_all_read() {
    let fake = Fake::start(|line| {
        let id = if line.contains("page=1&") { 1 } else { 2 };
        let instance = format!(
            r#"{{"id":{id},"label":"web-{id}","status":"new word","created":"2026-01-01T00:00:00"}}"#
        );
        reply("200 OK", &format!(r#"{{"data":[{instance}],"page":{id},"pages":2,"results":2}}"#))
    })
    .await;
    let servers = fake.client(ProviderKind::Linode).list().await.unwrap();
    assert_eq!(servers.iter().map(|server| server.id.0.as_str()).collect::<Vec<_>>(), ["1", "2"]);
}

#[tokio::test]
async fn digitalocean_links_are_not_followed_to_other_hosts() {
    let fake = Fake::start(|line| {
        let (id, next) = match line.contains("page=1&") {
            true => (1, r#""next":"https://evil.example/v2/droplets?page=2""#),
            false => (2, r#""prev":"https://evil.example/v2/droplets?page=1""#),
        };
        let droplet =
            format!(r#"{{"id":{id},"name":"web","status":"new word","created_at":"2026-01-01T00:00:00Z"}}"#);
        reply("200 OK", &format!(r#"{{"droplets":[{droplet}],"links":{{"pages":{{{next}}}}}}}"#))
    })
    .await;
    let servers = fake.client(ProviderKind::DigitalOcean).list().await.unwrap();
    assert_eq!(servers.iter().map(|server| server.id.0.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn an_ignored_filter_brings_no_strangers() {
    let stranger = r#"{"id":1,"label":"web","name":"web","status":"x","created":"2026-01-01T00:00:00",
        "created_at":"2026-01-01T00:00:00Z","tags":["skyp","skyp-00000000000000000000000000000001"]}"#;
    for (kind, body) in [
        (ProviderKind::Linode, r#"{"pages":1,"data":[STRANGER]}"#),
        (ProviderKind::DigitalOcean, r#"{"droplets":[STRANGER]}"#),
    ] {
        let body = body.replace("STRANGER", stranger);
        let client = Fake::start(move |_| reply("200 OK", &body)).await.client(kind);
        assert_eq!(client.list().await.unwrap().len(), 1, "{kind}");
        let tag = ServerTag::of(VpsId::new());
        assert_eq!(client.find_by_tag(&tag).await.unwrap().len(), 0, "{kind}");
    }
}

#[tokio::test]
async fn one_odd_server_spoils_the_list_instead_of_missing_from_it() {
    let fake = Fake::start(|_| reply("200 OK", r#"{"data":[{"id":"one"}],"page":1,"pages":1}"#)).await;
    let outcome = fake.client(ProviderKind::Linode).list().await;
    assert!(matches!(outcome, Err(UpstreamError::Transient { .. })), "{outcome:?}");
}

#[test]
fn tokens_do_not_travel_in_the_clear() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clouds = Clouds::new(&Options::default()).unwrap();
    let outcome = clouds.connect(&account(ProviderKind::Linode, "http://api.example.com")).map(|_| ());
    let Err(UpstreamError::Rejected { reason: Rejection::Invalid, .. }) = outcome else {
        panic!("{outcome:?}");
    };
}
