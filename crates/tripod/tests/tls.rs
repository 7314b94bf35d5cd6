//! OTLP over TLS against a real peer, with certificates that are made here: who is not who he says he is gets nothing, and it is said why.
#![cfg(feature = "tls")]

mod common;

use std::io::{BufRead, BufReader};
use std::net::{Shutdown, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use common::http::{self, Connections, span_names};
use common::{PATIENCE, in_time};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// Who signs certificates, in a file of PEM.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = folder.join(name);
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    fn sign(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        (CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A client's certificate and key, in files.
    fn client(&self, folder: &Path, name: &str) -> [PathBuf; 2] {
        let (certificate, key) = self.sign(&["client"]);
        let files = ["certificate", "key"].map(|kind| folder.join(format!("{name}.{kind}")));
        std::fs::write(&files[0], certificate.pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        files
    }
}

/// A receiver on this machine whose certificate the authority has signed; it takes every client, or those whose certificates the other
/// authority has signed. Gives its address and what it gets.
fn receiver(authority: &Authority, clients: Option<&Authority>) -> (String, Arc<Mutex<Connections>>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            config.with_client_cert_verifier(verifier)
        }
    };
    let (certificate, key) = authority.sign(&["127.0.0.1"]);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let connections: Arc<Mutex<Connections>> = Arc::default();
    let shared = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (connections, config) = (Arc::clone(&shared), Arc::clone(&config));
            let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream.unwrap());
            std::thread::spawn(move || {
                http::answer(&mut tls, &connections);
                // A connection that is closed with something unread takes back the alert that says why.
                let _ = tls.sock.shutdown(Shutdown::Write);
                let _ = std::io::copy(&mut tls.sock, &mut std::io::sink());
            });
        }
    });
    (url, connections)
}

/// The program that sends: this one, with its settings in the environment.
fn program(url: &str, authority: Option<&Path>, client: Option<&[PathBuf; 2]>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_program_that_sends", "--ignored", "--nocapture"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", url);
    if let Some(authority) = authority {
        command.env("OTEL_EXPORTER_OTLP_CERTIFICATE", authority);
    }
    if let Some([certificate, key]) = client {
        command.env("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", certificate).env("OTEL_EXPORTER_OTLP_CLIENT_KEY", key);
    }
    command
}

#[test]
#[ignore = "what the tests below start"]
fn a_program_that_sends() {
    let builder = tripod::init().service_name("tls").metrics(false).logs(false).shutdown_timeout(PATIENCE);
    let guard = builder.start().unwrap();
    tripod::span!("over tls").end();
    assert!(guard.flush());
}

fn assert_arrives(mut program: Command, received: &Mutex<Connections>) {
    let output = in_time(move || program.output().unwrap());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(span_names(&received.lock().unwrap().concat()), ["over tls"]);
}

/// Ends a program that would go on trying.
struct Trying(Child);

impl Drop for Trying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Nothing arrives, and what the program says has this in it.
fn assert_refused(mut program: Command, received: &Mutex<Connections>, said: &'static str) {
    let mut trying = Trying(program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(trying.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut heard = Vec::new();
    in_time(move || {
        let found = lines.inspect(|line| heard.push(line.clone())).any(|line| line.contains(said));
        assert!(found, "{heard:?}");
    });
    assert_eq!(span_names(&received.lock().unwrap().concat()), Vec::<String>::new());
}

#[test]
fn what_is_sent_arrives_where_the_certificate_is_signed_by_whom_we_trust() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let (url, received) = receiver(&authority, None);
    assert_arrives(program(&url, Some(&authority.file), None), &received);
}

#[test]
fn who_is_signed_by_another_gets_nothing_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let [authority, other] = ["authority", "other"].map(|name| Authority::new(folder.path(), name));
    let (url, received) = receiver(&authority, None);
    assert_refused(program(&url, Some(&other.file), None), &received, "invalid peer certificate");
    assert_refused(program(&url, None, None), &received, "invalid peer certificate");
}

#[test]
fn a_client_shows_its_certificate_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let [authority, clients] = ["authority", "clients"].map(|name| Authority::new(folder.path(), name));
    let (url, received) = receiver(&authority, Some(&clients));
    let (own, strange) = (clients.client(folder.path(), "own"), authority.client(folder.path(), "strange"));
    assert_refused(program(&url, Some(&authority.file), None), &received, "CertificateRequired");
    assert_refused(program(&url, Some(&authority.file), Some(&strange)), &received, "fatal alert");
    assert_arrives(program(&url, Some(&authority.file), Some(&own)), &received);
}
