//! AWS' own variables, as far as they are not the credential chain's, and the namespace of CloudWatch. A program may have AWS' for
//! other purposes, so only the exporters that use them look at what they say.

use super::env::Env;

/// Where CloudWatch and X-Ray are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "for exporters that are features"))]
pub(crate) struct AwsConfig {
    /// `None`: as the standard chain finds it.
    pub(crate) region: Option<String>,
    /// Other than AWS' own.
    pub(crate) cloudwatch: Option<String>,
    pub(crate) xray: Option<String>,
    pub(crate) namespace: Option<String>,
}

pub(super) fn from_env(env: &Env<'_>) -> AwsConfig {
    let endpoint = |own: &str| env.text(own).or_else(|| env.text("AWS_ENDPOINT_URL"));
    AwsConfig {
        region: env.text("AWS_REGION").or_else(|| env.text("AWS_DEFAULT_REGION")),
        cloudwatch: endpoint("AWS_ENDPOINT_URL_CLOUDWATCH"),
        xray: endpoint("AWS_ENDPOINT_URL_XRAY"),
        namespace: env.text("CLOUDWATCH_NAMESPACE"),
    }
}
