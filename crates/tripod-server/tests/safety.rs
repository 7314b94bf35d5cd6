//! Who is let in: credentials, TLS, names, web pages, and the limits on connections.

mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use reqwest::Method;
use support::{Running, span, traces};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto};
use tonic::Code;
use tripod_server::{Config, Credentials, Server, TlsFiles};

const TOKEN: &str = "0123456789abcdef";

async fn guarded() -> Running {
    Running::with(|config| {
        let mut credentials = Credentials::default();
        credentials.add_tokens(TOKEN).unwrap();
        credentials.add_users(&format!("ada:{}", bcrypt::hash("secret", 4).unwrap())).unwrap();
        config.credentials = Arc::new(credentials);
        config.browser_otlp = true;
    })
    .await
}

/// Every path that a source of the server gives a route, with something for each part that may be anything.
fn routes() -> BTreeSet<String> {
    fn gather(directory: &Path, paths: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(&path, paths);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let after = source.split(".route(").skip(1);
            let literals = after.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split_once('"'));
            for (route, _) in literals {
                let parts = route.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
                paths.insert(parts.collect::<Vec<_>>().join("/"));
            }
        }
    }
    let mut paths = BTreeSet::from(["/".to_owned(), "/traces".to_owned(), "/nothing/here".to_owned()]);
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut paths);
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_every_listener_wants_a_token_but_those_that_say_the_server_lives() {
    let running = guarded().await;
    let routes = routes();
    assert!(routes.len() > 40 && routes.contains("/api/v1/query") && routes.contains("/api/traces/x"), "{routes:?}");
    let addresses = running.server.addresses();
    for (address, is_web) in [(addresses.http, true), (addresses.otlp_http, false), (addresses.otlp_grpc, false)] {
        for path in &routes {
            for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
                let url = format!("http://{address}{path}");
                let ask = || running.client.request(method.clone(), &url).timeout(Duration::from_secs(30));
                let status = ask().send().await.unwrap().status().as_u16();
                let open = is_web && ["/-/healthy", "/-/ready", "/healthz"].contains(&path.as_str());
                assert_eq!(status == 401, !open, "{method} {url}: {status}");
                let wrong = ask().bearer_auth("0123456789abcdeg").send().await.unwrap().status().as_u16();
                assert_eq!(wrong, status, "{method} {url} with a wrong token");
            }
            let right = running.client.get(format!("http://{address}{path}")).bearer_auth(TOKEN);
            let right = right.timeout(Duration::from_secs(30)).send().await.unwrap();
            assert_ne!(right.status(), 401, "{path} with the token");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_get_in_by_password_and_browsers_by_the_token_as_one() {
    let running = guarded().await;
    let url = running.url("/api/status");
    let ask = async |name: &str, password: &str| {
        running.client.get(&url).basic_auth(name, Some(password)).send().await.unwrap().status().as_u16()
    };
    for (name, password, status) in [
        ("ada", "secret", 200),
        ("anyone", TOKEN, 200),
        ("ada", "wrong", 401),
        ("bob", "secret", 401),
        ("ada", "secret", 200),
    ] {
        assert_eq!(ask(name, password).await, status, "{name}");
    }
    let refused = running.client.get(&url).send().await.unwrap();
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("Basic") && challenge.contains("Bearer"), "{challenge}");
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_is_told_in_its_own_way() {
    let running = guarded().await;
    let endpoint = format!("http://{}", running.server.addresses().otlp_grpc);
    let mut client = TraceServiceClient::connect(endpoint).await.unwrap();
    let refused = client.export(traces("a", vec![span(1, 1)])).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    let mut request = tonic::Request::new(traces("a", vec![span(1, 1)]));
    request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    client.export(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_of_a_local_page_is_answered_without_credentials_and_nothing_else_is() {
    let running = guarded().await;
    let preflight = |origin: &str| {
        let request = running.client.request(Method::OPTIONS, running.otlp("traces")).header("origin", origin);
        request.header("access-control-request-method", "POST")
    };
    let answer = preflight("http://localhost:5173").send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert!(answer.headers()["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    assert_eq!(preflight("https://evil.example").send().await.unwrap().status(), 403);
    let post = running.client.post(running.otlp("traces")).header("origin", "http://localhost:5173");
    assert_eq!(post.send().await.unwrap().status(), 401);
}

/// Sends a request as it stands; the status of the answer.
fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 12];
    match stream.read(&mut answer) {
        Ok(read) => String::from_utf8_lossy(&answer[..read]).trim_start_matches("HTTP/1.1 ").to_owned(),
        Err(error) => error.kind().to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_the_web_port_answers_only_to_names_of_this_machine() {
    let running = Running::with(|config| config.allowed_hosts = vec!["tripod.internal".to_owned()]).await;
    let address = running.server.addresses().http;
    let get =
        |host: &str| raw(address, &format!("GET /api/services HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"));
    for host in ["localhost", "127.0.0.1:4319", "[::1]:4319", "tripod.internal", "TRIPOD.internal:80"] {
        assert_eq!(get(host), "200", "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example:4319", "0.0.0.0", "192.168.0.7:4319", ""] {
        assert_eq!(get(host), "421", "{host:?}: a page of that name would ask through the reader's browser");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_loopback_it_answers_to_any_name_unless_names_are_given() {
    let beyond = |names: &'static [&str]| {
        Running::with(move |config| {
            config.http = SocketAddr::from(([0, 0, 0, 0], 0));
            config.insecure = true;
            config.allowed_hosts = names.iter().map(|name| (*name).to_owned()).collect();
        })
    };
    let get = |running: &Running, host: &str| {
        let address = SocketAddr::from(([127, 0, 0, 1], running.server.addresses().http.port()));
        raw(address, &format!("GET /api/services HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"))
    };
    let (any, one) = (beyond(&[]).await, beyond(&["tripod"]).await);
    for host in ["evil.example", "tripod:4319", "localhost"] {
        assert_eq!(get(&any, host), "200", "{host}");
        assert_eq!(get(&one, host), if host == "evil.example" { "421" } else { "200" }, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_web_page_but_its_own_changes_anything() {
    let running = Running::new().await;
    let post = |url: String, headers: &[(&str, &str)]| {
        let request = running.client.post(url).header("content-type", "application/x-www-form-urlencoded");
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body("query=1").send()
    };
    let foreign: [&[(&str, &str)]; 4] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost:5173")],
        &[("sec-fetch-site", "cross-site")],
    ];
    for path in ["/api/v1/query", "/api/v1/write", "/api/v1/read", "/api/admin/snapshot?name=x", "/nothing"] {
        for headers in foreign {
            let answer = post(running.url(path), headers).await.unwrap();
            assert_eq!(answer.status(), 403, "{path} {headers:?}");
        }
    }
    assert_eq!(post(running.otlp("traces"), foreign[0]).await.unwrap().status(), 403);
    let own = format!("http://{}", running.server.addresses().http);
    let answer =
        post(running.url("/api/v1/query"), &[("origin", &own), ("sec-fetch-site", "same-origin")]).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(post(running.url("/api/v1/query"), &[]).await.unwrap().status(), 200, "programs say no origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_loopback_nothing_starts_without_credentials_or_the_word() {
    let dir = tempfile::tempdir().unwrap();
    let everywhere = "0.0.0.0:0".parse().unwrap();
    for change in [
        |config: &mut Config, address| config.http = address,
        |config: &mut Config, address| config.otlp_http = address,
        |config: &mut Config, address| config.otlp_grpc = address,
    ] {
        let mut config = support::config(dir.path());
        change(&mut config, everywhere);
        let error = Server::start(config.clone()).await.unwrap_err().to_string();
        assert!(error.contains("can be reached from other machines") && error.contains("--insecure"), "{error}");
        config.insecure = true;
        Server::start(config).await.unwrap().shutdown(Duration::from_secs(10)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    let running = Running::new().await;
    let address = running.server.addresses().http;
    let long = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(70 << 10));
    // What is not read any more may cut the connection off before the answer is seen.
    let answer = raw(address, &long);
    assert!(["431", "connection reset"].contains(&answer.as_str()), "{answer}");
    let many = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(200));
    assert_eq!(raw(address, &many), "431");
}

/// A certificate of this machine's names in files, and itself.
fn certificate(dir: &Path) -> (TlsFiles, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: dir.join("cert.pem"), key: dir.join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.der().clone())
}

/// What a listener says over TLS, and the protocol that was agreed on.
fn over_tls(
    address: SocketAddr,
    root: &CertificateDer<'static>,
    protocol: &[u8],
    request: &str,
) -> (String, Option<Vec<u8>>) {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = vec![0; 15];
    let read = stream.read(&mut answer).unwrap_or(0);
    let agreed = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
    (String::from_utf8_lossy(&answer[..read]).into_owned(), agreed)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_listeners_speak_tls_and_nothing_else_where_there_is_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (files, root) = certificate(dir.path());
    let running = Running::with(|config| config.tls = Some(files)).await;
    let addresses = running.server.addresses();
    let get = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    for (address, status) in
        [(addresses.http, "HTTP/1.1 200"), (addresses.otlp_http, "HTTP/1.1 404"), (addresses.otlp_grpc, "HTTP/1.1 415")]
    {
        let (answer, agreed) = over_tls(address, &root, b"http/1.1", get);
        assert!(answer.starts_with(status) && agreed.as_deref() == Some(b"http/1.1"), "{address}: {answer}");
        // The frame of settings that an HTTP/2 server begins with.
        let (answer, agreed) = over_tls(address, &root, b"h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0");
        assert!(agreed.as_deref() == Some(b"h2") && answer.as_bytes().get(3) == Some(&4), "{address}: {answer:?}");
        assert!(running.client.get(format!("http://{address}/healthz")).send().await.is_err(), "plain text is no TLS");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = certificate(dir.path());
    let (others, _) = certificate(tempfile::tempdir().unwrap().keep().as_path());
    let nothing = dir.path().join("nothing.pem");
    std::fs::write(&nothing, "no PEM").unwrap();
    for (certificate, key, named) in [
        (&nothing, &files.key, &nothing),
        (&files.certificate, &nothing, &nothing),
        (&dir.path().join("absent.pem"), &files.key, &dir.path().join("absent.pem")),
        (&files.certificate, &others.key, &others.key),
    ] {
        let tls = TlsFiles { certificate: certificate.clone(), key: key.clone() };
        let config = Config { tls: Some(tls), ..support::config(&dir.path().join("data")) };
        let error = Server::start(config).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot use {} for TLS", named.display())), "{error}");
    }
    std::fs::remove_dir_all(others.key.parent().unwrap()).unwrap();
}
