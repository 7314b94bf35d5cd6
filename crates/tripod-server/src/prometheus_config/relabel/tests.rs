use super::*;
use crate::yaml::Document;

fn rules_of(text: &str) -> Result<Vec<RelabelRule>, String> {
    let document = Document::parse("r", &format!("rules:\n{text}")).map_err(|fault| fault.to_string())?;
    rules(&document.root().map().unwrap(), "rules").map_err(|fault| fault.to_string())
}

/// `a=1,b=2` after the rules; none when they are dropped.
fn relabelled(labels: &str, text: &str) -> Option<String> {
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut labels: LabelMap = labels.split(',').filter_map(pair).collect();
    let kept = relabel(&mut labels, &rules_of(text).unwrap());
    let text = || labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
    kept.then(text)
}

#[test]
fn every_action_does_what_it_says() {
    for (labels, rule, expected) in [
        (
            "a=foo,b=bar",
            "- {source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-$1'}",
            "a=foo,b=bar,d=choo-oo",
        ),
        (
            "a=foo,b=bar",
            "- {source_labels: [a, b], regex: 'f(.*);(.*)r', target_label: a, replacement: 'b${1}${2}m'}",
            "a=boobam,b=bar",
        ),
        ("a=foo", "- {source_labels: [a], regex: o, target_label: b, replacement: x}", "a=foo"),
        ("a=foo", "- {source_labels: [a], target_label: a, replacement: ''}", ""),
        ("a=foo", "- {source_labels: [a], regex: '(f).*', target_label: '${1}x', replacement: y}", "a=foo,fx=y"),
        ("a=foo", "- {target_label: b, replacement: static}", "a=foo,b=static"),
        ("a=f\no", "- {source_labels: [a], regex: 'f(.)o', target_label: a, replacement: ok}", "a=ok"),
        ("a=foo", "- {source_labels: [a], regex: foo, action: keep}", "a=foo"),
        ("a=foo", "- {source_labels: [a], regex: fo, action: keep}", "dropped"),
        ("a=foo", "- {source_labels: [a], regex: '.*o.*', action: drop}", "dropped"),
        ("a=foo", "- {source_labels: [nope], regex: 'f|', action: drop}", "dropped"),
        ("a=foo,b=foo", "- {source_labels: [a], target_label: b, action: keepequal}", "a=foo,b=foo"),
        ("a=foo,b=bar", "- {source_labels: [a], target_label: b, action: keepequal}", "dropped"),
        ("a=foo,b=foo", "- {source_labels: [a], target_label: b, action: dropequal}", "dropped"),
        ("a=foo,b=bar", "- {source_labels: [a], target_label: b, action: DropEqual}", "a=foo,b=bar"),
        ("c=baz", "- {source_labels: [c], target_label: d, action: hashmod, modulus: 1000}", "c=baz,d=976"),
        ("c=foo\nbar", "- {source_labels: [c], target_label: d, action: hashmod, modulus: 1000}", "c=foo\nbar,d=734"),
        ("a=1,my_b=2,my_c=3", "- {regex: 'my_(.+)', action: labelmap}", "a=1,b=2,c=3,my_b=2,my_c=3"),
        ("b1=x,b2=y,c=z", "- {regex: 'b.', action: labeldrop}", "c=z"),
        ("b1=x,b2=y,c=z", "- {regex: 'b.', action: labelkeep}", "b1=x,b2=y"),
        ("a=FoO", "- {source_labels: [a], target_label: a, action: lowercase}", "a=foo"),
        ("a=fOo", "- {source_labels: [a], target_label: b, action: uppercase}", "a=fOo,b=FOO"),
        ("a=x,b=y", "- {source_labels: [a, b], separator: '-', target_label: c}", "a=x,b=y,c=x-y"),
    ] {
        assert_eq!(relabelled(labels, rule).as_deref().unwrap_or("dropped"), expected, "{rule}");
    }
}

#[test]
fn rules_are_applied_in_their_order() {
    let rules = "- {source_labels: [a], target_label: b}\n- {source_labels: [b], target_label: c}\n- {regex: a, action: labeldrop}\n";
    assert_eq!(relabelled("a=1", rules).as_deref(), Some("b=1,c=1"));
}

#[test]
fn a_rule_that_makes_no_sense_is_refused() {
    for (rule, said) in [
        ("- {action: hashmod, target_label: a, source_labels: [b]}", "needs a modulus"),
        ("- {action: lowercase, source_labels: [b]}", "needs target_label"),
        ("- {action: labeldrop, source_labels: [b]}", "must not have source_labels"),
        ("- {action: keepequal, source_labels: [b], target_label: c, regex: x}", "must not have regex"),
        ("- {action: uppercase, source_labels: [b], target_label: c, replacement: x}", "must not have replacement"),
        ("- {unknown: 1}", "unknown is not known here"),
    ] {
        let fault = rules_of(rule).map(|_| ()).unwrap_err();
        assert!(fault.contains(said), "{rule}: {fault}");
    }
}
