import { expect, test } from "vitest";
import { pathLabel } from "../src/api/metrics";
import { problemOf } from "../src/model/promql-problem";

const marked = (error: string, query: string) => {
  const { from, to } = problemOf(error, query);
  return query.slice(from, to);
};

test("the word at the server's place is marked, and the place leaves the words", () => {
  const error = 'invalid parameter "query": 1:5: parse error: unknown function "rat"';
  expect(problemOf(error, "sum(rat(x[5m]))").message).toBe('unknown function "rat"');
  expect(marked(error, "sum(rat(x[5m]))")).toBe("rat");
});

test("places of later lines count their own columns", () => {
  expect(marked("2:3: parse error: no", "sum(\n  boo(x))")).toBe("boo");
});

test("a place past the end marks the last character, and a place beyond all lines the last line", () => {
  expect(marked("1:5: parse error: unexpected end", "sum(")).toBe("(");
  expect(marked("9:1: parse error: x", "a\nb")).toBe("b");
});

test("an error without a place marks nothing", () => {
  expect(problemOf("the query took too long", "up")).toEqual({ message: "the query took too long", from: 0, to: 0 });
  expect(problemOf("1:1: parse error: no expression", "").to).toBe(0);
});

test("labels that the old rules forbid go into a path as Prometheus escapes them", () => {
  expect(pathLabel("job")).toBe("job");
  expect(pathLabel("http.method")).toBe("U__http_2e_method");
  expect(pathLabel("a_b.c")).toBe("U__a__b_2e_c");
});
