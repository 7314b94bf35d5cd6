//! Units: UCUM's as CloudWatch names them.

/// CloudWatch's name for a unit; `None` where it has none, and then none is sent.
pub(super) fn name(unit: &str) -> Option<&'static str> {
    let (main, per_second) = match unit.split_once('/') {
        Some((main, "s")) => (main, true),
        Some(_) => return None,
        None => (unit, false),
    };
    let [plain, per_second_name] = match main {
        "s" => ["Seconds", ""],
        "ms" => ["Milliseconds", ""],
        "us" => ["Microseconds", ""],
        "%" => ["Percent", ""],
        "By" => ["Bytes", "Bytes/Second"],
        "kBy" => ["Kilobytes", "Kilobytes/Second"],
        "MBy" => ["Megabytes", "Megabytes/Second"],
        "GBy" => ["Gigabytes", "Gigabytes/Second"],
        "TBy" => ["Terabytes", "Terabytes/Second"],
        "bit" => ["Bits", "Bits/Second"],
        "kbit" => ["Kilobits", "Kilobits/Second"],
        "Mbit" => ["Megabits", "Megabits/Second"],
        "Gbit" => ["Gigabits", "Gigabits/Second"],
        "Tbit" => ["Terabits", "Terabits/Second"],
        "1" if per_second => ["", "Count/Second"],
        // Things: `{request}`.
        _ if main.starts_with('{') && main.ends_with('}') => ["Count", "Count/Second"],
        _ => return None,
    };
    Some(if per_second { per_second_name } else { plain }).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_cloudwatchs_names() {
        let names = [
            ("s", Some("Seconds")),
            ("By", Some("Bytes")),
            ("By/s", Some("Bytes/Second")),
            ("{request}", Some("Count")),
            ("{request}/s", Some("Count/Second")),
            ("1/s", Some("Count/Second")),
            ("%", Some("Percent")),
            ("1", None),
            ("", None),
            ("KiBy", None),
            ("s/s", None),
            ("By/min", None),
        ];
        for (unit, expected) in names {
            assert_eq!(name(unit), expected, "{unit:?}");
        }
    }
}
