//! The grouping labels in a path: `/metrics/job/JOB/LABEL/VALUE`, with values as they are or, behind `LABEL@base64`, in base64.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tripod_store::Labels;

use crate::http_client::percent_decoded;

/// The labels that a path names.
pub(super) fn grouping(path: &str) -> Result<Labels, String> {
    let rest = path.strip_prefix("/metrics/").unwrap_or_default().trim_end_matches('/');
    let segments: Vec<&str> = rest.split('/').collect();
    let mut labels: Vec<(String, String)> = Vec::new();
    for pair in segments.chunks(2) {
        let [name, value] = pair else {
            return Err(format!(
                "odd number of components in the path {path:?}: it must be /metrics/job/JOB, then label and value"
            ));
        };
        let (name, encoded) = name.strip_suffix("@base64").map_or((*name, false), |name| (name, true));
        let (name, value) = (percent_decoded(name), percent_decoded(value));
        let value = if encoded { decode(&value)? } else { value };
        if name.is_empty() || name.starts_with("__") {
            return Err(format!("{name:?} is no name of a label"));
        }
        if labels.iter().any(|(known, _)| *known == name) {
            return Err(format!("the label {name:?} is there twice"));
        }
        labels.push((name, value));
    }
    match labels.first() {
        Some((name, value)) if name == "job" && !value.is_empty() => Ok(Labels::new(labels)),
        _ => Err("job name is required: the path must begin with /metrics/job/JOB".to_owned()),
    }
}

fn decode(text: &str) -> Result<String, String> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
    let decoded = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| format!("{text:?} is no text in base64, with - and _ for + and /"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_labels_as_they_are_or_in_base64() {
        for (path, labels) in [
            ("/metrics/job/a", vec![("job", "a")]),
            ("/metrics/job/a/instance/b%20c", vec![("job", "a"), ("instance", "b c")]),
            ("/metrics/job@base64/L3Zhci90bXA/x@base64/=", vec![("job", "/var/tmp"), ("x", "")]),
            ("/metrics/job/a/path@base64/L3Zhci90bXA=", vec![("job", "a"), ("path", "/var/tmp")]),
            ("/metrics/job/t%C3%A9st+x", vec![("job", "tést+x")]),
        ] {
            assert_eq!(grouping(path), Ok(Labels::new(labels)), "{path}");
        }
    }

    #[test]
    fn a_path_without_a_job_or_with_half_a_pair_is_refused() {
        for (path, said) in [
            ("/metrics/job", "odd number"),
            ("/metrics/job/", "odd number"),
            ("/metrics/x/y", "job name is required"),
            ("/metrics/job@base64/=", "job name is required"),
            ("/metrics/job/a/x", "odd number"),
            ("/metrics/job/a/job/b", "there twice"),
            ("/metrics/job/a/__x/b", "no name of a label"),
            ("/metrics/job@base64/%%%", "no text in base64"),
        ] {
            assert!(grouping(path).unwrap_err().contains(said), "{path}");
        }
    }
}
