/** Light or dark: the system's choice until the reader makes one of his own, which is remembered. */
import { computed, signal } from "@preact/signals";

type Theme = "light" | "dark";

const media = matchMedia("(prefers-color-scheme: dark)");
const system = signal<Theme>(media.matches ? "dark" : "light");
const chosen = signal<Theme | null>(readChosen());

export const theme = computed<Theme>(() => chosen.value ?? system.value);

function readChosen(): Theme | null {
  const value = document.documentElement.dataset.theme;
  return value === "light" || value === "dark" ? value : null;
}

export function startTheme(): void {
  media.addEventListener("change", () => (system.value = media.matches ? "dark" : "light"));
}

export function toggleTheme(): void {
  const next = theme.value === "dark" ? "light" : "dark";
  chosen.value = next;
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem("tripod.theme", next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
