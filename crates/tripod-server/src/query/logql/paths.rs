//! Paths into JSON: `request.headers["x-id"][0]`.

use serde_json::Value;

use super::ParseError;
use super::lexer::Cursor;

/// A path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    pub(super) fn read(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(text);
        let mut steps = Vec::new();
        while !cursor.at_end() {
            if cursor.take("[") {
                steps.push(if matches!(cursor.peek(), Some('"' | '`')) {
                    Step::Key(cursor.text()?)
                } else {
                    let number = cursor.number_with_unit().and_then(|number| number.parse().ok());
                    Step::Index(number.ok_or_else(|| cursor.unexpected("a number or a text in quotes"))?)
                });
                cursor.expect("]")?;
            } else {
                if !steps.is_empty() {
                    cursor.expect(".")?;
                }
                let key = cursor.word().ok_or_else(|| cursor.unexpected("a name"))?;
                steps.extend(key.split('.').map(|part| Step::Key(part.to_owned())));
            }
        }
        if steps.is_empty() { Err(cursor.error("the path is empty")) } else { Ok(Self(steps)) }
    }

    pub(super) fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_through_objects_and_arrays() {
        let value: Value = serde_json::from_str(r#"{"a":{"b-c":[{"d":5}]}}"#).unwrap();
        assert_eq!(Path::read(r#"a["b-c"][0].d"#).unwrap().find(&value), Some(&Value::from(5)));
        assert_eq!(Path::read("a.x").unwrap().find(&value), None);
        assert!(Path::read("a[").is_err() && Path::read("").is_err() && Path::read("a..b").is_ok());
    }
}
