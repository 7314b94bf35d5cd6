/**
 * Grafana's colours on both of our backgrounds: its names are hues of a theme's lightness, what is written as `#rrggbb` stays as it is.
 * A scheme is a way from one to another.
 */
import { hueColor, seriesHue } from "../../lib/color";

const HUES: Record<string, number> = { red: 25, orange: 58, yellow: 92, green: 150, blue: 255, purple: 305 };
const SHADES: Record<string, number> = { "super-light": 0.14, light: 0.07, "semi-dark": -0.06, dark: -0.12 };
const NEUTRAL: Record<string, string> = { text: "var(--text)", white: "#ffffff", black: "#000000", gray: "var(--faint)", grey: "var(--faint)", transparent: "transparent" };
const WRITTEN = /^(#[0-9a-f]{3,8}|rgba?\([\d\s.,%/]+\)|hsla?\([\d\s.,%/deg]+\))$/i;

/** A colour as CSS, or undefined for what is none. */
export function cssColor(name: string | undefined, dark: boolean): string | undefined {
  if (!name) return undefined;
  const text = name.trim();
  if (WRITTEN.test(text)) return text;
  if (text in NEUTRAL) return NEUTRAL[text];
  const match = /^(?:(super-light|light|semi-dark|dark)-)?(red|orange|yellow|green|blue|purple)$/.exec(text);
  if (match) return shade(HUES[match[2]], SHADES[match[1]] ?? 0, dark);
  return /^[a-z]{3,20}$/i.test(text) ? text : undefined;
}

function shade(hue: number, more: number, dark: boolean): string {
  const lightness = (dark ? 0.75 : hue === HUES.yellow ? 0.68 : 0.57) + more;
  return `oklch(${lightness.toFixed(2)} 0.155 ${hue})`;
}

export const paletteColor = (index: number, dark: boolean) => hueColor(seriesHue(index), dark);

/** The same colour whenever the name is the same. */
export function paletteByName(name: string, dark: boolean): string {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) >>> 0;
  return paletteColor(hash, dark);
}

const WAYS: Record<string, string[]> = {
  "continuous-GrYlRd": ["green", "yellow", "red"],
  "continuous-RdYlGr": ["red", "yellow", "green"],
  "continuous-BlYlRd": ["blue", "yellow", "red"],
  "continuous-YlRd": ["yellow", "red"],
  "continuous-BlPu": ["blue", "purple"],
  "continuous-YlBl": ["yellow", "blue"],
  "continuous-blues": ["super-light-blue", "dark-blue"],
  "continuous-reds": ["super-light-red", "dark-red"],
  "continuous-greens": ["super-light-green", "dark-green"],
  "continuous-purples": ["super-light-purple", "dark-purple"],
};

/** The colour at a part of the way, from 0 to 1. */
export function wayColor(mode: string, part: number, dark: boolean): string {
  const way = (WAYS[mode] ?? WAYS["continuous-GrYlRd"]).map((name) => cssColor(name, dark)!);
  const at = Math.min(1, Math.max(0, part)) * (way.length - 1);
  const low = Math.min(way.length - 2, Math.floor(at));
  const share = Math.round((at - low) * 100);
  if (share === 0) return way[low];
  return share === 100 ? way[low + 1] : `color-mix(in oklab, ${way[low + 1]} ${share}%, ${way[low]})`;
}
