/**
 * Colours that mean "which one": services and series.
 *
 * A colour is a hue; lightness and chroma come from the theme, so that every hue reads on both backgrounds. Red is kept for
 * errors and orange for exemplars. A service's hue is a hash of its name; when two known services collide, the later one in the alphabet takes the next free.
 */
import { signal } from "@preact/signals";

export const ERROR_HUE = 25;

const HUES = [255, 85, 335, 165, 295, 125, 210];

export function hashSlot(name: string): number {
  let hash = 2166136261;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619);
  return (hash >>> 0) % HUES.length;
}

/** Gives each name a slot of its own as long as there are free ones. */
export function assignSlots(names: readonly string[]): Map<string, number> {
  const slots = new Map<string, number>();
  const taken = new Set<number>();
  for (const name of [...new Set(names)].sort()) {
    let slot = hashSlot(name);
    for (let tries = 0; taken.has(slot) && tries < HUES.length; tries++) slot = (slot + 1) % HUES.length;
    taken.add(slot);
    slots.set(name, slot);
  }
  return slots;
}

const known = signal<Map<string, number>>(new Map());

/** Tells the palette which services there are. */
export function learnServices(names: readonly string[]): void {
  const all = new Set([...known.peek().keys(), ...names]);
  if (all.size !== known.peek().size) known.value = assignSlots([...all]);
}

export const serviceHue = (name: string) => HUES[known.value.get(name) ?? hashSlot(name)];

export const seriesHue = (index: number) => HUES[index % HUES.length];

/** For CSS: the theme turns `--h` into a colour. */
export const hueStyle = (hue: number) => ({ "--h": String(hue) });

/** A swatch of a series: of its own colour, or its hue's. */
export const swatchStyle = ({ color, hue }: { color?: string; hue: number }) => (color ? { background: color } : hueStyle(hue));

/** For canvases, which can't read custom properties. */
export function hueColor(hue: number, dark: boolean, alpha = 1): string {
  return dark ? `oklch(0.76 0.125 ${hue} / ${alpha})` : `oklch(0.53 0.14 ${hue} / ${alpha})`;
}

/** A colour with so much of it, also where only a canvas reads it. */
export function withAlpha(color: string, alpha: number): string {
  const oklch = /^oklch\(([^/)]+)(?:\/[^)]*)?\)$/.exec(color);
  if (oklch) return `oklch(${oklch[1].trim()} / ${alpha})`;
  const hex = /^#([0-9a-f]{6})$/i.exec(color) ?? /^#([0-9a-f]{3})$/i.exec(color);
  if (hex) {
    const digits = hex[1].length === 3 ? [...hex[1]].map((digit) => digit + digit).join("") : hex[1];
    const [r, g, b] = [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16));
    return `rgb(${r} ${g} ${b} / ${alpha})`;
  }
  const rgb = /^rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)/.exec(color);
  if (rgb) return `rgb(${rgb[1]} ${rgb[2]} ${rgb[3]} / ${alpha})`;
  return `color-mix(in srgb, ${color} ${Math.round(alpha * 100)}%, transparent)`;
}
