//! What templates give, beside what Go 1.26 gives for the same.

use tripod_promql::{Labels, SampleValue, VectorSample};

use super::*;

fn filling(ask: Ask<'_>) -> Filling<'_> {
    let data = AlertData {
        labels: Labels::new([("job", "x")]),
        external_labels: Labels::new([("region", "eu")]),
        external_url: "http://host:9090/prefix".to_owned(),
        value: SampleValue::Float(1.5),
    };
    Filling { data: Arc::new(data), now: 1_435_065_584_128, ask }
}

fn expand(text: &str) -> String {
    match Template::parse("X", text) {
        Ok(template) => template.expand(&filling(&|_| Ok(Vec::new()))),
        Err(error) => format!("PARSE {error}"),
    }
}

fn failure(place: &str, message: &str) -> String {
    format!(
        "<error expanding template: error executing template __alert_X: template: __alert_X:{place} executing \"__alert_X\" at {message}>"
    )
}

#[test]
fn values_and_control_are_those_of_go() {
    for (text, expected) in [
        ("plain", "plain"),
        ("{{ $labels.nope }}|{{ .Labels.nope }}", "|"),
        ("{{ if gt $value 1.0 }}a{{else}}b{{end}}", "a"),
        ("{{ $x := 1 }}{{ $x = 2 }}{{ $x }}", "2"),
        ("{{ range $k, $v := $labels }}{{$k}}={{$v}} {{else}}none{{end}}", "job=x "),
        (r#"{{ range query "x" }}a{{else}}none{{end}}"#, "none"),
        ("{{ .Labels }} {{ $externalLabels.region }}", "map[job:x] eu"),
        (r#"{{ index $labels "job" }}{{ len $labels }} {{ len "abc" }}"#, "x1 3"),
        ("{{ with $value }}{{ . }}{{ end }}", "1.5"),
        (r#"{{ define "T" }}[{{ . }}]{{ end }}{{ template "T" $value }}"#, "[1.5]"),
        (r#"{{ define "T" }}[{{ .arg0 }}{{ .arg1 }}]{{ end }}{{ tmpl "T" (args 1 "b") }}"#, "[1b]"),
        (r#"a {{- " b " -}} c{{/* c */}}"#, "a b c"),
        (
            r#"{{ eq 1 1 }} {{ eq "a" "b" "a" }} {{ ne 1.0 2.0 }} {{ and 1 0 }} {{ or 0 "x" }} {{ not 1 }}"#,
            "true true true 0 x false",
        ),
        (r#"{{ print 1 2 "a" "b" 3.0 }}|{{ println "x" 1 }}"#, "1 2ab3|x 1\n"),
        (r#"{{ html "<a>" }} {{ js "a'b" }} {{ urlquery "a b&c" }}"#, "&lt;a&gt; a\\'b a+b%26c"),
        (r#"{{ slice "abcdef" 1 3 }}"#, "bc"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        (
            "{{ range 9 }}{{ if eq . 4 }}{{ break }}{{ end }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}",
            "023",
        ),
        ("{{ . }}", "{map[job:x] map[region:eu] http://host:9090/prefix 1.5}"),
        ("{{if true}}a{{else if false}}b{{else}}c{{end}}{{if false}}a{{else if false}}b{{else}}c{{end}}", "ac"),
        ("{{ with $x := 5 }}{{ $x }}{{ else }}no{{ end }}", "5"),
        (r#"{{ "abc" | len | printf "%03d" }}"#, "003"),
        (r#"{{ block "B" . }}x{{ .Value }}{{ end }}"#, "x1.5"),
        ("{{ $value | }}{{ (1) }}{{ 'a' }} {{ 0x10 }} {{ 1e3 }} {{ -3 }}", "1.5197 16 1000 -3"),
        ("{{ `raw` }} {{ \"q\\t\\u00e9\" }}", "raw q\té"),
    ] {
        assert_eq!(expand(text), expected, "{text}");
    }
}

#[test]
fn printf_is_that_of_go() {
    for (text, expected) in [
        (
            r#"{{ printf "%.2f" $value }} {{ printf "%d" $value }} {{ printf "%s" $value }}"#,
            "1.50 %!d(float64=1.5) %!s(float64=1.5)",
        ),
        (
            r#"{{ printf "%!" }} {{ printf "%d" "x" }} {{ printf "%d %d" 1 }} {{ printf "%d" 1 2 }}"#,
            "%!!(MISSING) %!d(string=x) 1 %!d(MISSING) 1%!(EXTRA int=2)",
        ),
        (
            r#"{{ printf "%5.1f%%|%-6s|%6s|%x|%X|%c|%U" 1.25 "ab" "cd" "hi" 255 65 65 }}"#,
            "  1.2%|ab    |    cd|6869|FF|A|U+0041",
        ),
        (
            r#"{{ printf "%.3g" 12345.678 }} {{ printf "%6.3e" 12345.678 }} {{ printf "%v" 1e100 }} {{ printf "%t" 1 }}"#,
            "1.23e+04 1.235e+04 1e+100 %!t(int=1)",
        ),
        (
            r#"{{ printf "%*d" 5 3 }} {{ printf "%+v" $labels }} {{ printf "%#v" $labels }} {{ printf "%5t" true }}"#,
            "    3 map[job:x] map[string]string{\"job\":\"x\"}  true",
        ),
        (
            r#"{{ printf "% d" 5 }} {{ printf "%o %b" 8 5 }} {{ printf "%q" $labels }} {{ printf "%v" nil }} {{ printf "%s" nil }}"#,
            " 5 10 101 map[\"job\":\"x\"] <nil> %!s(<nil>)",
        ),
        (r#"{{ printf "%6.2f|%08.3f|%+d|%q" 3.14159 3.14159 5 "hi\n\"x" }}"#, "  3.14|0003.142|+5|\"hi\\n\\\"x\""),
        (
            "{{ 1000000.0 }} {{ 123456789.0 }} {{ 100000.0 }} {{ 0.0001 }} {{ 0.00001 }} {{ 12345678.5 }}",
            "1e+06 1.23456789e+08 100000 0.0001 1e-05 1.23456785e+07",
        ),
    ] {
        assert_eq!(expand(text), expected, "{text}");
    }
}

#[test]
fn the_functions_of_prometheus_give_what_prometheus_gives() {
    for (text, expected) in [
        ("{{ humanize 0.0 }}:{{ humanize 1.0 }}:{{ humanize 1234567.0 }}:{{ humanize .12 }}", "0:1:1.235M:120m"),
        (
            "{{ humanize1024 0.0 }}:{{ humanize1024 1.0 }}:{{ humanize1024 1048576.0 }}:{{ humanize1024 .12 }}",
            "0:1:1Mi:0.12",
        ),
        (
            "{{ humanizeDuration 0 }}:{{ humanizeDuration 1 }}:{{ humanizeDuration 60 }}:{{ humanizeDuration 3600 }}:{{ humanizeDuration 86400 }}:{{ humanizeDuration -86461 }}",
            "0s:1s:1m 0s:1h 0m 0s:1d 0h 0m 0s:-1d 0h 1m 1s",
        ),
        (
            "{{ humanizeDuration .1 }}:{{ humanizeDuration .0001 }}:{{ humanizeDuration 12.345678 }}",
            "100ms:100us:12.35s",
        ),
        (
            "{{ humanizePercentage 0.1234567 }} {{ humanizeTimestamp 1435065584.128 }}",
            "12.35% 2015-06-23 13:19:44.128 +0000 UTC",
        ),
        (
            r#"{{ "1.5e3" | humanize }} {{ "x" | toUpper }} {{ "aa bb CC-dd" | title }} {{ "A" | toLower }}"#,
            "1.5k X Aa Bb CC-Dd a",
        ),
        (r#"{{ match "a+" "aa" }} {{ reReplaceAll "(a)b" "x$1" "ab" }}"#, "true xa"),
        (
            r#"{{ graphLink "up > 1" }} {{ tableLink "up" }}"#,
            "/graph?g0.expr=up+%3E+1&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
        ),
        (
            r#"{{ stripPort "h:80" }} {{ stripPort "[::1]:80" }} {{ stripDomain "a.b.c:80" }} {{ stripDomain "1.2.3.4:80" }}"#,
            "h ::1 a:80 1.2.3.4:80",
        ),
        (
            r#"{{ parseDuration "1h2m10ms" }} {{ toDuration 90 }} {{ 0 | toTime }} {{ now }}"#,
            "3720.01 1m30s 1970-01-01 00:00:00 +0000 UTC 1.435065584128e+09",
        ),
        ("{{ externalURL }} {{ pathPrefix }} {{ safeHtml \"<b>\" }}", "http://host:9090/prefix /prefix <b>"),
    ] {
        assert_eq!(expand(text), expected, "{text}");
    }
}

#[test]
fn what_fails_says_so_in_the_words_of_go() {
    for (text, place, message) in [
        (
            r#"{{ query "x" | first | value }}"#,
            "1:127:",
            "<first>: error calling first: first() called on vector with no elements",
        ),
        ("{{ $value | toUpper }}", "1:124:", "<toUpper>: wrong type for value; expected string; got float64"),
        (
            "{{ if gt $value 1 }}a{{end}}",
            "1:118:",
            "<gt $value 1>: error calling gt: incompatible types for comparison: float64 and int",
        ),
        ("{{ $value.Foo }}", "1:121:", "<$value.Foo>: can't evaluate field Foo in type float64"),
        ("{{ .Value.X }}", "1:121:", "<.Value.X>: can't evaluate field X in type interface {}"),
        ("{{ len 3 }}", "1:115:", "<len 3>: error calling len: len of type int"),
        (
            "{{ index $labels 1 }}",
            "1:115:",
            "<index $labels 1>: error calling index: value has type int; should be string",
        ),
        (r#"{{ label "a" 1 }}"#, "1:125:", "<1>: can't handle 1 for arg of type *template.sample"),
        ("{{ toUpper }}", "1:115:", "<toUpper>: wrong number of args for toUpper: want 1 got 0"),
        (r#"{{ template "nope" }}"#, "1:124:", r#"<{{template "nope"}}>: template "nope" not defined"#),
        (
            r#"{{ lt "a" 1 }}"#,
            "1:115:",
            r#"<lt "a" 1>: error calling lt: incompatible types for comparison: string and int"#,
        ),
        ("{{ $labels.job.x }}", "1:122:", "<$labels.job.x>: can't evaluate field x in type string"),
        ("{{ range .Value }}{{ end }}", "1:121:", "<.Value>: range can't iterate over 1.5"),
        (r#"{{ "a" "b" }}"#, "1:115:", r#"<"a">: can't give argument to non-function "a""#),
        ("{{ nil }}", "1:115:", "<nil>: nil is not a command"),
    ] {
        assert_eq!(expand(text), failure(place, message), "{text}");
    }
}

#[test]
fn what_is_no_template_is_refused_in_the_words_of_go() {
    for (text, message) in [
        ("{{ nofunc 1 }}", r#"function "nofunc" not defined"#),
        ("{{ $value", "unclosed action"),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ if }}x{{ end }}", "missing value for if"),
        ("{{ $undefined }}", r#"undefined variable "$undefined""#),
        (r#"{{ "unterminated }}"#, "unterminated quoted string"),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{ 1.5.foo }}", r#"bad number syntax: "1.5.foo""#),
        ("{{}}", "missing value for command"),
        ("{{ else }}", "unexpected {{else}}"),
        ("{{ | humanize }}", r#"unexpected "|" in command"#),
        ("{{ ( }}", "unclosed left paren"),
        ("{{ 99999999999999999999 }}", r#"integer overflow: "99999999999999999999""#),
        ("{{ if true }}x", "unexpected EOF"),
    ] {
        assert_eq!(expand(text), format!("PARSE template: __alert_X:1: {message}"), "{text}");
    }
}

#[test]
fn queries_give_samples_that_can_be_sorted_and_named() {
    let ask = |query: &str| {
        assert_eq!(query, "up");
        let sample = |instance: &str, value| VectorSample {
            labels: Labels::new([("instance", instance)]),
            time: 0,
            value: SampleValue::Float(value),
        };
        Ok(vec![sample("b", 21.0), sample("a", 11.0)])
    };
    let text = r#"{{ range query "up" | sortByLabel "instance" }}{{ .Labels.instance }}:{{ . | value }} {{ end }}{{ query "up" | first | label "instance" }}"#;
    assert_eq!(Template::parse("X", text).unwrap().expand(&filling(&ask)), "a:11 b:21 b");
}

#[test]
fn an_endless_template_ends() {
    let text = r#"{{ define "T" }}{{ template "T" . }}{{ end }}{{ template "T" . }}"#;
    assert!(expand(text).contains("templates that call each other"));
    assert!(expand("{{ range 1000000 }}{{ range 1000000 }}{{ end }}{{ end }}").contains("steps"));
    assert!(expand("{{ range 1000000 }}0123456789{{ end }}").contains("bytes of text"));
    assert!(expand(&"{{ if true }}".repeat(10_000)).contains("nested deeper"));
    assert!(expand(&format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000))).contains("nested deeper"));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of which most templates are made.
    fn piece() -> impl Strategy<Value = String> {
        const PIECES: [&str; 53] = [
            "{{",
            "}}",
            "{{-",
            "-}}",
            " ",
            "$x",
            "$labels",
            ".Labels",
            ".job",
            ".",
            ":=",
            "=",
            ",",
            "|",
            "(",
            ")",
            "if ",
            "else",
            "end",
            "range ",
            "with ",
            "define ",
            "template ",
            "block ",
            "break",
            "continue",
            "\"a\"",
            "`b`",
            "'c'",
            "1",
            "-1.5e3",
            "0x",
            "query ",
            "first",
            "value",
            "humanize",
            "printf ",
            "\"%5.3*d%q\"",
            "index ",
            "slice ",
            "eq ",
            "nil",
            "true",
            "/*",
            "*/",
            "é",
            "\n",
            "\\",
            "args ",
            "tmpl ",
            "toTime",
            "humanizeDuration",
            "$value",
        ];
        prop_oneof![4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => any::<String>()]
    }

    proptest! {
        #[test]
        fn no_text_makes_a_template_panic(pieces in prop::collection::vec(piece(), 0..40)) {
            expand(&pieces.concat());
        }

        #[test]
        fn text_without_actions_stays_as_it_is(text in "[^{]*") {
            prop_assert_eq!(expand(&text), text);
        }
    }
}
