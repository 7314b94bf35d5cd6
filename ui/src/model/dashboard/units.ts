/**
 * Grafana's units, by their ids: how a number is written in them. A unit is a scale (thousands, 1024s, times) and what follows; ids that are
 * not known are written after the number, as Grafana does.
 */

export interface Formatted {
  text: string;
  prefix: string;
  suffix: string;
}

interface Scale {
  /** Growing factors, each with its sign. */
  steps: [number, string][];
}

const scale = (base: number, signs: string[], least = 0): Scale => ({ steps: signs.map((sign, i) => [base ** (i + least), sign]) });

const SI = scale(1000, ["n", "µ", "m", "", "k", "M", "G", "T", "P", "E"], -3);
const SHORT: Scale = { steps: [[1, ""], [1e3, " K"], [1e6, " Mil"], [1e9, " Bil"], [1e12, " Tri"], [1e15, " Quadr"]] };
const DECIMAL = scale(1000, ["", "k", "M", "G", "T", "P", "E"]);
const BINARY = scale(1024, ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]);
const TIME: Scale = { steps: [[1e-9, " ns"], [1e-6, " µs"], [1e-3, " ms"], [1, " s"], [60, " min"], [3600, " hour"], [86400, " day"], [604800, " week"], [31536000, " year"]] };

interface Unit {
  scale?: Scale;
  /** The number in the unit of the scale. */
  factor?: number;
  suffix?: string;
  prefix?: string;
  write?: (value: number, decimals: number | undefined) => Formatted;
}

const scaled = (of: Scale, suffix: string, factor = 1): Unit => ({ scale: of, suffix, factor });
const plain = (suffix: string, prefix = ""): Unit => ({ suffix, prefix });
const bytes = (bits: "B" | "b", of: Scale, per = ""): Unit => ({ scale: of, suffix: bits + per, factor: 1 });
const time = (factor: number): Unit => ({ scale: TIME, factor });

