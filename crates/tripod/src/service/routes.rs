//! The routes of a service as tower services, for any server and router that takes those.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::check::Finding;
use super::{Phase, Shared};
use crate::{PrometheusService, labels};

type Answer = Response<Full<Bytes>>;

/// Says that the process lives; see [`Service::liveness`](super::Service::liveness).
#[derive(Clone)]
pub struct Liveness(pub(super) Arc<Shared>);

impl<B> tower_service::Service<Request<B>> for Liveness {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(answer(request.method(), StatusCode::OK, &json!({ "status": "alive", "service": self.0.name }))))
    }
}

/// Says whether the service is ready; see [`Service::readiness`](super::Service::readiness).
#[derive(Clone)]
pub struct Readiness(pub(super) Arc<Shared>);

impl<B> tower_service::Service<Request<B>> for Readiness {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (shared, method) = (Arc::clone(&self.0), request.method().clone());
        Box::pin(async move {
            let (status, report) = shared.report().await;
            Ok(answer(&method, status, &report))
        })
    }
}

/// All routes of a service; see [`Service::routes`](super::Service::routes).
#[derive(Clone)]
pub struct Routes {
    liveness: Liveness,
    readiness: Readiness,
}

impl Routes {
    pub(super) fn new(liveness: Liveness, readiness: Readiness) -> Self {
        Self { liveness, readiness }
    }
}

impl<B> tower_service::Service<Request<B>> for Routes {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match request.uri().path() {
            "/livez" => Box::pin(self.liveness.call(request)),
            "/readyz" => self.readiness.call(request),
            "/metrics" => Box::pin(PrometheusService::default().call(request)),
            _ => Box::pin(ready(Ok(plain(StatusCode::NOT_FOUND)))),
        }
    }
}

impl Shared {
    /// Makes all checks, each in its time.
    async fn report(&self) -> (StatusCode, Value) {
        let asked = Instant::now();
        let checks = self.checks.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut findings = Vec::with_capacity(checks.len());
        if tokio::runtime::Handle::try_current().is_ok() {
            // On their own, so that whoever stops waiting leaves no check half made.
            let probes: Vec<_> = checks.iter().map(|check| tokio::spawn(Arc::clone(check).probe(asked))).collect();
            for (check, probe) in checks.iter().zip(probes) {
                findings.push(probe.await.unwrap_or_else(|_| check.failed("it panicked")));
            }
        } else {
            findings.extend(checks.iter().map(|check| check.failed("checks need a tokio runtime")));
        }
        let phase = self.phase();
        let well = findings.iter().all(|finding| finding.optional || finding.outcome.is_ok());
        if phase == Phase::Ready {
            self.note(well, &findings);
        }
        let status = match phase {
            Phase::Starting => "starting",
            Phase::Ready if well => "ready",
            Phase::Ready => "not ready",
            Phase::Stopping => "stopping",
        };
        let code = if status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let checks: Vec<_> = findings.iter().map(in_json).collect();
        (code, json!({ "status": status, "service": self.name, "checks": checks }))
    }

    /// Logs it when that changes, not with each probe.
    fn note(&self, well: bool, findings: &[Finding]) {
        if self.was_well.swap(well, Ordering::Relaxed) == well {
            return;
        }
        if well {
            self.telemetry.info("ready again", &[]);
            return;
        }
        for (finding, reason) in findings.iter().filter_map(|finding| Some((finding, finding.outcome.as_ref().err()?)))
        {
            self.telemetry
                .warn("not ready", labels!(tripod.check.name = *finding.name, tripod.check.reason = reason.as_str()));
        }
    }
}

fn in_json(finding: &Finding) -> Value {
    let seconds = (finding.took.as_secs_f64() * 1e6).round() / 1e6;
    let Finding { name, optional, outcome, .. } = finding;
    let mut json = json!({ "name": name, "status": "passed", "seconds": seconds });
    if let Err(reason) = outcome {
        json["status"] = "failed".into();
        json["reason"] = reason.as_str().into();
    }
    if *optional {
        json["optional"] = true.into();
    }
    json
}

fn answer(method: &Method, status: StatusCode, report: &Value) -> Answer {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED);
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let body = report.to_string();
    let mut response = plain(status);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    if method == Method::GET {
        *response.body_mut() = Full::new(Bytes::from(body));
    }
    response
}

fn plain(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
