//! Rule files and the notation of series: whatever a file has, it is read or refused, and what is refused says where.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tripod_promql::notation::{Item, parse_series};
use tripod_server::rules::RuleFile;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match RuleFile::parse("rules.yml", text) {
        Ok(file) => assert!(file.duplicates().len() <= file.rule_count()),
        Err(faults) => assert!(!faults.is_empty() && faults.iter().all(|fault| fault.at.starts_with("rules.yml"))),
    }
    if let Ok((_, items)) = parse_series(text) {
        let sound = |item: &Item| !matches!(item, Item::Histogram(one, _) if one.buckets().len() > bytes.len() * 1024);
        assert!(items.len() <= 1_000_000 + bytes.len() && items.iter().all(sound));
    }
});
