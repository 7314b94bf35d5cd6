//! Which of AWS' services a URL belongs to, of those that take telemetry and want it signed.

/// A service and the region it is asked in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// As signatures name it.
    pub(crate) name: &'static str,
    pub(crate) region: String,
}

/// Labels of hosts, and how signatures name the service: Amazon Managed Prometheus, X-Ray, CloudWatch's logs and metrics, OpenSearch
/// Ingestion. Other hosts of AWS, such as load balancers, are the user's own.
const SERVICES: [(&str, &str); 5] =
    [("aps-workspaces", "aps"), ("xray", "xray"), ("logs", "logs"), ("monitoring", "monitoring"), ("osis", "osis")];

const DOMAINS: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];

impl Service {
    /// The service of a URL such as `https://xray.eu-west-1.amazonaws.com/v1/traces`.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
        let host = host.split(':').next()?;
        let labels = DOMAINS.into_iter().find_map(|domain| host.strip_suffix(domain))?;
        // `xray.eu-west-1`, and through an endpoint in one's own network `vpce-1.xray.eu-west-1.vpce`.
        let labels: Vec<&str> = labels.split('.').collect();
        let beside = |label: &str, region: &str| {
            let name = SERVICES.into_iter().find(|(of_host, _)| *of_host == label)?.1;
            is_region(region).then(|| Self { name, region: region.to_owned() })
        };
        labels.windows(2).find_map(|pair| beside(pair[0], pair[1]).or_else(|| beside(pair[1], pair[0])))
    }
}

/// `eu-west-1`, `us-gov-east-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() >= 3 && parts[0].len() == 2 && parts.last().is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_tells_service_and_region() {
        let hosts = [
            (
                "https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
                "aps",
                "eu-central-1",
            ),
            ("https://xray.us-east-1.amazonaws.com/v1/traces", "xray", "us-east-1"),
            ("https://XRAY.us-gov-east-1.amazonaws.com:443", "xray", "us-gov-east-1"),
            ("https://logs.cn-north-1.amazonaws.com.cn/v1/logs", "logs", "cn-north-1"),
            ("https://monitoring.ap-southeast-2.api.aws/", "monitoring", "ap-southeast-2"),
            ("https://pipe-abc.us-west-2.osis.amazonaws.com/v1/traces", "osis", "us-west-2"),
            ("https://vpce-0a.xray.eu-west-1.vpce.amazonaws.com/v1/traces", "xray", "eu-west-1"),
        ];
        for (url, name, region) in hosts {
            assert_eq!(Service::of_url(url), Some(Service { name, region: region.to_owned() }), "{url}");
        }
    }

    #[test]
    fn hosts_of_the_users_own_are_not_signed_for() {
        for url in [
            "http://localhost:4318/v1/traces",
            "https://my-balancer-1.eu-west-1.elb.amazonaws.com/v1/traces",
            "https://ec2-1-2-3-4.eu-west-1.compute.amazonaws.com:4318",
            "https://xray.us-east-1.amazonaws.com.evil.example/v1/traces",
            "https://evil.example/xray.us-east-1.amazonaws.com",
            "https://xray.us-east-1.amazonaws.com@evil.example/v1/traces",
            "xray.us-east-1.amazonaws.com",
        ] {
            assert_eq!(Service::of_url(url), None, "{url}");
        }
    }
}
