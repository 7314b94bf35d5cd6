//! The summary of a query: its operations and their targets in order, `INSERT shipping_details SELECT orders`. Few for a program, so that
//! it serves as a span's name and a metric's label.

use super::token::{Dialect, Kind, Token, tokens};

/// The longest summary, in bytes, by the conventions.
const MAX_SUMMARY: usize = 255;

/// What begins a statement. Anything else is none: a name made up of data would not be one of few.
const STATEMENTS: &[&str] = &[
    "ABORT",
    "ALTER",
    "ANALYZE",
    "ATTACH",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DESCRIBE",
    "DETACH",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXEC",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "IMPORT",
    "INSERT",
    "KILL",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "OPTIMIZE",
    "PRAGMA",
    "PREPARE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "RENAME",
    "REPLACE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SECURITY",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TABLE",
    "TRUNCATE",
    "UNLISTEN",
    "UPDATE",
    "USE",
    "VACUUM",
    "VALUES",
];

/// What `CREATE` and its like work on, which says more than they do alone.
const OBJECTS: &[&str] = &[
    "DATABASE",
    "DOMAIN",
    "EXTENSION",
    "FUNCTION",
    "INDEX",
    "PROCEDURE",
    "ROLE",
    "SCHEMA",
    "SEQUENCE",
    "TABLE",
    "TRIGGER",
    "TYPE",
    "USER",
    "VIEW",
];

/// What may stand between a keyword and its target.
const FILLERS: &[&str] = &[
    "TABLE",
    "IF",
    "NOT",
    "EXISTS",
    "ONLY",
    "LATERAL",
    "CONCURRENTLY",
    "OR",
    "IGNORE",
    "ABORT",
    "FAIL",
    "ROLLBACK",
    "REPLACE",
];

/// What ends a list of tables.
const CLAUSES: &[&str] = &[
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "FOR",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "ON",
    "USING",
    "SET",
    "WINDOW",
    "RETURNING",
    "VALUES",
    "DEFAULT",
];

/// The operations of a query with what they are done to, as the text has them, at most 255 bytes; empty where it has none that is known.
///
/// ```
/// use tripod::instrument::db::{Dialect, summarize};
/// let summary = summarize(Dialect::Postgres, "SELECT * FROM songs s JOIN artists a ON a.id = s.artist WHERE a.name = 'x'");
/// assert_eq!(summary, "SELECT songs artists");
/// ```
pub fn summarize(dialect: Dialect, query: &str) -> String {
    Reader::read(dialect, query).summary
}

/// The summary, and the operation that the first statement is, in capitals: what is below it doesn't count, `WITH … INSERT` is an insert.
#[cfg(feature = "sqlx")]
pub(super) fn read(dialect: Dialect, query: &str) -> (String, &'static str) {
    let reader = Reader::read(dialect, query);
    (reader.summary, reader.main.or(reader.first).unwrap_or_default())
}

#[derive(Default)]
struct Reader {
    summary: String,
    full: bool,
    /// What is outside, and each open parenthesis.
    levels: Vec<Level>,
    at: Place,
    /// The first operation anywhere, and the first that is in no parenthesis.
    first: Option<&'static str>,
    main: Option<&'static str>,
    /// The statement says `WITH`: its operation follows the parentheses.
    with: bool,
}

#[derive(Clone, Copy, Default)]
struct Level {
    /// A statement runs there, whose `FROM` names tables.
    statement: bool,
    /// It stands in a list of tables, which goes on behind it.
    in_list: bool,
}

/// What the next word may be.
#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    /// The beginning of a statement.
    #[default]
    Start,
    /// Behind `CREATE` and its like.
    Object,
    /// A target.
    Target,
    /// Behind a target, at a depth where a comma leads to the next.
    List(usize),
    /// Behind `(`: a statement or an expression.
    Nested,
    /// Behind the word that `DISTINCT FROM` begins with.
    Distinct,
    Elsewhere,
}

impl Reader {
    fn read(dialect: Dialect, query: &str) -> Self {
        let mut reader = Self { levels: vec![Level::default()], ..Self::default() };
        let mut all = tokens(dialect, query).filter(|token| token.kind != Kind::Space).peekable();
        while let Some(token) = all.next() {
            if reader.full {
                break;
            }
            match token.kind {
                Kind::Word if !reader.word(token.text) => {}
                Kind::Word | Kind::Quoted | Kind::Doubtful if reader.at == Place::Target => {
                    reader.add_target(query, token, &mut all);
                }
                Kind::Symbol => reader.symbol(token),
                Kind::Word => {}
                _ if !matches!(reader.at, Place::List(_)) => reader.at = Place::Elsewhere,
                _ => {}
            }
        }
        reader
    }

