/** Differences with their sign. */
import { formatDuration, formatPercent } from "../../lib/format";

const sign = (value: number) => (value > 0 ? "+" : value < 0 ? "−" : "±");

export const signedDuration = (micros: number) => `${sign(micros)}${formatDuration(Math.abs(micros))}`;

export const signedPercent = (ratio: number) => `${sign(ratio)}${formatPercent(Math.abs(ratio))}`;
