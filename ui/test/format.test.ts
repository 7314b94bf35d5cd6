import { expect, test } from "vitest";
import { formatAgo, formatBytes, formatDuration, formatNumber, formatPercent, formatUnit, unitOf } from "../src/lib/format";
import { levelOf } from "../src/lib/severity";

test.each([
  [0, "0"],
  [0.25, "250 ns"],
  [1, "1 µs"],
  [812, "812 µs"],
  [999.4, "999 µs"],
  [999.9, "1 ms"],
  [41_700, "41.7 ms"],
  [999_900, "1 s"],
  [1_234_000, "1.23 s"],
  [90e6, "1.5 min"],
  [5400e6, "1.5 h"],
  [Number.NaN, "–"],
])("%d µs reads %s", (micros, text) => {
  expect(formatDuration(micros)).toBe(text);
});

test("numbers get a suffix, and infinity and not-a-number a sign of their own", () => {
  expect([0, 12.345, 1234, 2.5e6, 0.00001, Infinity, NaN].map(formatNumber)).toEqual(["0", "12.3", "1.23k", "2.5M", "1.0e-5", "+∞", "–"]);
});

test("a small share of errors never reads as none", () => {
  expect([0, 0.0001, 0.0117, 0.5, 1].map(formatPercent)).toEqual(["0%", "<0.1%", "1.2%", "50%", "100%"]);
});

test("bytes count by 1024", () => {
  expect([0, 1023, 1536, 92_000_000].map(formatBytes)).toEqual(["0 B", "1023 B", "1.5 KiB", "87.7 MiB"]);
});

test("the unit comes from the metadata or from the suffix of the name", () => {
  expect(unitOf("request_duration_seconds_bucket")).toBe("seconds");
  expect(unitOf("request_duration_seconds_count")).toBe("none");
  expect(unitOf("duration", "s")).toBe("seconds");
  expect(unitOf("heap", "By")).toBe("bytes");
  expect(unitOf("bytes_total")).toBe("none");
  expect(formatUnit(0.0417, "seconds")).toBe("41.7 ms");
});

test("how long ago, in the coarsest unit that says something", () => {
  const now = 1e12;
  expect([500, 12e3, 200e3, 7300e3, 2e8].map((ago) => formatAgo(now - ago, now))).toEqual(["just now", "12 s ago", "3 min ago", "2 h ago", "2 d ago"]);
});

test("severity numbers are levels, and a number out of range is none", () => {
  expect([0, 1, 4, 5, 9, 12, 13, 17, 21, 24, 25].map(levelOf)).toEqual(["", "TRACE", "TRACE", "DEBUG", "INFO", "INFO", "WARN", "ERROR", "FATAL", "FATAL", ""]);
});
