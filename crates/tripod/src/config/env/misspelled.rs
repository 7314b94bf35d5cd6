//! Variables that look like known ones but are not: a letter too many is found here rather than by missing data.

use super::variables;

/// Differences up to which a name is taken for another one.
const MAX_DIFFERENCES: usize = 2;

/// The known variable that was meant, if the name begins as one of ours and is nearly one.
pub(super) fn meant(name: &str) -> Option<String> {
    if !name.starts_with("OTEL_") || variables::is_known(name) || is_unsupported(name) {
        return None;
    }
    let near = variables::all().map(|known| (differences(name, &known), known));
    near.filter(|(differences, _)| *differences <= MAX_DIFFERENCES).min().map(|(_, known)| known)
}

fn is_unsupported(name: &str) -> bool {
    variables::UNSUPPORTED.iter().any(|(known, _)| *known == name)
}

/// Letters inserted, left out, replaced or swapped with their neighbour, at least, to make one of the other.
fn differences(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > MAX_DIFFERENCES {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, right) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(left != right);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *left == b[j - 1] && a[i - 1] == *right {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_told_from_another_programs_variable() {
        assert_eq!(meant("OTEL_SERVCE_NAME").as_deref(), Some("OTEL_SERVICE_NAME"));
        assert_eq!(meant("OTEL_SERVICE_NAEM").as_deref(), Some("OTEL_SERVICE_NAME"));
        assert_eq!(meant("OTEL_EXPORTER_OTLP_ENDPONT").as_deref(), Some("OTEL_EXPORTER_OTLP_ENDPOINT"));
        for other in ["OTEL_SERVICE_NAME", "OTEL_PYTHON_LOG_CORRELATION", "OTEL_GO_X_EXEMPLAR", "SERVICE_NAME"] {
            assert_eq!(meant(other), None, "{other}");
        }
    }
}
