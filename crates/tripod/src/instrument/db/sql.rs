//! The text of a query without what may be secret in it.

use super::token::{Dialect, Kind, Token, tokens};

/// The longest text that is given, in bytes.
pub(super) const MAX_TEXT: usize = 4_096;

/// A query with `?` for each literal, without its comments, its white space made one space; lists of `IN` are made one `?`, as their
/// length varies. At most 4,096 bytes.
///
/// What can't be told from a literal counts as one: numbers, strings of every notation, truth values, and outside PostgreSQL what is in
/// double quotes, unless it stands where only a name can. The result comes out unchanged when it is given again.
///
/// ```
/// use tripod::instrument::db::{Dialect, sanitize};
/// let text = sanitize(Dialect::Postgres, "SELECT * FROM users -- all\n WHERE name = 'ada' AND age IN (41, 42)");
/// assert_eq!(text, "SELECT * FROM users WHERE name = ? AND age IN (?)");
/// ```
pub fn sanitize(dialect: Dialect, query: &str) -> String {
    let mut text = Text { out: String::with_capacity(query.len().min(MAX_TEXT)), space: false, list: List::None };
    let mut before = Before::default();
    let mut all = tokens(dialect, query).peekable();
    while let Some(token) = all.next() {
        if text.out.len() >= MAX_TEXT {
            break;
        }
        if token.kind == Kind::Space {
            text.space = true;
            continue;
        }
        let is_name =
            token.kind == Kind::Doubtful && (before.asks_for_name || all.peek().is_some_and(|next| next.is(".")));
        match token.kind {
            Kind::Literal => text.push_mark(),
            Kind::Doubtful if !is_name => text.push_mark(),
            _ => text.push(token),
        }
        before.look(token);
    }
    cut(&mut text.out);
    text.out
}

/// Shortens a text to what is given at most.
fn cut(text: &mut String) {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.truncate(text.trim_end().len());
    }
}

/// Whether a name must come next.
#[derive(Default)]
struct Before {
    asks_for_name: bool,
}

impl Before {
    fn look(&mut self, token: Token<'_>) {
        const ASKING: [&str; 5] = ["FROM", "JOIN", "INTO", "UPDATE", "TABLE"];
        self.asks_for_name = token.is(".")
            || token.kind == Kind::Word && ASKING.iter().any(|word| token.text.eq_ignore_ascii_case(word));
    }
}

/// Where in the list of an `IN` the text is.
#[derive(Clone, Copy, PartialEq)]
enum List {
    None,
    /// Behind `IN`.
    Word,
    /// Behind `IN (`.
    Open,
    /// Behind `IN (?`.
    First,
    /// Behind `IN (?, `, with where the comma is.
    Comma(usize),
}

struct Text {
    out: String,
    /// White space came since.
    space: bool,
    list: List,
}

impl Text {
    fn push(&mut self, token: Token<'_>) {
        let end = self.out.len();
        self.list = match self.list {
            List::Word if token.is("(") => List::Open,
            List::Open if token.text == "?" => List::First,
            List::Comma(at) if token.text == "?" => {
                self.out.truncate(at);
                self.space = false;
                self.list = List::First;
                return;
            }
            List::First if token.is(",") => List::Comma(end),
            _ if token.kind == Kind::Word && token.text.eq_ignore_ascii_case("in") => List::Word,
            _ => List::None,
        };
        // Two dashes that are none of a comment's could become one, by what comes next here.
        let is_second_dash = token.is("-") && self.out.ends_with('-');
        if (std::mem::take(&mut self.space) || is_second_dash) && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.out.push_str(token.text);
    }