    /// Whether it is none of the words that mean something here.
    fn word(&mut self, word: &str) -> bool {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        let begins = matches!(self.at, Place::Start | Place::Nested);
        if is("WITH") && begins {
            (self.with, self.at) = (true, Place::Elsewhere);
        } else if is("EXPLAIN") && self.at == Place::Start {
            self.operation("EXPLAIN", word);
            self.at = Place::Start;
        } else if self.begins_statement(word) {
            let known = find(STATEMENTS, word).unwrap_or_default();
            self.operation(known, word);
            self.at = match known {
                "CREATE" | "ALTER" | "DROP" => Place::Object,
                "UPDATE" | "TRUNCATE" | "CALL" | "EXEC" | "TABLE" | "LOCK" | "REINDEX" | "COPY" => Place::Target,
                _ => Place::Elsewhere,
            };
        } else if self.at == Place::Object {
            if let Some(object) = find(OBJECTS, word) {
                self.append(word);
                // Who has rights, and what code is called, is no target of a query.
                self.at = if matches!(object, "ROLE" | "USER") { Place::Elsewhere } else { Place::Target };
            }
        } else if self.at == Place::Target && find(FILLERS, word).is_some() {
            // The target is still to come.
        } else if is("FROM") {
            let names_tables = self.in_statement() && self.at != Place::Distinct;
            self.at = if names_tables { Place::Target } else { Place::Elsewhere };
        } else if is("JOIN") || is("INTO") {
            self.at = Place::Target;
        } else if is("DISTINCT") {
            self.at = Place::Distinct;
        } else if begins || self.at == Place::Distinct || find(CLAUSES, word).is_some() {
            self.at = Place::Elsewhere;
        } else {
            return true;
        }
        false
    }

    fn begins_statement(&self, word: &str) -> bool {
        match self.at {
            Place::Start => find(STATEMENTS, word).is_some(),
            // A privilege to select is none.
            _ if word.eq_ignore_ascii_case("SELECT") => !matches!(self.first, Some("GRANT" | "REVOKE")),
            Place::Nested => {
                ["INSERT", "UPDATE", "DELETE", "VALUES"].iter().any(|known| word.eq_ignore_ascii_case(known))
            }
            Place::Elsewhere if self.with && self.levels.len() == 1 => {
                ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|known| word.eq_ignore_ascii_case(known))
            }
            _ => false,
        }
    }

    fn operation(&mut self, known: &'static str, word: &str) {
        self.append(word);
        self.first.get_or_insert(known);
        if self.levels.len() == 1 {
            self.main.get_or_insert(known);
            self.with = false;
        }
        if let Some(level) = self.levels.last_mut() {
            level.statement = true;
        }
    }

    /// A name with what qualifies it, which follows without a gap.
    fn add_target<'a>(
        &mut self,
        query: &str,
        token: Token<'a>,
        rest: &mut std::iter::Peekable<impl Iterator<Item = Token<'a>>>,
    ) {
        let offset = |part: &str| part.as_ptr() as usize - query.as_ptr() as usize;
        let mut end = offset(token.text) + token.text.len();
        let is_name = |kind| matches!(kind, Kind::Word | Kind::Quoted | Kind::Doubtful);
        while let Some(next) = rest.next_if(|next| offset(next.text) == end && (next.is(".") || is_name(next.kind))) {
            end += next.text.len();
        }
        self.append(&query[offset(token.text)..end]);
        self.at = Place::List(self.levels.len());
    }

    fn symbol(&mut self, token: Token<'_>) {
        match token.text {
            "(" => {
                let in_list = matches!(self.at, Place::Target | Place::List(_));
                self.levels.push(Level { statement: false, in_list });
                self.at = Place::Nested;
            }
            ")" => {
                let closed = if self.levels.len() > 1 { self.levels.pop() } else { None };
                let in_list = closed.is_some_and(|level| level.in_list);
                self.at = if in_list { Place::List(self.levels.len()) } else { Place::Elsewhere };
            }
            ";" => {
                self.levels = vec![Level::default()];
                (self.at, self.with) = (Place::Start, false);
            }
            "," if self.at == Place::List(self.levels.len()) && self.in_statement() => self.at = Place::Target,
            _ => self.at = Place::Elsewhere,
        }
    }

    fn in_statement(&self) -> bool {
        self.levels.last().is_some_and(|level| level.statement)
    }

    fn append(&mut self, part: &str) {
        let space = usize::from(!self.summary.is_empty());
        if self.summary.len() + space + part.len() > MAX_SUMMARY {
            self.full = true;
            return;
        }
        if space == 1 {
            self.summary.push(' ');
        }
        self.summary.push_str(part);
    }
}

