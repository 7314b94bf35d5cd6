/** A button that opens a small menu: arrows move, Enter chooses, Escape closes and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface MenuItem {
  label: string;
  /** A place to go, or something to do. */
  href?: string;
  /** Saves what is there under this name. */
  download?: string;
  run?: () => void;
}

interface Props {
  label: string;
  class: string;
  items: () => MenuItem[];
  children: ComponentChildren;
  testId?: string;
}

export function MenuButton({ label, items, children, testId, ...rest }: Props) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = (refocus: boolean) => {
    setOpen(false);
    if (refocus) button.current?.focus();
  };
  return (
    <span class="menu-anchor">
      <button ref={button} type="button" class={rest.class} aria-haspopup="menu" aria-expanded={open} title={label} data-testid={testId} onClick={() => setOpen(!open)}>
        {children}
      </button>
      {open && <Menu label={label} items={items()} anchor={button.current!} close={close} />}
    </span>
  );
}

interface MenuProps {
  label: string;
  items: MenuItem[];
  anchor: HTMLElement;
  close: (refocus: boolean) => void;
}

function Menu({ label, items, anchor, close }: MenuProps) {
  const box = useRef<HTMLUListElement>(null);
  const [place, setPlace] = useState({ left: 0, top: 0 });
  // In the top layer, so that no scroller cuts it off; above the button where there is no room below.
  useLayoutEffect(() => {
    box.current!.showPopover();
    const at = anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = box.current!;
    const top = at.bottom + height + 8 > innerHeight ? at.top - height - 4 : at.bottom + 4;
    setPlace({ left: Math.max(8, Math.min(at.left, innerWidth - width - 8)), top: Math.max(8, top) });
    box.current!.querySelector<HTMLElement>("[role=menuitem]")?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    const away = (event: Event) => !(event.target instanceof Node && (box.current?.contains(event.target) || anchor.contains(event.target))) && close(false);
    addEventListener("pointerdown", away, true);
    addEventListener("scroll", away, true);
    return () => {
      removeEventListener("pointerdown", away, true);
      removeEventListener("scroll", away, true);
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    const all = [...box.current!.querySelectorAll<HTMLElement>("[role=menuitem]")];
    const at = all.indexOf(document.activeElement as HTMLElement);
    if (event.key === "ArrowDown") all[(at + 1) % all.length]?.focus();
    else if (event.key === "ArrowUp") all[(at - 1 + all.length) % all.length]?.focus();
    else if (event.key === "Escape") close(true);
    else if (event.key === "Tab") return close(false);
    else return event.stopPropagation();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <ul ref={box} popover="manual" class="menu menu-list" role="menu" aria-label={label} style={{ left: `${place.left}px`, top: `${place.top}px` }} onKeyDown={onKeyDown}>
      {items.map((item) => (
        <li key={item.label} role="none">
          {item.href === undefined ? (
            <button type="button" role="menuitem" tabIndex={-1} onClick={() => (close(true), item.run?.())}>
              {item.label}
            </button>
          ) : (
            <a role="menuitem" tabIndex={-1} href={item.href} download={item.download} onClick={() => close(false)}>
              {item.label}
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}
