/** The levels of OpenTelemetry's severity numbers; gravest first, so that errors stand on the axis of a stacked chart. */
export const LEVELS = ["FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

/** The level of a severity number (1–24); "" when it was not set. */
export function levelOf(number: number): string {
  if (number < 1 || number > 24) return "";
  return LEVELS[5 - Math.floor((number - 1) / 4)];
}
