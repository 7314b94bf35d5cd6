/** The few pictures there are, drawn on a grid of 16. */
import type { ComponentChildren } from "preact";

/** A picture of these lines, in the colour of the text around it. */
export const icon = (children: ComponentChildren) => () => (
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">
    {children}
  </svg>
);

export const SearchIcon = icon(<path d="M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14" />);
export const ClockIcon = icon(<path d="M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 5v3.2l2 1.3" />);
export const RefreshIcon = icon(<path d="M13.5 8A5.5 5.5 0 1 1 11.7 3.9M13.5 2v3h-3" />);
export const SunIcon = icon(<path d="M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4M3.2 3.2l1 1M11.8 11.8l1 1M12.8 3.2l-1 1M4.2 11.8l-1 1" />);
export const MoonIcon = icon(<path d="M13.5 9.7A5.8 5.8 0 0 1 6.3 2.5a5.8 5.8 0 1 0 7.2 7.2Z" />);
export const CloseIcon = icon(<path d="m4 4 8 8M12 4l-8 8" />);
export const CopyIcon = icon(<path d="M6 5.5h7.5v8H6zM10 5.5v-3H2.5v8H6" />);
export const CheckIcon = icon(<path d="m3 8.5 3.2 3L13 4.5" />);
export const ChevronIcon = icon(<path d="m6 4 4 4-4 4" />);
export const ExpandIcon = icon(<path d="M9.5 2.5h4v4M13.5 2.5l-5 5M6.5 13.5h-4v-4M2.5 13.5l5-5" />);
export const ArrowIcon = icon(<path d="M3 8h10M9 4l4 4-4 4" />);
export const KeyboardIcon = icon(<path d="M1.8 4h12.4v8H1.8zM4.5 6.7h0M8 6.7h0M11.5 6.7h0M5 9.5h6" />);
export const PlugIcon = icon(<path d="M5.5 1.8v3M10.5 1.8v3M3.5 4.8h9v2.4a4.5 4.5 0 0 1-9 0ZM8 11.7v2.5" />);
export const UpIcon = icon(<path d="m4 10 4-4 4 4" />);
export const DownIcon = icon(<path d="m4 6 4 4 4-4" />);

/** The mark: a head on three legs. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round">
    <circle cx="12" cy="5" r="3" fill="currentColor" stroke="none" />
    <path d="M10.6 8.4 5 21M12 9v9.5M13.4 8.4 19 21" />
  </svg>
);
