import { expect, test } from "vitest";
import type { LogRecord } from "../src/api/logs";
import { Heights } from "../src/model/heights";
import { asJsonLines, columnValue, moved, structured } from "../src/model/log-columns";
import { arrived, EMPTY_TAIL, merged, MOST, resumed, waitingCount } from "../src/model/log-tail";

const log = (time: number, name = ""): LogRecord => ({
  id: `${time}-${name}`,
  timestamp: "",
  timestamp_unix_nano: String(time),
  severity: "INFO",
  severity_number: 9,
  body: name,
  service: "a",
  trace_id: "0a",
  span_id: "",
  attributes: { key: 1, both: "own" },
  resource: { both: "resource", host: "h" },
  scope: "lib",
  event_name: "",
});

test("what arrives is put where its time is, once", () => {
  const known = [log(9), log(5), log(1)];
  expect(merged([log(10), log(5), log(7), log(100)], known).map((one) => one.timestamp_unix_nano)).toEqual(["100", "10", "9", "7", "5", "1"]);
  expect(merged([log(5, "b"), log(5, "a")], [log(5, "b")]).map((one) => one.id)).toEqual(["5-b", "5-a"]);
});

test("a frozen tail stands still and counts what waits", () => {
  let state = arrived(EMPTY_TAIL, [log(1), log(2)], 0, false);
  state = arrived(state, [log(2), log(3)], 4, true);
  expect([state.shown.length, waitingCount(state), state.skipped]).toEqual([2, 1, 4]);
  state = resumed(state);
  expect([state.shown.map((one) => one.timestamp_unix_nano), waitingCount(state)]).toEqual([["3", "2", "1"], 0]);
});

test("neither what is shown nor what waits grows without end, and what goes is counted", () => {
  const many = Array.from({ length: MOST + 10 }, (_, i) => log(i + 1));
  expect(arrived(EMPTY_TAIL, many, 0, false).shown).toHaveLength(MOST);
  const frozen = arrived(EMPTY_TAIL, many, 0, true);
  expect([frozen.waiting.length, frozen.dropped, waitingCount(frozen)]).toEqual([MOST, 10, MOST + 10]);
});

test("places of rows are those that adding up gives, whatever their heights", () => {
  const heights = new Heights(1000, 26);
  const plain = Array.from({ length: 1000 }, () => 26);
  for (let i = 0; i < 300; i++) {
    const [index, height] = [(i * 7919) % 1000, 20 + ((i * 31) % 200)];
    heights.set(index, height);
    plain[index] = height;
  }
  let top = 0;
  for (let i = 0; i < 1000; i++) {
    expect(heights.top(i)).toBe(top);
    expect(heights.at(top)).toBe(i);
    expect(heights.at(top + plain[i] - 0.5)).toBe(i);
    top += plain[i];
  }
  expect(heights.total).toBe(top);
  expect(heights.at(top + 50)).toBe(999);
  expect(heights.at(-5)).toBe(0);
  expect([new Heights(0, 26).total, new Heights(0, 26).at(10)]).toEqual([0, 0]);
});

test("a column is the record's own attribute before its resource's", () => {
  expect(["key", "both", "host", "scope", "none"].map((key) => columnValue(log(1), key))).toEqual([1, "own", "h", "lib", undefined]);
  expect(moved(["a", "b", "c"], "c", -1)).toEqual(["a", "c", "b"]);
  expect(moved(["a", "b"], "a", -1)).toEqual(["a", "b"]);
});

test("a body that holds JSON is read, another one left", () => {
  expect(structured('{"a":[1]}')).toEqual({ a: [1] });
  expect([structured("{no"), structured("5"), structured("text")]).toEqual([undefined, undefined, undefined]);
  expect(asJsonLines([log(1), log(2)]).trim().split("\n").map((line) => (JSON.parse(line) as LogRecord).id)).toEqual(["1-", "2-"]);
});
