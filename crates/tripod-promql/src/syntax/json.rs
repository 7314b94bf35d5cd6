//! A tree as JSON, in the shape of Prometheus' `/api/v1/parse_query`.

use serde_json::{Value, json};

use super::{Duration, Node, NodeKind, SelectorNode, ShiftNode};
use crate::ast::{At, Cardinality, ValueType};
use crate::format::format_float;
use crate::functions::Signature;
use crate::parse::Times;

/// The tree; durations are resolved with the step and range of `times`.
pub(crate) fn to_json(node: &Node, times: Times) -> Value {
    let inner = |node: &Node| to_json(node, times);
    match &node.kind {
        NodeKind::Number { value, .. } => json!({ "type": "numberLiteral", "val": format_float(*value) }),
        NodeKind::Text(bytes) => json!({ "type": "stringLiteral", "val": String::from_utf8_lossy(bytes) }),
        NodeKind::Paren(expr) => json!({ "type": "parenExpr", "expr": inner(expr) }),
        NodeKind::Unary { negative, expr } => {
            json!({ "type": "unaryExpr", "op": if *negative { "-" } else { "+" }, "expr": inner(expr) })
        }
        NodeKind::Vector(selector) => described("vectorSelector", selector, times),
        NodeKind::Matrix { selector, range } => {
            let mut value = described("matrixSelector", selector, times);
            value["range"] = json!(milliseconds(Some(range), times));
            value
        }
        NodeKind::Subquery { expr, range, step, shift } => {
            let mut value = json!({
                "type": "subquery",
                "expr": inner(expr),
                "range": milliseconds(Some(range), times),
                "step": milliseconds(step.as_deref(), times),
            });
            add_shift(&mut value, shift, times);
            value
        }
        NodeKind::Call { function, args } => json!({
            "type": "call",
            "func": described_function(function),
            "args": args.iter().map(inner).collect::<Vec<_>>(),
        }),
        NodeKind::Aggregate { op, param, expr, without, grouping } => json!({
            "type": "aggregation",
            "op": op.name(),
            "expr": inner(expr),
            "param": param.as_ref().map(|param| inner(param)),
            "grouping": grouping,
            "without": without,
        }),
        NodeKind::Binary { op, left, right, matching, .. } => {
            let is_vector = |node: &Node| value_type(node) == ValueType::Vector;
            let matched = (is_vector(left) && is_vector(right)).then(|| {
                json!({
                    "card": match matching.cardinality {
                        _ if op.is_set() => "many-to-many",
                        Cardinality::OneToOne => "one-to-one",
                        Cardinality::ManyToOne => "many-to-one",
                        Cardinality::OneToMany => "one-to-many",
                    },
                    "labels": matching.labels,
                    "on": matching.on == Some(true),
                    "include": matching.include,
                })
            });
            json!({
                "type": "binaryExpr",
                "op": op.symbol(),
                "lhs": inner(left),
                "rhs": inner(right),
                "matching": matched,
                "bool": matching.return_bool,
            })
        }
    }
}

fn described(kind: &str, selector: &SelectorNode, times: Times) -> Value {
    let matchers = selector
        .matchers
        .iter()
        .map(|matcher| json!({ "name": matcher.name, "value": matcher.value, "type": matcher.op.symbol() }));
    let mut value = json!({ "type": kind, "name": selector.name, "matchers": matchers.collect::<Vec<_>>() });
    add_shift(&mut value, &selector.shift, times);
    value
}

fn add_shift(value: &mut Value, shift: &ShiftNode, times: Times) {
    value["offset"] = json!(milliseconds(shift.offset.as_ref(), times));
    value["timestamp"] = match shift.at {
        Some(At::Time(time)) => json!(time),
        _ => Value::Null,
    };
    value["startOrEnd"] = match shift.at {
        Some(At::Start) => json!("start"),
        Some(At::End) => json!("end"),
        _ => Value::Null,
    };
}

fn milliseconds(duration: Option<&Duration>, times: Times) -> i64 {
    let seconds = duration.and_then(|duration| times.seconds(duration).ok());
    seconds.map_or(0, |seconds| (seconds * 1000.0).round() as i64)
}

fn described_function(function: &Signature) -> Value {
    let variadic = match function.max {
        usize::MAX => -1,
        max if max == function.min => 0,
        max => i64::try_from(max + 1 - function.args.len()).unwrap_or(0),
    };
    json!({
        "name": function.name,
        "argTypes": function.args.iter().map(|kind| kind.short_name()).collect::<Vec<_>>(),
        "variadic": variadic,
        "returnType": function.returns().short_name(),
    })
}

/// The type of an expression that was checked.
pub(crate) fn value_type(node: &Node) -> ValueType {
    match &node.kind {
        NodeKind::Number { .. } => ValueType::Scalar,
        NodeKind::Text(_) => ValueType::String,
        NodeKind::Paren(inner) | NodeKind::Unary { expr: inner, .. } => value_type(inner),
        NodeKind::Vector(_) | NodeKind::Aggregate { .. } => ValueType::Vector,
        NodeKind::Matrix { .. } | NodeKind::Subquery { .. } => ValueType::Matrix,
        NodeKind::Call { function, .. } => function.returns(),
        NodeKind::Binary { left, right, .. } => {
            let scalars = value_type(left) == ValueType::Scalar && value_type(right) == ValueType::Scalar;
            if scalars { ValueType::Scalar } else { ValueType::Vector }
        }
    }
}