const UNITS: Record<string, Unit> = {
  none: {},
  string: {},
  short: { scale: SHORT },
  sishort: { scale: SI },
  percent: plain("%"),
  percentunit: { write: (value, decimals) => ({ text: fixed(value * 100, decimals ?? autoDecimals(value * 100)), prefix: "", suffix: "%" }) },
  humidity: plain("%H"),
  dB: plain(" dB"),
  hex: { write: (value) => ({ text: Math.round(value).toString(16).toUpperCase(), prefix: "", suffix: "" }) },
  hex0x: { write: (value) => ({ text: `0x${Math.round(value).toString(16).toUpperCase()}`, prefix: "", suffix: "" }) },
  sci: { write: (value, decimals) => ({ text: value.toExponential(decimals ?? 2), prefix: "", suffix: "" }) },
  locale: { write: (value, decimals) => ({ text: value.toLocaleString("en-US", { maximumFractionDigits: decimals ?? 2 }), prefix: "", suffix: "" }) },
  bool: { write: (value) => ({ text: value === 0 ? "False" : "True", prefix: "", suffix: "" }) },
  bool_yes_no: { write: (value) => ({ text: value === 0 ? "No" : "Yes", prefix: "", suffix: "" }) },
  bool_on_off: { write: (value) => ({ text: value === 0 ? "Off" : "On", prefix: "", suffix: "" }) },
  // Bytes and bits: at rest in 1024s or thousands as the id says, a second likewise.
  bytes: bytes("B", BINARY),
  decbytes: bytes("B", DECIMAL),
  bits: bytes("b", BINARY),
  decbits: bytes("b", DECIMAL),
  kbytes: { scale: BINARY, suffix: "B", factor: 1024 },
  deckbytes: { scale: DECIMAL, suffix: "B", factor: 1e3 },
  mbytes: { scale: BINARY, suffix: "B", factor: 1024 ** 2 },
  decmbytes: { scale: DECIMAL, suffix: "B", factor: 1e6 },
  gbytes: { scale: BINARY, suffix: "B", factor: 1024 ** 3 },
  decgbytes: { scale: DECIMAL, suffix: "B", factor: 1e9 },
  tbytes: { scale: BINARY, suffix: "B", factor: 1024 ** 4 },
  Bps: bytes("B", DECIMAL, "/s"),
  binBps: bytes("B", BINARY, "/s"),
  bps: bytes("b", DECIMAL, "/s"),
  binbps: bytes("b", BINARY, "/s"),
  KBs: { scale: DECIMAL, suffix: "B/s", factor: 1e3 },
  KiBs: { scale: BINARY, suffix: "B/s", factor: 1024 },
  MBs: { scale: DECIMAL, suffix: "B/s", factor: 1e6 },
  MiBs: { scale: BINARY, suffix: "B/s", factor: 1024 ** 2 },
  GBs: { scale: DECIMAL, suffix: "B/s", factor: 1e9 },
  Kbits: { scale: DECIMAL, suffix: "b/s", factor: 1e3 },
  Mbits: { scale: DECIMAL, suffix: "b/s", factor: 1e6 },
  Gbits: { scale: DECIMAL, suffix: "b/s", factor: 1e9 },
  pps: scaled(DECIMAL, "p/s"),
  // Time.
  ns: time(1e-9),
  "µs": time(1e-6),
  us: time(1e-6),
  ms: time(1e-3),
  s: time(1),
  m: time(60),
  h: time(3600),
  d: time(86400),
  clocks: { write: (value) => ({ text: clock(value / 1000), prefix: "", suffix: "" }) },
  clockms: { write: (value) => ({ text: clock(value / 1000), prefix: "", suffix: "" }) },
  dtdurations: { write: (value) => ({ text: inWords(value), prefix: "", suffix: "" }) },
  dtdurationms: { write: (value) => ({ text: inWords(value / 1000), prefix: "", suffix: "" }) },
  dthms: { write: (value) => ({ text: clock(value), prefix: "", suffix: "" }) },
  dateTimeAsIso: { write: (value) => ({ text: date(value), prefix: "", suffix: "" }) },
  dateTimeAsUS: { write: (value) => ({ text: date(value), prefix: "", suffix: "" }) },
  dateTimeAsSystem: { write: (value) => ({ text: date(value), prefix: "", suffix: "" }) },
  dateTimeFromNow: { write: (value) => ({ text: fromNow(value), prefix: "", suffix: "" }) },
  // Rates.
  cps: scaled(SHORT, " c/s"),
  ops: scaled(SHORT, " ops/s"),
  reqps: scaled(SHORT, " req/s"),
  rps: scaled(SHORT, " rd/s"),
  wps: scaled(SHORT, " wr/s"),
  iops: scaled(SHORT, " io/s"),
  mps: scaled(SHORT, " msg/s"),
  eps: scaled(SHORT, " evt/s"),
  rowsps: scaled(SHORT, " rows/s"),
  cpm: scaled(SHORT, " c/m"),
  opm: scaled(SHORT, " ops/m"),
  rpm: scaled(SHORT, " rd/m"),
  reqpm: scaled(SHORT, " req/m"),
  wpm: scaled(SHORT, " wr/m"),
  // Physics and money.
  hertz: scaled(SI, "Hz"),
  rothz: scaled(SI, "Hz"),
  watt: scaled(SI, "W"),
  volt: scaled(SI, "V"),
  amp: scaled(SI, "A"),
  joule: scaled(SI, "J"),
  kwatt: { scale: SI, suffix: "W", factor: 1e3 },
  watth: scaled(SI, "Wh"),
  celsius: plain(" °C"),
  fahrenheit: plain(" °F"),
  kelvin: plain(" K"),
  rotrpm: plain(" rpm"),
  lengthm: scaled(SI, "m"),
  currencyUSD: { scale: DECIMAL, prefix: "$" },
  currencyEUR: { scale: DECIMAL, prefix: "€" },
  currencyGBP: { scale: DECIMAL, prefix: "£" },
  currencyJPY: { scale: DECIMAL, prefix: "¥" },
  currencyCHF: { scale: DECIMAL, suffix: " CHF" },
  currencyBTC: { scale: DECIMAL, prefix: "₿" },
};

/** The ids that a chooser offers, by what they are for. */
export const UNIT_CHOICES: [string, [string, string][]][] = [
  ["Numbers", [["none", "none"], ["short", "short (K, Mil)"], ["sishort", "SI (k, M)"], ["percent", "percent (0–100)"], ["percentunit", "percent (0–1)"], ["locale", "with commas"]]],
  ["Time", [["s", "seconds"], ["ms", "milliseconds"], ["µs", "microseconds"], ["ns", "nanoseconds"], ["dtdurations", "seconds in words"]]],
  ["Data", [["bytes", "bytes (KiB)"], ["decbytes", "bytes (kB)"], ["bits", "bits"], ["Bps", "bytes/s (kB)"], ["binBps", "bytes/s (KiB)"], ["bps", "bits/s"]]],
  ["Rates", [["ops", "ops/s"], ["reqps", "requests/s"], ["cps", "counts/s"], ["mps", "messages/s"], ["iops", "io/s"], ["rpm", "a minute"]]],
  ["Other", [["hertz", "hertz"], ["celsius", "°C"], ["watt", "watt"], ["currencyUSD", "$"], ["currencyEUR", "€"]]],
];