fn find(words: &'static [&'static str], word: &str) -> Option<&'static str> {
    words.iter().copied().find(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn summary(query: &str) -> String {
        summarize(Dialect::Postgres, query)
    }

    #[test]
    fn operations_and_their_targets_stand_in_order() {
        assert_eq!(summary("SELECT *\nFROM   wuser_table WHERE username = $1"), "SELECT wuser_table");
        assert_eq!(
            summary(
                "INSERT INTO shipping_details (order_id, address) SELECT order_id, address FROM orders WHERE a = 1"
            ),
            "INSERT shipping_details SELECT orders"
        );
        assert_eq!(summary("SELECT * FROM songs, artists WHERE songs.id = artists.id"), "SELECT songs artists");
        let anonymous = "SELECT d FROM (SELECT * FROM orders o JOIN customers c ON o.id = c.id) x, third";
        assert_eq!(summary(anonymous), "SELECT SELECT orders customers third");
        assert_eq!(summary("SELECT * FROM \"song list\", 'artists'"), "SELECT \"song list\"");
        assert_eq!(summary("update only public.\"T\" set a = 1"), "update public.\"T\"");
        assert_eq!(summary("DELETE FROM a USING b WHERE a.x = b.x; TRUNCATE TABLE c, d"), "DELETE a TRUNCATE c d");
        assert_eq!(summary("call refresh_all(1, 'x')"), "call refresh_all");
    }

    #[test]
    fn definitions_say_what_they_define() {
        assert_eq!(summary("CREATE TABLE IF NOT EXISTS users (id INT, name TEXT)"), "CREATE TABLE users");
        assert_eq!(summary("CREATE UNIQUE INDEX CONCURRENTLY by_name ON users (name)"), "CREATE INDEX by_name");
        assert_eq!(summary("DROP TABLE a, b"), "DROP TABLE a b");
        assert_eq!(summary("ALTER USER ada PASSWORD 'x'"), "ALTER USER");
    }

    #[test]
    fn what_only_looks_like_an_operation_or_a_target_is_none() {
        assert_eq!(
            summary("SELECT EXTRACT(YEAR FROM ts), f(a), b FROM t WHERE a IS DISTINCT FROM b FOR UPDATE"),
            "SELECT t"
        );
        let upsert = "INSERT INTO t VALUES (1), (2) ON CONFLICT (id) DO UPDATE SET a = 2";
        assert_eq!(summary(upsert), "INSERT t");
        assert_eq!(summary("GRANT SELECT, INSERT ON t TO ada"), "GRANT");
        assert_eq!(summary("PRAGMA foreign_keys = ON"), "PRAGMA");
        assert_eq!(summary("SET application_name = 'x'"), "SET");
        assert_eq!(summary("gibberish 'x'"), "");
        assert_eq!(summary(""), "");
    }

    #[test]
    #[cfg(feature = "sqlx")]
    fn the_main_operation_is_not_below_another() {
        let main = |query| read(Dialect::Postgres, query).1;
        assert_eq!(main("WITH a AS (SELECT 1 FROM x), b AS (SELECT 2) INSERT INTO t SELECT * FROM a"), "INSERT");
        assert_eq!(main("(SELECT 1) UNION (SELECT 2)"), "SELECT");
        assert_eq!(main("/* SELECT */ delete from t"), "DELETE");
        assert_eq!(main("what"), "");
    }

    #[test]
    fn a_long_summary_is_cut_between_words() {
        let query = format!("SELECT * FROM {}", vec!["abcdefgh"; 100].join(", "));
        let summary = summary(&query);
        assert!(summary.len() <= MAX_SUMMARY && summary.ends_with(" abcdefgh"), "{summary}");
    }

    proptest! {
        #[test]
        fn any_text_has_a_short_summary_without_its_strings(
            parts in prop::collection::vec(prop_oneof![
                Just("'SECRET'"), Just("98765"), Just("SELECT"), Just("FROM"), Just(","), Just("("), Just(")"), Just("t.x"),
                Just("INSERT INTO"), Just("UPDATE"), Just("WITH"), Just("DISTINCT"), Just("CREATE TABLE"), Just(";"), Just("."),
            ], 0..40),
            separator in "[ \n]?",
        ) {
            let summary = summary(&parts.join(&separator));
            prop_assert!(summary.len() <= MAX_SUMMARY);
            prop_assert!(!summary.contains("SECRET") && !summary.contains(" 98765"), "{}", summary);
        }

        #[test]
        fn any_text_can_be_summarized(text in "(?s).{0,80}") {
            summary(&text);
        }
    }
}
