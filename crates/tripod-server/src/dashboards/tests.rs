//! Dashboards as a whole: those that come with Tripod, old ones, hard ones, and what a library does with them.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::library::{Library, Origin, SaveError};
use super::model::{Dashboard, Kind, Panel};
use super::{MAX_BYTES, read};

const OLD: &str = include_str!("fixtures/old.json");
const NEW: &str = include_str!("fixtures/new.json");

fn model(text: &str) -> Dashboard {
    read::model(&read::parse(text.as_bytes()).unwrap())
}

fn all(panels: &[Panel]) -> Vec<&Panel> {
    panels.iter().flat_map(|panel| std::iter::once(panel).chain(all(&panel.panels))).collect()
}

/// What is not drawn, a line each.
fn notes(dashboard: &Dashboard) -> String {
    let of_panels = all(&dashboard.panels).into_iter().flat_map(|panel| &panel.unsupported);
    let lines = dashboard.unsupported.iter().chain(of_panels).map(|note| format!("{}: {}\n", note.path, note.what));
    lines.collect()
}

fn shown(dashboard: &Dashboard) -> String {
    serde_json::to_string_pretty(dashboard).unwrap()
}

#[test]
fn all_that_comes_with_tripod_is_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::new(dir.path(), None);
    let listing = library.list();
    assert_eq!(listing.faults, []);
    assert!(listing.entries.len() >= 7, "{:?}", listing.entries);
    for entry in listing.entries {
        let (_, bytes) = library.get(&entry.head.uid).unwrap().unwrap();
        let dashboard = read::model(&read::parse(&bytes).unwrap());
        assert_eq!(notes(&dashboard), "", "{}", entry.file);
        assert!(!dashboard.panels.is_empty() && dashboard.panels.iter().all(|panel| panel.kind != Kind::Unsupported));
    }
}

#[test]
fn rows_graphs_and_single_stats_of_old_are_read_as_what_replaced_them() {
    let dashboard = model(OLD);
    insta::assert_snapshot!("old", shown(&dashboard));
}

#[test]
fn everything_of_today_is_read_or_said() {
    let dashboard = model(NEW);
    insta::assert_snapshot!("new_notes", notes(&dashboard));
    insta::assert_snapshot!("new", shown(&dashboard));
}

#[test]
fn a_panel_knows_where_it_stands_in_its_file() {
    for text in [OLD, NEW] {
        let json = Value::Object(read::parse(text.as_bytes()).unwrap());
        for panel in all(&model(text).panels) {
            let at = serde_json::to_value(&panel.at).unwrap();
            let found = at.as_array().unwrap().iter().fold(&json, |json, step| match step {
                Value::String(key) => &json[key],
                index => &json[usize::try_from(index.as_u64().unwrap()).unwrap()],
            });
            let title = found["title"].as_str().unwrap_or("Shared");
            assert!(title == panel.title || found.get("libraryPanel").is_some(), "{at}: {found}");
        }
    }
}

#[test]
fn ids_are_given_to_panels_that_have_none_of_their_own() {
    let dashboard = model(OLD);
    let mut ids: Vec<u64> = all(&dashboard.panels).iter().map(|panel| panel.id).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert!(ids.len() == count && ids[0] > 0, "{ids:?}");
}