export const isKnownUnit = (unit: string) => unit in UNITS || /^(si|suffix|prefix|time|count|currency|bool):/.test(unit);

/** A number in a unit, with so many decimals, or as many as it needs. */
export function formatUnit(value: number, unit = "none", decimals?: number): Formatted {
  if (!Number.isFinite(value)) return { text: Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞", prefix: "", suffix: "" };
  const known = UNITS[unit] ?? custom(unit);
  if (known.write) return known.write(value, decimals);
  const number = value * (known.factor ?? 1);
  const [factor, sign] = known.scale ? stepOf(known.scale, number) : [1, ""];
  // Units whose sign is a word of its own (` ms`) say the whole suffix.
  const shown = number / factor;
  return { text: fixed(shown, decimals ?? autoDecimals(shown)), prefix: known.prefix ?? "", suffix: known.scale ? suffixOf(sign, known.suffix ?? "") : (known.suffix ?? "") };
}

const suffixOf = (sign: string, suffix: string) => {
  if (sign.startsWith(" ") || suffix.startsWith(" ") || (sign === "" && suffix === "")) return sign + suffix;
  return ` ${sign}${suffix}`;
};

export const textOf = ({ prefix, text, suffix }: Formatted) => prefix + text + suffix;

export const formatText = (value: number, unit?: string, decimals?: number) => textOf(formatUnit(value, unit, decimals));

/** Round numbers in 1024s, in seconds, or in tens. */
export function roundOf(unit = "none"): "decimal" | "binary" | "seconds" | "milliseconds" {
  const known = UNITS[unit];
  if (known?.scale === BINARY && (known.factor ?? 1) === 1) return "binary";
  if (unit === "s") return "seconds";
  return unit === "ms" ? "milliseconds" : "decimal";
}

/** The largest step that a number reaches; one that would be rounded up to the next is written in that. */
function stepOf({ steps }: Scale, number: number): [number, string] {
  const size = Math.abs(number);
  if (size === 0) return steps.find(([factor]) => factor === 1) ?? steps[0];
  return steps.findLast(([factor]) => size >= factor * 0.9995) ?? steps[0];
}

/** `suffix:req`, `si:V`, `currency:CHF`, `time:YYYY`, and anything else as it is. */
function custom(unit: string): Unit {
  const [kind, rest = ""] = [unit.slice(0, unit.indexOf(":")), unit.slice(unit.indexOf(":") + 1)];
  if (unit.includes(":")) {
    if (kind === "suffix") return plain(` ${rest}`);
    if (kind === "prefix") return plain("", rest);
    if (kind === "currency") return { scale: DECIMAL, prefix: rest.replace(/^financial:/, "") };
    if (kind === "count") return scaled(SHORT, ` ${rest}`);
    if (kind === "si") return scaled(SI, rest.replace(/^[numkMGT](?=.)/, ""), { n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 }[/^[numkMGT](?=.)/.exec(rest)?.[0] ?? ""] ?? 1);
    if (kind === "time") return { write: (value) => ({ text: date(value), prefix: "", suffix: "" }) };
  }
  return unit === "" ? {} : plain(` ${unit}`);
}

const fixed = (value: number, decimals: number) => value.toFixed(Math.min(20, decimals)).replace(/^-(0(?:\.0+)?)$/, "$1");

/** Three digits that count. */
function autoDecimals(value: number): number {
  const size = Math.abs(value);
  if (size === 0 || Number.isInteger(value)) return 0;
  const wanted = Math.max(0, 2 - Math.floor(Math.log10(size)));
  // 2.50 says no more than 2.5.
  const text = value.toFixed(Math.min(20, wanted));
  return (text.replace(/0+$/, "").split(".")[1] ?? "").length;
}

const pad = (value: number) => String(value).padStart(2, "0");

function clock(seconds: number): string {
  const whole = Math.round(Math.abs(seconds));
  return `${seconds < 0 ? "-" : ""}${pad(Math.floor(whole / 3600))}:${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}`;
}

/** `2 days, 3 hours`: the two greatest parts. */
function inWords(seconds: number): string {
  let left = Math.abs(Math.round(seconds));
  if (left === 0) return "0 s";
  const parts: string[] = [];
  for (const [size, name] of [[31536000, "year"], [604800, "week"], [86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]] as const) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? "" : "s"}`);
  }
  return (seconds < 0 ? "-" : "") + parts.slice(0, 2).join(", ");
}

function date(ms: number): string {
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) return "no date";
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

function fromNow(ms: number): string {
  const seconds = (ms - Date.now()) / 1000;
  const words = inWords(Math.abs(seconds)).split(", ")[0];
  return seconds < 0 ? `${words} ago` : `in ${words}`;
}
