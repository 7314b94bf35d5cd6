use super::*;

#[test]
fn slices_meet_everything_once_and_in_order() {
    // Many at one moment, some alone, one at the very end of time.
    let times: Vec<u64> = (0..300).map(|at| at * at).chain([77; 40]).chain([u64::MAX]).collect();
    let mut found = Vec::new();
    let fetch = |window: Window, limit: usize| {
        let within = times.iter().copied().filter(|time| window.contains(*time));
        Ok(within.take(limit).collect::<Vec<u64>>())
    };
    by_slices(Window::ALL, 10, fetch, |slice, mut times| {
        assert!(times.iter().all(|time| slice.contains(*time)));
        times.sort_unstable();
        found.append(&mut times);
        Ok(())
    })
    .unwrap();
    let mut expected = times.clone();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn signals_have_names() {
    for signal in ExportSignal::ALL {
        assert_eq!(signal.as_str().parse(), Ok(signal));
    }
    assert!("metrics".parse::<ExportSignal>().unwrap_err().contains("spans, logs, samples"));
}
