//! How AWS' crates reach STS and the metadata of ECS and EC2: through the HTTP client that the exporters use, so that there is one stack
//! of HTTP and TLS in the program. It blocks, which is right on the exporter's own thread.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use ureq::Agent;
use ureq::http::Request;

/// What a request may take where AWS' crates do not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read; real ones have some KiB.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Makes connectors.
#[derive(Debug)]
pub(super) struct Transport;

#[derive(Debug)]
struct Connector {
    /// Through the proxy that the variables name.
    outside: Agent,
    /// For the metadata of the machine, which is asked in clear and is behind no proxy.
    inside: Agent,
}

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let config = || {
            Agent::config_builder()
                .timeout_global(Some(TIMEOUT))
                .timeout_connect(settings.connect_timeout())
                .timeout_recv_response(settings.read_timeout())
                .http_status_as_error(false)
                .max_redirects(0)
        };
        let (outside, inside) = (config().build().into(), config().proxy(None).build().into());
        SharedHttpConnector::new(Connector { outside, inside })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.exchange(&request))
    }
}

impl Connector {
    fn exchange(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut sent = Request::builder().method(request.method()).uri(request.uri());
        for (name, value) in request.headers() {
            sent = sent.header(name, value);
        }
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let sent = sent.body(body).map_err(|error| ConnectorError::user(error.into()))?;
        let agent = if request.uri().starts_with("http://") { &self.inside } else { &self.outside };
        let mut answer = agent.run(sent).map_err(failed)?;
        let status =
            StatusCode::try_from(answer.status().as_u16()).map_err(|error| ConnectorError::user(error.into()))?;
        let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(failed)?;
        let mut received = HttpResponse::new(status, SdkBody::from(body));
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                received.headers_mut().append(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(received)
    }
}

fn failed(error: ureq::Error) -> ConnectorError {
    match error {
        ureq::Error::Timeout(_) => ConnectorError::timeout(error.into()),
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => ConnectorError::user(error.into()),
        error => ConnectorError::io(error.into()),
    }
}