#[test]
fn what_is_around_a_dashboard_is_taken_off_and_what_is_none_is_refused_with_its_place() {
    let inside = |text: &str| read::parse(text.as_bytes()).map(|map| map["title"].clone());
    for around in [
        r#"{"title": "x", "panels": []}"#,
        r#"{"dashboard": {"title": "x"}, "overwrite": true}"#,
        r#"{"apiVersion": "dashboard.grafana.app/v1beta1", "metadata": {"name": "u"}, "spec": {"title": "x"}}"#,
    ] {
        assert_eq!(inside(around), Ok(json!("x")), "{around}");
    }
    for (wrong, reason, place) in [
        ("{\n  \"panels\": [1,,]\n}", "is not JSON", Some((2, 16))),
        ("", "is not JSON: EOF", Some((1, 0))),
        ("[]", "must be an object", None),
        ("{\"a\": 1}", "is no dashboard", None),
        (
            r#"{"apiVersion": "dashboard.grafana.app/v2beta1", "kind": "Dashboard", "spec": {"elements": {}}}"#,
            "schema v2",
            None,
        ),
    ] {
        let error = read::parse(wrong.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(reason) && error.place() == place, "{wrong}: {error} {:?}", error.place());
    }
    assert!(read::parse("[".repeat(100_000).as_bytes()).is_err(), "deep nesting is refused");
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_folder_is_read_again_when_it_changes_and_what_is_wrong_in_it_is_said() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), "team/a.json", r#"{"uid": "a", "title": "A", "tags": ["x"], "panels": []}"#);
    write(folder.path(), "b.json", r#"{"title": "B", "panels": []}"#);
    write(folder.path(), "broken.json", "{\n  \"title\": ");
    write(folder.path(), "twice.json", r#"{"uid": "a", "title": "Z", "panels": []}"#);
    write(folder.path(), "wrong.json", r#"{"uid": "../../etc/passwd", "title": "W", "panels": []}"#);
    write(folder.path(), "notes.txt", "not JSON");
    write(folder.path(), ".hidden.json", "{");
    let library = Library::new(data.path(), Some(folder.path().to_owned()));
    let own = |library: &Library| {
        let entries = library.list().entries.into_iter().filter(|entry| entry.origin == Origin::Provisioned);
        entries.map(|entry| format!("{} {}", entry.folder(), entry.head.title)).collect::<Vec<_>>()
    };
    assert_eq!(own(&library), ["team A", " B"]);
    let faults: Vec<String> = library
        .list()
        .faults
        .iter()
        .map(|fault| format!("{} {:?} {}", fault.file, fault.place, fault.reason))
        .collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].starts_with("broken.json Some((2, 11)) is not JSON"), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("twice.json") && fault.contains("another dashboard already")));
    assert!(faults.iter().any(|fault| fault.contains("wrong.json") && fault.contains("can't be")));
    write(folder.path(), "team/a.json", r#"{"uid": "a", "title": "A changed", "panels": []}"#);
    std::fs::remove_file(folder.path().join("b.json")).unwrap();
    assert_eq!(own(&library), ["team A changed"]);
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere_outside_of_the_folder() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let secret = data.path().join("secret.json");
    std::fs::write(&secret, r#"{"uid": "secret", "title": "Secret", "panels": []}"#).unwrap();
    std::os::unix::fs::symlink(&secret, folder.path().join("link.json")).unwrap();
    std::os::unix::fs::symlink(data.path(), folder.path().join("all")).unwrap();
    write(folder.path(), "..2026/inside.json", r#"{"uid": "inside", "title": "Inside", "panels": []}"#);
    std::os::unix::fs::symlink("..2026/inside.json", folder.path().join("inside.json")).unwrap();
    let library = Library::new(data.path(), Some(folder.path().to_owned()));
    let listing = library.list();
    let uids: Vec<&str> = listing.entries.iter().map(|entry| entry.head.uid.as_str()).collect();
    assert!(uids.contains(&"inside") && !uids.contains(&"secret"), "{uids:?}");
    assert_eq!(listing.faults.len(), 2, "{:?}", listing.faults);
}

#[test]
fn two_editors_dont_overwrite_each_other() {
    let data = tempfile::tempdir().unwrap();
    let library = Library::new(data.path(), None);
    let dashboard = |title: &str| json!({ "title": title, "panels": [] }).as_object().unwrap().clone();
    let first = library.save("a", dashboard("1"), None).unwrap();
    assert!(matches!(library.save("a", dashboard("2"), None), Err(SaveError::Taken(_))));
    let second = library.save("a", dashboard("2"), Some(&first)).unwrap();
    let error = library.save("a", dashboard("3"), Some(&first)).unwrap_err();
    assert!(matches!(&error, SaveError::Changed { now, .. } if *now == second), "{error}");
    assert!(matches!(library.delete("a", &first), Err(SaveError::Changed { .. })));
    library.delete("a", &second).unwrap();
    assert!(library.get("a").unwrap().is_none());
    assert!(matches!(library.save("a", dashboard("3"), Some(&second)), Err(SaveError::Missing(_))));
    assert!(matches!(library.save("tripod-pipelines", dashboard("3"), Some("")), Err(SaveError::ReadOnly(..))));
    for uid in ["", "../a", "a/b", "a.json", "read", "new", "\u{e9}", &"x".repeat(41)] {
        assert!(matches!(library.save(uid, dashboard("4"), None), Err(SaveError::Uid(_))), "{uid}");
        assert!(library.get(uid).unwrap().is_none());
    }
    let large = json!({ "title": "x", "panels": [], "description": "x".repeat(MAX_BYTES) });
    assert!(matches!(library.save("b", large.as_object().unwrap().clone(), None), Err(SaveError::TooLarge(_))));
}

/// Any JSON that is not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop_oneof![Just("graph"), Just("row"), Just("table-old"), Just("$x"), Just("-1"), Just("1e308")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z_]{1,12}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Puts something else at the `at`-th place of a JSON, counted in depth.
fn replace(json: &mut Value, at: &mut usize, with: &Value) {
    if *at == 0 {
        json.clone_from(with);
    }
    *at = at.wrapping_sub(1);
    match json {
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, at, with)),
        Value::Object(map) => map.values_mut().for_each(|value| replace(value, at, with)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_a_dashboard_holds_there_is_a_model(with in any_json(), places in proptest::collection::vec(0..700_usize, 1..6)) {
        for text in [OLD, NEW] {
            let mut json = Value::Object(read::parse(text.as_bytes()).unwrap());
            for place in &places {
                replace(&mut json, &mut place.clone(), &with);
            }
            if let Ok(map) = read::unwrap(json) {
                let model = read::model(&map);
                prop_assert!(serde_json::to_string(&model).is_ok());
                prop_assert!(all(&model.panels).iter().all(|panel| panel.grid.x + panel.grid.w <= 24));
            }
        }
    }

    #[test]
    fn what_is_saved_is_what_is_loaded(mut json in proptest::collection::btree_map("[a-zA-Z_]{1,12}", any_json(), 0..8)) {
        let data = tempfile::tempdir().unwrap();
        let library = Library::new(data.path(), None);
        json.insert("title".to_owned(), json!("x"));
        json.retain(|key, _| key != "uid" && key != "dashboard");
        let mut map: Map<String, Value> = json.into_iter().collect();
        library.save("kept", map.clone(), None).unwrap();
        let (_, bytes) = library.get("kept").unwrap().unwrap();
        map.insert("uid".to_owned(), json!("kept"));
        prop_assert_eq!(read::parse(&bytes).unwrap(), map);
    }
}
