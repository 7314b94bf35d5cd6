//! Sizes on the command line: `64MiB`, `2GB`, `1000000`.

/// Reads a size in bytes: a whole number, with or without a unit.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a size like 64MiB, 2GB or 1000000");
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        assert_eq!(parse("64MiB"), Ok(64 << 20));
        assert_eq!(parse("2 GB"), Ok(2_000_000_000));
        assert_eq!(parse("1000"), Ok(1000));
        assert_eq!(parse("1g"), Ok(1 << 30));
        for wrong in ["", "MiB", "-1", "1.5G", "5 apples", "99999999999999TiB"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
