import { expect, test } from "vitest";
import { dropKey, filterText, labelOf, needles, parseLogQuery, pieces, searchOf, toggleFilter } from "../src/model/log-query";

const BESIDE = { service: "", severity: "", trace: "", patterns: [], notPatterns: [] };

test("words, phrases and conditions are told apart", () => {
  expect(parseLogQuery('slow "db query" -noise -"not this" http.route=/pay user!="a b" -zone=z1 level=error')).toEqual({
    logql: "",
    words: ["slow", "db query"],
    without: ["noise", "not this"],
    filters: [
      { key: "http.route", value: "/pay", excluded: false },
      { key: "user", value: "a b", excluded: true },
      { key: "zone", value: "z1", excluded: true },
      { key: "severity", value: "ERROR", excluded: false },
    ],
  });
});

test("what only looks like a condition is a word", () => {
  expect(parseLogQuery('http://x?a=b 5=6 "status=500" - = "open').words).toEqual(["http://x?a=b", "5=6", "status=500", "-", "=", "open"]);
  expect(parseLogQuery("").words).toEqual([]);
});

test("LogQL is taken as a whole", () => {
  expect(parseLogQuery(' {a="b"} |= "x" ').logql).toBe('{a="b"} |= "x"');
});

test("a filter is added, taken away, and turned around", () => {
  const pay = { key: "http.route", value: "/pay", excluded: false };
  expect(toggleFilter("slow", pay)).toBe("slow http.route=/pay");
  expect(toggleFilter('"a b" http.route=/pay slow', pay)).toBe('"a b" slow');
  expect(toggleFilter("http.route=/pay x", { ...pay, excluded: true })).toBe("x http.route!=/pay");
  expect(dropKey("a=1 b=2 -a=3 word", "a")).toBe("b=2 word");
});

test("a value of any kind comes back as it was", () => {
  for (const value of ["", "a b", 'say "hi"', "back\\slash", "ä=ö", "-x"]) {
    const filter = { key: "k", value, excluded: true };
    expect(parseLogQuery(filterText(filter)).filters).toEqual([filter]);
  }
});

test("in LogQL a filter is a stage on the label", () => {
  const query = '{service_name="shop"}';
  const once = toggleFilter(query, { key: "http.route", value: "/pay", excluded: false });
  expect(once).toBe('{service_name="shop"} | http_route="/pay"');
  expect(toggleFilter(once, { key: "http.route", value: "/pay", excluded: true })).toBe('{service_name="shop"} | http_route!="/pay"');
  expect(toggleFilter(once, { key: "http.route", value: "/pay", excluded: false })).toBe(query);
  expect(toggleFilter(query, { key: "severity", value: "UNSPECIFIED", excluded: true })).toBe(`${query} | detected_level!="unknown"`);
  expect(labelOf("1st.key")).toBe("_1st_key");
});

test("the server is asked for what was typed", () => {
  const search = searchOf('a "b c" -d k=v x!=1 "say \\"hi\\" to"', { ...BESIDE, patterns: ["<_> x"] });
  expect(search).toMatchObject({ query: 'a "b c" "say " hi " to"', without: ["d"], filter: ["k=v", "x!=1"], pattern: ["<_> x"], logql: "" });
});

test("words that were searched for are marked, whatever their case", () => {
  expect(needles('Slow "db query" k=v -x')).toEqual(["Slow", "db query"]);
  expect(needles('{a="b"} |= "x\\"y" |= `raw` != "no"')).toEqual(['x"y', "raw"]);
  expect(pieces("a SLOW db.query", ["slow", "db.q"])).toEqual([
    { text: "a ", hit: false },
    { text: "SLOW", hit: true },
    { text: " ", hit: false },
    { text: "db.q", hit: true },
    { text: "uery", hit: false },
  ]);
  expect(pieces("dbxq", ["b."]).some((piece) => piece.hit)).toBe(false);
});