    fn push_mark(&mut self) {
        self.push(Token { kind: Kind::Placeholder, text: "?" });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIALECTS: [Dialect; 4] = [Dialect::Postgres, Dialect::Sqlite, Dialect::MySql, Dialect::Other];

    fn everywhere(query: &str, expected: &str) {
        for dialect in DIALECTS {
            assert_eq!(sanitize(dialect, query), expected, "{dialect:?}: {query}");
        }
    }

    #[test]
    fn literals_become_question_marks() {
        everywhere("SELECT 1, -2.5e-3, .5, 0xFF, x'ab', TRUE, 'it''s', NULL", "SELECT ?, -?, ?, ?, ?, ?, ?, NULL");
        everywhere("UPDATE t1 SET a2 = 'x', b = b + 10 WHERE id=7", "UPDATE t1 SET a2 = ?, b = b + ? WHERE id=?");
        everywhere("SELECT date '2024-01-01', interval '1 day'", "SELECT date ?, interval ?");
    }

    #[test]
    fn dashes_that_begin_no_comment_begin_none_when_one_is_taken_out_behind_them() {
        assert_eq!(sanitize(Dialect::MySql, "SELECT 5--3"), "SELECT ?- -?");
        let once = sanitize(Dialect::MySql, "SELECT a--# all\n\0b");
        assert_eq!(once, "SELECT a- - \0b");
        assert_eq!(sanitize(Dialect::MySql, &once), once);
    }

    #[test]
    fn placeholders_and_names_stay() {
        everywhere("SELECT $1, :name, @p, a::int FROM s1.t2", "SELECT $1, :name, @p, a::int FROM s1.t2");
        assert_eq!(sanitize(Dialect::Sqlite, "SELECT ?1, ?2"), "SELECT ?1, ?2");
        assert_eq!(sanitize(Dialect::Postgres, "SELECT \"a b\" FROM \"T\""), "SELECT \"a b\" FROM \"T\"");
        assert_eq!(sanitize(Dialect::Sqlite, "SELECT [a 1] FROM `b 2`"), "SELECT [a 1] FROM `b 2`");
    }

    #[test]
    fn what_is_in_double_quotes_is_kept_only_where_it_must_be_a_name() {
        let query = "SELECT \"u\".\"id\" FROM \"users\" WHERE name = \"ada\"";
        assert_eq!(sanitize(Dialect::Sqlite, query), "SELECT \"u\".\"id\" FROM \"users\" WHERE name = ?");
        assert_eq!(sanitize(Dialect::MySql, "SELECT \"it\\\"s\", 1"), "SELECT ?, ?");
    }

    #[test]
    fn strings_end_where_the_dialect_ends_them() {
        let query = r"SELECT 'a\', 'secret'";
        assert_eq!(sanitize(Dialect::Postgres, query), "SELECT ?, ?");
        assert_eq!(sanitize(Dialect::Postgres, r"SELECT E'a\', secret', 1"), "SELECT ?, ?");
        assert_eq!(sanitize(Dialect::MySql, r"SELECT 'a\', secret', 1"), "SELECT ?, ?");
        assert_eq!(sanitize(Dialect::Other, query), "SELECT ?");
        assert_eq!(sanitize(Dialect::Postgres, "SELECT $a$ 'secret $b$ $a$, $$x$$"), "SELECT ?, ?");
        everywhere("SELECT 'never closed, secret", "SELECT ?");
    }

    #[test]
    fn comments_are_left_out() {
        everywhere("SELECT a -- secret 'x\n, b /* secret ' */ FROM t", "SELECT a , b FROM t");
        assert_eq!(sanitize(Dialect::Postgres, "SELECT /* a /* b */ ' */ 1"), "SELECT ?");
        assert_eq!(sanitize(Dialect::Sqlite, "SELECT /* a /* b */ 1"), "SELECT ?");
        assert_eq!(sanitize(Dialect::MySql, "SELECT a # it's\n, b--'x'"), "SELECT a , b- -?");
        assert_eq!(sanitize(Dialect::Postgres, "SELECT a #- '{1}'"), "SELECT a #- ?");
    }

    #[test]
    fn a_list_of_values_is_one() {
        everywhere("a IN (1, 2,3 , 4) AND b in ('x')", "a IN (?) AND b in (?)");
        everywhere("a IN (1, f(2), 3)", "a IN (?, f(?), ?)");
        everywhere("INSERT INTO t VALUES (1, 2), (3, 4)", "INSERT INTO t VALUES (?, ?), (?, ?)");
    }

    #[test]
    fn a_text_is_cut_at_its_limit() {
        let long = format!("SELECT {}", "ä, ".repeat(MAX_TEXT));
        assert!(sanitize(Dialect::Postgres, &long).len() <= MAX_TEXT);
    }

    /// A literal around what must not be seen, in a notation that the dialect reads as one.
    fn literal(dialect: Dialect) -> impl Strategy<Value = String> {
        let inside = "[a-z0-9 ;,()/*$#-]{0,4}";
        let quoted = (inside, inside).prop_map(|(a, b)| format!("'{a}SECRET{b}'"));
        let doubled = inside.prop_map(|a| format!("'{a}''SECRET'''"));
        let prefixed = inside.prop_map(|a| format!("N'SECRET{a}'"));
        let number = (0..9_u8).prop_map(|digit| format!("{digit}98765{digit}"));
        let special = match dialect {
            Dialect::Postgres => vec![r"E'\'SECRET\\'".to_owned(), "$x$'SECRET$x$".to_owned(), r"'\'".to_owned()],
            Dialect::MySql => vec![r"'\'SECRET\\'".to_owned(), r#""SECRET\"SECRET""#.to_owned()],
            Dialect::Sqlite => vec!["\"SECRET\"".to_owned(), r"'SECRET\'".to_owned()],
            Dialect::Other => vec!["$$'SECRET$$".to_owned()],
        };
        prop_oneof![quoted, doubled, prefixed, number, prop::sample::select(special)]
    }

    fn query() -> impl Strategy<Value = (Dialect, String)> {
        prop::sample::select(DIALECTS.to_vec()).prop_flat_map(|dialect| {
            let words = [
                "SELECT", "a1", "t.b", "(", ")", ", ", "=", "IN (", "+", " -- c\n", "/* c */", "::text", "[", "$1", "?",
            ];
            let other = prop::sample::select(words.to_vec()).prop_map(str::to_owned);
            let part = prop_oneof![3 => other, 2 => literal(dialect)];
            let joined = prop::collection::vec(part, 0..12).prop_map(|parts| parts.join(" "));
            // A bracket quotes in SQLite, and would take what is quoted out of its quotes.
            joined
                .prop_map(move |text| (dialect, if dialect == Dialect::Sqlite { text.replace('[', "(") } else { text }))
        })
    }

    proptest! {
        #[test]
        fn no_literal_is_ever_seen((dialect, query) in query()) {
            let text = sanitize(dialect, &query);
            prop_assert!(!text.contains("SECRET"), "{} from {}", text, query);
            prop_assert!(!text.contains("98765"), "{} from {}", text, query);
        }

        #[test]
        fn the_result_is_final(text in "(?s)[a-zE'\"`$?:@#/*\\\\() ,.;0-9\n\\[\\]{}ä-]{0,60}") {
            for dialect in DIALECTS {
                let once = sanitize(dialect, &text);
                prop_assert_eq!(&sanitize(dialect, &once), &once, "{:?} of {:?}", dialect, text);
            }
        }

        #[test]
        fn any_text_is_read_whole(text in "(?s).{0,80}") {
            for dialect in DIALECTS {
                let whole: String = tokens(dialect, &text).map(|token| token.text).collect();
                prop_assert_eq!(&whole, &text);
                sanitize(dialect, &text);
            }
        }
    }
}
